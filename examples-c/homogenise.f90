!> Homogenisation of an ensemble: the effective conductivity of each realisation, its mean and confidence interval.
!!
!!     homogenise MODEL.h5 [COUNT] [CONTRAST] [FRACTION]
!!
!! Realisations are periodic elements of 256 x 256 voxels. The minority phase has the volume fraction FRACTION, or that of the
!! micrograph, in each of them. It conducts CONTRAST times as well as everything else. On the periodic cell div(k (e + grad u)) = 0 is
!! solved with finite volumes, one per voxel, and conjugate gradients; the conductivity of a face is the harmonic mean of
!! that of its voxels. Any admissible field lies between the bounds of Wiener, which every realisation is held to.
module homogenisation
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: effective_conductivity, harmonic_bound, arithmetic_bound

contains

  !> Effective conductivity of a periodic cell along an axis: 1 for x, 2 for y, 3 for z.
  function effective_conductivity(k, axis) result(effective)
    real(real64), intent(in) :: k(:, :, :)
    integer, intent(in) :: axis
    real(real64) :: effective
    real(real64), allocatable :: face(:, :, :, :), source(:, :, :), u(:, :, :)
    integer :: i
    allocate (face(size(k, 1), size(k, 2), size(k, 3), 3))
    do i = 1, 3
      face(:, :, :, i) = 2 * k * cshift(k, 1, i) / (k + cshift(k, 1, i))
    end do
    source = face(:, :, :, axis) - cshift(face(:, :, :, axis), -1, axis)
    u = solve(face, source)
    effective = sum(face(:, :, :, axis) * (1 + cshift(u, 1, axis) - u)) / size(k)
  end function effective_conductivity

  !> Conjugate gradients for A u = source; u is known up to a constant, which no flux depends on.
  function solve(face, source) result(u)
    real(real64), intent(in) :: face(:, :, :, :), source(:, :, :)
    real(real64), allocatable :: u(:, :, :)
    real(real64), parameter :: tolerance = 1e-10_real64
    real(real64), allocatable :: residual(:, :, :), direction(:, :, :), image(:, :, :)
    real(real64) :: norm, previous, goal, step
    integer :: iteration
    allocate (residual, direction, source=source)
    allocate (u, mold=source)
    u = 0
    norm = sum(residual**2)
    goal = tolerance**2 * sum(face**2)
    do iteration = 1, 10 * size(source)
      if (norm <= goal) return
      image = apply(face, direction)
      step = norm / sum(direction * image)
      u = u + step * direction
      residual = residual - step * image
      previous = norm
      norm = sum(residual**2)
      direction = residual + norm / previous * direction
    end do
    error stop "homogenise: conjugate gradients did not converge"
  end function solve

  !> A u: the flux out of each voxel that the potential u drives.
  function apply(face, u) result(outflow)
    real(real64), intent(in) :: face(:, :, :, :), u(:, :, :)
    real(real64), allocatable :: outflow(:, :, :), flux(:, :, :)
    integer :: i
    allocate (outflow, mold=u)
    outflow = 0
    do i = 1, 3
      if (size(u, i) == 1) cycle
      flux = face(:, :, :, i) * (u - cshift(u, 1, i))
      outflow = outflow + flux - cshift(flux, -1, i)
    end do
  end function apply

  !> Wiener's lower bound: layers across the flux.
  pure function harmonic_bound(k) result(bound)
    real(real64), intent(in) :: k(:, :, :)
    real(real64) :: bound
    bound = size(k) / sum(1 / k)
  end function harmonic_bound

  !> Wiener's upper bound: layers along the flux.
  pure function arithmetic_bound(k) result(bound)
    real(real64), intent(in) :: k(:, :, :)
    real(real64) :: bound
    bound = sum(k) / size(k)
  end function arithmetic_bound

end module homogenisation

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

  !> The 97.5 % quantile of Student's t: Hill's expansion about the normal quantile, exact for 1 and 2 degrees of freedom.
  pure function student(degrees) result(t)
    integer, intent(in) :: degrees
    real(real64) :: t, z, n
    z = 1.959963984540054_real64
    n = degrees
    select case (degrees)
    case (1)
      t = 12.706204736432095_real64
    case (2)
      t = 4.302652729911275_real64
    case default
      t = z + (z**3 + z) / (4 * n) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * n**2) &
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * n**3)
    end select
  end function student

end program homogenise
