!> One large element on many processes: each rank makes its block, and all blocks are one dataset of an HDF5 file.
!!
!!     mpirun --bind-to core -n 4 large_volume_fortran collective MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]
!!     mpirun --bind-to core -n 4 large_volume_fortran virtual MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]
!!
!! collective: all ranks write one file together, with parallel HDF5.
!! virtual: each rank writes a file of its own, VOLUME.h5.0000.vtkhdf and so on, and a virtual dataset joins them. It needs no
!! file system on which several hosts can write one file. ParaView opens each of the files.
!!
!! The dataset is /phase, (NX, NY, NZ) in Fortran's order; NZ is 1 for a model of two-dimensional elements. Its attribute
!! complete is 1 once it has been read again and all is there. FRACTION is the volume fraction of the minority phase; without
!! it the volume has the one that comes. The bytes of /phase are the same for any number of ranks, and those of one call
!! without MPI.
!!
!! Two things matter in HDF5 1.10.8. The type of the phases in memory is H5T_STD_U8LE, as in the file: a compressed dataset is
!! written collectively from no other, and the signed type that h5kind_to_type gives for integer(int8) would cut numbers above
!! 127. And hdferr is looked at after every call: without that, mpirun ends with status 0 after a write that failed.
program large_volume
  use, intrinsic :: iso_c_binding, only: c_loc, c_ptr
  use, intrinsic :: iso_fortran_env, only: error_unit, int8, int64, real64
  use mpi_f08
  use hdf5
  use arguments
  use davegan
  implicit none

  !> A block of the volume; all arrays are in the order x, y, z.
  type :: block_t
    integer(hsize_t) :: first(3), size(3)
  end type block_t

  integer(int8), parameter :: unwritten = -1_int8   ! 255 as HDF5 sees it; 0 is a phase
  character(len=*), parameter :: phase_of_part = "/VTKHDF/CellData/phase"
  type(davegan_model) :: model
  type(davegan_model_info_t) :: info
  type(davegan_generate_options_t) :: options
  type(block_t) :: part
  integer(int8), allocatable, target :: phases(:, :, :), found(:, :, :)
  character(len=:), allocatable :: kind, path
  integer(hsize_t) :: extents(3), chunk(3)
  integer(int64) :: counts(2)
  integer :: rank, n_ranks, ranks(3), hdferr
  logical :: is_virtual
  real(real64) :: fraction

  call MPI_Init
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call read_arguments
  call h5open_f(hdferr)
  call need(hdferr, "h5open_f")
  call davegan_model_load(model, argument(2))
  call davegan_model_info(model, info)

  ! Blocks are whole chunks of the dataset, so that no chunk has two writers.
  chunk = min(extents, merge([512_hsize_t, 512_hsize_t, 1_hsize_t], [64_hsize_t, 64_hsize_t, 64_hsize_t], extents(3) == 1))
  ranks = merge([0, 0, 1], [0, 0, 0], extents(3) == 1)
  ! A block of a volume depends on voxels around it, the most along x: that axis is divided only if need be.
  if (extents(3) > 1 .and. n_ranks <= product(extents(2:3) / chunk(2:3))) ranks(1) = 1
  call MPI_Dims_create(n_ranks, 3, ranks)
  part = block_of(rank)
  options = options_of(part)
  if (fraction > 0) call set_fraction

  if (is_virtual) then
    options%replace = 1   ! what an earlier run has left
    if (product(part%size) > 0) call davegan_generate(model, part_path(rank), options=options)
    call MPI_Barrier(MPI_COMM_WORLD)
    if (rank == 0) call join_parts
    call MPI_Barrier(MPI_COMM_WORLD)
  else
    allocate (phases(part%size(1), part%size(2), part%size(3)))
    if (size(phases) > 0) call davegan_generate_into(model, phases, options)
    call write_collective
  end if
  call read_block
  if (.not. is_virtual) then
    if (any(found /= phases)) call fail("the file has other phases than were written")
  end if
  counts = [count(found == info%minority_phase, kind=int64), count(found == unwritten, kind=int64)]
  call MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_INTEGER8, MPI_SUM, MPI_COMM_WORLD)
  if (counts(2) > 0) call fail("a part of the volume is missing; run the job again")
  if (rank == 0) then
    call set_mark
    print "(2a, i0, a, i0, a, f0.9)", path, ": ", n_ranks, " ranks, volume fraction of phase ", info%minority_phase, ": ", &
      counts(1) / product(real(extents, real64))
  end if
  call MPI_Finalize

contains

  subroutine fail(what)
    character(len=*), intent(in) :: what
    write (error_unit, "(a, i0, 2a)") "large_volume_fortran, rank ", rank, ": ", what
    call MPI_Abort(MPI_COMM_WORLD, 1)
  end subroutine fail

  !> Ends all ranks if a call of HDF5 has failed; HDF5 has printed why.
  subroutine need(hdferr, call)
    integer, intent(in) :: hdferr
    character(len=*), intent(in) :: call
    if (hdferr < 0) call fail(call//" has failed")
  end subroutine need

  pure type(block_t) function block_of(rank)
    integer, intent(in) :: rank
    integer :: place(3)
    integer(hsize_t) :: chunks(3), ends(3)
    place = [mod(rank, ranks(1)), mod(rank / ranks(1), ranks(2)), rank / ranks(1) / ranks(2)]
    chunks = (extents + chunk - 1) / chunk
    block_of%first = chunks * place / ranks * chunk
    ends = min(chunks * (place + 1) / ranks * chunk, extents)
    block_of%size = ends - block_of%first
  end function block_of

  type(davegan_generate_options_t) function options_of(part) result(options)
    type(block_t), intent(in) :: part
    call davegan_generate_options_init(options)   ! threads = 0: as many as processors that the rank is bound to
    options%nx = extents(1)
    options%ny = extents(2)
    options%nz = extents(3)
    options%x0 = part%first(1)
    options%y0 = part%first(2)
    options%z0 = part%first(3)
    options%block_nx = part%size(1)
    options%block_ny = part%size(2)
    options%block_nz = part%size(3)
  end function options_of

  !> Gives the minority phase its volume fraction in the volume as a whole; the others share the rest as before. One rank finds
  !! what that takes, and the others get it.
  subroutine set_fraction
    integer :: minority
    minority = info%minority_phase + 1
    options%volume_fraction = info%volume_fraction * (1 - fraction) / (1 - info%volume_fraction(minority))
    options%volume_fraction(minority) = fraction
    if (rank == 0) call davegan_volume_fraction_threshold(model, options, options%threshold)
    call MPI_Bcast(options%threshold%value, size(options%threshold%value), MPI_INTEGER8, 0, MPI_COMM_WORLD)
  end subroutine set_fraction

  subroutine create_mark(dataset)
    integer(hid_t), intent(in) :: dataset
    integer(hid_t) :: space, mark
    call h5screate_f(H5S_SCALAR_F, space, hdferr)
    call need(hdferr, "h5screate_f")
    call h5acreate_f(dataset, "complete", H5T_STD_I32LE, space, mark, hdferr)
    call need(hdferr, "h5acreate_f")
    call h5awrite_f(mark, H5T_NATIVE_INTEGER, 0, [1_hsize_t], hdferr)
    call need(hdferr, "h5awrite_f")
    call h5aclose_f(mark, hdferr)
    call need(hdferr, "h5aclose_f")
    call h5sclose_f(space, hdferr)
    call need(hdferr, "h5sclose_f")
  end subroutine create_mark

  subroutine set_mark
    integer(hid_t) :: file, dataset, mark
    call h5fopen_f(path, H5F_ACC_RDWR_F, file, hdferr)
    call need(hdferr, "h5fopen_f")
    call h5dopen_f(file, "phase", dataset, hdferr)
    call need(hdferr, "h5dopen_f")
    call h5aopen_f(dataset, "complete", mark, hdferr)
    call need(hdferr, "h5aopen_f")
    call h5awrite_f(mark, H5T_NATIVE_INTEGER, 1, [1_hsize_t], hdferr)
    call need(hdferr, "h5awrite_f")
    call h5aclose_f(mark, hdferr)
    call need(hdferr, "h5aclose_f")
    call h5dclose_f(dataset, hdferr)
    call need(hdferr, "h5dclose_f")
    call h5fclose_f(file, hdferr)
    call need(hdferr, "h5fclose_f")
  end subroutine set_mark

  !> A list of properties for the dataset; what nobody writes is read as 255.
  integer(hid_t) function creation() result(create)
    integer(int8), target :: fill
    fill = unwritten
    call h5pcreate_f(H5P_DATASET_CREATE_F, create, hdferr)
    call need(hdferr, "h5pcreate_f")
    call h5pset_fill_value_f(create, H5T_STD_U8LE, c_loc(fill), hdferr)
    call need(hdferr, "h5pset_fill_value_f")
  end function creation

  !> Writes the blocks of all ranks. A rank hands over at most one row of chunks at a time, because HDF5 and MPI count what one
  !! call writes in numbers below 2**31; all ranks make as many calls.
  subroutine write_collective
    integer(hid_t) :: access, file, create, space, dataset, transfer
    integer(int64) :: steps, number
    integer(hsize_t) :: length
    integer :: axis
    call h5pcreate_f(H5P_FILE_ACCESS_F, access, hdferr)
    call need(hdferr, "h5pcreate_f")
    call h5pset_fapl_mpio_f(access, MPI_COMM_WORLD%MPI_VAL, MPI_INFO_NULL%MPI_VAL, hdferr)
    call need(hdferr, "h5pset_fapl_mpio_f")
    call h5fcreate_f(path, H5F_ACC_TRUNC_F, file, hdferr, access_prp=access)
    call need(hdferr, "h5fcreate_f")
    create = creation()
    call h5pset_chunk_f(create, 3, chunk, hdferr)
    call need(hdferr, "h5pset_chunk_f")
    call h5pset_deflate_f(create, 1, hdferr)
    call need(hdferr, "h5pset_deflate_f")
    call h5screate_simple_f(3, extents, space, hdferr)
    call need(hdferr, "h5screate_simple_f")
    call h5dcreate_f(file, "phase", H5T_STD_U8LE, space, dataset, hdferr, create)
    call need(hdferr, "h5dcreate_f")
    call create_mark(dataset)
    call h5pcreate_f(H5P_DATASET_XFER_F, transfer, hdferr)
    call need(hdferr, "h5pcreate_f")
    call h5pset_dxpl_mpio_f(transfer, H5FD_MPIO_COLLECTIVE_F, hdferr)
    call need(hdferr, "h5pset_dxpl_mpio_f")

    axis = merge(2, 3, extents(3) == 1)   ! along which a row of chunks follows another
    length = merge(part%size(axis), 0_hsize_t, size(phases) > 0)
    steps = (length + chunk(axis) - 1) / chunk(axis)
    call MPI_Allreduce(MPI_IN_PLACE, steps, 1, MPI_INTEGER8, MPI_MAX, MPI_COMM_WORLD)
    do number = 1, steps
      call write_row(dataset, space, transfer, axis, (number - 1) * chunk(axis), min(number * chunk(axis), length))
    end do
    call h5pclose_f(transfer, hdferr)
    call need(hdferr, "h5pclose_f")
    call h5dclose_f(dataset, hdferr)
    call need(hdferr, "h5dclose_f")
    call h5sclose_f(space, hdferr)
    call need(hdferr, "h5sclose_f")
    call h5pclose_f(create, hdferr)
    call need(hdferr, "h5pclose_f")
    call h5pclose_f(access, hdferr)
    call need(hdferr, "h5pclose_f")
    call h5fclose_f(file, hdferr)
    call need(hdferr, "h5fclose_f")
  end subroutine write_collective

  !> Writes what lies between two places along an axis of the block; nothing if they are no range.
  subroutine write_row(dataset, space, transfer, axis, from, to)
    integer(hid_t), intent(in) :: dataset, space, transfer
    integer, intent(in) :: axis
    integer(hsize_t), intent(in) :: from, to
    integer(int8), allocatable, target :: row(:, :, :)
    integer(hid_t) :: memory
    type(block_t) :: rows
    rows = part
    rows%first(axis) = part%first(axis) + from
    rows%size(axis) = max(to - from, 0_hsize_t)
    if (axis == 3) then
      row = phases(:, :, from + 1:to)
    else
      row = phases(:, from + 1:to, :)
    end if
    call h5screate_simple_f(3, rows%size, memory, hdferr)
    call need(hdferr, "h5screate_simple_f")
    if (size(row) > 0) then
      call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, rows%first, rows%size, hdferr)
      call need(hdferr, "h5sselect_hyperslab_f")
    else
      call h5sselect_none_f(space, hdferr)
      call need(hdferr, "h5sselect_none_f")
      call h5sselect_none_f(memory, hdferr)
      call need(hdferr, "h5sselect_none_f")
      row = reshape([unwritten], [1, 1, 1])   ! an address that HDF5 does not read from
    end if
    call h5dwrite_f(dataset, H5T_STD_U8LE, c_loc(row), hdferr, memory, space, transfer)
    call need(hdferr, "h5dwrite_f")
    call h5sclose_f(memory, hdferr)
    call need(hdferr, "h5sclose_f")
  end subroutine write_row

  !> The name of the file with the block of a rank.
  function part_path(rank) result(name)
    integer, intent(in) :: rank
    character(len=:), allocatable :: name
    character(len=16) :: number
    write (number, "(i4.4)") rank
    if (rank > 9999) write (number, "(i0)") rank
    name = path//"."//trim(number)//".vtkhdf"
  end function part_path

  !> Makes the virtual dataset of the parts, which are beside it.
  subroutine join_parts
    integer(hid_t) :: file, create, space, space_of_part, dataset
    type(block_t) :: there
    character(len=:), allocatable :: name
    integer :: number
    create = creation()
    call h5screate_simple_f(3, extents, space, hdferr)
    call need(hdferr, "h5screate_simple_f")
    do number = 0, n_ranks - 1
      there = block_of(number)
      if (product(there%size) == 0) cycle
      name = part_path(number)
      call check_part(name, there)
      call h5screate_simple_f(3, there%size, space_of_part, hdferr)
      call need(hdferr, "h5screate_simple_f")
      call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, there%first, there%size, hdferr)
      call need(hdferr, "h5sselect_hyperslab_f")
      call h5pset_virtual_f(create, space, name(scan(name, "/", back=.true.) + 1:), phase_of_part, space_of_part, hdferr)
      call need(hdferr, "h5pset_virtual_f")
      call h5sclose_f(space_of_part, hdferr)
      call need(hdferr, "h5sclose_f")
    end do
    call h5sselect_all_f(space, hdferr)
    call need(hdferr, "h5sselect_all_f")
    call h5fcreate_f(path, H5F_ACC_TRUNC_F, file, hdferr)
    call need(hdferr, "h5fcreate_f")
    call h5dcreate_f(file, "phase", H5T_STD_U8LE, space, dataset, hdferr, create)
    call need(hdferr, "h5dcreate_f")
    call create_mark(dataset)
    call h5dclose_f(dataset, hdferr)
    call need(hdferr, "h5dclose_f")
    call h5sclose_f(space, hdferr)
    call need(hdferr, "h5sclose_f")
    call h5pclose_f(create, hdferr)
    call need(hdferr, "h5pclose_f")
    call h5fclose_f(file, hdferr)
    call need(hdferr, "h5fclose_f")
  end subroutine join_parts

  !> Refuses a part that is not whole, or is one of another volume: a missing part would be read as fill values.
  subroutine check_part(name, there)
    character(len=*), intent(in) :: name
    type(block_t), intent(in) :: there
    integer(hid_t) :: file
    logical :: right(4)
    call h5fopen_f(name, H5F_ACC_RDONLY_F, file, hdferr)
    call need(hdferr, "h5fopen_f")
    right(1) = has(file, "complete", [1_int64])
    right(2) = has(file, "n_written", [1_int64])
    right(3) = has(file, "first_voxel", there%first(3:1:-1))
    right(4) = has(file, "whole_shape", extents(3:1:-1))
    call h5fclose_f(file, hdferr)
    call need(hdferr, "h5fclose_f")
    if (.not. all(right)) call fail(name//" is not complete, or no part of this volume; run the job again")
  end subroutine check_part

  !> Whether an attribute of a part has these numbers.
  logical function has(file, name, expected)
    integer(hid_t), intent(in) :: file
    character(len=*), intent(in) :: name
    integer(int64), intent(in) :: expected(:)
    integer(int64), target :: found(size(expected))
    type(c_ptr) :: place
    integer(hid_t) :: attribute, space
    integer(hsize_t) :: points
    call h5aopen_by_name_f(file, "/davegan", name, attribute, hdferr)
    call need(hdferr, "h5aopen_by_name_f")
    call h5aget_space_f(attribute, space, hdferr)
    call need(hdferr, "h5aget_space_f")
    call h5sget_simple_extent_npoints_f(space, points, hdferr)
    call need(hdferr, "h5sget_simple_extent_npoints_f")
    if (points /= size(expected)) call fail("a part has an attribute of another length")
    place = c_loc(found)
    call h5aread_f(attribute, h5kind_to_type(int64, H5_INTEGER_KIND), place, hdferr)
    call need(hdferr, "h5aread_f")
    call h5sclose_f(space, hdferr)
    call need(hdferr, "h5sclose_f")
    call h5aclose_f(attribute, hdferr)
    call need(hdferr, "h5aclose_f")
    has = all(found == expected)
  end function has

  !> Reads the block of this rank, as any program would.
  subroutine read_block
    integer(hid_t) :: file, dataset, space, memory
    type(c_ptr) :: place
    allocate (found(part%size(1), part%size(2), part%size(3)))
    if (size(found) == 0) return
    call h5fopen_f(path, H5F_ACC_RDONLY_F, file, hdferr)
    call need(hdferr, "h5fopen_f")
    call h5dopen_f(file, "phase", dataset, hdferr)
    call need(hdferr, "h5dopen_f")
    call h5dget_space_f(dataset, space, hdferr)
    call need(hdferr, "h5dget_space_f")
    call h5sselect_hyperslab_f(space, H5S_SELECT_SET_F, part%first, part%size, hdferr)
    call need(hdferr, "h5sselect_hyperslab_f")
    call h5screate_simple_f(3, part%size, memory, hdferr)
    call need(hdferr, "h5screate_simple_f")
    place = c_loc(found)
    call h5dread_f(dataset, H5T_STD_U8LE, place, hdferr, memory, space)
    call need(hdferr, "h5dread_f")
    call h5sclose_f(memory, hdferr)
    call need(hdferr, "h5sclose_f")
    call h5sclose_f(space, hdferr)
    call need(hdferr, "h5sclose_f")
    call h5dclose_f(dataset, hdferr)
    call need(hdferr, "h5dclose_f")
    call h5fclose_f(file, hdferr)
    call need(hdferr, "h5fclose_f")
  end subroutine read_block

  !> fraction is 0 if it is not given.
  subroutine read_arguments
    character(len=:), allocatable :: text
    integer :: axis, failed
    failed = merge(0, 1, command_argument_count() == 6 .or. command_argument_count() == 7)
    extents = 0
    fraction = 0
    kind = argument(1)
    is_virtual = kind == "virtual"
    path = argument(3)
    do axis = 1, 3
      text = argument(3 + axis)
      if (failed == 0) read (text, *, iostat=failed) extents(axis)
    end do
    text = argument(7)
    if (failed == 0 .and. len(text) > 0) read (text, *, iostat=failed) fraction
    if (failed == 0 .and. all(extents > 0) .and. (is_virtual .or. kind == "collective")) return
    if (rank == 0) write (error_unit, "(a)") "usage: large_volume_fortran collective|virtual MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]"
    call MPI_Finalize
    stop 2
  end subroutine read_arguments

end program large_volume
