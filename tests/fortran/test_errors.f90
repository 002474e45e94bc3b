module progress_handlers
  use davegan, only: davegan_progress_t
  implicit none
contains

  subroutine stop_at_once(progress, cancel)
    type(davegan_progress_t), intent(in) :: progress
    logical, intent(inout) :: cancel
    cancel = progress%step == 0
  end subroutine stop_at_once

end module progress_handlers

!> Wrong inputs through stat and errmsg.
program test_errors
  use, intrinsic :: ieee_arithmetic, only: ieee_quiet_nan, ieee_value
  use, intrinsic :: iso_fortran_env, only: int64, int8, real64
  use davegan
  use progress_handlers
  implicit none
  character(len=*), parameter :: model_path = "fortran_errors_model.h5", file = "fortran_errors.h5"
  type(davegan_micrograph) :: micrograph
  type(davegan_model) :: model
  integer :: stat
  character(len=:), allocatable :: errmsg

  call prepare
  call test_files
  call test_options
  call test_shapes
  call test_layers
  call test_missing_handles

contains

  subroutine expect(status, text)
    integer, intent(in) :: status
    character(len=*), intent(in) :: text
    if (stat == status .and. index(errmsg, text) > 0) return
    print "(6a)", "found ", davegan_status_name(stat), ": ", errmsg, " instead of ", davegan_status_name(status)
    error stop "the message should mention: " // text
  end subroutine expect

  subroutine prepare
    type(davegan_sample_options_t) :: sample
    type(davegan_train_options_t) :: options
    integer :: unit
    call davegan_sample_options_init(sample, davegan_sample_gaussian_field, stat, errmsg)
    if (stat /= davegan_ok .or. len(errmsg) > 0) error stop "success must give davegan_ok and an empty message"
    sample%nx = 64
    sample%ny = 64
    call davegan_micrograph_sample(micrograph, sample)
    open (newunit=unit, file=file)
    close (unit, status="delete")
    call davegan_micrograph_write(micrograph, file, "/phase")
    call short_training(options)
    call davegan_train(model, micrograph, model_path, options)
  end subroutine prepare

  subroutine short_training(options)
    type(davegan_train_options_t), intent(out) :: options
    call davegan_train_options_init(options, davegan_profile_paper32)
    options%batch_size = 4
    options%steps = 2
  end subroutine short_training

  subroutine test_files
    type(davegan_micrograph) :: none
    type(davegan_model) :: no_model
    type(davegan_train_options_t) :: options
    integer :: unit
    call davegan_micrograph_read(none, "no_such_file.h5", "/phase", stat=stat, errmsg=errmsg)
    call expect(davegan_io, "no_such_file.h5")
    call davegan_micrograph_read(none, file, "/no/such", stat=stat, errmsg=errmsg)
    call expect(davegan_hdf5, "/no/such")
    open (newunit=unit, file="fortran_errors.txt", status="replace")
    write (unit, "(a)") "this is no HDF5"
    close (unit)
    call davegan_model_load(no_model, "fortran_errors.txt", stat=stat, errmsg=errmsg)
    call expect(davegan_format, "fortran_errors.txt")
    call truncate_model("fortran_errors_truncated.h5")
    call davegan_model_load(no_model, "fortran_errors_truncated.h5", stat=stat, errmsg=errmsg)
    call expect(davegan_format, "fortran_errors_truncated.h5")
    call davegan_generate(model, "fortran_errors.txt/out.vtkhdf", stat=stat, errmsg=errmsg)
    call expect(davegan_io, "fortran_errors.txt/out.vtkhdf")
    call short_training(options)
    call davegan_train(no_model, micrograph, "/proc/model.h5", options, stat=stat, errmsg=errmsg)
    call expect(davegan_io, "/proc/model.h5")
  end subroutine test_files

  subroutine truncate_model(path)
    character(len=*), intent(in) :: path
    integer(int8), allocatable :: bytes(:)
    integer :: unit, length
    open (newunit=unit, file=model_path, access="stream", form="unformatted", status="old")
    inquire (unit, size=length)
    allocate (bytes(length / 2))
    read (unit) bytes
    close (unit)
    open (newunit=unit, file=path, access="stream", form="unformatted", status="replace")
    write (unit) bytes
    close (unit)
  end subroutine truncate_model

  subroutine test_options
    type(davegan_train_options_t) :: options
    type(davegan_generate_options_t) :: generation
    integer(int8), allocatable :: phases(:, :, :, :)
    integer(int8) :: small(16, 16), nine(9, 9)
    type(davegan_micrograph) :: wrong
    type(davegan_model) :: no_model
    integer :: i
    call short_training(options)
    options%learning_rate_generator = ieee_value(options%learning_rate_generator, ieee_quiet_nan)
    call davegan_train(no_model, micrograph, "fortran_errors_wrong.h5", options, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "learning_rate_generator")
    call short_training(options)
    call davegan_train(no_model, file, "fortran_errors_wrong.h5", "/phase", options, stat=stat, errmsg=errmsg, &
      paper_options="displacement=far")
    call expect(davegan_invalid_parameter, "displacement=far")
    small = 0
    small(3, :) = 1
    call davegan_micrograph_from_memory(wrong, small)
    call short_training(options)
    call davegan_train(no_model, wrong, "fortran_errors_wrong.h5", options, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "16")
    nine = reshape([(int(mod(i, 9), int8), i=1, 81)], [9, 9])
    call davegan_micrograph_from_memory(wrong, nine, stat, errmsg)
    call expect(davegan_invalid_parameter, "9")
    call davegan_generate_options_init(generation)
    generation%count = 0
    call davegan_generate(model, "fortran_errors_out.vtkhdf", options=generation, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "count")
    allocate (phases(32, 32, 1, 0))
    call davegan_generate_into(model, phases, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "count")
    call davegan_train_options_init(options, 77, stat, errmsg)
    call expect(davegan_invalid_parameter, "77")
  end subroutine test_options

  subroutine test_shapes
    integer(int8) :: phases(32, 31, 1, 2), one(32, 32, 1), narrow(31, 32, 1)
    integer(int8), allocatable :: out(:, :, :, :)
    real(real64), allocatable :: mean(:, :), deviation(:, :)
    real(real64) :: z(4, 1), error
    integer(int64) :: latents
    phases = 0
    one = 0
    narrow = 0
    z = 0
    call davegan_generate_into(model, phases, stat=stat, errmsg=errmsg)
    call expect(davegan_buffer_size, "phases has the shape (32, 31, 1, 2), but (32, 32, 1, 2) is needed")
    call davegan_encode(model, phases, mean, deviation, stat, errmsg)
    call expect(davegan_invalid_parameter, "1 x 31 x 32")
    call davegan_reconstruct(model, phases, out, stat, errmsg)
    call expect(davegan_invalid_parameter, "1 x 31 x 32")
    call davegan_latent_size(model, 48, 32, latents, stat, errmsg)
    call expect(davegan_invalid_parameter, "1 x 32 x 48")
    if (latents /= 0) error stop "a size that fails must have no latents"
    call davegan_decode(model, z, out, stat=stat, errmsg=errmsg)
    call expect(davegan_buffer_size, "z has the shape (4, 1), but (5, 1) is needed")
    call davegan_decode(model, z, out, nx=48, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "1 x 32 x 48")
    call davegan_traverse(model, z(:, 1), 1, 3, out, stat=stat, errmsg=errmsg)
    call expect(davegan_buffer_size, "(5)")
    call davegan_interpolate(model, one, narrow, 3, out, stat, errmsg)
    call expect(davegan_buffer_size, "to has the shape (31, 32, 1), but (32, 32, 1) is needed")
    call davegan_s2_error(one, narrow, 1, error, stat=stat, errmsg=errmsg)
    call expect(davegan_buffer_size, "b has the shape (31, 32, 1)")
  end subroutine test_shapes

  !> The message names the sizes that a fully convolutional model has.
  subroutine test_layers
    type(davegan_model) :: images
    type(davegan_train_options_t) :: options
    integer(int8) :: phases(32, 48, 32)
    phases = 0
    call davegan_train_options_init(options, davegan_profile_standard)
    options%window_side = 32
    options%batch_size = 2
    options%steps = 1
    call davegan_train(images, micrograph, options=options)
    call davegan_generate_into(images, phases, stat=stat, errmsg=errmsg)
    call expect(davegan_invalid_parameter, "images of one layer")
    call cancel_a_search(images)
    call davegan_model_free(images)
  end subroutine test_layers

  !> Whoever waits for volume fractions can stop.
  subroutine cancel_a_search(images)
    type(davegan_model), intent(in) :: images
    type(davegan_generate_options_t) :: options
    type(davegan_micrograph_info_t) :: info
    call davegan_micrograph_info(micrograph, info)
    call davegan_generate_options_init(options)
    options%volume_fraction = info%volume_fraction
    options%progress_interval = 0
    call davegan_volume_fraction_threshold(images, options, options%threshold, stop_at_once, stat, errmsg)
    call expect(davegan_cancelled, "finding volume fractions was cancelled")
    if (any(options%threshold%value /= 0)) error stop "a search that is cancelled must leave zeros"
  end subroutine cancel_a_search

  subroutine test_missing_handles
    type(davegan_model) :: none
    type(davegan_micrograph) :: no_micrograph
    type(davegan_model_info_t) :: info
    type(davegan_micrograph_info_t) :: micrograph_info
    integer(int8), allocatable :: phases(:, :, :, :)
    call davegan_model_info(none, info, stat, errmsg)
    call expect(davegan_invalid_parameter, "NULL")
    call davegan_model_tiles(none, phases, stat, errmsg)
    call expect(davegan_invalid_parameter, "NULL")
    call davegan_micrograph_info(no_micrograph, micrograph_info, stat, errmsg)
    call expect(davegan_invalid_parameter, "NULL")
    call davegan_model_free(none)
  end subroutine test_missing_handles

end program test_errors
