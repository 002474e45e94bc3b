/* davegan_micrograph_read, _from_memory, _sample, _info, _phases, _parameters, _write, _free. */
#include "fixture.h"

#include <hdf5.h>

static davegan_micrograph_t *from_memory(const uint8_t *phases, size_t n, size_t ny, size_t nx) {
    davegan_micrograph_t *micrograph = NULL;
    OK(davegan_micrograph_from_memory(phases, n, ny, nx, &micrograph));
    CHECK(micrograph != NULL);
    return micrograph;
}

static davegan_micrograph_info_t info_of(const davegan_micrograph_t *micrograph) {
    davegan_micrograph_info_t info;
    OK(davegan_micrograph_info(micrograph, &info, sizeof info));
    return info;
}

/* Three phases in unequal parts, different in x and in y. */
static void fill_three_phases(uint8_t *phases, int ny, int nx) {
    for (int y = 0; y < ny; ++y)
        for (int x = 0; x < nx; ++x) phases[y * nx + x] = (uint8_t)(x % 4 == 0 ? 2 : y % 2);
}

static void memory_comes_back_as_it_was(void) {
    uint8_t phases[6 * 8], copy[6 * 8];
    fill_three_phases(phases, 6, 8);
    davegan_micrograph_t *micrograph = from_memory(phases, 1, 6, 8);
    const davegan_micrograph_info_t info = info_of(micrograph);
    CHECK_INT(sizeof info, info.struct_size);
    CHECK_INT(1, info.n_images);
    CHECK_INT(1, info.nz);
    CHECK_INT(6, info.ny);
    CHECK_INT(8, info.nx);
    CHECK_INT(3, info.n_phases);
    CHECK_INT(0, info.n_parameters);
    CHECK_NEAR(0.375, info.volume_fraction[0], 1e-12);
    CHECK_NEAR(0.375, info.volume_fraction[1], 1e-12);
    CHECK_NEAR(0.25, info.volume_fraction[2], 1e-12);
    CHECK_INT(2, info.minority_phase);
    OK(davegan_micrograph_phases(micrograph, copy, sizeof copy));
    CHECK(memcmp(phases, copy, sizeof copy) == 0);
    davegan_micrograph_free(micrograph);
}

static void files_come_back_as_they_were(size_t n) {
    uint8_t phases[3 * 6 * 8], copy[3 * 6 * 8];
    for (int i = 0; i < 3; ++i) fill_three_phases(phases + 48 * i, 6, 8);
    phases[50] = 1;
    davegan_micrograph_t *written = from_memory(phases, n, 6, 8), *read = NULL;
    remove(TEST_FILE("micrograph.h5"));
    OK(davegan_micrograph_write(written, TEST_FILE("micrograph.h5"), "/some/group/phase"));
    davegan_micrograph_free(written);
    OK(davegan_micrograph_read(TEST_FILE("micrograph.h5"), "/some/group/phase", NULL, &read));
    const davegan_micrograph_info_t info = info_of(read);
    CHECK_INT(n, info.n_images);
    CHECK_INT(6, info.ny);
    CHECK_INT(8, info.nx);
    OK(davegan_micrograph_phases(read, copy, sizeof copy));
    CHECK(memcmp(phases, copy, n * 48) == 0);
    davegan_micrograph_free(read);
    OK(davegan_micrograph_read(TEST_FILE("micrograph.h5"), NULL, NULL, &read)); /* the only dataset needs no name */
    CHECK_INT(n, info_of(read).n_images);
    davegan_micrograph_free(read);
}

static void samples_follow_their_options(void) {
    for (int32_t kind = DAVEGAN_SAMPLE_ELLIPSES; kind <= DAVEGAN_SAMPLE_DISCS; ++kind) {
        davegan_sample_options_t options;
        OK(davegan_sample_options_init(&options, sizeof options, kind));
        options.count = 2;
        davegan_micrograph_t *first = NULL, *again = NULL, *other = NULL;
        OK(davegan_micrograph_sample(&options, &first));
        OK(davegan_micrograph_sample(&options, &again));
        options.seed += 1;
        OK(davegan_micrograph_sample(&options, &other));
        const davegan_micrograph_info_t info = info_of(first);
        CHECK_INT(options.nx, info.nx);
        CHECK_INT(options.ny, info.ny);
        CHECK_INT(2, info.n_images);
        CHECK_INT(2, info.n_phases);
        const size_t size = (size_t)(info.n_images * info.ny * info.nx);
        uint8_t *a = NEW_ARRAY(uint8_t, size), *b = NEW_ARRAY(uint8_t, size), *c = NEW_ARRAY(uint8_t, size);
        OK(davegan_micrograph_phases(first, a, size));
        OK(davegan_micrograph_phases(again, b, size));
        OK(davegan_micrograph_phases(other, c, size));
        CHECK(memcmp(a, b, size) == 0);
        if (kind != DAVEGAN_SAMPLE_CHECKERBOARD) CHECK(memcmp(a, c, size) != 0);
        free(a);
        free(b);
        free(c);
        davegan_micrograph_free(first);
        davegan_micrograph_free(again);
        davegan_micrograph_free(other);
    }
}

static void ellipses_come_with_their_parameters(void) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_ELLIPSES));
    options.count = 7;
    davegan_micrograph_t *ellipses = NULL;
    OK(davegan_micrograph_sample(&options, &ellipses));
    CHECK_INT(5, info_of(ellipses).n_parameters);
    double parameters[7 * 5];
    memset(parameters, 0, sizeof parameters);
    OK(davegan_micrograph_parameters(ellipses, parameters, 35));
    for (int i = 1; i < 7; ++i) CHECK(memcmp(parameters, parameters + 5 * i, 5 * sizeof(double)) != 0);
    FAILS(DAVEGAN_BUFFER_SIZE, "35", davegan_micrograph_parameters(ellipses, parameters, 34));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_parameters(ellipses, NULL, 35));
    davegan_micrograph_free(ellipses);
    davegan_micrograph_t *field = small_micrograph();
    FAILS(DAVEGAN_INVALID_PARAMETER, "parameters", davegan_micrograph_parameters(field, parameters, 35));
    davegan_micrograph_free(field);
}

static void wrong_files_are_refused(void) {
    davegan_micrograph_t *handle = small_micrograph(), *read = handle;
    remove(TEST_FILE("wrong.h5"));
    OK(davegan_micrograph_write(handle, TEST_FILE("wrong.h5"), "/phase"));
    FAILS(DAVEGAN_IO, "no_such_file.h5", davegan_micrograph_read("no_such_file.h5", "/phase", NULL, &read));
    CHECK(read == NULL);
    FAILS(DAVEGAN_HDF5, "/no/such", davegan_micrograph_read(TEST_FILE("wrong.h5"), "/no/such", NULL, &read));
    write_file(TEST_FILE("text.h5"), "this is no HDF5", 15);
    FAILS(DAVEGAN_FORMAT, "text.h5", davegan_micrograph_read(TEST_FILE("text.h5"), "/phase", NULL, &read));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_read(NULL, "/phase", NULL, &read));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_read(TEST_FILE("wrong.h5"), "/phase", NULL, NULL));
    davegan_micrograph_options_t options;
    OK(davegan_micrograph_options_init(&options, sizeof options));
    options.segmentation = 9;
    FAILS(DAVEGAN_INVALID_PARAMETER, "9", davegan_micrograph_read(TEST_FILE("wrong.h5"), "/phase", &options, &read));
    FAILS(DAVEGAN_IO, "text.h5/below.h5", davegan_micrograph_write(handle, TEST_FILE("text.h5/below.h5"), "/phase"));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_write(handle, NULL, "/phase"));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_write(NULL, TEST_FILE("wrong.h5"), "/phase"));
    davegan_micrograph_free(handle);
}

/* What the library itself would not write comes from the system's HDF5. */
static void write_dataset(const char *path, hid_t type, const void *values) {
    const hsize_t extents[2] = {64, 64};
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(2, extents, NULL);
    const hid_t dataset = H5Dcreate2(file, "phase", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CHECK(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    CHECK(H5Fclose(file) >= 0);
}

/* A filter that changes nothing: what matters is that davegan's HDF5 does not have it. */
static size_t unchanged(unsigned flags, size_t count, const unsigned values[], size_t bytes, size_t *size, void **buffer) {
    (void)flags, (void)count, (void)values, (void)size, (void)buffer;
    return bytes;
}

static void filters_that_are_not_there_are_named(void) {
    static const struct {
        H5Z_filter_t number;
        const char *name;
    } FILTERS[] = {{32000, "LZF"}, {32001, "Blosc"},      {32004, "LZ4"},    {32008, "bitshuffle"},  {32013, "ZFP"},
                   {307, "bzip2"}, {32015, "Zstandard"}, {32026, "Blosc2"}, {40000, "number 40000"}};
    static const uint8_t phases[16] = {0, 1, 0, 1, 1};
    const hsize_t extents[2] = {4, 4};
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; ++i) {
        const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, FILTERS[i].number, 1, 1, "test", NULL, NULL, unchanged};
        CHECK(H5Zregister(&filter) >= 0);
        const hid_t file = H5Fcreate(TEST_FILE("filter.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        const hid_t space = H5Screate_simple(2, extents, NULL), list = H5Pcreate(H5P_DATASET_CREATE);
        CHECK(H5Pset_chunk(list, 2, extents) >= 0 && H5Pset_shuffle(list) >= 0);
        CHECK(H5Pset_filter(list, FILTERS[i].number, H5Z_FLAG_OPTIONAL, 0, NULL) >= 0);
        const hid_t dataset = H5Dcreate2(file, "phase", H5T_NATIVE_UINT8, space, H5P_DEFAULT, list, H5P_DEFAULT);
        CHECK(H5Dwrite(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, phases) >= 0);
        CHECK(H5Dclose(dataset) >= 0 && H5Pclose(list) >= 0 && H5Sclose(space) >= 0 && H5Fclose(file) >= 0);
        davegan_micrograph_t *read = NULL;
        FAILS(DAVEGAN_HDF5, FILTERS[i].name, davegan_micrograph_read(TEST_FILE("filter.h5"), NULL, NULL, &read));
        CHECK(strstr(davegan_last_error(), "h5repack -f GZIP=1") != NULL);
    }
}

static void nine_phases_and_nan_are_refused(void) {
    static int numbers[64 * 64];
    static double grey[64 * 64];
    davegan_micrograph_t *micrograph = NULL;
    davegan_micrograph_options_t options;
    OK(davegan_micrograph_options_init(&options, sizeof options));
    options.segmentation = DAVEGAN_SEGMENTATION_PHASE_NUMBERS;
    for (int i = 0; i < 64 * 64; ++i) numbers[i] = i % 9;
    write_dataset(TEST_FILE("nine.h5"), H5T_NATIVE_INT, numbers);
    FAILS(DAVEGAN_FORMAT, "9", davegan_micrograph_read(TEST_FILE("nine.h5"), "/phase", &options, &micrograph));
    for (int i = 0; i < 64 * 64; ++i) grey[i] = i % 2;
    grey[100] = NAN;
    write_dataset(TEST_FILE("nan.h5"), H5T_NATIVE_DOUBLE, grey);
    FAILS(DAVEGAN_FORMAT, "NaN", davegan_micrograph_read(TEST_FILE("nan.h5"), "/phase", NULL, &micrograph));
    for (int i = 0; i < 64 * 64; ++i) grey[i] = 0.5;
    write_dataset(TEST_FILE("uniform.h5"), H5T_NATIVE_DOUBLE, grey);
    FAILS(DAVEGAN_FORMAT, "uniform.h5", davegan_micrograph_read(TEST_FILE("uniform.h5"), "/phase", NULL, &micrograph));
}

static void segmentation_follows_the_thresholds(void) {
    static double grey[64 * 64];
    uint8_t phases[64 * 64];
    davegan_micrograph_t *micrograph = NULL;
    davegan_micrograph_options_t options;
    OK(davegan_micrograph_options_init(&options, sizeof options));
    for (int i = 0; i < 64 * 64; ++i) grey[i] = 0.25 + i % 3;
    write_dataset(TEST_FILE("grey.h5"), H5T_NATIVE_DOUBLE, grey);
    for (int32_t segmentation = DAVEGAN_SEGMENTATION_THRESHOLDS; segmentation <= DAVEGAN_SEGMENTATION_OTSU;
         ++segmentation) {
        options.segmentation = segmentation;
        options.n_phases = 3;
        options.n_thresholds = 2;
        options.thresholds[0] = 1.0;
        options.thresholds[1] = 2.0;
        OK(davegan_micrograph_read(TEST_FILE("grey.h5"), "/phase", &options, &micrograph));
        OK(davegan_micrograph_phases(micrograph, phases, sizeof phases));
        for (int i = 0; i < 64 * 64; ++i) CHECK_INT(i % 3, phases[i]);
        davegan_micrograph_free(micrograph);
    }
}

static void regions_sizes_and_warnings(void) {
    uint8_t phases[3 * 6 * 8], part[3 * 2 * 5];
    for (int i = 0; i < 3; ++i) fill_three_phases(phases + 48 * i, 6, 8);
    davegan_micrograph_t *written = from_memory(phases, 3, 6, 8), *read = NULL;
    CHECK(info_of(written).voxel_size == 0 && info_of(written).voxel_unit == DAVEGAN_UNIT_UNSPECIFIED);
    remove(TEST_FILE("region.h5"));
    OK(davegan_micrograph_write(written, TEST_FILE("region.h5"), "/phase"));
    davegan_micrograph_free(written);
    davegan_micrograph_options_t options;
    OK(davegan_micrograph_options_init(&options, sizeof options));
    options.x0 = 3;
    options.y0 = 4;
    options.voxel_size = 4e-9;
    options.voxel_unit = DAVEGAN_UNIT_METRE;
    OK(davegan_micrograph_read(TEST_FILE("region.h5"), NULL, &options, &read));
    const davegan_micrograph_info_t info = info_of(read);
    CHECK_INT(5, info.nx);
    CHECK_INT(2, info.ny);
    CHECK(info.voxel_size == 4e-9 && info.voxel_unit == DAVEGAN_UNIT_METRE);
    OK(davegan_micrograph_phases(read, part, sizeof part));
    for (int i = 0; i < 30; ++i) CHECK_INT(phases[i / 10 * 48 + (4 + i / 5 % 2) * 8 + 3 + i % 5], part[i]);
    davegan_micrograph_free(read);
    CHECK(strstr(davegan_last_warning(), "3 images") != NULL);
    char copy[300];
    size_t needed = 0;
    OK(davegan_last_warning_copy(copy, sizeof copy, &needed));
    CHECK_TEXT(davegan_last_warning(), copy);
    CHECK_INT(strlen(copy) + 1, needed);
    CHECK_INT(DAVEGAN_BUFFER_SIZE, davegan_last_warning_copy(copy, 4, &needed));
    CHECK(strlen(copy) == 3 && strncmp(copy, davegan_last_warning(), 3) == 0);
    options.nx = 6;
    FAILS(DAVEGAN_INVALID_PARAMETER, "3,4,6,0", davegan_micrograph_read(TEST_FILE("region.h5"), NULL, &options, &read));
    CHECK_TEXT("", davegan_last_warning());
    options.nx = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "nx is -1", davegan_micrograph_read(TEST_FILE("region.h5"), NULL, &options, &read));
    options.nx = 0;
    options.voxel_size = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "voxel size", davegan_micrograph_read(TEST_FILE("region.h5"), NULL, &options, &read));
    options.voxel_size = 0;
    options.voxel_unit = 7;
    FAILS(DAVEGAN_INVALID_PARAMETER, "voxel_unit = 7",
          davegan_micrograph_read(TEST_FILE("region.h5"), NULL, &options, &read));
}

static void wrong_arguments_are_refused(void) {
    uint8_t nine[81], phases[48];
    for (int i = 0; i < 81; ++i) nine[i] = (uint8_t)(i % 9);
    fill_three_phases(phases, 6, 8);
    davegan_micrograph_t *micrograph = NULL;
    FAILS(DAVEGAN_INVALID_PARAMETER, "9", davegan_micrograph_from_memory(nine, 1, 9, 9, &micrograph));
    CHECK(micrograph == NULL);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_from_memory(NULL, 1, 6, 8, &micrograph));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0", davegan_micrograph_from_memory(phases, 0, 6, 8, &micrograph));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_from_memory(phases, 1, 6, 8, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_sample(NULL, &micrograph));
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.volume_fraction = NAN;
    FAILS(DAVEGAN_INVALID_PARAMETER, "volume fraction is NaN", davegan_micrograph_sample(&options, &micrograph));

    micrograph = from_memory(phases, 1, 6, 8);
    davegan_micrograph_info_t info;
    uint8_t copy[48];
    memset(copy, 77, sizeof copy);
    FAILS(DAVEGAN_BUFFER_SIZE, "48", davegan_micrograph_phases(micrograph, copy, 47));
    CHECK_INT(77, copy[0]);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_phases(micrograph, NULL, 48));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_phases(NULL, copy, 48));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_info(NULL, &info, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_info(micrograph, NULL, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_micrograph_info(micrograph, &info, 4));
    davegan_micrograph_free(micrograph);
    davegan_micrograph_free(NULL);
}

int main(void) {
    memory_comes_back_as_it_was();
    files_come_back_as_they_were(1);
    files_come_back_as_they_were(3);
    samples_follow_their_options();
    ellipses_come_with_their_parameters();
    wrong_files_are_refused();
    filters_that_are_not_there_are_named();
    nine_phases_and_nan_are_refused();
    segmentation_follows_the_thresholds();
    regions_sizes_and_warnings();
    wrong_arguments_are_refused();
    return 0;
}
