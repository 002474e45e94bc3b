! Examples of the Fortran interface.
program example
  use, intrinsic :: iso_fortran_env, only: int8, int32, int64, real64
  use davegan
  implicit none
  type(davegan_micrograph) :: micrograph
  type(davegan_model) :: model

  ![davegan_version]
  print '(2a)', "davegan ", davegan_version()
  ![davegan_version]
  call micrographs()
  call volumes()
  call training()
  call generation()
  call correlations()
  call fidelity_of_model()
  ![davegan_model_free]
  call davegan_model_free(model)   ! before it goes out of scope
  ![davegan_model_free]
  ![davegan_micrograph_free]
  call davegan_micrograph_free(micrograph)
  ![davegan_micrograph_free]

contains

  subroutine micrographs()
    type(davegan_micrograph) :: other, ellipses, volume, across_y
    type(davegan_micrograph_info_t) :: info
    type(davegan_micrograph_options_t) :: reading
    type(davegan_sample_options_t) :: options
    type(davegan_export_options_t) :: export_options
    type(davegan_device_info_t), allocatable :: devices(:)
    integer(int8), allocatable :: phases(:, :, :, :)
    real(real64), allocatable :: parameters(:, :)
    integer(int32) :: stat
    character(len=:), allocatable :: message
    integer :: i

    ![davegan_devices]
    call davegan_devices(devices)
    ![davegan_devices]
    ![davegan_device_name]
    do i = 1, size(devices)
      print '(a)', davegan_device_name(devices(i))
    end do
    ![davegan_device_name]
    ![davegan_sample_options_init]
    call davegan_sample_options_init(options, davegan_sample_gaussian_field)
    options%nx = 128
    options%ny = 128
    ![davegan_sample_options_init]
    ![davegan_micrograph_sample]
    call davegan_micrograph_sample(micrograph, options)
    ![davegan_micrograph_sample]
    options%nz = 128
    ![davegan_micrograph_plane]
    call davegan_micrograph_sample(volume, options)
    call davegan_micrograph_plane(volume, 1, 64_int64, across_y)   ! rows along z, columns along x
    ![davegan_micrograph_plane]
    call davegan_micrograph_free(across_y)
    call davegan_micrograph_free(volume)
    ![davegan_micrograph_write]
    call davegan_micrograph_write(micrograph, "example_fortran.h5", "/phase")
    ![davegan_micrograph_write]
    ![davegan_micrograph_options_init]
    call davegan_micrograph_options_init(reading)
    reading%segmentation = davegan_segmentation_otsu
    ![davegan_micrograph_options_init]
    ![davegan_micrograph_read]
    call davegan_micrograph_read(other, "example_fortran.h5", dataset="/phase", options=reading)
    ![davegan_micrograph_read]
    ![davegan_last_warning]
    print '(a)', davegan_last_warning()   ! a data bar that was cut off, for instance
    ![davegan_last_warning]
    ![davegan_status_name]
    call davegan_micrograph_read(other, "no such file.png", stat=stat, errmsg=message)
    if (stat /= davegan_ok) print '(3a)', davegan_status_name(stat), ": ", message
    ![davegan_status_name]
    ![davegan_micrograph_info]
    call davegan_micrograph_info(micrograph, info)
    print '(a, 2f8.4)', "volume fractions", info%volume_fraction(:info%n_phases)
    ![davegan_micrograph_info]
    ![davegan_micrograph_phases]
    call davegan_micrograph_phases(micrograph, phases)   ! (nx, ny, nz, n)
    ![davegan_micrograph_phases]
    ![davegan_micrograph_from_memory]
    call davegan_micrograph_from_memory(other, phases(:, :, 1, 1))
    ![davegan_micrograph_from_memory]
    ![davegan_write_images]
    call davegan_write_images("example_fortran_images.h5", "/phase", phases)
    ![davegan_write_images]
    ![davegan_export_options_init]
    call davegan_export_options_init(export_options)
    export_options%spacing = [0.25_real64, 0.25_real64, 0.5_real64]
    ![davegan_export_options_init]
    ![davegan_export_vti]
    call davegan_export_vti("example_fortran_element.vti", phases(:, :, :, 1), export_options)
    ![davegan_export_vti]
    ![davegan_export_npy]
    call davegan_export_npy("example_fortran_element.npy", phases(:, :, :, 1), export_options)
    ![davegan_export_npy]
    ![davegan_export_tiff]
    call davegan_export_tiff("example_fortran_element.tif", phases(:, :, :, 1), export_options)
    ![davegan_export_tiff]
    ![davegan_export_dream3d]
    call davegan_export_dream3d("example_fortran_element.dream3d", phases(:, :, :, 1), export_options)
    ![davegan_export_dream3d]
    ![davegan_export_abaqus]
    call davegan_export_abaqus("example_fortran_element.inp", phases(:, :, :, 1), export_options)
    ![davegan_export_abaqus]
    ![davegan_export_xdmf]
    call davegan_export_xdmf("example_fortran_element.xdmf", phases(:, :, :, 1), export_options)
    ![davegan_export_xdmf]
    call davegan_sample_options_init(options, davegan_sample_ellipses)
    call davegan_micrograph_sample(ellipses, options)
    ![davegan_micrograph_parameters]
    call davegan_micrograph_parameters(ellipses, parameters)   ! semi-axes, centre, angle of each ellipse
    ![davegan_micrograph_parameters]
  end subroutine micrographs

  subroutine volumes()
    type(davegan_sample_options_t) :: options
    type(davegan_micrograph) :: measured
    type(davegan_volume_descriptors_t), allocatable :: found(:)
    integer(int8), allocatable :: phases(:, :, :, :)
    call davegan_sample_options_init(options, davegan_sample_gaussian_field)
    options%nx = 48
    options%ny = 48
    options%nz = 48
    call davegan_micrograph_sample(measured, options)
    call davegan_micrograph_phases(measured, phases)
    ![davegan_volume_descriptors]
    call davegan_volume_descriptors(phases, found, phase=1)
    print '(a, f8.4)', "surface per voxel", found(1)%specific_surface
    ![davegan_volume_descriptors]
    call davegan_micrograph_free(measured)
  end subroutine volumes

  subroutine training()
    type(davegan_train_options_t) :: options
    type(davegan_model_info_t) :: info
    integer(int8), allocatable :: tiles(:, :, :, :)
    real(real64), allocatable :: history(:, :)

    ![davegan_train_options_init]
    call davegan_train_options_init(options, davegan_profile_paper32)
    options%steps = 4
    options%batch_size = 4
    ![davegan_train_options_init]
    ![davegan_train]
    call davegan_train(model, micrograph, options=options)
    ![davegan_train]
    ![davegan_model_save]
    call davegan_model_save(model, "example_fortran_model.h5")
    ![davegan_model_save]
    ![davegan_model_load]
    call davegan_model_load(model, "example_fortran_model.h5")
    ![davegan_model_load]
    ![davegan_model_info]
    call davegan_model_info(model, info)
    print '(i0, a)', info%n_tiles, " tiles"
    ![davegan_model_info]
    ![davegan_model_tiles]
    call davegan_model_tiles(model, tiles)   ! (nx, ny, nz, n_tiles)
    ![davegan_model_tiles]
    ![davegan_model_history]
    call davegan_model_history(model, history)   ! step, L_Enc, L_Disc, L_Gen, L_Rec, L_KLD in each column
    ![davegan_model_history]
  end subroutine training

  subroutine generation()
    type(davegan_generate_options_t) :: options
    integer(int8) :: phases(32, 32, 1, 8)
    integer(int8), allocatable :: decoded(:, :, :, :), reconstructions(:, :, :, :), along(:, :, :, :), between(:, :, :, :)
    real(real64), allocatable :: z(:, :), mean(:, :), deviation(:, :)
    integer(int64) :: latents

    ![davegan_generate_options_init]
    call davegan_generate_options_init(options)
    options%seed = 1
    options%count = 8
    ![davegan_generate_options_init]
    ![davegan_generate]
    call davegan_generate(model, "example_fortran.vtkhdf", options=options)
    ![davegan_generate]
    ![davegan_generate_into]
    call davegan_generate_into(model, phases, options)
    ![davegan_generate_into]
    ![davegan_latent_size]
    call davegan_latent_size(model, 32, 32, latents)
    ![davegan_latent_size]
    ![davegan_latent_vectors]
    call davegan_latent_vectors(model, z, options)   ! (latents, count)
    ![davegan_latent_vectors]
    ![davegan_decode]
    call davegan_decode(model, z, decoded)   ! the realisations again
    ![davegan_decode]
    ![davegan_encode]
    call davegan_encode(model, phases, mean, deviation)
    ![davegan_encode]
    ![davegan_reconstruct]
    call davegan_reconstruct(model, phases, reconstructions)
    ![davegan_reconstruct]
    ![davegan_traverse]
    call davegan_traverse(model, z(:, 1), 2, 7, along)   ! latent 2 at -3, -2, ..., 3 standard deviations
    ![davegan_traverse]
    ![davegan_interpolate]
    call davegan_interpolate(model, phases(:, :, :, 1), phases(:, :, :, 2), 5, between)
    ![davegan_interpolate]
    call block_of_given_fractions()
  end subroutine generation

  !> Models of the profile standard make blocks.
  subroutine block_of_given_fractions()
    type(davegan_model_info_t) :: info
    type(davegan_generate_options_t) :: options
    type(davegan_threshold_t) :: threshold
    integer(int8) :: quarter(128, 128, 1, 1)   ! each process has another x0 and y0

    call davegan_model_info(model, info)
    if (info%profile /= davegan_profile_standard) return
    ![davegan_volume_fraction_threshold]
    call davegan_generate_options_init(options)
    options%nx = 256
    options%ny = 256
    options%volume_fraction(:2) = [0.75_real64, 0.25_real64]
    call davegan_volume_fraction_threshold(model, options, threshold)
    options%threshold = threshold
    options%block_nx = 128
    options%block_ny = 128
    call davegan_generate_into(model, quarter, options)
    ![davegan_volume_fraction_threshold]
  end subroutine block_of_given_fractions

  subroutine correlations()
    type(davegan_s2_options_t) :: options
    type(davegan_relax_options_t) :: relaxation
    integer(int8) :: a(32, 32, 1), b(32, 32, 1), phases(32, 32, 1, 2)
    real(real64) :: error
    real(real64), allocatable :: s2(:, :, :), radius(:), of_radius(:)

    call davegan_generate_into(model, a)
    call davegan_generate_into(model, b)
    call davegan_generate_into(model, phases)
    ![davegan_relax_options_init]
    call davegan_relax_options_init(relaxation)
    relaxation%sweeps = 8
    ![davegan_relax_options_init]
    ![davegan_relax]
    call davegan_relax(micrograph, phases, relaxation)   ! phases: in and out
    ![davegan_relax]
    ![davegan_s2_error]
    call davegan_s2_error(a, b, 1, error)   ! Eq. 12
    ![davegan_s2_error]
    ![davegan_s2_options_init]
    call davegan_s2_options_init(options)
    options%periodic = 0
    options%max_lag = 8
    ![davegan_s2_options_init]
    ![davegan_s2]
    call davegan_s2(a, 1, s2, options)
    print '(a, f8.4)', "volume fraction", s2(1, 1, 1)
    ![davegan_s2]
    ![davegan_s2_radial]
    call davegan_s2_radial(a, 1, radius, of_radius)
    ![davegan_s2_radial]
  end subroutine correlations

  subroutine fidelity_of_model()
    type(davegan_fidelity) :: fidelity
    type(davegan_generate_options_t) :: options
    type(davegan_evaluation_t) :: evaluation
    integer(int8) :: phases(32, 32, 1, 32)
    integer(int32) :: phase, n_holding, n_gates
    real(real64) :: variety, required_sides(davegan_n_properties)
    type(davegan_element_statistics_t) :: elements
    type(davegan_element_statistics_t), allocatable :: sizes(:)
    character(len=:), allocatable :: table

    call davegan_generate_options_init(options)
    options%count = 32   ! a verdict needs 256
    options%replace = 1
    call davegan_generate_into(model, phases, options)
    call davegan_generate(model, "example_fortran_judged.vtkhdf", options=options)
    ![davegan_evaluate]
    call davegan_evaluate(model, evaluation, options=options)
    print '(2(a, es9.2))', "E_rec ", evaluation%e_rec, ", E_gen ", evaluation%e_gen
    ![davegan_evaluate]
    ![davegan_fidelity_measure]
    call davegan_fidelity_measure(fidelity, micrograph, -1, phases)   ! realisations of any origin
    ![davegan_fidelity_measure]
    ![davegan_fidelity_measure_file]
    call davegan_fidelity_measure_file(fidelity, micrograph, "example_fortran_judged.vtkhdf")
    ![davegan_fidelity_measure_file]
    ![davegan_fidelity_measure_model]
    call davegan_fidelity_measure_model(fidelity, model, micrograph, options)
    ![davegan_fidelity_measure_model]
    ![davegan_fidelity_phase]
    call davegan_fidelity_phase(fidelity, phase)
    ![davegan_fidelity_phase]
    ![davegan_fidelity_figure]
    call davegan_fidelity_figure(fidelity, "variety", variety)
    ![davegan_fidelity_figure]
    ![davegan_fidelity_gates]
    call davegan_fidelity_gates(fidelity, n_holding, n_gates)
    print '(i0, a, i0, a)', n_holding, " of ", n_gates, " gates hold"
    ![davegan_fidelity_gates]
    ![davegan_fidelity_table]
    call davegan_fidelity_table(fidelity, table)
    print '(a)', table
    ![davegan_fidelity_table]
    ![davegan_fidelity_write]
    call davegan_fidelity_write(fidelity, "example_fortran_fidelity.h5")
    ![davegan_fidelity_write]
    ![davegan_fidelity_free]
    call davegan_fidelity_free(fidelity)
    ![davegan_fidelity_free]
    ![davegan_contact_sheet]
    call davegan_contact_sheet(model, "example_fortran.png", options)
    ![davegan_contact_sheet]
    ![davegan_report]
    call davegan_report(model, micrograph, "example_fortran.html", options)
    ![davegan_report]
    ![davegan_representative_size]
    ! Several sides with a model of davegan_profile_standard.
    call davegan_representative_size(model, [32], 0.01_real64, sizes, required_sides, html="example_fortran_sizes.html")
    print '(a, f8.4)', "volume fraction", sizes(1)%mean(davegan_property_volume_fraction)
    ![davegan_representative_size]
    ![davegan_element_statistics]
    call davegan_element_statistics(phases(:, :, 1, :), elements)   ! of any origin
    print '(a, f8.4)', "error of one element", elements%error(davegan_property_conductivity)
    ![davegan_element_statistics]
  end subroutine fidelity_of_model
end program example
