!> A program of somebody else: a built-in micrograph and the two-point correlation at lag 0, which is its volume fraction.
program consumer
  use, intrinsic :: iso_fortran_env, only: int8, real64
  use davegan
  implicit none
  type(davegan_sample_options_t) :: options
  type(davegan_micrograph) :: micrograph
  type(davegan_micrograph_info_t) :: info
  integer(int8), allocatable :: phases(:, :, :, :)
  real(real64), allocatable :: s2(:, :, :)
  call davegan_sample_options_init(options, davegan_sample_discs)
  options%nx = 64
  options%ny = 64
  options%count = 1
  call davegan_micrograph_sample(micrograph, options)
  call davegan_micrograph_info(micrograph, info)
  call davegan_micrograph_phases(micrograph, phases)
  call davegan_s2(phases(:, :, :, 1), 1, s2)
  if (abs(s2(1, 1, 1) - info%volume_fraction(2)) > 1e-12_real64) error stop "S2 at lag 0 is not the volume fraction"
  print "(2a, f8.5)", "davegan ", davegan_version() // ", volume fraction ", s2(1, 1, 1)
end program consumer
