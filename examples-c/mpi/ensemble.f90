!> An ensemble on many processes: each rank homogenises its share of the realisations.
!!
!!     mpirun --bind-to core -n 4 ensemble_fortran MODEL.h5 [COUNT] [CONTRAST]
!!
!! Realisation i depends on the model, the seed and i alone. The effective conductivities are gathered in the order of their
!! indices, so mean and standard deviation are the same for any number of ranks, to the last digit. The minority phase conducts
!! CONTRAST times as well as everything else.
program ensemble
  use, intrinsic :: iso_fortran_env, only: error_unit, int8, int64, real64
  use mpi_f08
  use arguments
  use davegan
  use homogenisation
  implicit none
  type(davegan_model) :: model
  type(davegan_model_info_t) :: info
  type(davegan_generate_options_t) :: options
  integer(int8), allocatable :: phases(:, :, :)
  real(real64), allocatable :: mine(:), conductivity(:)
  integer, allocatable :: counts(:), firsts(:)
  real(real64) :: contrast, mean, deviation
  integer :: rank, n_ranks, count, i

  call MPI_Init
  call MPI_Comm_rank(MPI_COMM_WORLD, rank)
  call MPI_Comm_size(MPI_COMM_WORLD, n_ranks)
  call read_arguments(count, contrast)
  call davegan_model_load(model, argument(1))
  call davegan_model_info(model, info)
  call davegan_generate_options_init(options)   ! threads = 0: as many as processors that the rank is bound to

  allocate (firsts(n_ranks + 1), counts(n_ranks))
  firsts(:) = [(first_of(i, n_ranks, count), i=0, n_ranks)]
  counts(:) = firsts(2:) - firsts(:n_ranks)
  allocate (phases(info%nx, info%ny, info%nz), mine(counts(rank + 1)), conductivity(count))
  do i = 1, size(mine)
    options%first = int(firsts(rank + 1), int64) + i - 1
    call davegan_generate_into(model, phases, options)
    mine(i) = effective_conductivity(merge(contrast, 1.0_real64, phases == info%minority_phase), 1)
  end do
  call MPI_Gatherv(mine, size(mine), MPI_DOUBLE_PRECISION, conductivity, counts, firsts, MPI_DOUBLE_PRECISION, 0, MPI_COMM_WORLD)
  if (rank == 0) then
    mean = sum(conductivity) / count
    deviation = sqrt(sum((conductivity - mean)**2) / (count - 1))
    print "(i0, a, 3(f14.9, a))", count, " realisations, effective conductivity along x: mean ", mean, " +- ", &
      student(count - 1) * deviation / sqrt(real(count, real64)), " (95 %), standard deviation ", deviation
  end if
  call MPI_Finalize

contains

  !> The first of n realisations that a rank makes; the next rank's first is behind its last.
  pure integer function first_of(rank, n_ranks, n)
    integer, intent(in) :: rank, n_ranks, n
    first_of = n / n_ranks * rank + mod(n, n_ranks) * rank / n_ranks
  end function first_of

  subroutine read_arguments(count, contrast)
    integer, intent(out) :: count
    real(real64), intent(out) :: contrast
    character(len=:), allocatable :: text
    integer :: failed(2)
    count = 20
    contrast = 10
    failed = 0
    if (command_argument_count() > 1) then
      text = argument(2)
      read (text, *, iostat=failed(1)) count
    end if
    if (command_argument_count() > 2) then
      text = argument(3)
      read (text, *, iostat=failed(2)) contrast
    end if
    if (command_argument_count() >= 1 .and. command_argument_count() <= 3 .and. all(failed == 0) .and. count > 1 &
      .and. contrast > 0) return
    if (rank == 0) write (error_unit, "(a)") "usage: ensemble_fortran MODEL.h5 [COUNT, from 2] [CONTRAST, above 0]"
    call MPI_Finalize
    stop 2
  end subroutine read_arguments

end program ensemble
