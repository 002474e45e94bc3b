/* davegan_generate, davegan_generate_into; what is in the files is read by the system's HDF5. */
#include "fixture.h"

#include <hdf5.h>

static void fill(const davegan_model_t *model, int64_t first, int64_t count, uint8_t *phases) {
    const davegan_generate_options_t options = some_realisations(first, count);
    OK(davegan_generate_into(model, &options, phases, (size_t)count * PIXELS));
}

static void realisations_depend_on_their_index_alone(const davegan_model_t *model) {
    uint8_t *together = NEW_ARRAY(uint8_t, 8 * PIXELS), *apart = NEW_ARRAY(uint8_t, 8 * PIXELS);
    fill(model, 0, 8, together);
    fill(model, 0, 4, apart);
    fill(model, 4, 4, apart + 4 * PIXELS);
    CHECK(memcmp(together, apart, 8 * PIXELS) == 0);
    for (int i = 0; i < 8; ++i) fill(model, i, 1, apart + i * PIXELS);
    CHECK(memcmp(together, apart, 8 * PIXELS) == 0);
    davegan_generate_options_t options = some_realisations(0, 8);
    options.threads = 2;
    OK(davegan_generate_into(model, &options, apart, 8 * PIXELS));
    CHECK(memcmp(together, apart, 8 * PIXELS) == 0);
    options.seed += 1;
    OK(davegan_generate_into(model, &options, apart, 8 * PIXELS));
    CHECK(memcmp(together, apart, 8 * PIXELS) != 0);
    for (int i = 0; i < 8 * PIXELS; ++i) CHECK(together[i] < 2);
    free(together);
    free(apart);
}

static void check_file(const char *path, const char *name, const uint8_t *expected, hsize_t count) {
    uint8_t *phases = NEW_ARRAY(uint8_t, count *PIXELS);
    hsize_t extents[4] = {0, 0, 0, 0};
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), dataset = H5Dopen2(file, name, H5P_DEFAULT);
    CHECK(dataset >= 0);
    const hid_t space = H5Dget_space(dataset);
    CHECK_INT(4, H5Sget_simple_extent_dims(space, extents, NULL));
    CHECK_INT(count, extents[0]);
    CHECK_INT(1, extents[1]);
    CHECK_INT(SIDE, extents[2]);
    CHECK_INT(SIDE, extents[3]);
    CHECK(H5Dread(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, phases) >= 0);
    CHECK(memcmp(expected, phases, count * PIXELS) == 0);
    H5Sclose(space);
    H5Dclose(dataset);
    H5Fclose(file);
    free(phases);
}

/* A file and a buffer hold the same realisations. */
static void files_hold_the_same(const davegan_model_t *model, const char *path, const char *group,
                                const char *dataset) {
    uint8_t *expected = NEW_ARRAY(uint8_t, 5 * PIXELS);
    fill(model, 0, 5, expected);
    remove(path);
    davegan_generate_options_t options = some_realisations(0, 2);
    options.voxel_size = 0.5;
    OK(davegan_generate(model, path, group, &options));
    check_file(path, dataset, expected, 2);
    options.first = 2;
    options.count = 3;
    OK(davegan_generate(model, path, group, &options));
    check_file(path, dataset, expected, 5);
    options.replace = 1;
    OK(davegan_generate(model, path, group, &options));
    check_file(path, dataset, expected + 2 * PIXELS, 3);
    options.replace = 0;
    options.seed += 1;
    FAILS(DAVEGAN_FORMAT, path, davegan_generate(model, path, group, &options)); /* another ensemble */
    free(expected);
}

/* The spacing of an image in a VTKHDF file and the unit beside it, "" if there is none. */
static double spacing_of(const char *path, char unit[8]) {
    double spacing[3] = {0, 0, 0};
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t attribute = H5Aopen_by_name(file, "VTKHDF", "Spacing", H5P_DEFAULT, H5P_DEFAULT);
    CHECK(H5Aread(attribute, H5T_NATIVE_DOUBLE, spacing) >= 0);
    H5Aclose(attribute);
    CHECK(spacing[0] == spacing[1] && spacing[0] == spacing[2]);
    memset(unit, 0, 8);
    if (H5Aexists_by_name(file, "davegan", "voxel_unit", H5P_DEFAULT) > 0) {
        const hid_t text = H5Aopen_by_name(file, "davegan", "voxel_unit", H5P_DEFAULT, H5P_DEFAULT);
        const hid_t type = H5Aget_type(text);
        CHECK(!H5Tis_variable_str(type) && H5Tget_size(type) < 8 && H5Aread(text, type, unit) >= 0);
        H5Tclose(type);
        H5Aclose(text);
    }
    H5Fclose(file);
    return spacing[0];
}

/* From the options of reading, or those of generating, which win, to the file. */
static void voxel_sizes_reach_the_file(void) {
    davegan_micrograph_t *written = small_micrograph(), *micrograph = NULL;
    davegan_micrograph_options_t reading;
    davegan_model_t *trained = NULL, *model = NULL;
    char unit[8];
    remove(TEST_FILE("size.h5"));
    OK(davegan_micrograph_write(written, TEST_FILE("size.h5"), "/phase"));
    davegan_micrograph_free(written);
    OK(davegan_micrograph_options_init(&reading, sizeof reading));
    reading.voxel_size = 0.3;
    reading.voxel_unit = DAVEGAN_UNIT_MICROMETRE;
    OK(davegan_micrograph_read(TEST_FILE("size.h5"), NULL, &reading, &micrograph));
    davegan_train_options_t training = short_training();
    OK(davegan_train_micrograph(micrograph, NULL, &training, &trained));
    davegan_micrograph_free(micrograph);
    OK(davegan_model_save(trained, TEST_FILE("size_model.h5")));
    davegan_model_free(trained);
    OK(davegan_model_load(TEST_FILE("size_model.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    davegan_model_info_t info;
    OK(davegan_model_info(model, &info, sizeof info));
    CHECK(info.voxel_size == 0.3 && info.voxel_unit == DAVEGAN_UNIT_MICROMETRE);
    remove(TEST_FILE("size.vtkhdf"));
    davegan_generate_options_t options = some_realisations(0, 1);
    OK(davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    CHECK(spacing_of(TEST_FILE("size.vtkhdf"), unit) == 0.3);
    CHECK_TEXT("um", unit);
    options.first = 1;
    options.voxel_size = 2;
    FAILS(DAVEGAN_FORMAT, "voxel_size 0.3, those to be added voxel_size 2.0",
          davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    options.voxel_size = 0.3;
    options.voxel_unit = DAVEGAN_UNIT_METRE;
    FAILS(DAVEGAN_FORMAT, "voxel_unit", davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    options.replace = 1;
    OK(davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    CHECK(spacing_of(TEST_FILE("size.vtkhdf"), unit) == 0.3);
    CHECK_TEXT("m", unit);
    options.voxel_unit = DAVEGAN_UNIT_UNSPECIFIED;
    OK(davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    CHECK_TEXT("", (spacing_of(TEST_FILE("size.vtkhdf"), unit), unit));
    options.voxel_size = 0;
    options.voxel_unit = DAVEGAN_UNIT_METRE;
    FAILS(DAVEGAN_INVALID_PARAMETER, "voxel_unit is 1", davegan_generate(model, TEST_FILE("size.vtkhdf"), NULL, &options));
    davegan_model_free(model);
}

static int32_t cancel_at_once(const davegan_progress_t *progress, void *user_data) {
    int *calls = (int *)user_data;
    CHECK(progress->step <= progress->steps);
    CHECK(isnan(progress->loss_generator));
    ++*calls;
    return 1;
}

static void generation_can_be_cancelled(const davegan_model_t *model) {
    int calls = 0;
    davegan_generate_options_t options = some_realisations(0, 2000);
    options.progress = cancel_at_once;
    options.progress_interval = 0;
    options.user_data = &calls;
    remove(TEST_FILE("cancelled.vtkhdf"));
    FAILS(DAVEGAN_CANCELLED, "2000", davegan_generate(model, TEST_FILE("cancelled.vtkhdf"), NULL, &options));
    CHECK_INT(1, calls);
}

static void wrong_arguments_are_refused(const davegan_model_t *model) {
    uint8_t phases[PIXELS];
    const char *path = TEST_FILE("wrong.vtkhdf");
    davegan_generate_options_t options = some_realisations(0, 1);
    memset(phases, 77, sizeof phases);
    FAILS(DAVEGAN_BUFFER_SIZE,
          "the buffer for 1 realisation of 32 x 32 x 1 voxels (x, y, z) holds 1023 elements, but must hold 1024",
          davegan_generate_into(model, &options, phases, PIXELS - 1));
    CHECK_INT(77, phases[0]);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_generate_into(model, &options, NULL, PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_generate_into(NULL, &options, phases, PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_generate(NULL, path, NULL, &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_generate(model, NULL, NULL, &options));
    options.count = 0;
    FAILS(DAVEGAN_INVALID_PARAMETER, "count", davegan_generate_into(model, &options, phases, PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "count", davegan_generate(model, path, NULL, &options));
    options.count = -3;
    FAILS(DAVEGAN_INVALID_PARAMETER, "-3", davegan_generate_into(model, &options, phases, PIXELS));
    options = some_realisations(-1, 1);
    FAILS(DAVEGAN_INVALID_PARAMETER, "first", davegan_generate_into(model, &options, phases, PIXELS));
    options = some_realisations(0, INT64_MAX);
    FAILS(DAVEGAN_INVALID_PARAMETER, "9223372036854775807", davegan_generate_into(model, &options, phases, PIXELS));
    options = some_realisations(0, (int64_t)1 << 40);
    FAILS(DAVEGAN_BUFFER_SIZE, "1024", davegan_generate_into(model, &options, phases, PIXELS));
    options = some_realisations(0, 1);
    options.voxel_size = NAN;
    FAILS(DAVEGAN_INVALID_PARAMETER, "voxel size NaN", davegan_generate(model, path, NULL, &options));
    options = some_realisations(0, 1);
    write_file(TEST_FILE("file"), "text", 4);
    FAILS(DAVEGAN_IO, "file/out.vtkhdf", davegan_generate(model, TEST_FILE("file/out.vtkhdf"), NULL, &options));
    FAILS(DAVEGAN_FORMAT, TEST_FILE("file"), davegan_generate(model, TEST_FILE("file"), NULL, &options));
    FAILS(DAVEGAN_IO, "/proc/out.vtkhdf", davegan_generate(model, "/proc/out.vtkhdf", NULL, &options));
}

/* HDF5 takes UTF-8 only: every call says so alike, and leaves no file. */
static void a_path_in_latin_1_is_refused(const davegan_model_t *model) {
    const char *path = TEST_FILE("caf\xe9.h5");
    const davegan_generate_options_t options = some_realisations(0, 1);
    davegan_train_options_t training = short_training();
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *none = NULL;
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_generate(model, path, NULL, &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_generate(model, path, "group", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_model_save(model, path));
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_model_load(path, DAVEGAN_DEVICE_KIND_CPU, 0, &none));
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_train_micrograph(micrograph, path, &training, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_micrograph_write(micrograph, path, "phase"));
    CHECK(fopen(path, "rb") == NULL);
    OK(davegan_micrograph_write(micrograph, TEST_FILE("text.h5"), "phase"));
    davegan_micrograph_free(micrograph);
    CHECK(rename(TEST_FILE("text.h5"), path) == 0);
    FAILS(DAVEGAN_INVALID_PARAMETER, "not UTF-8", davegan_micrograph_read(path, "phase", NULL, &micrograph));
    CHECK(remove(path) == 0);
}

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    realisations_depend_on_their_index_alone(model);
    files_hold_the_same(model, TEST_FILE("series.vtkhdf"), NULL, "/VTKHDF/CellData/phase");
    files_hold_the_same(model, TEST_FILE("group.h5"), "/ensemble/a", "/ensemble/a/phase");
    generation_can_be_cancelled(model);
    wrong_arguments_are_refused(model);
    a_path_in_latin_1_is_refused(model);
    davegan_model_free(model);
    voxel_sizes_reach_the_file();
    return 0;
}
