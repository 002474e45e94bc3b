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
    FAILS(DAVEGAN_BUFFER_SIZE, "1024", davegan_generate_into(model, &options, phases, PIXELS - 1));
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

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    realisations_depend_on_their_index_alone(model);
    files_hold_the_same(model, TEST_FILE("series.vtkhdf"), NULL, "/VTKHDF/CellData/phase");
    files_hold_the_same(model, TEST_FILE("group.h5"), "/ensemble/a", "/ensemble/a/phase");
    generation_can_be_cancelled(model);
    wrong_arguments_are_refused(model);
    davegan_model_free(model);
    return 0;
}
