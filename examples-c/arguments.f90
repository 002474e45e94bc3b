!> Arguments of a program as text of their own length.
module arguments
  implicit none
  private
  public :: argument

contains

  !> Empty if there is no such argument.
  function argument(number) result(text)
    integer, intent(in) :: number
    character(len=:), allocatable :: text
    integer :: length
    call get_command_argument(number, length=length)
    allocate (character(len=length) :: text)
    call get_command_argument(number, text)
  end function argument

end module arguments
