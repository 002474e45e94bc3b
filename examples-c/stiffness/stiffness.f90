!> Effective elastic stiffness of an ensemble of periodic elements, with CalculiX: stiffness.cpp in Fortran.
!!
!!     stiffness_fortran MODEL.h5 SIDE COUNT [FOLDER]
!!
!! Each of COUNT elements has SIDE voxels along each axis: squares in plane strain, or cubes with a model of volumes. The
!! element goes to CalculiX (ccx) as a mesh of voxels with periodic boundary conditions; each load case is a step with a mean
!! strain of one component. The stiffness is the mean stress for it, over all integration points: the reaction forces that
!! CalculiX prints lack those of the equations. SPOOLES solves planes exactly. For volumes it takes too long and too much memory;
!! the iterative solver stops early, but mean stresses of volumes are right to about 0.5 %. The minority phase is ten times as
!! stiff as the others.
!!
!! Prints a line for each element: its number and its stiffness, the upper triangle row by row, components in the order xx, yy,
!! xy or xx, yy, zz, xy, xz, yz, shear strains counted twice. Then the mean and the half width of its 95 % confidence interval.
program stiffness
  use, intrinsic :: iso_fortran_env, only: error_unit, int8, real64
  use arguments
  use davegan
  use homogenisation, only: student
  implicit none
  real(real64), parameter :: soft = 1, stiff = 10, poisson = 0.3_real64   ! Young's moduli and Poisson's ratio
  integer, parameter :: pairs(2, 3) = reshape([1, 2, 1, 3, 2, 3], [2, 3])   ! axes of shear components
  type(davegan_model) :: model
  type(davegan_model_info_t) :: info
  type(davegan_generate_options_t) :: options
  integer(int8), allocatable :: phases(:, :, :)
  real(real64), allocatable :: found(:, :), mean(:), squares(:)
  character(len=:), allocatable :: folder
  integer :: axes, components, side, count, i

  call read_arguments
  call davegan_model_load(model, argument(1))
  call davegan_model_info(model, info)
  axes = merge(3, 2, info%profile == davegan_profile_volume)
  components = axes * (axes + 1) / 2
  allocate (phases(side, side, merge(side, 1, axes == 3)), found(components * (components + 1) / 2, count))
  call davegan_generate_options_init(options)
  do i = 1, count
    options%first = i - 1
    call davegan_generate_into(model, phases, options)
    found(:, i) = upper_triangle(stiffness_of(phases))
    print "(i0, *(1x, f0.6))", i - 1, found(:, i)
  end do
  mean = sum(found, 2) / count
  squares = sum((found - spread(mean, 2, count))**2, 2)
  print "(a, *(1x, f0.6))", "mean", mean
  print "(a, *(1x, f0.6))", "+-", student(count - 1) * sqrt(squares / (count - 1) / count)

contains

  !> The stiffness of an element; columns are load cases.
  function stiffness_of(phases) result(c)
    integer(int8), intent(in) :: phases(:, :, :)
    real(real64) :: c(components, components)
    type(davegan_export_options_t) :: export
    integer :: status
    call davegan_export_options_init(export)
    export%n_phases = info%n_phases
    export%periodic = 1
    call davegan_export_abaqus(folder//"/element.inp", phases, export)
    call write_deck(phases)
    call execute_command_line("cd '"//folder//"' && rm -f job.dat && ccx job >job.log 2>&1", exitstat=status)
    if (status /= 0) error stop "stiffness: CalculiX (ccx) has failed, or is not installed: see job.log"
    c = mean_stresses(size(phases))
  end function stiffness_of

  !> The deck around the mesh: materials, and a step for each component of the mean strain. A phase that does not occur has no
  !! set of elements.
  subroutine write_deck(phases)
    integer(int8), intent(in) :: phases(:, :, :)
    real(real64) :: strain(axes, axes)
    character(len=18) :: solver
    integer :: deck, phase, load, far
    solver = merge("SPOOLES           ", "ITERATIVE CHOLESKY", axes == 2)
    open (newunit=deck, file=folder//"/job.inp", status="replace", action="write")
    write (deck, "(a)") "*INCLUDE, INPUT=element.inp"
    do phase = 0, info%n_phases - 1
      if (all(phases /= phase)) cycle
      write (deck, "(a, i0)") "*MATERIAL, NAME=M", phase
      write (deck, "(a, /, es19.12, a, es19.12)") "*ELASTIC", merge(stiff, soft, phase == info%minority_phase), ",", poisson
      write (deck, "(2(a, i0))") "*SOLID SECTION, ELSET=PHASE_", phase, ", MATERIAL=M", phase
      if (axes == 2) write (deck, "(a)") "1."
    end do
    do load = 1, components
      strain = 0
      if (load <= axes) then
        strain(load, load) = 1
      else
        strain(pairs(1, load - axes), pairs(2, load - axes)) = 0.5_real64
        strain(pairs(2, load - axes), pairs(1, load - axes)) = 0.5_real64
      end if
      write (deck, "(a, /, 2a, /, a)") "*STEP", "*STATIC, SOLVER=", trim(solver), "*BOUNDARY"
      write (deck, "(2a, i0)") corner(0), ", 1, ", axes
      do far = 1, axes
        call write_displacement(deck, corner(far), strain(:, far) * side)
      end do
      write (deck, "(a, /, a, /, a)") "*EL PRINT, ELSET=ALL_ELEMENTS", "S", "*END STEP"
    end do
    close (deck)
  end subroutine write_deck

  subroutine write_displacement(deck, set, displacement)
    integer, intent(in) :: deck
    character(len=*), intent(in) :: set
    real(real64), intent(in) :: displacement(:)
    integer :: direction
    do direction = 1, size(displacement)
      write (deck, "(2a, 2(i0, a), es19.12)") set, ", ", direction, ", ", direction, ", ", displacement(direction)
    end do
  end subroutine write_displacement

  !> Name of the corner at the far end of one axis; 0: of the origin.
  function corner(far) result(name)
    integer, intent(in) :: far
    character(len=:), allocatable :: name
    character(len=*), parameter :: letters = "XYZ"
    integer :: axis
    name = "CORNER"
    do axis = 1, axes
      name = name//"_"//letters(axis:axis)//merge("1", "0", axis == far)
    end do
  end function corner

  !> Mean stresses, from what CalculiX prints for each load case: a heading, then a line for each integration point with element,
  !! point, xx, yy, zz, xy, xz, yz.
  function mean_stresses(voxels) result(means)
    integer, intent(in) :: voxels
    real(real64) :: means(components, components)
    real(real64) :: stress(6)
    integer :: file, failed, element, point, load, points
    character(len=256) :: line
    open (newunit=file, file=folder//"/job.dat", status="old", action="read")
    means = 0
    load = 0
    points = 0
    do
      read (file, "(a)", iostat=failed) line
      if (failed /= 0) exit
      if (index(line, "stresses") > 0) then
        load = load + 1
      else if (load > 0 .and. load <= components .and. len_trim(line) > 0) then
        read (line, *, iostat=failed) element, point, stress
        if (failed /= 0) error stop "stiffness: CalculiX has printed stresses that are no numbers: see job.dat"
        means(:axes, load) = means(:axes, load) + stress(:axes) / (8 * voxels)
        means(axes + 1:, load) = means(axes + 1:, load) + stress(4:3 + components - axes) / (8 * voxels)
        points = points + 1
      end if
    end do
    close (file)
    if (load /= components .or. points /= 8 * voxels * components) &
      error stop "stiffness: job.dat does not have the stresses of all steps; job.log beside it says why"
  end function mean_stresses

  !> The upper triangle of a matrix that is symmetric up to rounding, row by row.
  pure function upper_triangle(c) result(row)
    real(real64), intent(in) :: c(:, :)
    real(real64) :: row(size(c, 1) * (size(c, 1) + 1) / 2)
    integer :: i, j
    row = [((c(i, j) + c(j, i), j=i, size(c, 1)), i=1, size(c, 1))] / 2
  end function upper_triangle

  subroutine read_arguments
    character(len=:), allocatable :: text
    integer :: failed(2)
    folder = "."
    failed = 1
    if (command_argument_count() == 3 .or. command_argument_count() == 4) then
      text = argument(2)
      read (text, *, iostat=failed(1)) side
      text = argument(3)
      read (text, *, iostat=failed(2)) count
      if (command_argument_count() == 4) folder = argument(4)
    end if
    if (all(failed == 0)) then
      if (side > 0 .and. count > 1) return
    end if
    write (error_unit, "(a)") "usage: stiffness_fortran MODEL.h5 SIDE COUNT [FOLDER], with COUNT from 2"
    stop 2
  end subroutine read_arguments

end program stiffness
