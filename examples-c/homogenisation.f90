!> Effective conductivity of periodic elements, and Student's t for confidence intervals.
!!
!! On the periodic cell div(k (e + grad u)) = 0 is solved with finite volumes, one per voxel, and conjugate gradients; the
!! conductivity of a face is the harmonic mean of that of its voxels.
module homogenisation
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private
  public :: effective_conductivity, harmonic_bound, arithmetic_bound, student

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

end module homogenisation
