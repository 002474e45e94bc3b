/* davegan_export_...: what is written, and what is refused. tests/python/test_exports.py reads each format. */
#include "check.h"

typedef davegan_status_t export_function(const char *path, const uint8_t *phases, size_t nz, size_t ny, size_t nx,
                                         const davegan_export_options_t *options);

static const struct {
    const char *path;
    export_function *write;
} FORMATS[] = {
    {TEST_FILE("element.vti"), davegan_export_vti},       {TEST_FILE("element.npy"), davegan_export_npy},
    {TEST_FILE("element.tif"), davegan_export_tiff},      {TEST_FILE("element.dream3d"), davegan_export_dream3d},
    {TEST_FILE("element.inp"), davegan_export_abaqus},    {TEST_FILE("element.xdmf"), davegan_export_xdmf},
};

enum { N_FORMATS = sizeof FORMATS / sizeof FORMATS[0] };

static const uint8_t phases[2 * 3 * 4] = {0, 1, 0, 2, 1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 0, 0, 0};

static void every_format_is_written_and_replaced(void) {
    davegan_export_options_t options;
    OK(davegan_export_options_init(&options, sizeof options));
    options.n_phases = 3;
    options.spacing[0] = 0.5;
    options.voxel_unit = DAVEGAN_UNIT_NANOMETRE;
    for (int i = 0; i < N_FORMATS; ++i) {
        remove(FORMATS[i].path);
        OK(FORMATS[i].write(FORMATS[i].path, phases, 2, 3, 4, NULL));
        OK(FORMATS[i].write(FORMATS[i].path, phases, 1, 6, 4, &options));
    }
}

static void an_npy_has_the_bytes_of_the_host_behind_its_header(void) {
    char found[512 + sizeof phases + 1];
    OK(davegan_export_npy(TEST_FILE("element.npy"), phases, 2, 3, 4, NULL));
    FILE *file = fopen(TEST_FILE("element.npy"), "rb");
    CHECK(file != NULL);
    CHECK_INT(512 + sizeof phases, fread(found, 1, sizeof found, file));
    fclose(file);
    CHECK(memcmp(found + 512, phases, sizeof phases) == 0);
    found[511] = '\0';
    CHECK(strstr(found + 10, "'shape': (2, 3, 4)") != NULL);
}

static void what_cannot_be_used_is_refused(void) {
    davegan_export_options_t options;
    const char *foreign = TEST_FILE("foreign.txt");
    FILE *file = fopen(foreign, "w");
    CHECK(file != NULL);
    fputs("mine", file);
    fclose(file);
    for (int i = 0; i < N_FORMATS; ++i) {
        export_function *write = FORMATS[i].write;
        const char *path = FORMATS[i].path;
        OK(davegan_export_options_init(&options, sizeof options));
        FAILS(DAVEGAN_INVALID_PARAMETER, "path is NULL", write(NULL, phases, 2, 3, 4, NULL));
        FAILS(DAVEGAN_INVALID_PARAMETER, "phases is NULL", write(path, NULL, 2, 3, 4, NULL));
        FAILS(DAVEGAN_INVALID_PARAMETER, "0 x 3 x 4", write(path, phases, 0, 3, 4, NULL));
        FAILS(DAVEGAN_INVALID_PARAMETER, "address space", write(path, phases, SIZE_MAX, 3, 4, NULL));
        FAILS(DAVEGAN_IO, "none/element", write("none/element", phases, 2, 3, 4, NULL));
        FAILS(DAVEGAN_FORMAT, "foreign.txt", write(foreign, phases, 2, 3, 4, NULL));
        options.n_phases = 2;
        FAILS(DAVEGAN_INVALID_PARAMETER, "phase 2", write(path, phases, 2, 3, 4, &options));
        options.n_phases = 9;
        FAILS(DAVEGAN_INVALID_PARAMETER, "9 phases", write(path, phases, 2, 3, 4, &options));
        options.n_phases = 0;
        options.spacing[2] = -1;
        FAILS(DAVEGAN_INVALID_PARAMETER, "sides must be positive", write(path, phases, 2, 3, 4, &options));
        options.spacing[2] = 0;
        options.voxel_unit = DAVEGAN_UNIT_METRE;
        FAILS(DAVEGAN_INVALID_PARAMETER, "voxel_unit is 1", write(path, phases, 2, 3, 4, &options));
    }
    OK(davegan_export_options_init(&options, sizeof options));
    options.periodic = 2;
    FAILS(DAVEGAN_INVALID_PARAMETER, "periodic is 2",
          davegan_export_abaqus(TEST_FILE("element.inp"), phases, 2, 3, 4, &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_export_options_init(&options, sizeof options - 1));
}

/* A path need not be UTF-8, but for HDF5 and for XDMF, which names its HDF5 file: that is said, and no file is left. */
static void a_path_in_latin_1_is_right_or_refused(void) {
    for (int i = 0; i < N_FORMATS; ++i) {
        char path[64];
        snprintf(path, sizeof path, TEST_FILE("caf\xe9%s"), strrchr(FORMATS[i].path, '.'));
        const int is_hdf5 = FORMATS[i].write == davegan_export_dream3d || FORMATS[i].write == davegan_export_xdmf;
        if (is_hdf5) {
            FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", FORMATS[i].write(path, phases, 2, 3, 4, NULL));
        } else {
            OK(FORMATS[i].write(path, phases, 2, 3, 4, NULL));
        }
        CHECK(remove(path) == (is_hdf5 ? -1 : 0));
    }
}

int main(void) {
    every_format_is_written_and_replaced();
    an_npy_has_the_bytes_of_the_host_behind_its_header();
    what_cannot_be_used_is_refused();
    a_path_in_latin_1_is_right_or_refused();
    return 0;
}
