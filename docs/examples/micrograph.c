/* Examples of the functions on micrographs, devices and errors. */
#include "example.h"

static davegan_micrograph_t *sampled(void) {
    //! [davegan_sample_options_init]
    davegan_sample_options_t options;
    CHECK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = 128;
    options.ny = 128;
    options.seed = 7;
    //! [davegan_sample_options_init]
    //! [davegan_micrograph_sample]
    davegan_micrograph_t *micrograph = NULL;
    CHECK(davegan_micrograph_sample(&options, &micrograph));
    //! [davegan_micrograph_sample]
    return micrograph;
}

static void planes_of_a_volume(void) {
    davegan_sample_options_t options;
    CHECK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = options.ny = options.nz = 64;
    davegan_micrograph_t *volume = NULL;
    CHECK(davegan_micrograph_sample(&options, &volume));
    //! [davegan_micrograph_plane]
    davegan_micrograph_t *plane = NULL; /* the middle one across y: rows along z, columns along x */
    CHECK(davegan_micrograph_plane(volume, 1, 32, &plane));
    //! [davegan_micrograph_plane]
    davegan_micrograph_free(plane);
    davegan_micrograph_free(volume);
}

static void versions_and_errors(void) {
    //! [davegan_version]
    printf("davegan %s\n", davegan_version());
    //! [davegan_version]

    //! [davegan_status_name]
    davegan_micrograph_t *micrograph = NULL;
    const davegan_status_t status = davegan_micrograph_read("no such file.png", NULL, NULL, &micrograph);
    printf("%s\n", davegan_status_name(status)); /* DAVEGAN_IO */
    //! [davegan_status_name]
    //! [davegan_last_error]
    if (status != DAVEGAN_OK) fprintf(stderr, "%s\n", davegan_last_error());
    //! [davegan_last_error]
    //! [davegan_last_error_copy]
    char message[256];
    size_t needed = 0;
    if (davegan_last_error_copy(message, sizeof message, &needed) == DAVEGAN_BUFFER_SIZE)
        printf("only a part of %zu bytes: ", needed);
    printf("%s\n", message);
    //! [davegan_last_error_copy]
}

static void devices(void) {
    //! [davegan_device_count]
    int32_t count = 0;
    CHECK(davegan_device_count(&count));
    //! [davegan_device_count]
    //! [davegan_device_info]
    for (int32_t number = 0; number < count; ++number) {
        davegan_device_info_t info;
        CHECK(davegan_device_info(number, &info, sizeof info));
        printf("device %d: %s\n", (int)number, info.name);
    }
    //! [davegan_device_info]
}

static void read_and_write(const davegan_micrograph_t *micrograph) {
    //! [davegan_micrograph_write]
    CHECK(davegan_micrograph_write(micrograph, "example_micrographs.h5", "/field"));
    //! [davegan_micrograph_write]

    //! [davegan_micrograph_options_init]
    davegan_micrograph_options_t options;
    CHECK(davegan_micrograph_options_init(&options, sizeof options));
    options.segmentation = DAVEGAN_SEGMENTATION_OTSU;
    options.n_phases = 2;
    //! [davegan_micrograph_options_init]
    //! [davegan_micrograph_read]
    davegan_micrograph_t *same = NULL;
    CHECK(davegan_micrograph_read("example_micrographs.h5", "/field", &options, &same));
    //! [davegan_micrograph_read]
    //! [davegan_last_warning]
    fputs(davegan_last_warning(), stderr); /* a data bar that was cut off, for instance */
    //! [davegan_last_warning]
    //! [davegan_last_warning_copy]
    char warnings[512];
    size_t needed = 0;
    if (davegan_last_warning_copy(warnings, sizeof warnings, &needed) == DAVEGAN_BUFFER_SIZE)
        printf("only a part of %zu bytes: ", needed);
    printf("%s\n", warnings);
    //! [davegan_last_warning_copy]

    //! [davegan_micrograph_info]
    davegan_micrograph_info_t info;
    CHECK(davegan_micrograph_info(same, &info, sizeof info));
    for (int32_t phase = 0; phase < info.n_phases; ++phase)
        printf("phase %d: %.1f %%\n", (int)phase, 100 * info.volume_fraction[phase]);
    //! [davegan_micrograph_info]

    //! [davegan_micrograph_phases]
    const size_t size = (size_t)(info.n_images * info.nz * info.ny * info.nx);
    uint8_t *phases = malloc(size);
    CHECK(davegan_micrograph_phases(same, phases, size));
    //! [davegan_micrograph_phases]

    //! [davegan_write_images]
    CHECK(davegan_write_images("example_images.h5", "/phase", phases, 1, 1, (size_t)info.ny, (size_t)info.nx));
    //! [davegan_write_images]

    //! [davegan_export_options_init]
    davegan_export_options_t export_options;
    CHECK(davegan_export_options_init(&export_options, sizeof export_options));
    export_options.voxel_unit = DAVEGAN_UNIT_MICROMETRE;
    export_options.spacing[0] = 0.25; /* along x; y and z are as long */
    //! [davegan_export_options_init]
    const size_t nz = 1, ny = (size_t)info.ny, nx = (size_t)info.nx;
    //! [davegan_export_vti]
    CHECK(davegan_export_vti("example_element.vti", phases, nz, ny, nx, &export_options));
    //! [davegan_export_vti]
    //! [davegan_export_npy]
    CHECK(davegan_export_npy("example_element.npy", phases, nz, ny, nx, &export_options));
    //! [davegan_export_npy]
    //! [davegan_export_tiff]
    CHECK(davegan_export_tiff("example_element.tif", phases, nz, ny, nx, &export_options));
    //! [davegan_export_tiff]
    //! [davegan_export_dream3d]
    CHECK(davegan_export_dream3d("example_element.dream3d", phases, nz, ny, nx, &export_options));
    //! [davegan_export_dream3d]
    //! [davegan_export_abaqus]
    export_options.periodic = 1; /* equations between opposite sides */
    CHECK(davegan_export_abaqus("example_element.inp", phases, nz, ny, nx, &export_options));
    //! [davegan_export_abaqus]
    //! [davegan_export_xdmf]
    CHECK(davegan_export_xdmf("example_element.xdmf", phases, nz, ny, nx, &export_options));
    //! [davegan_export_xdmf]

    //! [davegan_micrograph_free]
    davegan_micrograph_free(same);
    //! [davegan_micrograph_free]
    free(phases);
}

static void from_memory(void) {
    //! [davegan_micrograph_from_memory]
    uint8_t stripes[64 * 64];
    for (size_t i = 0; i < sizeof stripes; ++i) stripes[i] = i % 64 / 8 % 2;
    davegan_micrograph_t *micrograph = NULL;
    CHECK(davegan_micrograph_from_memory(stripes, 1, 64, 64, &micrograph));
    //! [davegan_micrograph_from_memory]
    davegan_micrograph_free(micrograph);
}

static void ellipses(void) {
    //! [davegan_micrograph_parameters]
    davegan_sample_options_t options;
    CHECK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_ELLIPSES));
    options.count = 10;
    davegan_micrograph_t *micrograph = NULL;
    CHECK(davegan_micrograph_sample(&options, &micrograph));
    double parameters[10][5]; /* semi-axes, centre, angle */
    CHECK(davegan_micrograph_parameters(micrograph, &parameters[0][0], 50));
    //! [davegan_micrograph_parameters]
    davegan_micrograph_free(micrograph);
}

int main(void) {
    versions_and_errors();
    planes_of_a_volume();
    devices();
    davegan_micrograph_t *micrograph = sampled();
    read_and_write(micrograph);
    davegan_micrograph_free(micrograph);
    from_memory();
    ellipses();
}
