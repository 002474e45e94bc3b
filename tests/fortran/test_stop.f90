!> Without stat a failure ends the program with the message.
program test_stop
  use davegan
  implicit none
  type(davegan_model) :: model
  call davegan_model_load(model, "no_such_file.h5")
end program test_stop
