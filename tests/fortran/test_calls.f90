!> Every procedure of davegan.f90, called by a host that traps floating-point exceptions.
module counting
  use davegan, only: davegan_progress_t
  implicit none
  integer :: calls = 0
  integer :: cancel_at = 0

contains

  subroutine count_calls(progress, cancel)
    type(davegan_progress_t), intent(in) :: progress
    logical, intent(inout) :: cancel
    calls = calls + 1
    if (cancel_at > 0) cancel = progress%step >= cancel_at
  end subroutine count_calls

end module counting

program test_calls
  use, intrinsic :: iso_fortran_env, only: int32, int64, int8, real64
  use davegan
  use counting
  implicit none
  character(len=*), parameter :: model_path = "fortran_calls_model.h5", file = "fortran_calls.h5"
  type(davegan_micrograph) :: micrograph
  type(davegan_model) :: model

  call check(davegan_version() == "0.1.0", "version")
  call check(davegan_status_name(davegan_io) == "DAVEGAN_IO", "status name")
  call test_devices
  call test_micrographs
  call test_volumes
  call test_arrays_of_handles
  call test_training
  call test_generation
  call test_latent_space
  call test_descriptors
  call test_relaxation
  call davegan_model_free(model)
  call davegan_model_free(model)

contains

  subroutine check(condition, what)
    logical, intent(in) :: condition
    character(len=*), intent(in) :: what
    if (.not. condition) error stop "failed: " // what
  end subroutine check

  subroutine remove(path)
    character(len=*), intent(in) :: path
    integer :: unit
    open (newunit=unit, file=path)
    close (unit, status="delete")
  end subroutine remove

  subroutine test_devices
    type(davegan_device_info_t), allocatable :: devices(:)
    call davegan_devices(devices)
    call check(devices(1)%kind == davegan_device_kind_cpu .and. devices(1)%device_index == 0, "the processor")
    call check(len(davegan_device_name(devices(1))) > 0, "name of a device")
    call check(all(devices(2:)%kind /= davegan_device_kind_cpu), "accelerators")
  end subroutine test_devices

  subroutine test_micrographs
    type(davegan_sample_options_t) :: options
    type(davegan_micrograph_options_t) :: reading
    type(davegan_micrograph_info_t) :: info
    type(davegan_micrograph) :: ellipses, copy
    integer(int8), allocatable :: phases(:, :, :, :), again(:, :, :, :)
    integer(int8) :: image(3, 2)
    real(real64), allocatable :: parameters(:, :)
    call davegan_sample_options_init(options, davegan_sample_gaussian_field)
    options%nx = 64
    options%ny = 64
    options%count = 1
    call davegan_micrograph_sample(micrograph, options)
    call davegan_micrograph_phases(micrograph, phases)
    call check(all(shape(phases) == [64, 64, 1, 1]), "shape of the phases")
    call remove(file)
    call davegan_micrograph_write(micrograph, file, "/phase")
    call davegan_micrograph_options_init(reading)
    reading%nx = 48
    reading%voxel_size = 0.25_real64
    reading%voxel_unit = davegan_unit_micrometre
    call davegan_micrograph_read(copy, file, "/phase", reading)
    call davegan_micrograph_info(copy, info)
    call check(info%nx == 48 .and. info%ny == 64, "region of interest")
    call check(info%voxel_size == 0.25_real64 .and. info%voxel_unit == davegan_unit_micrometre, "voxel size")
    call check(davegan_last_warning() == "", "no warning")
    call davegan_micrograph_options_init(reading)
    call davegan_micrograph_read(copy, file, "/phase", reading)
    call davegan_micrograph_phases(copy, again)
    call check(all(phases == again), "phases through a file")
    call davegan_micrograph_read(copy, file)
    call davegan_micrograph_from_memory(copy, phases(:, :, :, 1))
    call davegan_micrograph_info(copy, info)
    call check(info%nx == 64 .and. info%n_images == 1, "several images from memory")
    image = reshape([0_int8, 1_int8, 0_int8, 0_int8, 0_int8, 0_int8], [3, 2])
    call davegan_micrograph_from_memory(copy, image)
    call davegan_micrograph_info(copy, info)
    call check(info%nx == 3 .and. info%ny == 2, "extents of an image")
    call check(abs(info%volume_fraction(2) - 1.0_real64 / 6) < 1e-12_real64, "volume fraction")
    call davegan_micrograph_phases(copy, again)
    call check(again(2, 1, 1, 1) == 1, "place of a pixel")
    call davegan_sample_options_init(options, davegan_sample_ellipses)
    options%count = 4
    call davegan_micrograph_sample(ellipses, options)
    call davegan_micrograph_parameters(ellipses, parameters)
    call check(all(shape(parameters) == [5, 4]), "parameters of ellipses")
    call davegan_micrograph_free(copy)
    call davegan_micrograph_free(copy)
  end subroutine test_micrographs

  subroutine test_volumes
    type(davegan_sample_options_t) :: sample
    type(davegan_train_options_t) :: options
    type(davegan_model_info_t) :: info
    type(davegan_micrograph) :: volume, planes(3)
    type(davegan_model) :: volumes
    integer(int8), allocatable :: whole(:, :, :, :), plane(:, :, :, :), relaxed(:, :, :, :)
    type(davegan_volume_descriptors_t), allocatable :: descriptors(:)
    integer(int32) :: axis
    call davegan_sample_options_init(sample, davegan_sample_grain_boundaries)
    sample%nx = 64
    sample%ny = 72
    sample%nz = 80
    sample%grain_size = 16
    call davegan_micrograph_sample(volume, sample)
    call davegan_micrograph_phases(volume, whole)
    call check(all(shape(whole) == [64, 72, 80, 1]), "extents of a volume")
    do axis = 0, 2
      call davegan_micrograph_plane(volume, axis, 7_int64, planes(axis + 1))
    end do
    call davegan_micrograph_phases(planes(2), plane)
    call check(all(plane(:, :, 1, 1) == whole(:, 8, :, 1)), "a plane across y")
    call davegan_volume_descriptors(whole, descriptors, 0_int32)
    call check(abs(descriptors(1)%volume_fraction - count(whole == 0) / real(size(whole), real64)) < 1e-12_real64, &
      "volume fraction of a volume")
    call check(all(descriptors(1)%percolates_26 == 1) .and. descriptors(1)%components_26 >= 1, "boundaries percolate")
    call check(descriptors(1)%conductivity(1) /= descriptors(1)%conductivity(1), "no conductivity")
    relaxed = whole
    call davegan_relax(planes, relaxed)
    call check(all(shape(relaxed) == shape(whole)), "a relaxed volume")
    call davegan_train_options_init(options, davegan_profile_volume)
    options%window_side = 32
    options%steps = 1
    call davegan_train(volumes, planes, options=options)
    call davegan_model_info(volumes, info)
    call check(info%nz == 32, "volumes")
    call test_planes_of_volumes(volumes, planes)
    call davegan_model_free(volumes)
    call davegan_micrograph_free(volume)
    call davegan_micrograph_free(planes)
  end subroutine test_volumes

  !> Handles in arrays free themselves when they go out of scope.
  subroutine test_arrays_of_handles
    integer :: i, before
    call two_micrographs
    before = resident_pages()
    do i = 1, 300
      call two_micrographs
    end do
    ! They would take 38,400 pages of 4 KiB.
    call check(resident_pages() - before < 15000, "handles in arrays are freed")
  end subroutine test_arrays_of_handles

  subroutine two_micrographs
    type(davegan_micrograph) :: both(2)
    type(davegan_sample_options_t) :: sample
    call davegan_sample_options_init(sample, davegan_sample_checkerboard)
    sample%nx = 512
    sample%ny = 512
    call davegan_micrograph_sample(both(1), sample)
    call davegan_micrograph_sample(both(2), sample)
  end subroutine two_micrographs

  integer function resident_pages() result(pages)
    integer :: unit, all
    open (newunit=unit, file="/proc/self/statm", action="read")
    read (unit, *) all, pages
    close (unit)
  end function resident_pages

  !> Planes across x of 8 volumes in memory, in a file and of their model, and the report on them.
  subroutine test_planes_of_volumes(volumes, planes)
    type(davegan_model), intent(in) :: volumes
    type(davegan_micrograph), intent(in) :: planes(3)
    type(davegan_fidelity) :: fidelity
    type(davegan_generate_options_t) :: options
    integer(int8), allocatable :: made(:, :, :, :)
    real(real64) :: of_memory, of_file, of_model, across_z
    integer :: bytes, stat
    character(len=:), allocatable :: errmsg
    call davegan_generate_options_init(options)
    options%count = 8
    options%replace = 1
    allocate (made(32, 32, 32, 8))
    call davegan_generate_into(volumes, made, options)
    call davegan_generate(volumes, "fortran_calls_volumes.vtkhdf", options=options)
    call davegan_fidelity_measure(fidelity, planes(3), 1, made, axis=2)
    call davegan_fidelity_figure(fidelity, "interface_sd", of_memory)
    call davegan_fidelity_measure(fidelity, planes(3), 1, made)
    call davegan_fidelity_figure(fidelity, "interface_sd", across_z)
    call davegan_fidelity_measure_file(fidelity, planes(3), "fortran_calls_volumes.vtkhdf", phase=1, axis=2)
    call davegan_fidelity_figure(fidelity, "interface_sd", of_file)
    options%count = 32
    call davegan_fidelity_measure_model(fidelity, volumes, planes(3), options, phase=1, axis=2)
    call davegan_fidelity_figure(fidelity, "interface_sd", of_model)
    call check(of_memory == of_file .and. of_memory == of_model, "planes across x")
    call check(abs(of_memory - across_z) > 0, "planes across z are others")
    call davegan_fidelity_measure(fidelity, planes(3), 1, made, axis=3, stat=stat, errmsg=errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "axis = 3") > 0, "an axis too many")
    options%count = 2
    call davegan_report(volumes, planes, "fortran_calls_volumes.html", options)
    inquire (file="fortran_calls_volumes.html", size=bytes)
    call check(bytes > 100000, "a report on volumes")
  end subroutine test_planes_of_volumes

  subroutine test_training
    type(davegan_train_options_t) :: options
    integer :: stat
    character(len=:), allocatable :: errmsg
    call davegan_train_options_init(options, davegan_profile_paper32)
    options%batch_size = 4
    options%steps = 100
    options%threads = 2
    options%progress_interval = 0
    call davegan_train(model, micrograph, options=options, progress=count_calls, paper_options="displacement=0  ")
    call check(calls > 1, "progress of the training")
    call davegan_model_save(model, model_path)
    cancel_at = 3
    call davegan_train(model, file, "fortran_calls_cancelled.h5", "/phase", options, count_calls, stat, errmsg)
    call check(stat == davegan_cancelled .and. len(errmsg) > 0, "cancelled training")
    call davegan_model_save(model, "fortran_calls_cancelled.h5", stat, errmsg)
    call check(stat == davegan_invalid_parameter, "no model of a cancelled training")
    cancel_at = 0
  end subroutine test_training

  subroutine test_generation
    type(davegan_generate_options_t) :: options
    type(davegan_model_info_t) :: info
    type(davegan_evaluation_t) :: evaluation
    type(davegan_threshold_t) :: threshold
    integer :: stat
    character(len=:), allocatable :: errmsg
    integer(int8), allocatable :: phases(:, :, :, :), tiles(:, :, :, :)
    integer(int8) :: one(32, 32, 1)
    real(real64), allocatable :: history(:, :)
    real(real64) :: required_sides(davegan_n_properties)
    type(davegan_element_statistics_t), allocatable :: statistics(:)
    call davegan_model_load(model, model_path, davegan_device_kind_cpu)
    call davegan_model_info(model, info)
    call check(info%nx == 32 .and. info%steps == 100 .and. info%n_tiles == 4, "model info")
    call davegan_model_tiles(model, tiles)
    call check(all(shape(tiles) == [32, 32, 1, 4]), "tiles")
    call davegan_model_history(model, history)
    call check(all(shape(history) == [6, 2]) .and. abs(history(1, 2) - 100) < 1e-12_real64, "history")
    allocate (phases(32, 32, 1, 3))
    call davegan_generate_into(model, phases)
    call davegan_generate_options_init(options)
    options%first = 2
    call davegan_generate_into(model, one, options)
    call check(all(one == phases(:, :, :, 3)), "one realisation is the third of many")
    options%volume_fraction(1:2) = 0.5_real64
    call davegan_volume_fraction_threshold(model, options, threshold, stat=stat, errmsg=errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "profile standard") > 0, "threshold of another profile")
    options%volume_fraction = 0
    options%threshold = threshold
    calls = 0
    options%count = 3
    options%first = 0
    options%progress_interval = 0
    call remove("fortran_calls_out.h5")
    call davegan_generate(model, "fortran_calls_out.h5", "/ensemble", options, count_calls)
    call check(calls > 0, "progress of the generation")
    call remove("fortran_calls_out.vtkhdf")
    call davegan_generate(model, "fortran_calls_out.vtkhdf")
    call davegan_evaluate(model, evaluation, options=options)
    call check(evaluation%count == 3 .and. evaluation%e_gen > 0, "evaluation")
    call davegan_contact_sheet(model, "fortran_calls_sheet.png", options)
    call davegan_report(model, micrograph, "fortran_calls_report.html", options)
    call davegan_representative_size(model, [32], 0.1_real64, statistics, required_sides, "fortran_calls_sizes.html")
    call check(size(statistics) == 1 .and. statistics(1)%count == 16 .and. statistics(1)%nx == 32, "representative size")
    call check(statistics(1)%error(davegan_property_s2) > 0, "error of the two-point correlation")
    call test_fidelity(tiles)
    call test_fidelity_of_model
  end subroutine test_generation

  !> Realisations that are the micrograph's own tiles, many times.
  subroutine test_fidelity(tiles)
    integer(int8), intent(in), contiguous :: tiles(:, :, :, :)
    type(davegan_fidelity) :: fidelity
    integer(int8), allocatable :: copies(:, :, :, :)
    real(real64) :: likeness
    type(davegan_generate_options_t) :: options
    integer :: n_holding, n_gates, i, stat
    character(len=:), allocatable :: table, errmsg
    copies = reshape([(tiles, i = 1, 10)], [32, 32, 1, 40])
    call davegan_generate_options_init(options)
    options%threads = 2
    options%progress_interval = 0
    calls = 0
    call davegan_fidelity_measure(fidelity, micrograph, 1, copies, tiles, options, count_calls)
    call check(calls > 1, "progress of judging arrays")
    call davegan_fidelity_figure(fidelity, "likeness", likeness)
    call check(abs(likeness - 1) < 1e-9_real64, "copies are found")
    call davegan_fidelity_gates(fidelity, n_holding, n_gates)
    call check(n_gates == 16 .and. n_holding < 16, "gates")
    call davegan_fidelity_table(fidelity, table)
    call check(index(table, "likeness") > 0 .and. index(table, "of 16 gates hold") > 0, "table")
    call davegan_fidelity_measure(fidelity, micrograph, 1, tiles, stat=stat, errmsg=errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "4 realisations") > 0, "too few realisations")
  end subroutine test_fidelity

  !> A model, and the same realisations in a file.
  subroutine test_fidelity_of_model
    type(davegan_fidelity) :: fidelity, of_file
    type(davegan_generate_options_t) :: options
    real(real64) :: e_gen, again
    integer :: phase, n_holding, n_gates, stat
    character(len=:), allocatable :: errmsg
    call davegan_generate_options_init(options)
    options%count = 40
    options%progress_interval = 0
    calls = 0
    call davegan_fidelity_measure_model(fidelity, model, micrograph, options, 1, progress=count_calls)
    call check(calls > 1, "progress of the judgement")
    call davegan_fidelity_phase(fidelity, phase)
    call davegan_fidelity_gates(fidelity, n_holding, n_gates)
    call check(phase == 1 .and. n_gates == 16, "fidelity of a model")
    call davegan_fidelity_figure(fidelity, "E_gen", e_gen)
    options%replace = 1
    call davegan_generate(model, "fortran_calls_judged.vtkhdf", options=options)
    calls = 0
    call davegan_fidelity_measure_file(of_file, micrograph, "fortran_calls_judged.vtkhdf", phase=1, progress=count_calls)
    call check(calls > 0, "progress of judging a file")
    call davegan_fidelity_figure(of_file, "E_gen", again)
    call check(abs(e_gen - again) < 1e-15_real64, "fidelity of a file")
    call remove("fortran_calls_fidelity.h5")
    call davegan_fidelity_write(fidelity, "fortran_calls_fidelity.h5")
    call davegan_fidelity_write(of_file, "fortran_calls_fidelity.h5", "of_file")
    call davegan_fidelity_write(fidelity, "/dev/null", stat=stat, errmsg=errmsg)
    call check(stat == davegan_io .and. index(errmsg, "device") > 0, "figures into a device")
    cancel_at = 2
    calls = 0
    call davegan_fidelity_measure_model(fidelity, model, micrograph, options, progress=count_calls, stat=stat)
    call check(stat == davegan_cancelled .and. calls == 2, "cancelled judgement")
    cancel_at = 0
    call davegan_fidelity_measure_model(fidelity, model, micrograph, options, axis=1, stat=stat, errmsg=errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "axis = 1") > 0, "an axis of volumes")
    call davegan_report(model, [micrograph, micrograph], "fortran_calls.html", options, stat, errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "2 micrographs") > 0, "a report on several micrographs")
  end subroutine test_fidelity_of_model

  subroutine test_latent_space
    type(davegan_generate_options_t) :: options
    integer(int8), allocatable :: phases(:, :, :, :), expected(:, :, :, :), reconstructed(:, :, :, :)
    real(real64), allocatable :: z(:, :), mean(:, :), deviation(:, :)
    integer(int64) :: latents
    call davegan_latent_size(model, 32, 32, latents)
    call check(latents == 5, "latents of an image")
    call davegan_generate_options_init(options)
    options%count = 2
    call davegan_latent_vectors(model, z, options)
    call check(all(shape(z) == [5, 2]), "latent vectors")
    call davegan_decode(model, z, phases)
    allocate (expected(32, 32, 1, 2))
    call davegan_generate_into(model, expected, options)
    call check(all(phases == expected), "decoded latent vectors")
    call davegan_encode(model, expected, mean, deviation)
    call check(all(shape(mean) == [5, 2]) .and. all(deviation > 0), "encoded images")
    call davegan_decode(model, mean, phases)
    call davegan_reconstruct(model, expected, reconstructed)
    call check(all(phases == reconstructed), "a reconstruction decodes the mean")
    call davegan_traverse(model, mean(:, 1), 2, 3, phases)
    call check(all(shape(phases) == [32, 32, 1, 3]), "traversal")
    call davegan_traverse(model, mean(:, 1), 2, 3, expected, nx=32, ny=32)
    call check(all(phases == expected), "traversal of images whose size is given")
    call davegan_decode(model, mean, phases, nx=32, ny=32)
    call check(all(phases == reconstructed), "decoded images whose size is given")
    deallocate (expected)
    allocate (expected(32, 32, 1, 2))
    call davegan_generate_into(model, expected, options)
    call davegan_interpolate(model, expected(:, :, :, 1), expected(:, :, :, 2), 4, phases)
    call check(all(phases(:, :, :, 1) == reconstructed(:, :, :, 1)), "start of the interpolation")
    call check(all(phases(:, :, :, 4) == reconstructed(:, :, :, 2)), "end of the interpolation")
  end subroutine test_latent_space

  subroutine test_descriptors
    type(davegan_s2_options_t) :: options
    integer(int8) :: stripes(4, 2, 1), half(4, 2, 1)
    real(real64), allocatable :: s2(:, :, :), radius(:), radial(:)
    type(davegan_element_statistics_t) :: elements
    real(real64) :: error
    stripes = reshape([0_int8, 1_int8, 0_int8, 1_int8, 0_int8, 1_int8, 0_int8, 1_int8], [4, 2, 1])
    half = reshape([0_int8, 0_int8, 0_int8, 0_int8, 1_int8, 1_int8, 1_int8, 1_int8], [4, 2, 1])
    call davegan_s2_options_init(options)
    call davegan_s2(stripes, 1, s2, options)
    call check(abs(s2(1, 1, 1) - 0.5_real64) < 1e-14_real64, "S2 at lag 0")
    call check(abs(s2(2, 1, 1)) < 1e-14_real64 .and. abs(s2(1, 2, 1) - 0.5_real64) < 1e-14_real64, "S2 along x and y")
    options%periodic = 0
    call davegan_s2(stripes, 1, s2, options)
    call check(all(shape(s2) == [7, 3, 1]), "shape of a S2 that is not periodic")
    options%max_lag = 2
    call davegan_s2(stripes, 1, s2, options)
    call check(all(shape(s2) == [5, 3, 1]), "shape of a S2 with a largest lag")
    call davegan_s2_radial(stripes, 1, radius, radial)
    call check(abs(radial(1) - 0.5_real64) < 1e-14_real64 .and. size(radius) == size(radial), "radial S2")
    call davegan_s2_error(stripes, half, 1, error)
    call check(error > 0.1_real64, "S2 error")
    call davegan_s2_error(half, half, 1, error)
    call check(abs(error) < 1e-15_real64, "S2 error of an image with itself")
    call davegan_element_statistics(reshape([(stripes(:, :, 1)), (half(:, :, 1))], [4, 2, 2]), elements, 1)
    call check(abs(elements%mean(davegan_property_volume_fraction) - 0.5_real64) < 1e-15_real64, "element statistics")
    call check(all([elements%nx, elements%ny, elements%nz] == [4, 2, 1]), "shape of elements")
    call davegan_element_statistics(reshape([stripes, half], [4, 2, 1, 2]), elements, 1)
    call check(abs(elements%mean(davegan_property_volume_fraction) - 0.5_real64) < 1e-15_real64, "statistics of layers")
    call remove("fortran_calls_images.h5")
    call davegan_write_images("fortran_calls_images.h5", "/stripes", reshape(stripes, [4, 2, 1, 1]))
    call test_exports(stripes)
  end subroutine test_descriptors

  subroutine test_exports(image)
    integer(int8), intent(in) :: image(:, :, :)
    type(davegan_export_options_t) :: options
    integer(int8) :: bytes(512 + size(image))
    character(len=:), allocatable :: message
    integer :: unit, stat
    call davegan_export_options_init(options)
    options%spacing(1) = 0.5_real64
    call davegan_export_vti("fortran_calls_element.vti", image, options)
    call davegan_export_npy("fortran_calls_element.npy", image)
    call davegan_export_tiff("fortran_calls_element.tif", image, options)
    call davegan_export_dream3d("fortran_calls_element.dream3d", image, options)
    call davegan_export_abaqus("fortran_calls_element.inp", image, options)
    call davegan_export_xdmf("fortran_calls_element.xdmf", image, options)
    open(newunit=unit, file="fortran_calls_element.npy", access="stream", form="unformatted", status="old")
    read(unit) bytes
    close(unit)
    call check(all(bytes(513:) == [image]), "an array of NumPy has the bytes of Fortran")
    options%periodic = 2
    call davegan_export_abaqus("fortran_calls_element.inp", image, options, stat=stat, errmsg=message)
    call check(stat == davegan_invalid_parameter .and. index(message, "periodic is 2") > 0, "a switch is 0 or 1")
  end subroutine test_exports

  subroutine test_relaxation
    type(davegan_micrograph) :: boundaries
    type(davegan_sample_options_t) :: sample
    type(davegan_relax_options_t) :: options
    integer(int8), allocatable :: phases(:, :, :, :), spoilt(:, :, :, :)
    integer :: i, stat
    character(len=:), allocatable :: errmsg
    call davegan_sample_options_init(sample, davegan_sample_grain_boundaries)
    sample%nx = 64
    sample%ny = 96
    call davegan_micrograph_sample(boundaries, sample)
    call davegan_micrograph_phases(boundaries, phases)
    do i = 1, 64, 3
      phases(i, i, 1, 1) = 1_int8 - phases(i, i, 1, 1)
    end do
    spoilt = phases
    call davegan_relax_options_init(options)
    options%progress_interval = 0
    calls = 0
    call davegan_relax(boundaries, phases, options, count_calls)
    call check(calls > 1 .and. any(phases /= spoilt), "relaxation")
    call davegan_relax(boundaries, spoilt)
    call check(all(phases == spoilt), "relaxation with the defaults")
    options%volume_fraction(1:2) = [0.25_real64, 0.75_real64]
    call davegan_relax(boundaries, phases, options)
    call check(4 * count(phases == 0) == size(phases), "volume fraction")
    options%sweeps = 0
    call davegan_relax(boundaries, phases, options, stat=stat, errmsg=errmsg)
    call check(stat == davegan_invalid_parameter .and. index(errmsg, "sweeps = 0") > 0, "no sweeps")
  end subroutine test_relaxation

end program test_calls
