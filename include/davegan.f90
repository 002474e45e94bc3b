!> davegan for Fortran 2018: one file, compiled by your own compiler (module files are not portable).
!!
!!     use davegan
!!     use, intrinsic :: iso_fortran_env, only: int8
!!     type(davegan_model) :: model
!!     integer(int8), allocatable :: phases(:, :, :, :)
!!     call davegan_train(model, "micrograph.png")
!!     allocate (phases(64, 64, 1, 100))
!!     call davegan_generate_into(model, phases)
!!
!! Phase images are integer(int8) arrays (nx, ny, nz) or (nx, ny, nz, n); the bytes are those of C's [n][nz][ny][nx] and are
!! never transposed. Phase numbers start at 0.
!!
!! Every procedure that can fail ends with the optional arguments stat and errmsg. stat is davegan_ok or another of the
!! status codes below; errmsg says what was wrong, with the value, and what to do. Without stat a failure is an error stop
!! with that message.
!!
!! Option types mirror the structures of davegan.h, where their fields are documented. Fill one with its _init subroutine
!! before changing fields. Handles (davegan_micrograph, davegan_model, davegan_fidelity) free themselves, and cannot be copied.
module davegan
  use, intrinsic :: iso_c_binding, only: c_associated, c_char, c_double, c_f_pointer, c_funloc, c_funptr, c_int8_t, c_int32_t, &
    c_int64_t, c_loc, c_null_char, c_null_funptr, c_null_ptr, c_ptr, c_size_t, c_sizeof
  implicit none
  private

  ! ---- status codes ----
  integer(c_int32_t), parameter, public :: davegan_ok = 0
  integer(c_int32_t), parameter, public :: davegan_invalid_parameter = 1
  integer(c_int32_t), parameter, public :: davegan_io = 2
  integer(c_int32_t), parameter, public :: davegan_hdf5 = 3
  integer(c_int32_t), parameter, public :: davegan_format = 4
  integer(c_int32_t), parameter, public :: davegan_device = 5
  integer(c_int32_t), parameter, public :: davegan_out_of_memory = 6
  integer(c_int32_t), parameter, public :: davegan_buffer_size = 7
  integer(c_int32_t), parameter, public :: davegan_cancelled = 8
  integer(c_int32_t), parameter, public :: davegan_diverged = 9
  integer(c_int32_t), parameter, public :: davegan_callback = 254
  integer(c_int32_t), parameter, public :: davegan_internal = 255

  ! ---- modes ----
  integer(c_int32_t), parameter, public :: davegan_profile_paper32 = 1        !< tiles of 32 pixels, Table 2
  integer(c_int32_t), parameter, public :: davegan_profile_standard = 3       !< elements of any size
  integer(c_int32_t), parameter, public :: davegan_profile_paper64 = 2        !< tiles of 64 pixels, Table 3
  integer(c_int32_t), parameter, public :: davegan_profile_volume = 4         !< volumes of any size
  integer(c_int32_t), parameter, public :: davegan_device_kind_auto = 0
  integer(c_int32_t), parameter, public :: davegan_device_kind_cpu = 1
  integer(c_int32_t), parameter, public :: davegan_device_kind_cuda = 2
  integer(c_int32_t), parameter, public :: davegan_device_kind_wgpu = 3
  integer(c_int32_t), parameter, public :: davegan_segmentation_auto = 0
  integer(c_int32_t), parameter, public :: davegan_segmentation_phase_numbers = 1
  integer(c_int32_t), parameter, public :: davegan_segmentation_thresholds = 2
  integer(c_int32_t), parameter, public :: davegan_segmentation_otsu = 3
  integer, parameter, public :: davegan_n_properties = 3
  integer, parameter, public :: davegan_property_volume_fraction = 1          !< index in arrays, which begin at 1
  integer, parameter, public :: davegan_property_s2 = 2
  integer, parameter, public :: davegan_property_conductivity = 3
  integer(c_int32_t), parameter, public :: davegan_unit_unspecified = 0
  integer(c_int32_t), parameter, public :: davegan_unit_metre = 1
  integer(c_int32_t), parameter, public :: davegan_unit_millimetre = 2
  integer(c_int32_t), parameter, public :: davegan_unit_micrometre = 3
  integer(c_int32_t), parameter, public :: davegan_unit_nanometre = 4
  integer(c_int32_t), parameter, public :: davegan_sample_ellipses = 1
  integer(c_int32_t), parameter, public :: davegan_sample_checkerboard = 2
  integer(c_int32_t), parameter, public :: davegan_sample_gaussian_field = 3
  integer(c_int32_t), parameter, public :: davegan_sample_grain_boundaries = 4
  integer(c_int32_t), parameter, public :: davegan_sample_discs = 5
  integer, parameter, public :: davegan_max_phases = 8
  integer, parameter, public :: davegan_device_name_size = 256
  integer, parameter, public :: davegan_threshold_length = 256

  ! ---- mirrored structures: keep in sync with davegan.h, a test compares their sizes ----

  !> Progress of a training or a generation.
  type, bind(c), public :: davegan_progress_t
    integer(c_size_t) :: struct_size
    integer(c_int64_t) :: step, steps
    real(c_double) :: elapsed, remaining
    real(c_double) :: loss_encoder, loss_discriminator, loss_generator, loss_reconstruction, loss_divergence
  end type davegan_progress_t

  !> What is known about a device; davegan_device_name gives its name as text.
  type, bind(c), public :: davegan_device_info_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: kind, device_index
    integer(c_int64_t) :: memory
    character(kind=c_char) :: name(davegan_device_name_size)
  end type davegan_device_info_t

  !> How a micrograph is read.
  type, bind(c), public :: davegan_micrograph_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: segmentation
    integer(c_int32_t) :: n_phases
    integer(c_int32_t) :: n_thresholds
    integer(c_int32_t) :: voxel_unit
    real(c_double) :: thresholds(davegan_max_phases - 1)
    integer(c_int64_t) :: x0, y0, nx, ny
    real(c_double) :: voxel_size
  end type davegan_micrograph_options_t

  !> A built-in micrograph.
  type, bind(c), public :: davegan_sample_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: kind
    integer(c_int64_t) :: nx, ny, nz, count, seed
    real(c_double) :: volume_fraction, correlation_length_x, correlation_length_y, correlation_length_z
    integer(c_int64_t) :: cell_size
    real(c_double) :: grain_size, boundary_thickness, radius_min, radius_max, elongation, gap
  end type davegan_sample_options_t

  !> What is known about a micrograph. Element i + 1 of an array belongs to phase i.
  type, bind(c), public :: davegan_micrograph_info_t
    integer(c_size_t) :: struct_size
    integer(c_int64_t) :: n_images, nz, ny, nx
    integer(c_int32_t) :: n_phases
    integer(c_int32_t) :: voxel_unit
    real(c_double) :: volume_fraction(davegan_max_phases), phase_value(davegan_max_phases)
    integer(c_int32_t) :: minority_phase
    integer(c_int32_t) :: n_parameters
    real(c_double) :: voxel_size
  end type davegan_micrograph_info_t

  !> How a model is trained. paper_options, progress and user_data are for C; pass a text and a progress handler to
  !> davegan_train instead.
  type, bind(c), public :: davegan_train_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: profile
    integer(c_int32_t) :: device
    integer(c_int32_t) :: device_index
    integer(c_int32_t) :: threads
    integer(c_int64_t) :: seed
    integer(c_int64_t) :: steps
    integer(c_int64_t) :: window_side
    integer(c_int32_t) :: latent_size, batch_size
    real(c_double) :: learning_rate_generator, learning_rate_discriminator, learning_rate_encoder
    real(c_double) :: beta, lambda_vae, lambda_noise, lambda_rec
    type(c_ptr) :: paper_options
    integer(c_int64_t) :: checkpoint_interval
    integer(c_int32_t) :: resume, progress_bar
    real(c_double) :: progress_interval
    type(c_funptr) :: progress
    type(c_ptr) :: user_data
  end type davegan_train_options_t

  !> What is known about a model. Element i + 1 of an array belongs to phase i.
  type, bind(c), public :: davegan_model_info_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: profile, n_phases, latent_size, minority_phase
    integer(c_int64_t) :: nz, ny, nx, n_tiles, steps, steps_planned, seed, n_history
    real(c_double) :: volume_fraction(davegan_max_phases), phase_value(davegan_max_phases)
    integer(c_int32_t) :: voxel_unit
    real(c_double) :: voxel_size
  end type davegan_model_info_t

  !> What gives one realisation its volume fractions, from davegan_volume_fraction_threshold. Processes may send it to each
  !> other.
  type, bind(c), public :: davegan_threshold_t
    integer(c_int64_t) :: value(davegan_threshold_length)
  end type davegan_threshold_t

  !> Which realisations are generated. volume_fraction(i + 1) belongs to phase i, all 0 for none. progress and user_data are for
  !! C; pass a progress handler to davegan_generate and the other calls instead.
  type, bind(c), public :: davegan_generate_options_t
    integer(c_size_t) :: struct_size
    integer(c_int64_t) :: seed, first, count, nx, ny, nz, x0, y0, z0, block_nx, block_ny, block_nz
    integer(c_int64_t) :: row_stride, layer_stride, realisation_stride
    integer(c_int32_t) :: threads, replace, with_s2_error, progress_bar, voxel_unit
    real(c_double) :: voxel_size
    real(c_double) :: progress_interval
    type(c_funptr) :: progress
    type(c_ptr) :: user_data
    real(c_double) :: volume_fraction(davegan_max_phases)
    type(davegan_threshold_t) :: threshold
    integer(c_int32_t) :: smallest_island, majority
    real(c_double) :: volume_fraction_deviation
  end type davegan_generate_options_t

  !> Which two-point correlation is meant.
  type, bind(c), public :: davegan_s2_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: periodic
    integer(c_int64_t) :: max_lag
  end type davegan_s2_options_t

  !> How images are relaxed. volume_fraction(i + 1) belongs to phase i, all 0 for none. progress and user_data are for C;
  !> pass a progress handler to davegan_relax instead.
  type, bind(c), public :: davegan_relax_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: sweeps, periodic
    integer(c_int64_t) :: seed, first
    integer(c_int32_t) :: threads, progress_bar
    real(c_double) :: progress_interval
    type(c_funptr) :: progress
    type(c_ptr) :: user_data
    real(c_double) :: volume_fraction(davegan_max_phases)
  end type davegan_relax_options_t

  !> What is said of an image that is exported. spacing: the sides of a voxel along x, y and z.
  type, bind(c), public :: davegan_export_options_t
    integer(c_size_t) :: struct_size
    integer(c_int32_t) :: n_phases, voxel_unit
    real(c_double) :: spacing(3)
    integer(c_int32_t) :: periodic, plane_stress
  end type davegan_export_options_t

  !> E_rec and E_gen of a model.
  type, bind(c), public :: davegan_evaluation_t
    integer(c_size_t) :: struct_size
    real(c_double) :: e_rec, e_gen
    integer(c_int32_t) :: phase
    integer(c_int64_t) :: count
  end type davegan_evaluation_t

  !> Descriptors of a volume. Arrays are in the order x, y, z; those with _6 are for 6 neighbours, through faces, those with
  !> _26 for 26. conductivity: NaN if it was not asked for.
  type, bind(c), public :: davegan_volume_descriptors_t
    integer(c_size_t) :: struct_size
    real(c_double) :: volume_fraction, specific_surface, faces
    integer(c_int64_t) :: euler_6, euler_26, components_6, components_26
    real(c_double) :: largest_6, largest_26
    integer(c_int32_t), dimension(3) :: percolates_6, percolates_26
    real(c_double) :: conductivity(3)
  end type davegan_volume_descriptors_t

  !> Statistics of elements of one size. Arrays are in the order of davegan_property_volume_fraction, _s2, _conductivity.
  type, bind(c), public :: davegan_element_statistics_t
    integer(c_size_t) :: struct_size
    integer(c_int64_t) :: nx, ny, nz, count
    real(c_double), dimension(davegan_n_properties) :: mean, deviation, interval, error
  end type davegan_element_statistics_t

  ! ---- handles ----

  !> Phase images to learn from: made by davegan_micrograph_read, _from_memory or _sample, frees itself.
  type, public :: davegan_micrograph
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure, private :: refuse_copy => refuse_micrograph_copy
    generic, public :: assignment(=) => refuse_copy
    final :: davegan_micrograph_free
  end type davegan_micrograph

  !> A trained model: made by davegan_model_load, frees itself. May be used from many threads at once.
  type, public :: davegan_model
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure, private :: refuse_copy => refuse_model_copy
    generic, public :: assignment(=) => refuse_copy
    final :: davegan_model_free
  end type davegan_model

  !> Figures and gates of realisations: created by davegan_fidelity_measure, ..._model and ..._file, frees itself.
  type, public :: davegan_fidelity
    private
    type(c_ptr) :: handle = c_null_ptr
  contains
    procedure, private :: refuse_copy => refuse_fidelity_copy
    generic, public :: assignment(=) => refuse_copy
    final :: davegan_fidelity_free
  end type davegan_fidelity

  abstract interface
    !> Progress callback of training, generation or judging. cancel comes in as .false.; set it to stop.
    subroutine davegan_progress_handler(progress, cancel)
      import :: davegan_progress_t
      type(davegan_progress_t), intent(in) :: progress
      logical, intent(inout) :: cancel
    end subroutine davegan_progress_handler
  end interface
  public :: davegan_progress_handler

  !> What the C callback receives as user_data.
  type :: progress_context
    procedure(davegan_progress_handler), pointer, nopass :: handler => null()
  end type progress_context

  ! ---- public procedures ----

  !> Trains a model on a micrograph, a file or a handle, or volumes on an array of one to three handles: planes across z, y and
  !> x, or across z, and across y and x. path: of the model file with its checkpoints; none if absent.
  interface davegan_train
    module procedure train_file, train_micrograph, train_micrographs
  end interface davegan_train

  !> Changes interface voxels of images (nx, ny, nz, n) so that their patterns become those of a micrograph, or, in volumes, of
  !> an array of one to three: planes across z, y and x, or across z, and across y and x.
  interface davegan_relax
    module procedure relax_towards_one, relax_towards_each
  end interface davegan_relax

  !> Writes a page of HTML that says whether realisations may be taken for the material of the micrograph, or, of a model of
  !> volumes, of an array of one to three: planes across z, y and x, or across z, and across y and x. options: 256 realisations
  !> for the gates; one, without gates, if absent.
  interface davegan_report
    module procedure report_one, report_each
  end interface davegan_report

  !> Statistics of periodic elements, images (nx, ny, n) or volumes (nx, ny, nz, n), at least 2. phase: the minority phase if
  !> absent. options: threads, progress.
  interface davegan_element_statistics
    module procedure statistics_of_images, statistics_of_volumes
  end interface davegan_element_statistics

  !> Makes a micrograph from phase numbers: one image (nx, ny) or several (nx, ny, n).
  interface davegan_micrograph_from_memory
    module procedure micrograph_from_image, micrograph_from_images
  end interface davegan_micrograph_from_memory

  !> Generates into an array: one realisation (nx, ny, nz) or several (nx, ny, nz, n).
  interface davegan_generate_into
    module procedure generate_one, generate_many
  end interface davegan_generate_into

  public :: davegan_version, davegan_status_name, davegan_last_warning
  public :: davegan_devices, davegan_device_name
  public :: davegan_micrograph_options_init, davegan_sample_options_init, davegan_train_options_init
  public :: davegan_generate_options_init, davegan_s2_options_init
  public :: davegan_micrograph_read, davegan_micrograph_from_memory, davegan_micrograph_sample, davegan_micrograph_info
  public :: davegan_micrograph_plane
  public :: davegan_micrograph_phases, davegan_micrograph_parameters, davegan_micrograph_write, davegan_micrograph_free
  public :: davegan_train
  public :: davegan_model_load, davegan_model_save, davegan_model_info, davegan_model_tiles, davegan_model_history
  public :: davegan_model_free
  public :: davegan_generate, davegan_generate_into, davegan_volume_fraction_threshold
  public :: davegan_latent_size, davegan_latent_vectors, davegan_encode
  public :: davegan_decode, davegan_reconstruct, davegan_traverse, davegan_interpolate, davegan_evaluate
  public :: davegan_s2_error, davegan_s2, davegan_s2_radial
  public :: davegan_relax_options_init, davegan_relax
  public :: davegan_fidelity_measure, davegan_fidelity_measure_model, davegan_fidelity_measure_file, davegan_fidelity_phase
  public :: davegan_fidelity_figure, davegan_fidelity_gates, davegan_fidelity_table, davegan_fidelity_write
  public :: davegan_fidelity_free
  public :: davegan_contact_sheet, davegan_report, davegan_write_images
  public :: davegan_export_options_init, davegan_export_vti, davegan_export_npy, davegan_export_tiff
  public :: davegan_export_dream3d, davegan_export_abaqus, davegan_export_xdmf
  public :: davegan_representative_size, davegan_element_statistics, davegan_volume_descriptors

  ! ---- the C functions ----
  abstract interface
    function c_export(path, phases, nz, ny, nx, options) result(status) bind(c)
      import :: c_char, c_int32_t, c_int8_t, c_size_t, davegan_export_options_t
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: nz, ny, nx
      type(davegan_export_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_export
  end interface
  procedure(c_export), bind(c, name="davegan_export_vti") :: c_export_vti
  procedure(c_export), bind(c, name="davegan_export_npy") :: c_export_npy
  procedure(c_export), bind(c, name="davegan_export_tiff") :: c_export_tiff
  procedure(c_export), bind(c, name="davegan_export_dream3d") :: c_export_dream3d
  procedure(c_export), bind(c, name="davegan_export_abaqus") :: c_export_abaqus
  procedure(c_export), bind(c, name="davegan_export_xdmf") :: c_export_xdmf
  interface
    function c_strlen(text) result(length) bind(c, name="strlen")
      import :: c_ptr, c_size_t
      type(c_ptr), value :: text
      integer(c_size_t) :: length
    end function c_strlen
    function c_version() result(text) bind(c, name="davegan_version")
      import :: c_ptr
      type(c_ptr) :: text
    end function c_version
    function c_status_name(status) result(text) bind(c, name="davegan_status_name")
      import :: c_int32_t, c_ptr
      integer(c_int32_t), value :: status
      type(c_ptr) :: text
    end function c_status_name
    function c_last_error_copy(buffer, capacity, needed) result(status) bind(c, name="davegan_last_error_copy")
      import :: c_char, c_int32_t, c_size_t
      character(kind=c_char), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: needed
      integer(c_int32_t) :: status
    end function c_last_error_copy
    function c_last_warning_copy(buffer, capacity, needed) result(status) bind(c, name="davegan_last_warning_copy")
      import :: c_char, c_int32_t, c_size_t
      character(kind=c_char), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: needed
      integer(c_int32_t) :: status
    end function c_last_warning_copy
    function c_device_count(count) result(status) bind(c, name="davegan_device_count")
      import :: c_int32_t
      integer(c_int32_t), intent(out) :: count
      integer(c_int32_t) :: status
    end function c_device_count
    function c_device_info(number, info, size) result(status) bind(c, name="davegan_device_info")
      import :: c_int32_t, c_size_t, davegan_device_info_t
      integer(c_int32_t), value :: number
      type(davegan_device_info_t), intent(out) :: info
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_device_info
    function c_micrograph_options_init(options, size) result(status) bind(c, name="davegan_micrograph_options_init")
      import :: c_int32_t, c_size_t, davegan_micrograph_options_t
      type(davegan_micrograph_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_micrograph_options_init
    function c_micrograph_read(path, dataset, options, micrograph) result(status) bind(c, name="davegan_micrograph_read")
      import :: c_char, c_int32_t, c_ptr, davegan_micrograph_options_t
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(in), optional :: dataset(*)
      type(davegan_micrograph_options_t), intent(in), optional :: options
      type(c_ptr), intent(out) :: micrograph
      integer(c_int32_t) :: status
    end function c_micrograph_read
    function c_micrograph_from_memory(phases, n, ny, nx, micrograph) result(status) bind(c, name="davegan_micrograph_from_memory")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, ny, nx
      type(c_ptr), intent(out) :: micrograph
      integer(c_int32_t) :: status
    end function c_micrograph_from_memory
    function c_sample_options_init(options, size, kind) result(status) bind(c, name="davegan_sample_options_init")
      import :: c_int32_t, c_size_t, davegan_sample_options_t
      type(davegan_sample_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t), value :: kind
      integer(c_int32_t) :: status
    end function c_sample_options_init
    function c_micrograph_sample(options, micrograph) result(status) bind(c, name="davegan_micrograph_sample")
      import :: c_int32_t, c_ptr, davegan_sample_options_t
      type(davegan_sample_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: micrograph
      integer(c_int32_t) :: status
    end function c_micrograph_sample
    function c_micrograph_plane(micrograph, axis, number, plane) result(status) bind(c, name="davegan_micrograph_plane")
      import :: c_int32_t, c_int64_t, c_ptr
      type(c_ptr), value :: micrograph
      integer(c_int32_t), value :: axis
      integer(c_int64_t), value :: number
      type(c_ptr), intent(out) :: plane
      integer(c_int32_t) :: status
    end function c_micrograph_plane
    function c_micrograph_info(micrograph, info, size) result(status) bind(c, name="davegan_micrograph_info")
      import :: c_int32_t, c_ptr, c_size_t, davegan_micrograph_info_t
      type(c_ptr), value :: micrograph
      type(davegan_micrograph_info_t), intent(out) :: info
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_micrograph_info
    function c_micrograph_phases(micrograph, buffer, capacity) result(status) bind(c, name="davegan_micrograph_phases")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: micrograph
      integer(c_int8_t), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_micrograph_phases
    function c_micrograph_parameters(micrograph, buffer, capacity) result(status) bind(c, name="davegan_micrograph_parameters")
      import :: c_double, c_int32_t, c_ptr, c_size_t
      type(c_ptr), value :: micrograph
      real(c_double), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_micrograph_parameters
    function c_micrograph_write(micrograph, path, dataset) result(status) bind(c, name="davegan_micrograph_write")
      import :: c_char, c_int32_t, c_ptr
      type(c_ptr), value :: micrograph
      character(kind=c_char), intent(in) :: path(*), dataset(*)
      integer(c_int32_t) :: status
    end function c_micrograph_write
    subroutine c_micrograph_free(micrograph) bind(c, name="davegan_micrograph_free")
      import :: c_ptr
      type(c_ptr), value :: micrograph
    end subroutine c_micrograph_free
    function c_train_options_init(options, size, profile) result(status) bind(c, name="davegan_train_options_init")
      import :: c_int32_t, c_size_t, davegan_train_options_t
      type(davegan_train_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t), value :: profile
      integer(c_int32_t) :: status
    end function c_train_options_init
    function c_train(micrograph, dataset, path, options, model) result(status) bind(c, name="davegan_train")
      import :: c_char, c_int32_t, c_ptr, davegan_train_options_t
      character(kind=c_char), intent(in) :: micrograph(*)
      character(kind=c_char), intent(in), optional :: dataset(*), path(*)
      type(davegan_train_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: model
      integer(c_int32_t) :: status
    end function c_train
    function c_train_micrograph(micrograph, path, options, model) result(status) bind(c, name="davegan_train_micrograph")
      import :: c_char, c_int32_t, c_ptr, davegan_train_options_t
      type(c_ptr), value :: micrograph
      character(kind=c_char), intent(in), optional :: path(*)
      type(davegan_train_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: model
      integer(c_int32_t) :: status
    end function c_train_micrograph
    function c_train_volume(micrographs, n, path, options, model) result(status) bind(c, name="davegan_train_volume")
      import :: c_char, c_int32_t, c_ptr, c_size_t, davegan_train_options_t
      type(c_ptr), intent(in) :: micrographs(*)
      integer(c_size_t), value :: n
      character(kind=c_char), intent(in), optional :: path(*)
      type(davegan_train_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: model
      integer(c_int32_t) :: status
    end function c_train_volume
    function c_model_save(model, path) result(status) bind(c, name="davegan_model_save")
      import :: c_char, c_int32_t, c_ptr
      type(c_ptr), value :: model
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int32_t) :: status
    end function c_model_save
    function c_model_load(path, device, device_index, model) result(status) bind(c, name="davegan_model_load")
      import :: c_char, c_int32_t, c_ptr
      character(kind=c_char), intent(in) :: path(*)
      integer(c_int32_t), value :: device, device_index
      type(c_ptr), intent(out) :: model
      integer(c_int32_t) :: status
    end function c_model_load
    function c_model_info(model, info, size) result(status) bind(c, name="davegan_model_info")
      import :: c_int32_t, c_ptr, c_size_t, davegan_model_info_t
      type(c_ptr), value :: model
      type(davegan_model_info_t), intent(out) :: info
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_model_info
    function c_model_tiles(model, buffer, capacity) result(status) bind(c, name="davegan_model_tiles")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      integer(c_int8_t), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_model_tiles
    function c_model_history(model, buffer, capacity) result(status) bind(c, name="davegan_model_history")
      import :: c_double, c_int32_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      real(c_double), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_model_history
    subroutine c_model_free(model) bind(c, name="davegan_model_free")
      import :: c_ptr
      type(c_ptr), value :: model
    end subroutine c_model_free
    function c_generate_options_init(options, size) result(status) bind(c, name="davegan_generate_options_init")
      import :: c_int32_t, c_size_t, davegan_generate_options_t
      type(davegan_generate_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_generate_options_init
    function c_generate(model, path, group, options) result(status) bind(c, name="davegan_generate")
      import :: c_char, c_int32_t, c_ptr, davegan_generate_options_t
      type(c_ptr), value :: model
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(in), optional :: group(*)
      type(davegan_generate_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_generate
    function c_generate_into(model, options, phases, capacity) result(status) bind(c, name="davegan_generate_into")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t, davegan_generate_options_t
      type(c_ptr), value :: model
      type(davegan_generate_options_t), intent(in) :: options
      integer(c_int8_t), intent(out) :: phases(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_generate_into
    function c_latent_vectors(model, options, z, capacity) result(status) bind(c, name="davegan_latent_vectors")
      import :: c_double, c_int32_t, c_ptr, c_size_t, davegan_generate_options_t
      type(c_ptr), value :: model
      type(davegan_generate_options_t), intent(in) :: options
      real(c_double), intent(out) :: z(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_latent_vectors
    function c_threshold(model, options, threshold) result(status) bind(c, name="davegan_volume_fraction_threshold")
      import :: c_int32_t, c_ptr, davegan_generate_options_t, davegan_threshold_t
      type(c_ptr), value :: model
      type(davegan_generate_options_t), intent(in) :: options
      type(davegan_threshold_t), intent(out) :: threshold
      integer(c_int32_t) :: status
    end function c_threshold
    function c_latent_size(model, nz, ny, nx, latents) result(status) bind(c, name="davegan_latent_size")
      import :: c_int32_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      integer(c_size_t), value :: nz, ny, nx
      integer(c_size_t), intent(out) :: latents
      integer(c_int32_t) :: status
    end function c_latent_size
    function c_encode(model, phases, n, nz, ny, nx, mean, deviation, capacity) result(status) bind(c, name="davegan_encode")
      import :: c_double, c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx
      real(c_double), intent(out) :: mean(*)
      real(c_double), intent(out) :: deviation(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_encode
    function c_decode(model, z, n, nz, ny, nx, phases, capacity) result(status) bind(c, name="davegan_decode")
      import :: c_double, c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      real(c_double), intent(in) :: z(*)
      integer(c_size_t), value :: n, nz, ny, nx
      integer(c_int8_t), intent(out) :: phases(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_decode
    function c_reconstruct(model, phases, n, nz, ny, nx, reconstructions, capacity) result(status) &
      bind(c, name="davegan_reconstruct")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx
      integer(c_int8_t), intent(out) :: reconstructions(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_reconstruct
    function c_traverse(model, z, dimension, n, range, nz, ny, nx, phases, capacity) result(status) &
      bind(c, name="davegan_traverse")
      import :: c_double, c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      real(c_double), intent(in) :: z(*)
      integer(c_int32_t), value :: dimension
      integer(c_size_t), value :: n, nz, ny, nx
      real(c_double), value :: range
      integer(c_int8_t), intent(out) :: phases(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_traverse
    function c_interpolate(model, from, to, n, nz, ny, nx, phases, capacity) result(status) &
      bind(c, name="davegan_interpolate")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t
      type(c_ptr), value :: model
      integer(c_int8_t), intent(in) :: from(*), to(*)
      integer(c_size_t), value :: n, nz, ny, nx
      integer(c_int8_t), intent(out) :: phases(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_interpolate
    function c_s2_options_init(options, size) result(status) bind(c, name="davegan_s2_options_init")
      import :: c_int32_t, c_size_t, davegan_s2_options_t
      type(davegan_s2_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_s2_options_init
    function c_s2_error(a, b, nz, ny, nx, phase, options, error) result(status) bind(c, name="davegan_s2_error")
      import :: c_double, c_int32_t, c_int8_t, c_size_t, davegan_s2_options_t
      integer(c_int8_t), intent(in) :: a(*), b(*)
      integer(c_size_t), value :: nz, ny, nx
      integer(c_int32_t), value :: phase
      type(davegan_s2_options_t), intent(in), optional :: options
      real(c_double), intent(out) :: error
      integer(c_int32_t) :: status
    end function c_s2_error
    function c_s2(image, nz, ny, nx, phase, options, s2, capacity) result(status) bind(c, name="davegan_s2")
      import :: c_double, c_int32_t, c_int8_t, c_size_t, davegan_s2_options_t
      integer(c_int8_t), intent(in) :: image(*)
      integer(c_size_t), value :: nz, ny, nx
      integer(c_int32_t), value :: phase
      type(davegan_s2_options_t), intent(in), optional :: options
      real(c_double), intent(out) :: s2(*)
      integer(c_size_t), value :: capacity
      integer(c_int32_t) :: status
    end function c_s2
    function c_s2_radial(image, nz, ny, nx, phase, options, radius, s2, capacity, needed) result(status) &
      bind(c, name="davegan_s2_radial")
      import :: c_double, c_int32_t, c_int8_t, c_size_t, davegan_s2_options_t
      integer(c_int8_t), intent(in) :: image(*)
      integer(c_size_t), value :: nz, ny, nx
      integer(c_int32_t), value :: phase
      type(davegan_s2_options_t), intent(in), optional :: options
      real(c_double), intent(out) :: radius(*), s2(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: needed
      integer(c_int32_t) :: status
    end function c_s2_radial
    function c_evaluate(model, phase, options, evaluation, size) result(status) bind(c, name="davegan_evaluate")
      import :: c_int32_t, c_ptr, c_size_t, davegan_evaluation_t, davegan_generate_options_t
      type(c_ptr), value :: model
      integer(c_int32_t), value :: phase
      type(davegan_generate_options_t), intent(in) :: options
      type(davegan_evaluation_t), intent(out) :: evaluation
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_evaluate
    function c_relax_options_init(options, size) result(status) bind(c, name="davegan_relax_options_init")
      import :: c_int32_t, c_size_t, davegan_relax_options_t
      type(davegan_relax_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_relax_options_init
    function c_relax(micrograph, options, phases, n, nz, ny, nx) result(status) bind(c, name="davegan_relax")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t, davegan_relax_options_t
      type(c_ptr), value :: micrograph
      integer(c_int8_t), intent(inout) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx
      type(davegan_relax_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_relax
    function c_relax_volume(micrographs, n_micrographs, options, phases, n, nz, ny, nx) result(status) &
      bind(c, name="davegan_relax_volume")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t, davegan_relax_options_t
      type(c_ptr), intent(in) :: micrographs(*)
      integer(c_int8_t), intent(inout) :: phases(*)
      integer(c_size_t), value :: n_micrographs, n, nz, ny, nx
      type(davegan_relax_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_relax_volume
    function c_fidelity_measure(micrograph, phase, axis, realisations, n, nz, ny, nx, reconstructions, n_reconstructions, &
      options, fidelity) result(status) bind(c, name="davegan_fidelity_measure")
      import :: c_int32_t, c_int8_t, c_ptr, c_size_t, davegan_generate_options_t
      type(c_ptr), value :: micrograph
      integer(c_int32_t), value :: phase, axis
      integer(c_int8_t), intent(in) :: realisations(*)
      integer(c_size_t), value :: n, nz, ny, nx
      integer(c_int8_t), intent(in), optional :: reconstructions(*)
      integer(c_size_t), value :: n_reconstructions
      type(davegan_generate_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: fidelity
      integer(c_int32_t) :: status
    end function c_fidelity_measure
    function c_fidelity_measure_model(model, micrograph, phase, axis, options, fidelity) result(status) &
      bind(c, name="davegan_fidelity_measure_model")
      import :: c_int32_t, c_ptr, davegan_generate_options_t
      type(c_ptr), value :: model, micrograph
      integer(c_int32_t), value :: phase, axis
      type(davegan_generate_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: fidelity
      integer(c_int32_t) :: status
    end function c_fidelity_measure_model
    function c_fidelity_measure_file(micrograph, phase, axis, path, dataset, reconstructions, reconstructions_dataset, &
      options, fidelity) result(status) bind(c, name="davegan_fidelity_measure_file")
      import :: c_char, c_int32_t, c_ptr, davegan_generate_options_t
      type(c_ptr), value :: micrograph
      integer(c_int32_t), value :: phase, axis
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(in), optional :: dataset(*), reconstructions(*), reconstructions_dataset(*)
      type(davegan_generate_options_t), intent(in) :: options
      type(c_ptr), intent(out) :: fidelity
      integer(c_int32_t) :: status
    end function c_fidelity_measure_file
    function c_fidelity_phase(fidelity, phase) result(status) bind(c, name="davegan_fidelity_phase")
      import :: c_int32_t, c_ptr
      type(c_ptr), value :: fidelity
      integer(c_int32_t), intent(out) :: phase
      integer(c_int32_t) :: status
    end function c_fidelity_phase
    function c_fidelity_write(fidelity, path, group) result(status) bind(c, name="davegan_fidelity_write")
      import :: c_char, c_int32_t, c_ptr
      type(c_ptr), value :: fidelity
      character(kind=c_char), intent(in) :: path(*)
      character(kind=c_char), intent(in), optional :: group(*)
      integer(c_int32_t) :: status
    end function c_fidelity_write
    function c_fidelity_figure(fidelity, name, value) result(status) bind(c, name="davegan_fidelity_figure")
      import :: c_char, c_double, c_int32_t, c_ptr
      type(c_ptr), value :: fidelity
      character(kind=c_char), intent(in) :: name(*)
      real(c_double), intent(out) :: value
      integer(c_int32_t) :: status
    end function c_fidelity_figure
    function c_fidelity_gates(fidelity, n_holding, n_gates) result(status) bind(c, name="davegan_fidelity_gates")
      import :: c_int32_t, c_ptr
      type(c_ptr), value :: fidelity
      integer(c_int32_t), intent(out) :: n_holding, n_gates
      integer(c_int32_t) :: status
    end function c_fidelity_gates
    function c_fidelity_table(fidelity, buffer, capacity, needed) result(status) bind(c, name="davegan_fidelity_table")
      import :: c_char, c_int32_t, c_ptr, c_size_t
      type(c_ptr), value :: fidelity
      character(kind=c_char), intent(out) :: buffer(*)
      integer(c_size_t), value :: capacity
      integer(c_size_t), intent(out) :: needed
      integer(c_int32_t) :: status
    end function c_fidelity_table
    subroutine c_fidelity_free(fidelity) bind(c, name="davegan_fidelity_free")
      import :: c_ptr
      type(c_ptr), value :: fidelity
    end subroutine c_fidelity_free
    function c_contact_sheet(model, png, options) result(status) bind(c, name="davegan_contact_sheet")
      import :: c_char, c_int32_t, c_ptr, davegan_generate_options_t
      type(c_ptr), value :: model
      character(kind=c_char), intent(in) :: png(*)
      type(davegan_generate_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_contact_sheet
    function c_report(model, micrograph, html, options) result(status) bind(c, name="davegan_report")
      import :: c_char, c_int32_t, c_ptr, davegan_generate_options_t
      type(c_ptr), value :: model, micrograph
      character(kind=c_char), intent(in) :: html(*)
      type(davegan_generate_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_report
    function c_report_volume(model, micrographs, n_micrographs, html, options) result(status) &
      bind(c, name="davegan_report_volume")
      import :: c_char, c_int32_t, c_ptr, c_size_t, davegan_generate_options_t
      type(c_ptr), value :: model
      type(c_ptr), intent(in) :: micrographs(*)
      integer(c_size_t), value :: n_micrographs
      character(kind=c_char), intent(in) :: html(*)
      type(davegan_generate_options_t), intent(in) :: options
      integer(c_int32_t) :: status
    end function c_report_volume
    function c_write_images(path, dataset, phases, n, nz, ny, nx) result(status) bind(c, name="davegan_write_images")
      import :: c_char, c_int32_t, c_int8_t, c_size_t
      character(kind=c_char), intent(in) :: path(*), dataset(*)
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx
      integer(c_int32_t) :: status
    end function c_write_images
    function c_export_options_init(options, size) result(status) bind(c, name="davegan_export_options_init")
      import :: c_int32_t, c_size_t, davegan_export_options_t
      type(davegan_export_options_t), intent(out) :: options
      integer(c_size_t), value :: size
      integer(c_int32_t) :: status
    end function c_export_options_init
    function c_representative_size(model, phase, sides, n_sides, precision, html, options, statistics, size, &
      required_sides) result(status) bind(c, name="davegan_representative_size")
      import :: c_char, c_double, c_int32_t, c_int64_t, c_ptr, c_size_t, davegan_element_statistics_t, &
        davegan_generate_options_t
      type(c_ptr), value :: model
      integer(c_int32_t), value :: phase
      integer(c_int64_t), intent(in) :: sides(*)
      integer(c_size_t), value :: n_sides, size
      real(c_double), value :: precision
      character(kind=c_char), intent(in), optional :: html(*)
      type(davegan_generate_options_t), intent(in) :: options
      type(davegan_element_statistics_t), intent(out) :: statistics(*)
      real(c_double), intent(out) :: required_sides(*)
      integer(c_int32_t) :: status
    end function c_representative_size
    function c_volume_descriptors(phases, n, nz, ny, nx, phase, periodic, conductivity, options, descriptors, size) &
      result(status) bind(c, name="davegan_volume_descriptors")
      import :: c_int32_t, c_int8_t, c_size_t, davegan_generate_options_t, davegan_volume_descriptors_t
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx, size
      integer(c_int32_t), value :: phase, periodic, conductivity
      type(davegan_generate_options_t), intent(in) :: options
      type(davegan_volume_descriptors_t), intent(out) :: descriptors(*)
      integer(c_int32_t) :: status
    end function c_volume_descriptors
    function c_element_statistics(phases, n, nz, ny, nx, phase, options, statistics, size) result(status) &
      bind(c, name="davegan_element_statistics")
      import :: c_int32_t, c_int8_t, c_size_t, davegan_element_statistics_t, davegan_generate_options_t
      integer(c_int8_t), intent(in) :: phases(*)
      integer(c_size_t), value :: n, nz, ny, nx, size
      integer(c_int32_t), value :: phase
      type(davegan_generate_options_t), intent(in) :: options
      type(davegan_element_statistics_t), intent(out) :: statistics
      integer(c_int32_t) :: status
    end function c_element_statistics
  end interface

contains

  ! ---- version, status, messages ----

  !> The version of the library that is loaded, such as "0.1.0".
  function davegan_version() result(version)
    character(len=:), allocatable :: version
    version = to_fortran(c_version())
  end function davegan_version

  !> The name of a status code, such as "DAVEGAN_IO".
  function davegan_status_name(status) result(name)
    integer(c_int32_t), intent(in) :: status
    character(len=:), allocatable :: name
    name = to_fortran(c_status_name(status))
  end function davegan_status_name

  !> The warnings of the last call of this thread that read a micrograph or trained, a sentence a line; often empty.
  function davegan_last_warning() result(text)
    character(len=:), allocatable :: text
    text = copied(c_last_warning_copy)
  end function davegan_last_warning

  ! ---- devices ----

  !> Every device of this build that is there, the processor first.
  subroutine davegan_devices(devices, stat, errmsg)
    type(davegan_device_info_t), allocatable, intent(out) :: devices(:)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int32_t) :: status, n, i
    status = c_device_count(n)
    allocate (devices(n))
    do i = 1, n
      if (status == davegan_ok) status = c_device_info(i - 1, devices(i), c_sizeof(devices(i)))
    end do
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_devices

  !> What its driver calls a device.
  pure function davegan_device_name(device) result(name)
    type(davegan_device_info_t), intent(in) :: device
    character(len=:), allocatable :: name
    integer :: i, length
    length = 0
    do while (length < davegan_device_name_size)
      if (device%name(length + 1) == c_null_char) exit
      length = length + 1
    end do
    allocate (character(len=length) :: name)
    do i = 1, length
      name(i:i) = device%name(i)
    end do
  end function davegan_device_name

  ! ---- micrographs ----

  !> Fills options with the defaults.
  subroutine davegan_micrograph_options_init(options, stat, errmsg)
    type(davegan_micrograph_options_t), intent(out) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_micrograph_options_init(options, c_sizeof(options)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_options_init

  !> Reads HDF5, PNG or TIFF. dataset: path inside an HDF5 file; not needed for pictures, or for the only dataset.
  subroutine davegan_micrograph_read(micrograph, path, dataset, options, stat, errmsg)
    type(davegan_micrograph), intent(inout) :: micrograph
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: dataset
    type(davegan_micrograph_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable :: name
    call davegan_micrograph_free(micrograph)
    call to_optional_c(name, dataset)
    call report(c_micrograph_read(to_c(path), name, options, micrograph%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_read

  subroutine micrograph_from_image(micrograph, phases, stat, errmsg)
    type(davegan_micrograph), intent(inout) :: micrograph
    integer(c_int8_t), intent(in), contiguous :: phases(:, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call davegan_micrograph_free(micrograph)
    call report(c_micrograph_from_memory(phases, 1_c_size_t, size(phases, 2, c_size_t), size(phases, 1, c_size_t), &
      micrograph%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine micrograph_from_image

  subroutine micrograph_from_images(micrograph, phases, stat, errmsg)
    type(davegan_micrograph), intent(inout) :: micrograph
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call davegan_micrograph_free(micrograph)
    call report(c_micrograph_from_memory(phases, size(phases, 3, c_size_t), size(phases, 2, c_size_t), &
      size(phases, 1, c_size_t), micrograph%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine micrograph_from_images

  !> Fills options with the defaults of a kind of built-in micrograph, one of davegan_sample_...
  subroutine davegan_sample_options_init(options, kind, stat, errmsg)
    type(davegan_sample_options_t), intent(out) :: options
    integer(c_int32_t), intent(in) :: kind
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_sample_options_init(options, c_sizeof(options), kind), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_sample_options_init

  !> Makes a built-in micrograph.
  subroutine davegan_micrograph_sample(micrograph, options, stat, errmsg)
    type(davegan_micrograph), intent(inout) :: micrograph
    type(davegan_sample_options_t), intent(in) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call davegan_micrograph_free(micrograph)
    call report(c_micrograph_sample(options, micrograph%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_sample

  !> Plane number, from 0, across an axis of a volume, 0 to 2 for z, y and x, as a micrograph.
  subroutine davegan_micrograph_plane(micrograph, axis, number, plane, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    integer(c_int32_t), intent(in) :: axis
    integer(c_int64_t), intent(in) :: number
    type(davegan_micrograph), intent(inout) :: plane
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call davegan_micrograph_free(plane)
    call report(c_micrograph_plane(micrograph%handle, axis, number, plane%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_plane

  !> Sizes, phases and their volume fractions.
  subroutine davegan_micrograph_info(micrograph, info, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    type(davegan_micrograph_info_t), intent(out) :: info
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_micrograph_info(micrograph%handle, info, c_sizeof(info)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_info

  !> The phase numbers (nx, ny, nz, n).
  subroutine davegan_micrograph_phases(micrograph, phases, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    integer(c_int8_t), allocatable, intent(out) :: phases(:, :, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_micrograph_info_t) :: info
    integer(c_int32_t) :: status
    status = c_micrograph_info(micrograph%handle, info, c_sizeof(info))
    if (status == davegan_ok) then
      allocate (phases(info%nx, info%ny, info%nz, info%n_images))
      status = c_micrograph_phases(micrograph%handle, phases, size(phases, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_phases

  !> The true parameters of built-in ellipses (n_parameters, n); an error for any other micrograph.
  subroutine davegan_micrograph_parameters(micrograph, parameters, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    real(c_double), allocatable, intent(out) :: parameters(:, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_micrograph_info_t) :: info
    integer(c_int32_t) :: status
    status = c_micrograph_info(micrograph%handle, info, c_sizeof(info))
    if (status == davegan_ok) then
      allocate (parameters(info%n_parameters, info%n_images))
      status = c_micrograph_parameters(micrograph%handle, parameters, size(parameters, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_parameters

  !> Writes the phase numbers as a dataset of an HDF5 file.
  subroutine davegan_micrograph_write(micrograph, path, dataset, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    character(len=*), intent(in) :: path, dataset
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_micrograph_write(micrograph%handle, to_c(path), to_c(dataset)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_micrograph_write

  !> Frees a micrograph, or each of an array, before it goes out of scope; harmless if there is none.
  impure elemental subroutine davegan_micrograph_free(micrograph)
    type(davegan_micrograph), intent(inout) :: micrograph
    call c_micrograph_free(micrograph%handle)
    micrograph%handle = c_null_ptr
  end subroutine davegan_micrograph_free

  subroutine refuse_micrograph_copy(left, right)
    class(davegan_micrograph), intent(inout) :: left
    class(davegan_micrograph), intent(in) :: right
    if (.not. c_associated(left%handle, right%handle)) error stop "davegan: a davegan_micrograph cannot be copied: pass it on"
  end subroutine refuse_micrograph_copy

  ! ---- training ----

  !> Fills options with the values of a profile, one of davegan_profile_...
  subroutine davegan_train_options_init(options, profile, stat, errmsg)
    type(davegan_train_options_t), intent(out) :: options
    integer(c_int32_t), intent(in) :: profile
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_train_options_init(options, c_sizeof(options), profile), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_train_options_init

  subroutine train_file(model, micrograph, path, dataset, options, progress, stat, errmsg, paper_options)
    type(davegan_model), intent(inout) :: model
    character(len=*), intent(in) :: micrograph
    character(len=*), intent(in), optional :: path, dataset
    type(davegan_train_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=*), intent(in), optional :: paper_options
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable, target :: points
    type(davegan_train_options_t) :: raw
    type(progress_context), target :: context
    character(kind=c_char, len=:), allocatable :: name, file
    integer(c_int32_t) :: status
    call davegan_model_free(model)
    call prepare_training(raw, context, points, status, options, progress, paper_options)
    call to_optional_c(name, dataset)
    call to_optional_c(file, path)
    if (status == davegan_ok) status = c_train(to_c(micrograph), name, file, raw, model%handle)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine train_file

  subroutine train_micrograph(model, micrograph, path, options, progress, stat, errmsg, paper_options)
    type(davegan_model), intent(inout) :: model
    type(davegan_micrograph), intent(in) :: micrograph
    character(len=*), intent(in), optional :: path
    type(davegan_train_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=*), intent(in), optional :: paper_options
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable, target :: points
    type(davegan_train_options_t) :: raw
    type(progress_context), target :: context
    character(kind=c_char, len=:), allocatable :: file
    integer(c_int32_t) :: status
    call davegan_model_free(model)
    call prepare_training(raw, context, points, status, options, progress, paper_options)
    call to_optional_c(file, path)
    if (status == davegan_ok) status = c_train_micrograph(micrograph%handle, file, raw, model%handle)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine train_micrograph

  subroutine train_micrographs(model, micrographs, path, options, progress, stat, errmsg, paper_options)
    type(davegan_model), intent(inout) :: model
    type(davegan_micrograph), intent(in) :: micrographs(:)
    character(len=*), intent(in), optional :: path
    type(davegan_train_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=*), intent(in), optional :: paper_options
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable, target :: points
    type(davegan_train_options_t) :: raw
    type(progress_context), target :: context
    character(kind=c_char, len=:), allocatable :: file
    integer(c_int32_t) :: status
    call davegan_model_free(model)
    call prepare_training(raw, context, points, status, options, progress, paper_options, davegan_profile_volume)
    call to_optional_c(file, path)
    if (status == davegan_ok) then
      status = c_train_volume(handles_of(micrographs), size(micrographs, kind=c_size_t), file, raw, model%handle)
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine train_micrographs

  subroutine prepare_training(raw, context, points, status, options, progress, paper_options, profile)
    type(davegan_train_options_t), intent(out) :: raw
    type(progress_context), intent(inout), target :: context
    character(kind=c_char, len=:), allocatable, target, intent(out) :: points
    integer(c_int32_t), intent(out) :: status
    type(davegan_train_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    character(len=*), intent(in), optional :: paper_options
    integer(c_int32_t), intent(in), optional :: profile
    integer(c_int32_t) :: default
    status = davegan_ok
    if (present(options)) then
      raw = options
    else
      default = davegan_profile_standard
      if (present(profile)) default = profile
      status = c_train_options_init(raw, c_sizeof(raw), default)
    end if
    if (present(paper_options)) then
      points = to_c(paper_options)
      raw%paper_options = c_loc(points)
    end if
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
  end subroutine prepare_training

  ! ---- model ----

  !> Loads a model file. device: one of davegan_device_kind_..., automatic if absent; device_index: which of them, from 0.
  subroutine davegan_model_load(model, path, device, device_index, stat, errmsg)
    type(davegan_model), intent(inout) :: model
    character(len=*), intent(in) :: path
    integer(c_int32_t), intent(in), optional :: device, device_index
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int32_t) :: kind, index
    kind = davegan_device_kind_auto
    if (present(device)) kind = device
    index = 0
    if (present(device_index)) index = device_index
    call davegan_model_free(model)
    call report(c_model_load(to_c(path), kind, index, model%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_model_load

  !> Writes a model to a file for davegan_model_load. A training cannot be resumed from it.
  subroutine davegan_model_save(model, path, stat, errmsg)
    type(davegan_model), intent(in) :: model
    character(len=*), intent(in) :: path
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_model_save(model%handle, to_c(path)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_model_save

  !> Sizes, phases and how it was trained.
  subroutine davegan_model_info(model, info, stat, errmsg)
    type(davegan_model), intent(in) :: model
    type(davegan_model_info_t), intent(out) :: info
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_model_info(model%handle, info, c_sizeof(info)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_model_info

  !> The tiles it was trained on (nx, ny, nz, n_tiles).
  subroutine davegan_model_tiles(model, tiles, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), allocatable, intent(out) :: tiles(:, :, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_model_info_t) :: info
    integer(c_int32_t) :: status
    status = c_model_info(model%handle, info, c_sizeof(info))
    if (status == davegan_ok) then
      allocate (tiles(info%nx, info%ny, info%nz, info%n_tiles))
      status = c_model_tiles(model%handle, tiles, size(tiles, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_model_tiles

  !> The losses during training (6, n_history): step, L_Enc, L_Disc, L_Gen, L_Rec, L_KLD.
  subroutine davegan_model_history(model, history, stat, errmsg)
    type(davegan_model), intent(in) :: model
    real(c_double), allocatable, intent(out) :: history(:, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_model_info_t) :: info
    integer(c_int32_t) :: status
    status = c_model_info(model%handle, info, c_sizeof(info))
    if (status == davegan_ok) then
      allocate (history(6, info%n_history))
      status = c_model_history(model%handle, history, size(history, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_model_history

  !> Frees a model before it goes out of scope; harmless if there is none.
  impure elemental subroutine davegan_model_free(model)
    type(davegan_model), intent(inout) :: model
    call c_model_free(model%handle)
    model%handle = c_null_ptr
  end subroutine davegan_model_free

  subroutine refuse_model_copy(left, right)
    class(davegan_model), intent(inout) :: left
    class(davegan_model), intent(in) :: right
    if (.not. c_associated(left%handle, right%handle)) error stop "davegan: a davegan_model cannot be copied: pass it on"
  end subroutine refuse_model_copy

  ! ---- generation ----

  !> Fills options with the defaults.
  subroutine davegan_generate_options_init(options, stat, errmsg)
    type(davegan_generate_options_t), intent(out) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_generate_options_init(options, c_sizeof(options)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_generate_options_init

  !> Appends realisations to an HDF5 file. group: a group of the file; the VTKHDF layout if absent.
  subroutine davegan_generate(model, path, group, options, progress, stat, errmsg)
    type(davegan_model), intent(in) :: model
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: group
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    character(kind=c_char, len=:), allocatable :: name
    integer(c_int32_t) :: status
    call prepare_generation(raw, status, options)
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    call to_optional_c(name, group)
    if (status == davegan_ok) status = c_generate(model%handle, to_c(path), name, raw)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_generate

  subroutine generate_one(model, phases, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), intent(out), contiguous, target :: phases(:, :, :)
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int8_t), pointer, contiguous :: many(:, :, :, :)
    many(1:size(phases, 1), 1:size(phases, 2), 1:size(phases, 3), 1:1) => phases
    call generate_many(model, many, options, stat, message)
    if (present(errmsg)) errmsg = message
  end subroutine generate_one

  !> The last extent of phases says how many realisations: options%count is ignored. With the profile standard the first two
  !! say how large they are, with volume the first three; or, if options%nx and options%ny (and options%nz) do, how large the
  !! block from options%x0, options%y0 and options%z0 on is.
  subroutine generate_many(model, phases, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), intent(out), contiguous :: phases(:, :, :, :)
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    integer(c_int32_t) :: status
    call prepare_generation(raw, status, options)
    raw%count = size(phases, 4)
    if (status == davegan_ok) call take_size(model, shape(phases), raw, status, message)
    if (status == davegan_ok) status = c_generate_into(model%handle, raw, phases, size(phases, kind=c_size_t))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine generate_many

  !> Asks for realisations of the extents of the caller's array, if the model makes any size.
  subroutine take_size(model, given, raw, status, message)
    type(davegan_model), intent(in) :: model
    integer, intent(in) :: given(4)
    type(davegan_generate_options_t), intent(inout) :: raw
    integer(c_int32_t), intent(out) :: status
    character(len=:), allocatable, intent(inout) :: message
    type(davegan_model_info_t) :: info
    status = c_model_info(model%handle, info, c_sizeof(info))
    if (status /= davegan_ok) return
    raw%row_stride = 0
    raw%layer_stride = 0
    raw%realisation_stride = 0
    if (info%profile == davegan_profile_volume .or. info%profile == davegan_profile_standard) then
      if (raw%nx == 0 .and. raw%ny == 0 .and. raw%nz == 0) then
        raw%nx = given(1)
        raw%ny = given(2)
        raw%nz = given(3)
      end if
      raw%block_nx = given(1)
      raw%block_ny = given(2)
      raw%block_nz = given(3)
    else
      call compare("phases", given, [int(info%nx), int(info%ny), int(info%nz), given(4)], status, message)
    end if
  end subroutine take_size

  subroutine prepare_generation(raw, status, options)
    type(davegan_generate_options_t), intent(out) :: raw
    integer(c_int32_t), intent(out) :: status
    type(davegan_generate_options_t), intent(in), optional :: options
    status = davegan_ok
    if (present(options)) then
      raw = options
    else
      status = c_generate_options_init(raw, c_sizeof(raw))
    end if
  end subroutine prepare_generation

  !> What gives realisation options%first its options%volume_fraction: for options%threshold of all its blocks. options%nx
  !! and options%ny say how large the realisation is. progress sees step 0 of 1 until the end, and can cancel.
  subroutine davegan_volume_fraction_threshold(model, options, threshold, progress, stat, errmsg)
    type(davegan_model), intent(in) :: model
    type(davegan_generate_options_t), intent(in) :: options
    type(davegan_threshold_t), intent(out) :: threshold
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    raw = options
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    call report(c_threshold(model%handle, raw, threshold), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_volume_fraction_threshold

  !> Latents of an image of nx by ny pixels, which only with the profile standard may be of another size than a training tile.
  subroutine davegan_latent_size(model, nx, ny, latents, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer, intent(in) :: nx, ny
    integer(c_int64_t), intent(out) :: latents
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_size_t) :: counted
    integer(c_int32_t) :: status
    call count_latents(model, [nx, ny, 1], counted, status)
    latents = counted
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_latent_size

  !> Latents of an image of the extents nx, ny, nz.
  subroutine count_latents(model, extents, latents, status)
    type(davegan_model), intent(in) :: model
    integer, intent(in) :: extents(3)
    integer(c_size_t), intent(out) :: latents
    integer(c_int32_t), intent(out) :: status
    latents = 0
    status = c_latent_size(model%handle, int(extents(3), c_size_t), int(extents(2), c_size_t), int(extents(1), c_size_t), &
      latents)
  end subroutine count_latents

  !> The latent vectors (latents, count) of the realisations of davegan_generate for the same options. With the profile
  !! standard, realisations have noise besides and are relaxed.
  subroutine davegan_latent_vectors(model, z, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    real(c_double), allocatable, intent(out) :: z(:, :)
    type(davegan_generate_options_t), intent(in) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_model_info_t) :: info
    integer(c_size_t) :: latents
    integer(c_int32_t) :: status
    status = c_model_info(model%handle, info, c_sizeof(info))
    latents = info%latent_size
    if (status == davegan_ok .and. options%nx > 0 .and. options%ny > 0) then
      status = c_latent_size(model%handle, 1_c_size_t, int(options%ny, c_size_t), int(options%nx, c_size_t), latents)
    end if
    if (status == davegan_ok) then
      allocate (z(latents, max(options%count, 0_c_int64_t)))
      status = c_latent_vectors(model%handle, options, z, size(z, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_latent_vectors

  !> Encodes images (nx, ny, nz, n): mean and standard deviation of each latent, (latents, n).
  subroutine davegan_encode(model, phases, mean, deviation, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :, :)
    real(c_double), allocatable, intent(out) :: mean(:, :), deviation(:, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_size_t) :: latents
    integer(c_int32_t) :: status
    call count_latents(model, [size(phases, 1), size(phases, 2), size(phases, 3)], latents, status)
    if (status == davegan_ok) then
      allocate (mean(latents, size(phases, 4)), deviation(latents, size(phases, 4)))
      status = c_encode(model%handle, phases, size(phases, 4, c_size_t), size(phases, 3, c_size_t), &
        size(phases, 2, c_size_t), size(phases, 1, c_size_t), mean, deviation, size(mean, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_encode

  !> Images (nx, ny, nz, n) of latent vectors (latents, n). nx, ny: their size; that of a training tile if absent.
  subroutine davegan_decode(model, z, phases, nx, ny, stat, errmsg)
    type(davegan_model), intent(in) :: model
    real(c_double), intent(in), contiguous :: z(:, :)
    integer(c_int8_t), allocatable, intent(out) :: phases(:, :, :, :)
    integer, intent(in), optional :: nx, ny
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_size_t) :: latents
    integer(c_int32_t) :: status
    integer :: extents(3)
    call find_size(model, extents, latents, status, nx, ny)
    if (status == davegan_ok) call compare("z", shape(z), [int(latents), size(z, 2)], status, message)
    if (status == davegan_ok) then
      allocate (phases(extents(1), extents(2), extents(3), size(z, 2)))
      status = c_decode(model%handle, z, size(z, 2, c_size_t), size(phases, 3, c_size_t), size(phases, 2, c_size_t), &
        size(phases, 1, c_size_t), phases, size(phases, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_decode

  !> Extents of images that are nx by ny pixels large, or as large as a training tile, and their latents.
  subroutine find_size(model, extents, latents, status, nx, ny)
    type(davegan_model), intent(in) :: model
    integer, intent(out) :: extents(3)
    integer(c_size_t), intent(out) :: latents
    integer(c_int32_t), intent(out) :: status
    integer, intent(in), optional :: nx, ny
    type(davegan_model_info_t) :: info
    latents = 0
    status = c_model_info(model%handle, info, c_sizeof(info))
    if (status /= davegan_ok) return
    extents = [int(info%nx), int(info%ny), int(info%nz)]
    if (present(nx)) extents(1) = nx
    if (present(ny)) extents(2) = ny
    call count_latents(model, extents, latents, status)
  end subroutine find_size

  !> Encodes and decodes images (nx, ny, nz, n).
  subroutine davegan_reconstruct(model, phases, reconstructions, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :, :)
    integer(c_int8_t), allocatable, intent(out) :: reconstructions(:, :, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int32_t) :: status
    allocate (reconstructions(size(phases, 1), size(phases, 2), size(phases, 3), size(phases, 4)))
    status = c_reconstruct(model%handle, phases, size(phases, 4, c_size_t), size(phases, 3, c_size_t), &
      size(phases, 2, c_size_t), size(phases, 1, c_size_t), reconstructions, size(reconstructions, kind=c_size_t))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_reconstruct

  !> Decodes n copies of z whose latent variable (from 1) takes equally spaced values from -range to range (default 3).
  !! nx, ny: the size of the images; that of a training tile if absent.
  subroutine davegan_traverse(model, z, variable, n, phases, range, nx, ny, stat, errmsg)
    type(davegan_model), intent(in) :: model
    real(c_double), intent(in), contiguous :: z(:)
    integer, intent(in) :: variable, n
    integer(c_int8_t), allocatable, intent(out) :: phases(:, :, :, :)
    real(c_double), intent(in), optional :: range
    integer, intent(in), optional :: nx, ny
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_size_t) :: latents
    integer(c_int32_t) :: status
    real(c_double) :: bound
    integer :: extents(3)
    bound = 3
    if (present(range)) bound = range
    call find_size(model, extents, latents, status, nx, ny)
    if (status == davegan_ok) call compare("z", shape(z), [int(latents)], status, message)
    if (status == davegan_ok) then
      allocate (phases(extents(1), extents(2), extents(3), max(n, 0)))
      status = c_traverse(model%handle, z, int(variable - 1, c_int32_t), size(phases, 4, c_size_t), bound, &
        size(phases, 3, c_size_t), size(phases, 2, c_size_t), size(phases, 1, c_size_t), phases, &
        size(phases, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_traverse

  !> Decodes n equally spaced points between the encoder means of two images, both included: images (nx, ny, nz, n).
  subroutine davegan_interpolate(model, from, to, n, phases, stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer(c_int8_t), intent(in), contiguous :: from(:, :, :), to(:, :, :)
    integer, intent(in) :: n
    integer(c_int8_t), allocatable, intent(out) :: phases(:, :, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int32_t) :: status
    call compare("to", shape(to), shape(from), status, message)
    if (status == davegan_ok) then
      allocate (phases(size(from, 1), size(from, 2), size(from, 3), max(n, 0)))
      status = c_interpolate(model%handle, from, to, size(phases, 4, c_size_t), size(phases, 3, c_size_t), &
        size(phases, 2, c_size_t), size(phases, 1, c_size_t), phases, size(phases, kind=c_size_t))
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_interpolate

  !> E_rec and E_gen. phase: the phase that is judged, the minority phase if absent. options: 256 realisations for a
  !! meaningful E_gen; one if absent.
  subroutine davegan_evaluate(model, evaluation, phase, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    type(davegan_evaluation_t), intent(out) :: evaluation
    integer(c_int32_t), intent(in), optional :: phase
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    integer(c_int32_t) :: status, judged
    judged = -1
    if (present(phase)) judged = phase
    call prepare_generation(raw, status, options)
    if (status == davegan_ok) status = c_evaluate(model%handle, judged, raw, evaluation, c_sizeof(evaluation))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_evaluate

  !> Fills options with the defaults.
  subroutine davegan_relax_options_init(options, stat, errmsg)
    type(davegan_relax_options_t), intent(out) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_relax_options_init(options, c_sizeof(options)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_relax_options_init

  subroutine relax_towards_one(micrograph, phases, options, progress, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrograph
    integer(c_int8_t), intent(inout), contiguous :: phases(:, :, :, :)
    type(davegan_relax_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_relax_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: status
    status = c_relax_options_init(raw, c_sizeof(raw))
    if (present(options)) raw = options
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    if (status == davegan_ok) status = c_relax(micrograph%handle, raw, phases, size(phases, 4, c_size_t), &
      size(phases, 3, c_size_t), size(phases, 2, c_size_t), size(phases, 1, c_size_t))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine relax_towards_one

  subroutine relax_towards_each(micrographs, phases, options, progress, stat, errmsg)
    type(davegan_micrograph), intent(in) :: micrographs(:)
    integer(c_int8_t), intent(inout), contiguous :: phases(:, :, :, :)
    type(davegan_relax_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_relax_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: status
    status = c_relax_options_init(raw, c_sizeof(raw))
    if (present(options)) raw = options
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    if (status == davegan_ok) status = c_relax_volume(handles_of(micrographs), size(micrographs, kind=c_size_t), raw, phases, &
      size(phases, 4, c_size_t), size(phases, 3, c_size_t), size(phases, 2, c_size_t), size(phases, 1, c_size_t))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine relax_towards_each

  !> The handles of an array of micrographs.
  function handles_of(micrographs) result(handles)
    type(davegan_micrograph), intent(in) :: micrographs(:)
    type(c_ptr) :: handles(size(micrographs))
    integer :: i
    handles = [(micrographs(i)%handle, i = 1, size(micrographs))]
  end function handles_of

  !> Judges realisations (nx, ny, nz, n) of one phase against the micrograph of the training: at least 32 square images, or
  !> volumes, of which every eighth plane across axis 0 (z, if absent), 1 (y) or 2 (x) is judged.
  !> reconstructions: of its tiles, row by row. options: seed, which says where the real windows lie, threads and progress.
  subroutine davegan_fidelity_measure(fidelity, micrograph, phase, realisations, reconstructions, options, progress, axis, &
    stat, errmsg)
    type(davegan_fidelity), intent(inout) :: fidelity
    type(davegan_micrograph), intent(in) :: micrograph
    integer(c_int32_t), intent(in) :: phase
    integer(c_int8_t), intent(in), contiguous :: realisations(:, :, :, :)
    integer(c_int8_t), intent(in), contiguous, optional :: reconstructions(:, :, :, :)
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(in), optional :: axis
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: status, across
    integer :: plane(2)
    integer(c_size_t) :: n_reconstructions
    call davegan_fidelity_free(fidelity)
    call prepare_generation(raw, status, options)
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    across = 0
    if (present(axis)) across = axis
    plane = [size(realisations, 1), size(realisations, 2)]
    if (across == 1) plane(2) = size(realisations, 3)
    if (across == 2) plane = [size(realisations, 2), size(realisations, 3)]
    n_reconstructions = 0
    if (present(reconstructions) .and. status == davegan_ok) then
      n_reconstructions = size(reconstructions, 4, c_size_t)
      call compare("reconstructions", shape(reconstructions), [plane, 1, size(reconstructions, 4)], status, message)
    end if
    if (status == davegan_ok) status = c_fidelity_measure(micrograph%handle, phase, across, realisations, &
      size(realisations, 4, c_size_t), size(realisations, 3, c_size_t), size(realisations, 2, c_size_t), &
      size(realisations, 1, c_size_t), reconstructions, n_reconstructions, raw, fidelity%handle)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_measure

  !> Judges realisations of a model and its reconstructions against the micrograph it was trained on.
  !> options: at least 32 realisations, and 256 for a verdict. phase: the minority phase if absent. axis: of a model of volumes, 0,
  !> 1 or 2 for planes across z (if absent), y or x, as many as options count.
  subroutine davegan_fidelity_measure_model(fidelity, model, micrograph, options, phase, axis, progress, stat, errmsg)
    type(davegan_fidelity), intent(inout) :: fidelity
    type(davegan_model), intent(in) :: model
    type(davegan_micrograph), intent(in) :: micrograph
    type(davegan_generate_options_t), intent(in) :: options
    integer(c_int32_t), intent(in), optional :: phase, axis
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: judged, across
    call davegan_fidelity_free(fidelity)
    judged = -1
    if (present(phase)) judged = phase
    across = 0
    if (present(axis)) across = axis
    raw = options
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    call report(c_fidelity_measure_model(model%handle, micrograph%handle, judged, across, raw, fidelity%handle), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_measure_model

  !> Judges realisations in an HDF5 file. dataset: that of a VTKHDF file of davegan_generate if absent. reconstructions,
  !> reconstructions_dataset: file and dataset of those of the tiles. phase: the minority phase if absent. options: seed, which
  !> says where the real windows lie, threads and progress. axis: of volumes, 0, 1 or 2 for planes across z (if absent), y or x.
  subroutine davegan_fidelity_measure_file(fidelity, micrograph, path, dataset, reconstructions, reconstructions_dataset, &
    phase, options, progress, axis, stat, errmsg)
    type(davegan_fidelity), intent(inout) :: fidelity
    type(davegan_micrograph), intent(in) :: micrograph
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: dataset, reconstructions, reconstructions_dataset
    integer(c_int32_t), intent(in), optional :: phase, axis
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable :: name, other_path, other_name
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: judged, across, status
    call davegan_fidelity_free(fidelity)
    judged = -1
    if (present(phase)) judged = phase
    across = 0
    if (present(axis)) across = axis
    call prepare_generation(raw, status, options)
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    call to_optional_c(name, dataset)
    call to_optional_c(other_path, reconstructions)
    call to_optional_c(other_name, reconstructions_dataset)
    if (status == davegan_ok) status = c_fidelity_measure_file(micrograph%handle, judged, across, to_c(path), name, &
      other_path, other_name, raw, fidelity%handle)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_measure_file

  !> The phase that the figures are of.
  subroutine davegan_fidelity_phase(fidelity, phase, stat, errmsg)
    type(davegan_fidelity), intent(in) :: fidelity
    integer(c_int32_t), intent(out) :: phase
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_fidelity_phase(fidelity%handle, phase), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_phase

  !> One figure, by the name that the table gives it.
  subroutine davegan_fidelity_figure(fidelity, name, value, stat, errmsg)
    type(davegan_fidelity), intent(in) :: fidelity
    character(len=*), intent(in) :: name
    real(c_double), intent(out) :: value
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_fidelity_figure(fidelity%handle, to_c(name), value), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_figure

  !> How many of the gates hold. All must, for at least 256 realisations; with fewer the result is not conclusive.
  subroutine davegan_fidelity_gates(fidelity, n_holding, n_gates, stat, errmsg)
    type(davegan_fidelity), intent(in) :: fidelity
    integer(c_int32_t), intent(out) :: n_holding, n_gates
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_fidelity_gates(fidelity%handle, n_holding, n_gates), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_gates

  !> All figures and gates, a line each.
  subroutine davegan_fidelity_table(fidelity, table, stat, errmsg)
    type(davegan_fidelity), intent(in) :: fidelity
    character(len=:), allocatable, intent(out) :: table
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    character(kind=c_char) :: probe(1)
    character(kind=c_char), allocatable :: buffer(:)
    integer(c_size_t) :: capacity, needed
    integer(c_int32_t) :: status
    integer :: i
    status = c_fidelity_table(fidelity%handle, probe, 0_c_size_t, capacity)
    if (status == davegan_buffer_size) then
      allocate (buffer(capacity))
      status = c_fidelity_table(fidelity%handle, buffer, capacity, needed)
      allocate (character(len=size(buffer) - 1) :: table)
      do i = 1, len(table)
        table(i:i) = buffer(i)
      end do
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_table

  !> Writes all figures as datasets of an HDF5 file. group: phase_ and the number of the phase if absent.
  subroutine davegan_fidelity_write(fidelity, path, group, stat, errmsg)
    type(davegan_fidelity), intent(in) :: fidelity
    character(len=*), intent(in) :: path
    character(len=*), intent(in), optional :: group
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable :: name
    call to_optional_c(name, group)
    call report(c_fidelity_write(fidelity%handle, to_c(path), name), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_fidelity_write

  !> Frees the figures now instead of at the end of their life.
  impure elemental subroutine davegan_fidelity_free(fidelity)
    type(davegan_fidelity), intent(inout) :: fidelity
    call c_fidelity_free(fidelity%handle)
    fidelity%handle = c_null_ptr
  end subroutine davegan_fidelity_free

  subroutine refuse_fidelity_copy(left, right)
    class(davegan_fidelity), intent(inout) :: left
    class(davegan_fidelity), intent(in) :: right
    if (.not. c_associated(left%handle, right%handle)) error stop "davegan: a davegan_fidelity cannot be copied: pass it on"
  end subroutine refuse_fidelity_copy

  ! ---- descriptors ----

  !> Fills options with the defaults.
  subroutine davegan_s2_options_init(options, stat, errmsg)
    type(davegan_s2_options_t), intent(out) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_s2_options_init(options, c_sizeof(options)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_s2_options_init

  !> Eq. 12 of the paper between two images of the same size: root mean square difference of their two-point correlations.
  subroutine davegan_s2_error(a, b, phase, error, options, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous :: a(:, :, :), b(:, :, :)
    integer(c_int32_t), intent(in) :: phase
    real(c_double), intent(out) :: error
    type(davegan_s2_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int32_t) :: status
    error = 0
    call compare("b", shape(b), shape(a), status, message)
    if (status == davegan_ok) status = c_s2_error(a, b, size(a, 3, c_size_t), size(a, 2, c_size_t), size(a, 1, c_size_t), &
      phase, options, error)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_s2_error

  !> Two-point correlation of a phase for every lag; element (1, 1, 1) is the volume fraction. The map has the shape of the
  !! image, or that of all lags if it is not periodic.
  subroutine davegan_s2(image, phase, s2, options, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous :: image(:, :, :)
    integer(c_int32_t), intent(in) :: phase
    real(c_double), allocatable, intent(out) :: s2(:, :, :)
    type(davegan_s2_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer :: lags(3)
    lags = s2_shape(shape(image), options)
    allocate (s2(lags(1), lags(2), lags(3)))
    call report(c_s2(image, size(image, 3, c_size_t), size(image, 2, c_size_t), size(image, 1, c_size_t), phase, options, s2, &
      size(s2, kind=c_size_t)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_s2

  pure function s2_shape(extents, options) result(lags)
    integer, intent(in) :: extents(3)
    type(davegan_s2_options_t), intent(in), optional :: options
    integer :: lags(3)
    lags = extents
    if (.not. present(options)) return
    if (options%periodic /= 0) return
    if (options%max_lag > 0) lags = int(min(options%max_lag, lags - 1_c_int64_t)) + 1
    lags = max(2 * lags - 1, 0)
  end function s2_shape

  !> Two-point correlation of a phase, averaged over all lags of about the same length; radius in pixels.
  subroutine davegan_s2_radial(image, phase, radius, s2, options, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous :: image(:, :, :)
    integer(c_int32_t), intent(in) :: phase
    real(c_double), allocatable, intent(out) :: radius(:), s2(:)
    type(davegan_s2_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_size_t) :: capacity, needed, nx, ny, nz
    integer(c_int32_t) :: status
    nx = size(image, 1, c_size_t)
    ny = size(image, 2, c_size_t)
    nz = size(image, 3, c_size_t)
    allocate (radius(0), s2(0))
    status = c_s2_radial(image, nz, ny, nx, phase, options, radius, s2, 0_c_size_t, capacity)
    if (status == davegan_buffer_size) then
      deallocate (radius, s2)
      allocate (radius(capacity), s2(capacity))
      status = c_s2_radial(image, nz, ny, nx, phase, options, radius, s2, capacity, needed)
    end if
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_s2_radial

  ! ---- pictures ----

  !> Writes a PNG with training tiles, their reconstructions and realisations, up to sixteen of each.
  subroutine davegan_contact_sheet(model, png, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    character(len=*), intent(in) :: png
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    integer(c_int32_t) :: status
    call prepare_generation(raw, status, options)
    if (status == davegan_ok) status = c_contact_sheet(model%handle, to_c(png), raw)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_contact_sheet

  subroutine report_one(model, micrograph, html, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    type(davegan_micrograph), intent(in) :: micrograph
    character(len=*), intent(in) :: html
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    integer(c_int32_t) :: status
    call prepare_generation(raw, status, options)
    if (status == davegan_ok) status = c_report(model%handle, micrograph%handle, to_c(html), raw)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine report_one

  subroutine report_each(model, micrographs, html, options, stat, errmsg)
    type(davegan_model), intent(in) :: model
    type(davegan_micrograph), intent(in) :: micrographs(:)
    character(len=*), intent(in) :: html
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    integer(c_int32_t) :: status
    call prepare_generation(raw, status, options)
    if (status == davegan_ok) status = c_report_volume(model%handle, handles_of(micrographs), size(micrographs, kind=c_size_t), &
      to_c(html), raw)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine report_each

  !> Writes phase images (nx, ny, nz, n) as a dataset of an HDF5 file.
  subroutine davegan_write_images(path, dataset, phases, stat, errmsg)
    character(len=*), intent(in) :: path, dataset
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :, :)
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_write_images(to_c(path), to_c(dataset), phases, size(phases, 4, c_size_t), size(phases, 3, c_size_t), &
      size(phases, 2, c_size_t), size(phases, 1, c_size_t)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_write_images

  !> Fills options with the defaults.
  subroutine davegan_export_options_init(options, stat, errmsg)
    type(davegan_export_options_t), intent(out) :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    call report(c_export_options_init(options, c_sizeof(options)), message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_export_options_init

  !> Writes an image (nx, ny, nz) as VTK image data (.vti), for DAMASK, ParaView and pyvista.
  subroutine davegan_export_vti(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_vti, path, phases, options, stat, errmsg)
  end subroutine davegan_export_vti

  !> Writes an image (nx, ny, nz) as a NumPy array (.npy).
  subroutine davegan_export_npy(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_npy, path, phases, options, stat, errmsg)
  end subroutine davegan_export_npy

  !> Writes an image (nx, ny, nz) as a TIFF with a page for each layer.
  subroutine davegan_export_tiff(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_tiff, path, phases, options, stat, errmsg)
  end subroutine davegan_export_tiff

  !> Writes an image (nx, ny, nz) as a DREAM.3D file of version 7.0.
  subroutine davegan_export_dream3d(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_dream3d, path, phases, options, stat, errmsg)
  end subroutine davegan_export_dream3d

  !> Writes an image (nx, ny, nz) as a mesh of voxels (.inp) for Abaqus and CalculiX.
  subroutine davegan_export_abaqus(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_abaqus, path, phases, options, stat, errmsg)
  end subroutine davegan_export_abaqus

  !> Writes an image (nx, ny, nz) as XDMF beside an HDF5 file, for ParaView.
  subroutine davegan_export_xdmf(path, phases, options, stat, errmsg)
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    call export_image(c_export_xdmf, path, phases, options, stat, errmsg)
  end subroutine davegan_export_xdmf

  ! Hands an image to one of the C functions that export.
  subroutine export_image(write, path, phases, options, stat, errmsg)
    procedure(c_export) :: write
    character(len=*), intent(in) :: path
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :)
    type(davegan_export_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_export_options_t) :: raw
    integer(c_int32_t) :: status
    status = c_export_options_init(raw, c_sizeof(raw))
    if (present(options)) raw = options
    if (status == davegan_ok) status = write(to_c(path), phases, size(phases, 3, c_size_t), size(phases, 2, c_size_t), &
      size(phases, 1, c_size_t), raw)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine export_image

  !> Examines elements of a model at growing sides in pixels: how much they vary, and the side that each property needs for
  !! a relative error. options: at least 2 elements of each size, 16 if absent. phase: the minority phase if absent. html: the
  !! path of a page with tables and plots; none if absent.
  subroutine davegan_representative_size(model, sides, precision, statistics, required_sides, html, options, phase, progress, &
    stat, errmsg)
    type(davegan_model), intent(in) :: model
    integer, intent(in) :: sides(:)
    real(c_double), intent(in) :: precision
    type(davegan_element_statistics_t), allocatable, intent(out) :: statistics(:)
    real(c_double), intent(out) :: required_sides(davegan_n_properties)
    character(len=*), intent(in), optional :: html
    type(davegan_generate_options_t), intent(in), optional :: options
    integer(c_int32_t), intent(in), optional :: phase
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    character(kind=c_char, len=:), allocatable :: path
    type(davegan_generate_options_t) :: raw
    type(davegan_element_statistics_t) :: one
    type(progress_context), target :: context
    integer(c_int32_t) :: status, examined
    examined = -1
    if (present(phase)) examined = phase
    allocate (statistics(size(sides)))
    call prepare_generation(raw, status, options)
    if (.not. present(options)) raw%count = 16
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    call to_optional_c(path, html)
    if (status == davegan_ok) status = c_representative_size(model%handle, examined, int(sides, c_int64_t), &
      size(sides, kind=c_size_t), precision, path, raw, statistics, c_sizeof(one), required_sides)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_representative_size

  !> Descriptors of a phase in each volume (nx, ny, nz, n). phase: the minority phase if absent. periodic: true if absent.
  !> conductivity: whether it is computed, too; false if absent. options: threads, progress.
  subroutine davegan_volume_descriptors(phases, descriptors, phase, periodic, conductivity, options, progress, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :, :)
    type(davegan_volume_descriptors_t), allocatable, intent(out) :: descriptors(:)
    integer(c_int32_t), intent(in), optional :: phase
    logical, intent(in), optional :: periodic, conductivity
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(davegan_volume_descriptors_t) :: one
    type(progress_context), target :: context
    integer(c_int32_t) :: status, examined, torus, conducts
    integer(c_size_t) :: n(4)
    n = shape(phases, c_size_t)
    allocate (descriptors(n(4)))
    examined = -1
    if (present(phase)) examined = phase
    torus = 1
    if (present(periodic)) torus = merge(1_c_int32_t, 0_c_int32_t, periodic)
    conducts = 0
    if (present(conductivity)) conducts = merge(1_c_int32_t, 0_c_int32_t, conductivity)
    call prepare_generation(raw, status, options)
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    if (status == davegan_ok) status = c_volume_descriptors(phases, n(4), n(3), n(2), n(1), examined, torus, conducts, raw, &
      descriptors, c_sizeof(one))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine davegan_volume_descriptors

  subroutine statistics_of_images(phases, statistics, phase, options, progress, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous, target :: phases(:, :, :)
    type(davegan_element_statistics_t), intent(out) :: statistics
    integer(c_int32_t), intent(in), optional :: phase
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    integer(c_int8_t), pointer :: volumes(:, :, :, :)
    integer(c_int32_t) :: status
    volumes(1:size(phases, 1), 1:size(phases, 2), 1:1, 1:size(phases, 3)) => phases
    call statistics_of_volumes(volumes, statistics, phase, options, progress, status, message)
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine statistics_of_images

  subroutine statistics_of_volumes(phases, statistics, phase, options, progress, stat, errmsg)
    integer(c_int8_t), intent(in), contiguous :: phases(:, :, :, :)
    type(davegan_element_statistics_t), intent(out) :: statistics
    integer(c_int32_t), intent(in), optional :: phase
    type(davegan_generate_options_t), intent(in), optional :: options
    procedure(davegan_progress_handler), optional :: progress
    integer(c_int32_t), intent(out), optional :: stat
    character(len=:), allocatable, intent(out), optional :: errmsg
    character(len=:), allocatable :: message
    type(davegan_generate_options_t) :: raw
    type(progress_context), target :: context
    integer(c_int32_t) :: status, examined
    examined = -1
    if (present(phase)) examined = phase
    call prepare_generation(raw, status, options)
    if (present(progress)) call connect(context, progress, raw%progress, raw%user_data)
    if (status == davegan_ok) status = c_element_statistics(phases, size(phases, 4, c_size_t), size(phases, 3, c_size_t), &
      size(phases, 2, c_size_t), size(phases, 1, c_size_t), examined, raw, statistics, c_sizeof(statistics))
    call report(status, message, stat)
    if (present(errmsg)) errmsg = message
  end subroutine statistics_of_volumes

  ! ---- private: messages, strings, progress ----

  !> Hands a status to the caller, or stops the program if the caller did not ask for it. A message that is there already
  !! is kept; otherwise it is the library's. Callers hand it on to errmsg themselves: gfortran 12 loses the length of an
  !! optional string that is passed from one procedure to the next.
  subroutine report(status, message, stat)
    integer(c_int32_t), intent(in) :: status
    character(len=:), allocatable, intent(inout) :: message
    integer(c_int32_t), intent(out), optional :: stat
    if (.not. allocated(message)) then
      message = ""
      if (status /= davegan_ok) message = last_error()
    end if
    if (present(stat)) then
      stat = status
    else if (status /= davegan_ok) then
      error stop "davegan: " // message
    end if
  end subroutine report

  !> Compares the shape of an array, which C cannot see, with the one that is needed.
  subroutine compare(name, given, needed, status, message)
    character(len=*), intent(in) :: name
    integer, intent(in) :: given(:), needed(:)
    integer(c_int32_t), intent(out) :: status
    character(len=:), allocatable, intent(inout) :: message
    status = davegan_ok
    if (all(given == needed)) return
    status = davegan_buffer_size
    message = name // " has the shape " // text_of(given) // ", but " // text_of(needed) // " is needed"
  end subroutine compare

  function last_error() result(message)
    character(len=:), allocatable :: message
    message = copied(c_last_error_copy)
  end function last_error

  function copied(copy) result(text)
    procedure(c_last_error_copy) :: copy
    character(len=:), allocatable :: text
    character(kind=c_char) :: probe(1)
    character(kind=c_char), allocatable :: buffer(:)
    integer(c_size_t) :: capacity, needed
    integer :: i
    integer(c_int32_t) :: status
    status = copy(probe, 1_c_size_t, capacity)
    allocate (buffer(capacity))
    status = copy(buffer, capacity, needed)
    allocate (character(len=size(buffer) - 1) :: text)
    do i = 1, len(text)
      text(i:i) = buffer(i)
    end do
    if (status /= davegan_ok) text = "the library's message could not be read"
  end function copied

  function to_fortran(text) result(string)
    type(c_ptr), intent(in) :: text
    character(len=:), allocatable :: string
    character(kind=c_char), pointer :: characters(:)
    integer :: i
    call c_f_pointer(text, characters, [c_strlen(text)])
    allocate (character(len=size(characters)) :: string)
    do i = 1, len(string)
      string(i:i) = characters(i)
    end do
  end function to_fortran

  pure function to_c(string) result(text)
    character(len=*), intent(in) :: string
    character(kind=c_char, len=len_trim(string) + 1) :: text
    text = trim(string) // c_null_char
  end function to_c

  !> Leaves text unallocated, which counts as absent, if there is no string or a blank one.
  pure subroutine to_optional_c(text, string)
    character(kind=c_char, len=:), allocatable, intent(out) :: text
    character(len=*), intent(in), optional :: string
    if (.not. present(string)) return
    if (len_trim(string) > 0) text = to_c(string)
  end subroutine to_optional_c

  pure function text_of(extents) result(text)
    integer, intent(in) :: extents(:)
    character(len=:), allocatable :: text
    character(len=12) :: number
    integer :: i
    text = "("
    do i = 1, size(extents)
      write (number, "(i0)") extents(i)
      if (i > 1) text = text // ", "
      text = text // trim(number)
    end do
    text = text // ")"
  end function text_of

  subroutine connect(context, handler, callback, user_data)
    type(progress_context), intent(inout), target :: context
    procedure(davegan_progress_handler) :: handler
    type(c_funptr), intent(out) :: callback
    type(c_ptr), intent(out) :: user_data
    context%handler => handler
    callback = c_funloc(on_progress)
    user_data = c_loc(context)
  end subroutine connect

  function on_progress(progress, user_data) result(cancel) bind(c, name="")
    type(davegan_progress_t), intent(in) :: progress
    type(c_ptr), value :: user_data
    integer(c_int32_t) :: cancel
    type(progress_context), pointer :: context
    logical :: wanted
    call c_f_pointer(user_data, context)
    wanted = .false.
    call context%handler(progress, wanted)
    cancel = merge(davegan_cancelled, davegan_ok, wanted)
  end function on_progress

end module davegan
