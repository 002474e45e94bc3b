/* davegan_fidelity_measure, davegan_fidelity_measure_model, davegan_fidelity_measure_file, davegan_fidelity_phase,
 * davegan_fidelity_figure, davegan_fidelity_gates, davegan_fidelity_table, davegan_fidelity_write,
 * davegan_fidelity_free; what is in the files is read by the system's HDF5. */
#include "fixture.h"

#include <hdf5.h>
#include <sys/stat.h>

enum { COUNT = 40 };

static double figure(const davegan_fidelity_t *fidelity, const char *name) {
    double value = 0;
    OK(davegan_fidelity_figure(fidelity, name, &value));
    return value;
}

/* Windows of the micrograph itself, every row and column that fits. */
static void cut_windows(const uint8_t *image, size_t n, uint8_t *windows) {
    for (size_t i = 0; i < n; ++i)
        for (size_t y = 0; y < SIDE; ++y)
            memcpy(windows + (i * SIDE + y) * SIDE, image + ((7 * i) % SIDE + y) * 2 * SIDE + (11 * i) % SIDE, SIDE);
}

/* What judges with windows of `seed`, by `threads` threads. */
static davegan_generate_options_t judging(int64_t seed, int32_t threads) {
    davegan_generate_options_t options = some_realisations(0, COUNT);
    options.seed = seed;
    options.threads = threads;
    return options;
}

static void figures_are_those_of_their_definition(const davegan_micrograph_t *micrograph, const uint8_t *windows,
                                                  const uint8_t *tiles) {
    davegan_fidelity_t *fidelity = NULL, *again = NULL;
    const davegan_generate_options_t two = judging(3, 2), one = judging(3, 1);
    OK(davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, tiles, N_TILES, &two, &fidelity));
    double share = 0;
    for (size_t i = 0; i < COUNT * PIXELS; ++i) share += windows[i] == 1;
    CHECK_NEAR(share / (COUNT * PIXELS), figure(fidelity, "vf"), 1e-12);
    /* The reconstructions are the tiles themselves. */
    CHECK_NEAR(0.0, figure(fidelity, "E_rec"), 0.0);
    CHECK_NEAR(0.0, figure(fidelity, "E_rec_pixels"), 0.0);
    double e_gen = 0;
    for (int i = 0; i < COUNT; ++i) {
        double smallest = INFINITY, error = 0;
        for (int j = 0; j < N_TILES; ++j) {
            OK(davegan_s2_error(windows + i * PIXELS, tiles + j * PIXELS, 1, SIDE, SIDE, 1, NULL, &error));
            if (error < smallest) smallest = error;
        }
        e_gen += smallest / COUNT;
    }
    CHECK_NEAR(e_gen, figure(fidelity, "E_gen"), 1e-12);
    int32_t holding = 0, gates = 0;
    OK(davegan_fidelity_gates(fidelity, &holding, &gates));
    CHECK_INT(16, gates);

    /* The same seed, the same figures, whatever the threads. */
    OK(davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, &one, &again));
    CHECK_NEAR(figure(fidelity, "k_eff_sd"), figure(again, "k_eff_sd"), 0.0);
    CHECK_NEAR(figure(fidelity, "variety"), figure(again, "variety"), 0.0);
    CHECK_NEAR(figure(fidelity, "E_gen_floor"), figure(again, "E_gen_floor"), 0.0);
    CHECK(figure(fidelity, "E_gen_floor") > 0 && figure(fidelity, "E_gen_floor") < 1);
    OK(davegan_fidelity_gates(again, &holding, &gates));
    CHECK_INT(15, gates);
    FAILS(DAVEGAN_INVALID_PARAMETER, "E_gen_floor", davegan_fidelity_figure(again, "E_rec", &e_gen));
    davegan_fidelity_free(again);

    size_t needed = 0, length = 0;
    FAILS(DAVEGAN_BUFFER_SIZE, "0", davegan_fidelity_table(fidelity, NULL, 0, &needed));
    char *table = (char *)malloc(needed);
    OK(davegan_fidelity_table(fidelity, table, needed, &length));
    CHECK_INT(needed, length);
    CHECK_INT(needed, strlen(table) + 1);
    CHECK(strstr(table, "k_eff_sd") && strstr(table, "of 16 gates hold"));
    free(table);
    davegan_fidelity_free(fidelity);
    davegan_fidelity_free(NULL);
}

static void what_cannot_be_judged_is_refused(const davegan_micrograph_t *micrograph, uint8_t *windows) {
    davegan_fidelity_t *fidelity = NULL;
    double value = 0;
    int32_t n = 0;
    size_t needed = 0;
    const davegan_status_t invalid = DAVEGAN_INVALID_PARAMETER;
    const davegan_generate_options_t seedless = judging(-1, 1), threadless = judging(0, -1);
    FAILS(invalid, "31", davegan_fidelity_measure(micrograph, 1, 0, windows, 31, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "n is 0", davegan_fidelity_measure(micrograph, 1, 0, NULL, 0, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "phase 2", davegan_fidelity_measure(micrograph, 2, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "at least 32 x 32",
          davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, 8, 8, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "3 reconstructions",
          davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, windows, 3, NULL, &fidelity));
    FAILS(invalid, "seed",
          davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, &seedless, &fidelity));
    FAILS(invalid, "threads",
          davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, &threadless, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(NULL, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(micrograph, 1, 0, NULL, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, NULL));
    CHECK(fidelity == NULL);
    FAILS(invalid, "NULL", davegan_fidelity_figure(NULL, "vf", &value));
    FAILS(invalid, "NULL", davegan_fidelity_gates(NULL, &n, &n));
    FAILS(invalid, "NULL", davegan_fidelity_table(NULL, NULL, 0, &needed));
    windows[5] = 9;
    FAILS(invalid, "9", davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, &fidelity));
}

static int32_t phase_of(const davegan_fidelity_t *fidelity) {
    int32_t phase = -1;
    OK(davegan_fidelity_phase(fidelity, &phase));
    return phase;
}

static void check_same(const davegan_fidelity_t *expected, const davegan_fidelity_t *found) {
    char *a = table_of(expected), *b = table_of(found);
    CHECK_TEXT(a, b);
    CHECK_INT(phase_of(expected), phase_of(found));
    free(a);
    free(b);
}

typedef struct {
    int64_t calls, steps, stop_at;
} parts_t;

static int32_t count_parts(const davegan_progress_t *progress, void *user_data) {
    parts_t *parts = (parts_t *)user_data;
    CHECK_INT(++parts->calls, progress->step);
    parts->steps = progress->steps;
    CHECK(progress->step <= progress->steps && isnan(progress->loss_encoder));
    return parts->calls == parts->stop_at;
}

static parts_t parts_until(int64_t stop_at) {
    const parts_t parts = {0, 0, stop_at};
    return parts;
}

/* One call for a model, one for its file, one for images in a file, and one for the arrays that all are made of. */
static davegan_status_t judge_by(int way, const davegan_model_t *model, const davegan_micrograph_t *micrograph,
                                 const uint8_t *realisations, const uint8_t *reconstructions,
                                 const davegan_generate_options_t *options, davegan_fidelity_t **fidelity) {
    const char *file = TEST_FILE("judged.vtkhdf"), *images = TEST_FILE("judged.h5"), *rec = "/reconstructed";
    switch (way) {
        case 0: return davegan_fidelity_measure_model(model, micrograph, -1, 0, options, fidelity);
        case 1: return davegan_fidelity_measure_file(micrograph, -1, 0, file, NULL, images, rec, options, fidelity);
        case 2:
            return davegan_fidelity_measure_file(micrograph, -1, 0, images, "/a/generated", images, rec, options,
                                                 fidelity);
        default:
            return davegan_fidelity_measure(micrograph, -1, 0, realisations, COUNT, 1, SIDE, SIDE, reconstructions, N_TILES,
                                            options, fidelity);
    }
}

static void all_ways_give_the_same(const davegan_model_t *model, const davegan_micrograph_t *micrograph) {
    davegan_fidelity_t *of_arrays = NULL, *of_model = NULL, *of_defaults = NULL;
    static uint8_t realisations[COUNT * PIXELS], tiles[N_TILES * PIXELS], reconstructions[N_TILES * PIXELS];
    davegan_generate_options_t options = some_realisations(3, COUNT);
    options.replace = 1;
    OK(davegan_generate_into(model, &options, realisations, sizeof realisations));
    OK(davegan_model_tiles(model, tiles, sizeof tiles));
    OK(davegan_reconstruct(model, tiles, N_TILES, 1, SIDE, SIDE, reconstructions, sizeof reconstructions));
    OK(davegan_fidelity_measure(micrograph, -1, 0, realisations, COUNT, 1, SIDE, SIDE, reconstructions, N_TILES, &options,
                                &of_arrays));
    davegan_micrograph_info_t info;
    OK(davegan_micrograph_info(micrograph, &info, sizeof info));
    CHECK_INT(info.minority_phase, phase_of(of_arrays));

    const char *file = TEST_FILE("judged.vtkhdf"), *images = TEST_FILE("judged.h5"), *rec = "/reconstructed";
    remove(images);
    OK(davegan_generate(model, file, NULL, &options));
    OK(davegan_write_images(images, rec, reconstructions, N_TILES, 1, SIDE, SIDE));
    OK(davegan_write_images(images, "/a/generated", realisations, COUNT, 1, SIDE, SIDE));

    /* Each tells how far it is, and stops when it is told to. */
    davegan_fidelity_t *found = NULL;
    parts_t parts;
    options.progress = count_parts;
    options.progress_interval = 0;
    options.user_data = &parts;
    for (int way = 0; way < 4; ++way) {
        parts = parts_until(-1);
        OK(judge_by(way, model, micrograph, realisations, reconstructions, &options, &found));
        check_same(of_arrays, found);
        davegan_fidelity_free(found);
        found = NULL;
        CHECK(parts.calls > 2);
        CHECK_INT(parts.steps, parts.calls);
        const int64_t stop_at[3] = {1, 3, parts.steps};
        for (int i = 0; i < 3; ++i) {
            parts = parts_until(stop_at[i]);
            FAILS(DAVEGAN_CANCELLED, "parts",
                  judge_by(way, model, micrograph, realisations, reconstructions, &options, &found));
            CHECK_INT(stop_at[i], parts.calls);
            CHECK(found == NULL);
        }
    }

    /* The other phase, without options: 256 realisations of the default seed. */
    OK(davegan_fidelity_measure_model(model, micrograph, 1 - info.minority_phase, 0, NULL, &of_model));
    CHECK_INT(1 - info.minority_phase, phase_of(of_model));
    OK(davegan_generate_options_init(&options, sizeof options));
    options.count = 256;
    OK(davegan_fidelity_measure_model(model, micrograph, 1 - info.minority_phase, 0, &options, &of_defaults));
    check_same(of_model, of_defaults);
    davegan_fidelity_free(of_defaults);
    davegan_fidelity_free(of_model);
    davegan_fidelity_free(of_arrays);
}

static void wrong_models_and_files_are_refused(const davegan_model_t *model, const davegan_micrograph_t *micrograph) {
    const davegan_status_t invalid = DAVEGAN_INVALID_PARAMETER;
    davegan_fidelity_t *fidelity = NULL;
    davegan_generate_options_t options = some_realisations(0, 31);
    FAILS(invalid, "31 realisations", davegan_fidelity_measure_model(model, micrograph, 1, 0, &options, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure_model(NULL, micrograph, 1, 0, &options, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure_model(model, NULL, 1, 0, &options, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure_model(model, micrograph, 1, 0, &options, NULL));
    FAILS(invalid, "phase is -2", davegan_fidelity_measure_model(model, micrograph, -2, 0, &options, &fidelity));
    options = some_realisations(0, 0);
    FAILS(invalid, "count = 0", davegan_fidelity_measure_model(model, micrograph, 1, 0, &options, &fidelity));
    options = some_realisations(0, COUNT);
    FAILS(invalid, "phase 2", davegan_fidelity_measure_model(model, micrograph, 2, 0, &options, &fidelity));
    const double intervals[3] = {-1, NAN, INFINITY};
    for (int i = 0; i < 3; ++i) {
        options.progress_interval = intervals[i];
        FAILS(invalid, "progress_interval", davegan_fidelity_measure_model(model, micrograph, 1, 0, &options, &fidelity));
        FAILS(invalid, "progress_interval", davegan_generate(model, TEST_FILE("never.vtkhdf"), NULL, &options));
    }
    options = some_realisations(0, COUNT);
    options.struct_size = 3;
    FAILS(invalid, "struct_size", davegan_fidelity_measure_model(model, micrograph, 1, 0, &options, &fidelity));
    options = some_realisations(0, COUNT);
    davegan_micrograph_t *other = NULL;
    const uint8_t few[4] = {0, 1, 1, 0}, three[4] = {0, 1, 2, 0};
    OK(davegan_micrograph_from_memory(few, 1, 2, 2, &other));
    FAILS(invalid, "1 x 2 x 2", davegan_fidelity_measure_model(model, other, 1, 0, &options, &fidelity));
    davegan_micrograph_free(other);
    OK(davegan_micrograph_from_memory(three, 1, 2, 2, &other));
    FAILS(invalid, "3 phases, the model 2", davegan_fidelity_measure_model(model, other, 1, 0, &options, &fidelity));
    davegan_micrograph_free(other);

    const char *path = TEST_FILE("judged.h5"), *text_file = TEST_FILE("text");
    write_file(text_file, "text", 4);
    FAILS(DAVEGAN_IO, "no_such.h5",
          davegan_fidelity_measure_file(micrograph, 1, 0, "no_such.h5", NULL, NULL, NULL, NULL, &fidelity));
    FAILS(DAVEGAN_FORMAT, text_file,
          davegan_fidelity_measure_file(micrograph, 1, 0, text_file, NULL, NULL, NULL, NULL, &fidelity));
    FAILS(DAVEGAN_HDF5, "/a/generated", /* what there is instead */
          davegan_fidelity_measure_file(micrograph, 1, 0, path, NULL, NULL, NULL, NULL, &fidelity));
    FAILS(invalid, "4 realisations",
          davegan_fidelity_measure_file(micrograph, 1, 0, path, "/reconstructed", NULL, NULL, NULL, &fidelity));
    FAILS(invalid, "40 reconstructions",
          davegan_fidelity_measure_file(micrograph, 1, 0, path, "/a/generated", path, "/a/generated", NULL, &fidelity));
    FAILS(invalid, "reconstructions_dataset is NULL",
          davegan_fidelity_measure_file(micrograph, 1, 0, path, "/a/generated", path, NULL, NULL, &fidelity));
    FAILS(invalid, "reconstructions is NULL",
          davegan_fidelity_measure_file(micrograph, 1, 0, path, "/a/generated", NULL, "/x", NULL, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure_file(NULL, 1, 0, path, NULL, NULL, NULL, NULL, &fidelity));
    FAILS(invalid, "path is NULL",
          davegan_fidelity_measure_file(micrograph, 1, 0, NULL, NULL, NULL, NULL, NULL, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure_file(micrograph, 1, 0, path, "/a/generated", NULL, NULL, NULL, NULL));
    const char *trained = TEST_FILE("model.h5");
    FAILS(DAVEGAN_FORMAT, "is a davegan model; give a file of realisations",
          davegan_fidelity_measure_file(micrograph, 1, 0, trained, "/tiles", NULL, NULL, NULL, &fidelity));
    FAILS(DAVEGAN_FORMAT, "is a davegan model; give the micrograph",
          davegan_micrograph_read(trained, NULL, NULL, &other));
    FAILS(DAVEGAN_FORMAT, "holds realisations of davegan",
          davegan_micrograph_read(TEST_FILE("judged.vtkhdf"), NULL, NULL, &other));
    static uint8_t fives[COUNT * PIXELS];
    memset(fives, 5, sizeof fives);
    OK(davegan_write_images(path, "/fives", fives, COUNT, 1, SIDE, SIDE));
    FAILS(DAVEGAN_FORMAT, "is 5; the phases are numbered 0 to 1",
          davegan_fidelity_measure_file(micrograph, 1, 0, path, "/fives", NULL, NULL, NULL, &fidelity));
    CHECK(fidelity == NULL);
}

static int64_t attribute(hid_t of, const char *name) {
    int64_t value = -1;
    const hid_t attribute = H5Aopen(of, name, H5P_DEFAULT);
    CHECK(attribute >= 0 && H5Aread(attribute, H5T_NATIVE_INT64, &value) >= 0);
    H5Aclose(attribute);
    return value;
}

static void check_group(const char *path, const char *name, const davegan_fidelity_t *fidelity) {
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), group = H5Gopen2(file, name, H5P_DEFAULT);
    CHECK(group >= 0);
    int32_t holding = 0, gates = 0;
    OK(davegan_fidelity_gates(fidelity, &holding, &gates));
    CHECK_INT(gates, attribute(group, "n_gates"));
    CHECK_INT(holding, attribute(group, "n_holding"));
    CHECK_INT(phase_of(fidelity), attribute(group, "phase"));
    H5G_info_t info;
    CHECK(H5Gget_info(group, &info) >= 0);
    int judged = 0;
    for (hsize_t i = 0; i < info.nlinks; ++i) {
        char figure_name[64];
        CHECK(H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, figure_name, 64, H5P_DEFAULT) > 0);
        double value = 0;
        const hid_t dataset = H5Dopen2(group, figure_name, H5P_DEFAULT);
        CHECK(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
        const double expected = figure(fidelity, figure_name);
        CHECK(value == expected || (isnan(value) && isnan(expected)));
        judged += H5Aexists(dataset, "holds") > 0 && H5Aexists(dataset, "requirement") > 0;
        H5Dclose(dataset);
    }
    CHECK_INT(gates, judged);
    CHECK(info.nlinks > 30);
    H5Gclose(group);
    H5Fclose(file);
}

static void figures_are_written(const davegan_micrograph_t *micrograph, const uint8_t *windows, const uint8_t *tiles) {
    davegan_fidelity_t *with = NULL, *without = NULL;
    OK(davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, tiles, N_TILES, NULL, &with));
    OK(davegan_fidelity_measure(micrograph, 1, 0, windows, COUNT, 1, SIDE, SIDE, NULL, 0, NULL, &without));
    const char *path = TEST_FILE("fidelity.h5"), *text_file = TEST_FILE("text");
    remove(path);
    OK(davegan_fidelity_write(with, path, NULL));
    check_group(path, "/phase_1", with);
    OK(davegan_fidelity_write(without, path, "seed 3/here"));
    check_group(path, "/phase_1", with);
    check_group(path, "/seed 3/here", without);
    OK(davegan_fidelity_write(without, path, NULL)); /* replaced, so no figure of before is left */
    check_group(path, "/phase_1", without);

    OK(davegan_write_images(path, "/tiles", tiles, N_TILES, 1, SIDE, SIDE));
    size_t size = 0, size_after = 0;
    unsigned char *before = read_file(path, &size);
    FAILS(DAVEGAN_FORMAT, "tiles", davegan_fidelity_write(with, path, "/tiles"));
    FAILS(DAVEGAN_FORMAT, "seed 3", davegan_fidelity_write(with, path, "/seed 3"));
    FAILS(DAVEGAN_HDF5, "create the group", davegan_fidelity_write(with, path, "/tiles/inside"));
    FAILS(DAVEGAN_INVALID_PARAMETER, "is empty", davegan_fidelity_write(with, path, "/"));
    unsigned char *after = read_file(path, &size_after);
    CHECK(size == size_after && memcmp(before, after, size) == 0);
    free(before);
    free(after);
    OK(davegan_write_images(path, "/phase_1/mine", tiles, N_TILES, 1, SIDE, SIDE));
    FAILS(DAVEGAN_FORMAT, "\"mine\"", davegan_fidelity_write(with, path, NULL));

    const hid_t open_elsewhere = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
    FAILS(DAVEGAN_IO, path, davegan_fidelity_write(with, path, NULL));
    H5Fclose(open_elsewhere);
    write_file(text_file, "text", 4);
    FAILS(DAVEGAN_FORMAT, text_file, davegan_fidelity_write(with, text_file, NULL));
    FAILS(DAVEGAN_IO, "is a device", davegan_fidelity_write(with, "/dev/null", NULL));
    const char *pipe = TEST_FILE("pipe");
    remove(pipe);
    CHECK(mkfifo(pipe, 0600) == 0);
    FAILS(DAVEGAN_IO, "a pipe", davegan_fidelity_write(with, pipe, NULL));
    remove(pipe);
    FAILS(DAVEGAN_IO, "is a directory", davegan_fidelity_write(with, ".", NULL));
    FAILS(DAVEGAN_IO, "no_such_folder", davegan_fidelity_write(with, "no_such_folder/fidelity.h5", NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_fidelity_write(NULL, path, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_fidelity_write(with, NULL, NULL));
    int32_t phase = 7;
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_fidelity_phase(NULL, &phase));
    CHECK_INT(0, phase);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_fidelity_phase(with, NULL));
    davegan_fidelity_free(with);
    davegan_fidelity_free(without);
}

int main(void) {
    static uint8_t image[4 * PIXELS], windows[COUNT * PIXELS], tiles[N_TILES * PIXELS];
    davegan_micrograph_t *micrograph = small_micrograph();
    OK(davegan_micrograph_phases(micrograph, image, sizeof image));
    cut_windows(image, COUNT, windows);
    for (size_t tile = 0; tile < N_TILES; ++tile)
        for (size_t y = 0; y < SIDE; ++y)
            memcpy(tiles + (tile * SIDE + y) * SIDE, image + (tile / 2 * SIDE + y) * 2 * SIDE + tile % 2 * SIDE, SIDE);
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    figures_are_those_of_their_definition(micrograph, windows, tiles);
    figures_are_written(micrograph, windows, tiles);
    all_ways_give_the_same(model, micrograph);
    wrong_models_and_files_are_refused(model, micrograph);
    davegan_model_free(model);
    what_cannot_be_judged_is_refused(micrograph, windows);
    davegan_micrograph_free(micrograph);
    return 0;
}
