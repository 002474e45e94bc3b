!> Homogenisation of an ensemble: the effective conductivity of each realisation, its mean and confidence interval.
!!
!!     homogenise MODEL.h5 [COUNT] [CONTRAST] [FRACTION]
!!
!! Realisations are periodic elements of 256 x 256 voxels. The minority phase has the volume fraction FRACTION, or that of the
!! micrograph, in each of them. It conducts CONTRAST times as well as everything else. The solver is in homogenisation.f90. Any
!! admissible field lies between the bounds of Wiener, which every realisation is held to.
program homogenise
  use, intrinsic :: iso_fortran_env, only: error_unit, int8, real64
  use davegan
  use homogenisation
  implicit none
  type(davegan_model) :: model
  type(davegan_model_info_t) :: info
  type(davegan_generate_options_t) :: options
  integer, parameter :: side = 256
  integer(int8) :: phases(side, side, 1)
  real(real64), allocatable :: k(:, :, :), effective(:)
  real(real64) :: contrast, fraction, lower, upper
  character(len=:), allocatable :: path
  integer :: count, i

  call read_arguments(path, count, contrast, fraction)
  call check_laminate(contrast)

  call davegan_model_load(model, path)
  call davegan_model_info(model, info)
  call davegan_generate_options_init(options)
  options%volume_fraction = fractions(info, fraction)
  allocate (effective(count))
  lower = huge(lower)
  upper = 0
  do i = 1, count
    options%first = i - 1
    call davegan_generate_into(model, phases, options)
    k = merge(contrast, 1.0_real64, phases == info%minority_phase)
    effective(i) = effective_conductivity(k, 1)
    call check_bounds(effective(i), k)
    lower = min(lower, harmonic_bound(k))
    upper = max(upper, arithmetic_bound(k))
  end do
  call report(effective)

contains

  !> Volume fractions in which the minority phase has the one that is wanted, and the others share the rest as before.
  pure function fractions(info, wanted)
    type(davegan_model_info_t), intent(in) :: info
    real(real64), intent(in) :: wanted
    real(real64) :: fractions(davegan_max_phases)
    integer :: minority
    fractions = info%volume_fraction
    if (wanted < 0) return
    minority = info%minority_phase + 1
    fractions = fractions * (1 - wanted) / (1 - fractions(minority))
    fractions(minority) = wanted
  end function fractions

  !> FRACTION is negative if it is not given.
  subroutine read_arguments(path, count, contrast, fraction)
    character(len=:), allocatable, intent(out) :: path
    integer, intent(out) :: count
    real(real64), intent(out) :: contrast, fraction
    character(len=4096) :: argument
    integer :: failed
    if (command_argument_count() < 1 .or. command_argument_count() > 4) call usage
    call get_command_argument(1, argument)
    path = trim(argument)
    count = 20
    contrast = 10
    fraction = -1
    if (command_argument_count() > 1) then
      call get_command_argument(2, argument)
      read (argument, *, iostat=failed) count
      if (failed /= 0 .or. count < 2) call usage
    end if
    if (command_argument_count() > 2) then
      call get_command_argument(3, argument)
      read (argument, *, iostat=failed) contrast
      if (failed /= 0 .or. contrast <= 0) call usage
    end if
    if (command_argument_count() > 3) then
      call get_command_argument(4, argument)
      read (argument, *, iostat=failed) fraction
      if (failed /= 0 .or. fraction <= 0 .or. fraction >= 1) call usage
    end if
  end subroutine read_arguments

  subroutine usage
    write (error_unit, "(a)") "usage: homogenise MODEL.h5 [COUNT, from 2] [CONTRAST, above 0] [FRACTION, between 0 and 1]"
    stop 2
  end subroutine usage

  !> Layers reach both bounds exactly; a scheme that misses them is wrong.
  subroutine check_laminate(contrast)
    real(real64), intent(in) :: contrast
    real(real64) :: k(8, 6, 1)
    k = 1
    k(1:3, :, :) = contrast
    if (abs(effective_conductivity(k, 1) / harmonic_bound(k) - 1) > 1e-8_real64) error stop "homogenise: laminate across"
    if (abs(effective_conductivity(k, 2) / arithmetic_bound(k) - 1) > 1e-8_real64) error stop "homogenise: laminate along"
    print "(a)", "laminate: the exact results across and along the layers are reproduced"
  end subroutine check_laminate

  subroutine check_bounds(effective, k)
    real(real64), intent(in) :: effective, k(:, :, :)
    real(real64), parameter :: slack = 1e-8_real64
    if (effective < harmonic_bound(k) * (1 - slack)) error stop "homogenise: below Wiener's lower bound"
    if (effective > arithmetic_bound(k) * (1 + slack)) error stop "homogenise: above Wiener's upper bound"
  end subroutine check_bounds

  subroutine report(effective)
    real(real64), intent(in) :: effective(:)
    real(real64) :: mean, half_width
    mean = sum(effective) / size(effective)
    half_width = student(size(effective) - 1) * sqrt(sum((effective - mean)**2) / (size(effective) - 1) / size(effective))
    print "(a, i0, 2(a, f0.3))", "realisations ", size(effective), ", contrast ", contrast, ", volume fraction ", &
      options%volume_fraction(info%minority_phase + 1)
    print "(a, 2(f12.6))", "Wiener bounds over the ensemble ", lower, upper
    print "(a, f12.6)", "effective conductivity along x, mean ", mean
    print "(a, 2(f12.6))", "95% confidence interval of the mean ", mean - half_width, mean + half_width
  end subroutine report

end program homogenise
