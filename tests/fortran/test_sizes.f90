!> The mirrored types of davegan.f90 have the layout of the structures of davegan.h.
program test_sizes
  use, intrinsic :: iso_c_binding, only: c_int, c_int8_t, c_intptr_t, c_loc, c_ptr, c_size_t, c_sizeof
  use davegan
  implicit none
  interface
    function layout_in_c(i, what) result(value) bind(c)
      import :: c_int, c_size_t
      integer(c_int), value :: i, what
      integer(c_size_t) :: value
    end function layout_in_c
  end interface
  type(davegan_progress_t), target :: progress
  type(davegan_micrograph_options_t), target :: micrograph_options
  type(davegan_sample_options_t), target :: sample_options
  type(davegan_micrograph_info_t), target :: micrograph_info
  type(davegan_train_options_t), target :: train_options
  type(davegan_model_info_t), target :: model_info
  type(davegan_generate_options_t), target :: generate_options
  type(davegan_s2_options_t), target :: s2_options
  type(davegan_evaluation_t), target :: evaluation
  type(davegan_device_info_t), target :: device_info
  type(davegan_relax_options_t), target :: relax_options
  type(davegan_element_statistics_t), target :: element_statistics
  type(davegan_export_options_t), target :: export_options
  type(davegan_volume_descriptors_t), target :: volume_descriptors

  call compare("davegan_progress_t", 0, c_sizeof(progress), c_loc(progress), c_loc(progress%loss_divergence))
  call compare("davegan_micrograph_options_t", 1, c_sizeof(micrograph_options), c_loc(micrograph_options), &
    c_loc(micrograph_options%voxel_size))
  call compare("davegan_sample_options_t", 2, c_sizeof(sample_options), c_loc(sample_options), &
    c_loc(sample_options%gap))
  call compare("davegan_micrograph_info_t", 3, c_sizeof(micrograph_info), c_loc(micrograph_info), &
    c_loc(micrograph_info%voxel_size))
  call compare("davegan_train_options_t", 4, c_sizeof(train_options), c_loc(train_options), c_loc(train_options%user_data))
  call compare("davegan_model_info_t", 5, c_sizeof(model_info), c_loc(model_info), c_loc(model_info%voxel_size))
  call compare("davegan_generate_options_t", 6, c_sizeof(generate_options), c_loc(generate_options), &
    c_loc(generate_options%majority))
  call compare("davegan_s2_options_t", 7, c_sizeof(s2_options), c_loc(s2_options), c_loc(s2_options%max_lag))
  call compare("davegan_evaluation_t", 8, c_sizeof(evaluation), c_loc(evaluation), c_loc(evaluation%count))
  call compare("davegan_device_info_t", 9, c_sizeof(device_info), c_loc(device_info), c_loc(device_info%name))
  call compare("davegan_relax_options_t", 10, c_sizeof(relax_options), c_loc(relax_options), &
    c_loc(relax_options%volume_fraction))
  call compare("davegan_element_statistics_t", 11, c_sizeof(element_statistics), c_loc(element_statistics), &
    c_loc(element_statistics%error))
  call compare("davegan_export_options_t", 12, c_sizeof(export_options), c_loc(export_options), &
    c_loc(export_options%plane_stress))
  call compare("davegan_volume_descriptors_t", 13, c_sizeof(volume_descriptors), c_loc(volume_descriptors), &
    c_loc(volume_descriptors%conductivity))

contains

  subroutine compare(name, i, size, first, last)
    character(len=*), intent(in) :: name
    integer(c_int), intent(in) :: i
    integer(c_size_t), intent(in) :: size
    type(c_ptr), intent(in) :: first, last
    integer(c_intptr_t) :: offset
    integer(c_size_t) :: size_in_c, offset_in_c
    size_in_c = layout_in_c(i, 0_c_int)
    offset_in_c = layout_in_c(i, 1_c_int)
    offset = transfer(last, offset) - transfer(first, offset)
    if (size == size_in_c .and. offset == offset_in_c) return
    print *, name, ": size and offset of the last field in Fortran", size, offset, "in C", size_in_c, offset_in_c
    error stop "the layouts differ"
  end subroutine compare

end program test_sizes
