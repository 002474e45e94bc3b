/* davegan_train, davegan_train_micrograph: the model, progress, cancelling, resuming, determinism, wrong inputs. */
#include "fixture.h"

typedef struct {
    int64_t calls, last_step, cancel_at;
} watch_t;

static int32_t watch(const davegan_progress_t *progress, void *user_data) {
    watch_t *seen = (watch_t *)user_data;
    CHECK(progress->struct_size >= sizeof *progress);
    CHECK(progress->step > seen->last_step);
    CHECK(progress->step <= progress->steps);
    CHECK(progress->elapsed >= 0);
    if (progress->step < HISTORY_INTERVAL) { /* the history has no row yet */
        CHECK(isnan(progress->loss_encoder));
    } else {
        CHECK(isfinite(progress->loss_encoder) && isfinite(progress->loss_discriminator));
        CHECK(progress->loss_reconstruction > 0);
    }
    seen->calls += 1;
    seen->last_step = progress->step;
    return seen->cancel_at != 0 && progress->step >= seen->cancel_at;
}

/* With the offset of the first difference, which tells what differs. */
static void check_same_file(const char *a, const char *b) {
    size_t size_a = 0, size_b = 0;
    unsigned char *bytes_a = read_file(a, &size_a), *bytes_b = read_file(b, &size_b);
    CHECK_INT(size_a, size_b);
    for (size_t i = 0; i < size_a; ++i)
        if (bytes_a[i] != bytes_b[i]) FAIL("%s and %s differ from byte %zu of %zu on", a, b, i, size_a);
    free(bytes_a);
    free(bytes_b);
}

static int64_t steps_of(const char *path) {
    davegan_model_t *model = NULL;
    davegan_model_info_t info;
    OK(davegan_model_load(path, test_device(), 0, &model));
    OK(davegan_model_info(model, &info, sizeof info));
    davegan_model_free(model);
    return info.steps;
}

static void read_history(const char *path, double *history) {
    davegan_model_t *model = NULL;
    OK(davegan_model_load(path, test_device(), 0, &model));
    OK(davegan_model_history(model, history, 2 * 6));
    davegan_model_free(model);
}

static void file_and_memory_train_alike(void) {
    davegan_micrograph_t *micrograph = small_micrograph();
    remove(TEST_FILE("micrograph.h5"));
    OK(davegan_micrograph_write(micrograph, TEST_FILE("micrograph.h5"), "/phase"));
    davegan_micrograph_free(micrograph);
    const davegan_train_options_t options = training_with_history();
    OK(davegan_train(TEST_FILE("micrograph.h5"), "/phase", TEST_FILE("from_file.h5"), &options, NULL));
    OK(davegan_train(TEST_FILE("micrograph.h5"), "/phase", TEST_FILE("again.h5"), &options, NULL));
    check_same_file(TEST_FILE("from_file.h5"), TEST_FILE("again.h5"));
    /* The model from memory names another source, but has learned the same. */
    train_small_model(TEST_FILE("from_memory.h5"), &options);
    double from_file[2 * 6], from_memory[2 * 6];
    read_history(TEST_FILE("from_file.h5"), from_file);
    read_history(TEST_FILE("from_memory.h5"), from_memory);
    CHECK(memcmp(from_file, from_memory, sizeof from_file) == 0);
}

static void the_seed_decides_not_the_threads(void) {
    davegan_train_options_t options = short_training();
    train_small_model(TEST_FILE("one_thread.h5"), &options);
    options.threads = 2;
    train_small_model(TEST_FILE("two_threads.h5"), &options);
    check_same_file(TEST_FILE("one_thread.h5"), TEST_FILE("two_threads.h5"));
    options.seed += 1;
    train_small_model(TEST_FILE("other_seed.h5"), &options);
    size_t size_a = 0, size_b = 0;
    unsigned char *a = read_file(TEST_FILE("one_thread.h5"), &size_a);
    unsigned char *b = read_file(TEST_FILE("other_seed.h5"), &size_b);
    CHECK(size_a != size_b || memcmp(a, b, size_a) != 0);
    free(a);
    free(b);
}

static void progress_is_reported_and_cancels(void) {
    watch_t seen = {0, 0, 0};
    davegan_train_options_t options = training_with_history();
    options.progress = watch;
    options.progress_interval = 0;
    options.user_data = &seen;
    train_small_model(TEST_FILE("watched.h5"), &options);
    CHECK(seen.calls > 1);
    CHECK_INT(options.steps, seen.last_step);
    CHECK_INT(options.steps, steps_of(TEST_FILE("watched.h5")));
}

static void resuming_gives_the_same_bytes(void) {
    watch_t seen = {0, 0, 3};
    davegan_train_options_t options = short_training();
    train_small_model(TEST_FILE("never_stopped.h5"), &options);
    remove(TEST_FILE("resumed.h5"));
    options.progress = watch;
    options.progress_interval = 0;
    options.user_data = &seen;
    davegan_micrograph_t *micrograph = small_micrograph();
    FAILS(DAVEGAN_CANCELLED, "3", davegan_train_micrograph(micrograph, TEST_FILE("resumed.h5"), &options, NULL));
    CHECK_INT(3, seen.last_step);
    CHECK_INT(3, steps_of(TEST_FILE("resumed.h5")));
    seen.cancel_at = 0;
    options.resume = 1;
    OK(davegan_train_micrograph(micrograph, TEST_FILE("resumed.h5"), &options, NULL));
    CHECK_INT(6, steps_of(TEST_FILE("resumed.h5")));
    davegan_micrograph_free(micrograph);
    check_same_file(TEST_FILE("never_stopped.h5"), TEST_FILE("resumed.h5"));
}

static void the_same_model_is_given_with_a_file_and_without(void) {
    davegan_train_options_t options = short_training();
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *with = NULL, *without = NULL, *loaded = NULL, *saved = NULL, *none = NULL;
    OK(davegan_train_micrograph(micrograph, TEST_FILE("given.h5"), &options, &with));
    OK(davegan_train_micrograph(micrograph, NULL, &options, &without));
    OK(davegan_model_load(TEST_FILE("given.h5"), test_device(), 0, &loaded));
    OK(davegan_model_save(without, TEST_FILE("saved.h5")));
    OK(davegan_model_load(TEST_FILE("saved.h5"), test_device(), 0, &saved));
    const davegan_generate_options_t some = some_realisations(0, 4);
    davegan_model_t *models[] = {with, without, loaded, saved};
    uint8_t images[4][4 * PIXELS];
    for (int i = 0; i < 4; ++i) {
        OK(davegan_generate_into(models[i], &some, images[i], sizeof images[i]));
        CHECK(memcmp(images[0], images[i], sizeof images[i]) == 0);
        davegan_model_free(models[i]);
    }
    options.resume = 1;
    none = (davegan_model_t *)&options;
    FAILS(DAVEGAN_FORMAT, "a model alone",
          davegan_train_micrograph(micrograph, TEST_FILE("saved.h5"), &options, &none));
    CHECK(none == NULL);
    FAILS(DAVEGAN_INVALID_PARAMETER, "resume", davegan_train_micrograph(micrograph, NULL, &options, &none));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_save(NULL, TEST_FILE("saved.h5")));
    davegan_micrograph_free(micrograph);
}

static void refuse(const davegan_train_options_t *options, const char *part) {
    davegan_micrograph_t *micrograph = small_micrograph();
    FAILS(DAVEGAN_INVALID_PARAMETER, part, davegan_train_micrograph(micrograph, TEST_FILE("wrong.h5"), options, NULL));
    davegan_micrograph_free(micrograph);
}

static void paper_options_decide_the_model(void) {
    davegan_train_options_t options = short_training();
    options.latent_size = 7;
    options.paper_options = "reconstruction_mean=1 divergence_mean=1, encoder_head_normalised=1,\n"
                            "discriminator_head_normalised=0,discriminator_separate_batches=0,"
                            "generator_separate_batches=1,latent_augmentation=0,displacement=0.5";
    train_small_model(TEST_FILE("literal.h5"), &options);
    CHECK_INT(6, steps_of(TEST_FILE("literal.h5")));
    options.resume = 1;
    options.steps = 8;
    train_small_model(TEST_FILE("literal.h5"), &options);
    CHECK_INT(8, steps_of(TEST_FILE("literal.h5")));
    options.paper_options = NULL;
    davegan_micrograph_t *micrograph = small_micrograph();
    FAILS(DAVEGAN_INVALID_PARAMETER, "was given",
          davegan_train_micrograph(micrograph, TEST_FILE("literal.h5"), &options, NULL));
    davegan_micrograph_free(micrograph);
    static const char *const WRONG[][2] = {{"no_such_name=1", "latent_augmentation"},
                                           {"divergence_mean=2", "0 or 1"},
                                           {"displacement=nan", "0 to 100"},
                                           {"displacement", "name=value"},
                                           {"displacement=1,displacement=1", "twice"}};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; ++i) {
        options.paper_options = WRONG[i][0];
        refuse(&options, WRONG[i][1]);
    }
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_STANDARD));
    options.paper_options = "displacement=1";
    refuse(&options, "paper32 or paper64");
    options.paper_options = NULL;
    options.lambda_vae = 1;
    refuse(&options, "lambda_vae = 1 and profile = standard");
}

/* A Gaussian field of so many pixels along each side. */
static davegan_micrograph_t *small_gaussian_field(int64_t side) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = options.ny = side;
    davegan_micrograph_t *micrograph = NULL;
    OK(davegan_micrograph_sample(&options, &micrograph));
    return micrograph;
}

/* A tile that is repeated has its latents repeated, which give its reconstruction repeated. */
static void the_standard_profile_decodes_a_grid_of_any_size(const davegan_model_t *model) {
    enum { TILE = 64, NY = 2 * TILE, NX = 3 * TILE, LATENTS = 16 * 16, ALL = 6 * LATENTS };
    size_t latents = 0;
    OK(davegan_latent_size(model, 1, TILE, TILE, &latents));
    CHECK(latents == LATENTS);
    OK(davegan_latent_size(model, 1, NY, NX, &latents));
    CHECK(latents == ALL);
    uint8_t *tiles = NEW_ARRAY(uint8_t, 4 * TILE * TILE), *decoded = NEW_ARRAY(uint8_t, TILE * TILE);
    uint8_t *large = NEW_ARRAY(uint8_t, NY * NX), *found = NEW_ARRAY(uint8_t, NY * NX);
    double *z = NEW_ARRAY(double, ALL), *mean = NEW_ARRAY(double, ALL);
    OK(davegan_model_tiles(model, tiles, 4 * TILE * TILE));
    OK(davegan_encode(model, tiles, 1, 1, TILE, TILE, mean, NULL, LATENTS));
    OK(davegan_decode(model, mean, 1, 1, TILE, TILE, decoded, TILE * TILE));
    OK(davegan_reconstruct(model, tiles, 1, 1, TILE, TILE, found, TILE * TILE));
    CHECK(memcmp(decoded, found, TILE * TILE) == 0);
    for (int i = 0; i < ALL; ++i) z[i] = mean[(i / 96 * 4 + i / 12 % 8 % 4) * 4 + i % 12 % 4];
    for (int i = 0; i < NY * NX; ++i) large[i] = tiles[i / NX % TILE * TILE + i % NX % TILE];
    OK(davegan_encode(model, large, 1, 1, NY, NX, mean, NULL, ALL));
    for (int i = 0; i < ALL; ++i) CHECK(fabs(mean[i] - z[i]) < 1e-4);
    OK(davegan_decode(model, z, 1, 1, NY, NX, found, NY * NX));
    for (int i = 0; i < NY * NX; ++i) CHECK(found[i] == decoded[i / NX % TILE * TILE + i % NX % TILE]);
    const davegan_status_t invalid = DAVEGAN_INVALID_PARAMETER;
    FAILS(invalid, "the nearest is 1 x 128 x 96", davegan_encode(model, large, 1, 1, NY, 90, mean, NULL, ALL));
    FAILS(invalid, "the nearest is 1 x 32 x 192", davegan_decode(model, z, 1, 1, 16, NX, found, NY * NX));
    FAILS(invalid, "address space", davegan_decode(model, z, SIZE_MAX / 8, 1, NY, NX, found, NY * NX));
    free(tiles);
    free(decoded);
    free(large);
    free(found);
    free(z);
    free(mean);
}

enum { NX = 96, NY = 48 };

/* `two` realisations, 2 and 3, in uneven blocks with strides, as ghost layers and in a file. */
static void blocks_fit_together(const davegan_model_t *model, const uint8_t *two) {
    enum { ROW = NX + 2, ROWS = NY + 2 };
    uint8_t *with_ghosts = NEW_ARRAY(uint8_t, 2 * ROW * ROWS), *joined = NEW_ARRAY(uint8_t, 2 * ROW * ROWS);
    davegan_generate_options_t options = some_realisations(2, 2);
    options.nx = NX;
    options.ny = NY;
    options.x0 = options.y0 = -1;
    options.block_nx = ROW;
    options.block_ny = ROWS;
    OK(davegan_generate_into(model, &options, with_ghosts, 2 * ROW * ROWS));
    for (int i = 0; i < 2 * ROW * ROWS; ++i) {
        const int x = (i % ROW + NX - 1) % NX, y = (i / ROW % ROWS + NY - 1) % NY;
        CHECK_INT(two[i / ROW / ROWS * NX * NY + y * NX + x], with_ghosts[i]);
    }
    /* The inside of an array that has room for ghosts. */
    memset(joined, 77, 2 * ROW * ROWS);
    options.row_stride = ROW;
    options.realisation_stride = ROW * ROWS;
    const int xs[] = {0, 5, 70, NX}, ys[] = {0, 33, NY};
    for (int row = 0; row < 2; ++row)
        for (int column = 0; column < 3; ++column) {
            options.x0 = xs[column];
            options.y0 = ys[row];
            options.block_nx = xs[column + 1] - xs[column];
            options.block_ny = ys[row + 1] - ys[row];
            const size_t offset = (size_t)((ys[row] + 1) * ROW + xs[column] + 1);
            OK(davegan_generate_into(model, &options, joined + offset, 2 * ROW * ROWS - offset));
        }
    for (int i = 0; i < 2 * ROW * ROWS; ++i) {
        const int x = i % ROW, y = i / ROW % ROWS, inside = x > 0 && x <= NX && y > 0 && y <= NY;
        CHECK_INT(inside ? with_ghosts[i] : 77, joined[i]);
    }
    const int64_t of_last = options.block_nx;
    options.row_stride = of_last - 1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "row_stride", davegan_generate_into(model, &options, joined, 2 * ROW * ROWS));
    options.row_stride = INT64_MAX;
    FAILS(DAVEGAN_INVALID_PARAMETER, "", davegan_generate_into(model, &options, joined, 2 * ROW * ROWS));
    options.row_stride = options.realisation_stride = 0;
    options.block_nx = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "block_nx is -1", davegan_generate_into(model, &options, joined, 2 * ROW * ROWS));
    options.block_nx = options.block_ny = INT64_C(1) << 32;
    FAILS(DAVEGAN_INVALID_PARAMETER, "ask for a smaller one", davegan_generate_into(model, &options, joined, 8));

    options.x0 = options.y0 = 90;
    options.block_nx = 20;
    options.block_ny = 7;
    remove(TEST_FILE("block.vtkhdf"));
    OK(davegan_generate(model, TEST_FILE("block.vtkhdf"), NULL, &options));
    davegan_micrograph_t *written = NULL;
    OK(davegan_micrograph_read(TEST_FILE("block.vtkhdf"), "/VTKHDF/CellData/phase", NULL, &written));
    OK(davegan_micrograph_phases(written, joined, 2 * 20 * 7));
    for (int i = 0; i < 2 * 20 * 7; ++i)
        CHECK_INT(two[i / 140 * NX * NY + (90 + i / 20 % 7) % NY * NX + (90 + i % 20) % NX], joined[i]);
    davegan_micrograph_free(written);
    options.first = 4;
    options.x0 = 91;
    FAILS(DAVEGAN_FORMAT, "first_voxel", davegan_generate(model, TEST_FILE("block.vtkhdf"), NULL, &options));
    free(with_ghosts);
    free(joined);
}

/* The volume fraction that is asked for, to one pixel, or an error with the range. */
static void volume_fractions_are_met(const davegan_model_t *model) {
    uint8_t *phases = NEW_ARRAY(uint8_t, NX * NY);
    davegan_generate_options_t options = some_realisations(2, 1);
    options.nx = NX;
    options.ny = NY;
    for (int percent = 48; percent < 53; ++percent) {
        options.volume_fraction[0] = percent / 100.0;
        options.volume_fraction[1] = 1 - percent / 100.0;
        OK(davegan_generate_into(model, &options, phases, NX * NY));
        int found = 0;
        for (int i = 0; i < NX * NY; ++i) found += phases[i] == 0;
        CHECK(fabs(found - percent / 100.0 * NX * NY) <= 1);
    }
    /* What is found once serves for each block, as another process gets it. */
    davegan_threshold_t threshold;
    OK(davegan_volume_fraction_threshold(model, &options, &threshold));
    memcpy(&options.threshold, &threshold, sizeof threshold);
    uint8_t *joined = NEW_ARRAY(uint8_t, NX * NY);
    options.row_stride = NX;
    const int xs[] = {0, 5, NX}, ys[] = {0, 30, NY};
    for (int i = 0; i < 4; ++i) {
        options.x0 = xs[i % 2];
        options.y0 = ys[i / 2];
        options.block_nx = xs[i % 2 + 1] - xs[i % 2];
        options.block_ny = ys[i / 2 + 1] - ys[i / 2];
        const size_t offset = (size_t)(options.y0 * NX + options.x0);
        OK(davegan_generate_into(model, &options, joined + offset, NX * NY - offset));
    }
    CHECK(memcmp(phases, joined, NX * NY) == 0);
    free(joined);
    options.first = 3;
    FAILS(DAVEGAN_INVALID_PARAMETER, "the threshold belongs to realisation 2 of seed",
          davegan_generate_into(model, &options, phases, NX * NY));
    options.first = 2;
    options.threshold.value[0] = 9;
    FAILS(DAVEGAN_INVALID_PARAMETER, "none that was found", davegan_generate_into(model, &options, phases, NX * NY));
    /* It is found anew where options have one, and can be put there. */
    options.row_stride = options.x0 = options.y0 = options.block_nx = options.block_ny = 0;
    OK(davegan_volume_fraction_threshold(model, &options, &options.threshold));
    CHECK(memcmp(&threshold, &options.threshold, sizeof threshold) == 0);
    memset(&options.threshold, 0, sizeof threshold);
    /* Fractions that vary. */
    int found[2] = {0, 0};
    options.volume_fraction_deviation = 0.01;
    for (int n = 0; n < 2; ++n) {
        options.first = 2 + n;
        OK(davegan_generate_into(model, &options, phases, NX * NY));
        for (int i = 0; i < NX * NY; ++i) found[n] += phases[i] == 0;
    }
    CHECK(found[0] != found[1]);
    options.volume_fraction_deviation = -0.01;
    FAILS(DAVEGAN_INVALID_PARAMETER, "deviation of the volume fraction is -0.01; with this model it can be 0 to",
          davegan_generate_into(model, &options, phases, NX * NY));
    options.volume_fraction_deviation = 0;
    options.volume_fraction[0] = 0.999;
    options.volume_fraction[1] = 0.001;
    FAILS(DAVEGAN_INVALID_PARAMETER, "0.999; realisations of this model can have",
          davegan_generate_into(model, &options, phases, NX * NY));
    options.volume_fraction[2] = 0.1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "3 volume fractions", davegan_generate_into(model, &options, phases, NX * NY));
    FAILS(DAVEGAN_INVALID_PARAMETER, "3 volume fractions",
          davegan_volume_fraction_threshold(model, &options, &threshold));
    for (int i = 0; i < DAVEGAN_THRESHOLD_LENGTH; ++i) CHECK_INT(0, threshold.value[i]);
    free(phases);
}

/* Tells how often it was called, of steps that are not done, and asks to stop at last. */
static int32_t stop_at_the_fourth(const davegan_progress_t *progress, void *user_data) {
    int *calls = (int *)user_data;
    CHECK_INT(0, progress->step);
    return ++*calls == 4;
}

/* Whoever waits for volume fractions hears of it, and can stop. */
static void finding_volume_fractions_can_be_cancelled(const davegan_model_t *model) {
    int calls = 0;
    davegan_generate_options_t options = some_realisations(2, 1);
    options.volume_fraction[0] = options.volume_fraction[1] = 0.5;
    options.progress = stop_at_the_fourth;
    options.progress_interval = 0;
    options.user_data = &calls;
    davegan_threshold_t threshold;
    FAILS(DAVEGAN_CANCELLED, "finding volume fractions was cancelled",
          davegan_volume_fraction_threshold(model, &options, &threshold));
    CHECK_INT(4, calls);
    for (int i = 0; i < DAVEGAN_THRESHOLD_LENGTH; ++i) CHECK_INT(0, threshold.value[i]);
    calls = 0;
    remove(TEST_FILE("cancelled.vtkhdf"));
    FAILS(DAVEGAN_CANCELLED, "after 0 of 1 realisation",
          davegan_generate(model, TEST_FILE("cancelled.vtkhdf"), NULL, &options));
    CHECK_INT(4, calls);
}

/* Pixels without a neighbour of their phase, on a torus. */
static int lonely_pixels(const uint8_t *phases) {
    int lonely = 0;
    for (int i = 0; i < NX * NY; ++i) {
        int alike = 0;
        for (int k = 0; k < 9; ++k) {
            const int y = (i / NX + k / 3 + NY - 1) % NY, x = (i % NX + k % 3 + NX - 1) % NX;
            alike += phases[y * NX + x] == phases[i];
        }
        lonely += alike == 1;
    }
    return lonely;
}

/* Islands are removed, with and without given volume fractions; a file remembers it, and blocks are refused. */
static void islands_are_removed(const davegan_model_t *model) {
    uint8_t *raw = NEW_ARRAY(uint8_t, NX * NY), *clean = NEW_ARRAY(uint8_t, NX * NY);
    davegan_generate_options_t options = some_realisations(2, 1);
    options.nx = NX;
    options.ny = NY;
    for (int given = 0; given < 2; ++given) {
        options.volume_fraction[0] = options.volume_fraction[1] = given / 2.0;
        options.smallest_island = options.majority = 0;
        OK(davegan_generate_into(model, &options, raw, NX * NY));
        options.smallest_island = 10;
        options.majority = 1;
        OK(davegan_generate_into(model, &options, clean, NX * NY));
        int more = 0;
        for (int i = 0; i < NX * NY; ++i) more += clean[i] - raw[i];
        CHECK_INT(0, more);
        CHECK_INT(0, lonely_pixels(clean));
        CHECK(memcmp(raw, clean, NX * NY) != 0);
    }
    /* A threshold is that of the realisation before. */
    OK(davegan_volume_fraction_threshold(model, &options, &options.threshold));
    OK(davegan_generate_into(model, &options, raw, NX * NY));
    CHECK(memcmp(raw, clean, NX * NY) == 0);
    remove(TEST_FILE("islands.vtkhdf"));
    OK(davegan_generate(model, TEST_FILE("islands.vtkhdf"), NULL, &options));
    memset(&options.threshold, 0, sizeof options.threshold);
    options.first = 3;
    options.smallest_island = 0;
    FAILS(DAVEGAN_FORMAT, "have smallest_island 10, those to be added no smallest_island",
          davegan_generate(model, TEST_FILE("islands.vtkhdf"), NULL, &options));
    options.x0 = 1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "majority 1, but a block", davegan_generate_into(model, &options, clean, NX * NY));
    options.x0 = 0;
    options.smallest_island = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "smallest_island is -1", davegan_generate_into(model, &options, clean, NX * NY));
    free(raw);
    free(clean);
}

/* Realisations of any multiple of 16 pixels, in memory and in a file, are the same. */
/* A model of a square micrograph of this side. */
static davegan_model_t *standard_model(int64_t side, const char *path) {
    davegan_micrograph_t *micrograph = small_gaussian_field(side);
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_STANDARD));
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.steps = 3;
    davegan_model_t *model = NULL;
    OK(davegan_train_micrograph(micrograph, path, &options, &model));
    davegan_micrograph_free(micrograph);
    return model;
}

static void a_micrograph_of_few_tiles_is_warned_of(void) {
    davegan_model_free(standard_model(100, NULL));
    CHECK(strstr(davegan_last_warning(), "1 image of 100 x 100 pixels: training sees 1 tile of 64 x 64") != NULL);
}

static void the_standard_profile_makes_elements_of_any_size(void) {
    davegan_model_t *model = standard_model(128, TEST_FILE("standard.h5"));
    CHECK_TEXT("", davegan_last_warning());
    davegan_generate_options_t sized = some_realisations(2, 2);
    sized.nx = NX;
    sized.ny = NY;
    uint8_t *two = NEW_ARRAY(uint8_t, 2 * NX * NY), *again = NEW_ARRAY(uint8_t, 2 * NX * NY);
    OK(davegan_generate_into(model, &sized, two, 2 * NX * NY));
    FAILS(DAVEGAN_BUFFER_SIZE, "9216", davegan_generate_into(model, &sized, two, 2 * NX * NY - 1));
    remove(TEST_FILE("standard.vtkhdf"));
    OK(davegan_generate(model, TEST_FILE("standard.vtkhdf"), NULL, &sized));
    davegan_model_free(model);
    OK(davegan_model_load(TEST_FILE("standard.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    OK(davegan_generate_into(model, &sized, again, 2 * NX * NY));
    CHECK(memcmp(two, again, 2 * NX * NY) == 0);
    davegan_micrograph_t *written = NULL;
    OK(davegan_micrograph_read(TEST_FILE("standard.vtkhdf"), "/VTKHDF/CellData/phase", NULL, &written));
    davegan_micrograph_info_t info;
    OK(davegan_micrograph_info(written, &info, sizeof info));
    CHECK(info.nx == NX && info.ny == NY && info.n_images == 2);
    davegan_micrograph_free(written);
    double z[2 * 16 * 3 * 6];
    OK(davegan_latent_vectors(model, &sized, z, sizeof z / sizeof *z));
    FAILS(DAVEGAN_BUFFER_SIZE, "576", davegan_latent_vectors(model, &sized, z, 575));
    the_standard_profile_decodes_a_grid_of_any_size(model);
    blocks_fit_together(model, two);
    volume_fractions_are_met(model);
    finding_volume_fractions_can_be_cancelled(model);
    islands_are_removed(model);
    /* Another size is cut from the next larger one. */
    sized.nx = NX - 7;
    sized.first = 2;
    sized.count = 1;
    OK(davegan_generate_into(model, &sized, again, NX * NY));
    for (int y = 0; y < NY; ++y) CHECK(memcmp(again + y * (NX - 7), two + y * NX, NX - 7) == 0);
    FAILS(DAVEGAN_INVALID_PARAMETER, "the nearest is", davegan_latent_vectors(model, &sized, z, sizeof z / sizeof *z));
    sized.nx = 100;
    sized.ny = 0;
    FAILS(DAVEGAN_INVALID_PARAMETER, "nx = 100, ny = 0", davegan_generate_into(model, &sized, two, 2 * NX * NY));
    davegan_model_free(model);
    free(two);
    free(again);
}

static void check_option(size_t offset, double value, const char *name) {
    davegan_train_options_t options = short_training();
    memcpy((char *)&options + offset, &value, sizeof value);
    refuse(&options, name);
}

#define CHECK_OPTION(field, value) check_option(offsetof(davegan_train_options_t, field), value, #field)

static void wrong_options_are_named(void) {
    CHECK_OPTION(learning_rate_generator, NAN);
    CHECK_OPTION(learning_rate_discriminator, -1.0);
    CHECK_OPTION(learning_rate_encoder, INFINITY);
    CHECK_OPTION(beta, NAN);
    CHECK_OPTION(lambda_vae, -1.0);
    CHECK_OPTION(lambda_noise, 1e7);
    CHECK_OPTION(lambda_rec, -1.0);
    CHECK_OPTION(progress_interval, NAN);
    davegan_train_options_t options = short_training();
    davegan_micrograph_t *micrograph = small_micrograph();
    const char *model = TEST_FILE("wrong.h5");
    options.batch_size = 0;
    FAILS(DAVEGAN_INVALID_PARAMETER, "batch_size", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.window_side = 48;
    FAILS(DAVEGAN_INVALID_PARAMETER, "window_side = 48; profile paper32 has 32",
          davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.steps = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "steps", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.seed = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "seed is -1", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.threads = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "threads", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.resume = 3;
    FAILS(DAVEGAN_INVALID_PARAMETER, "resume", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.profile = 5;
    FAILS(DAVEGAN_INVALID_PARAMETER, "5", davegan_train_micrograph(micrograph, model, &options, NULL));
    options = short_training();
    options.device = DAVEGAN_DEVICE_KIND_CUDA;
    options.device_index = 1000;
    FAILS(DAVEGAN_DEVICE, "1000", davegan_train_micrograph(micrograph, model, &options, NULL));
    davegan_micrograph_free(micrograph);
}

static void wrong_files_are_refused(void) {
    const davegan_train_options_t options = short_training();
    const char *model = TEST_FILE("wrong.h5");
    uint8_t tiny[16 * 16];
    for (int i = 0; i < 256; ++i) tiny[i] = (uint8_t)(i % 3 == 0);
    davegan_micrograph_t *small = NULL, *micrograph = small_micrograph();
    OK(davegan_micrograph_from_memory(tiny, 1, 16, 16, &small));
    FAILS(DAVEGAN_INVALID_PARAMETER, "16", davegan_train_micrograph(small, model, &options, NULL));
    davegan_micrograph_free(small);
    FAILS(DAVEGAN_IO, "no_such_file.h5", davegan_train("no_such_file.h5", "/phase", model, &options, NULL));
    FAILS(DAVEGAN_HDF5, "/no/such", davegan_train(TEST_FILE("micrograph.h5"), "/no/such", model, &options, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_train(NULL, NULL, model, &options, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_train(TEST_FILE("micrograph.h5"), "/phase", NULL, &options, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_train_micrograph(NULL, model, &options, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_train_micrograph(micrograph, NULL, &options, NULL));
    write_file(TEST_FILE("file"), "text", 4);
    FAILS(DAVEGAN_IO, "file/model.h5", davegan_train_micrograph(micrograph, TEST_FILE("file/model.h5"), &options, NULL));
    FAILS(DAVEGAN_IO, "/proc/model.h5", davegan_train_micrograph(micrograph, "/proc/model.h5", &options, NULL));
    davegan_micrograph_free(micrograph);
}

/* The user is warned of a micrograph that is too small for validation, before training begins. */
int main(void) {
    file_and_memory_train_alike();
    the_seed_decides_not_the_threads();
    progress_is_reported_and_cancels();
    resuming_gives_the_same_bytes();
    the_same_model_is_given_with_a_file_and_without();
    paper_options_decide_the_model();
    a_micrograph_of_few_tiles_is_warned_of();
    the_standard_profile_makes_elements_of_any_size();
    wrong_options_are_named();
    wrong_files_are_refused();
    return 0;
}
