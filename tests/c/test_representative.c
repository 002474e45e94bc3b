/* davegan_representative_size and davegan_element_statistics: how large an element must be. */
#include "fixture.h"

enum { N_SIDES = 2 };

static davegan_model_t *field_model(void) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_STANDARD));
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.steps = 1;
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *model = NULL;
    OK(davegan_train_micrograph(micrograph, NULL, &options, &model));
    davegan_micrograph_free(micrograph);
    return model;
}

typedef struct {
    int64_t step, steps, cancel_at;
} watch_t;

static int32_t look(const davegan_progress_t *progress, void *user_data) {
    watch_t *watch = (watch_t *)user_data;
    watch->step = progress->step;
    watch->steps = progress->steps;
    return progress->step == watch->cancel_at;
}

static void sizes_of_a_model_are_examined(const davegan_model_t *model) {
    const int64_t sides[N_SIDES] = {32, 64};
    davegan_element_statistics_t found[N_SIDES], alone;
    double required[DAVEGAN_N_PROPERTIES];
    watch_t watch = {0, 0, -1};
    davegan_generate_options_t options = some_realisations(1, 4);
    options.threads = 2;
    options.progress = look;
    options.user_data = &watch;
    options.progress_interval = 0;
    remove(TEST_FILE("sizes.html"));
    OK(davegan_representative_size(model, 1, sides, N_SIDES, 0.02, TEST_FILE("sizes.html"), &options, found,
                                   sizeof *found, required));
    CHECK(watch.step == 8 && watch.steps == 8);
    size_t length;
    unsigned char *page = read_file(TEST_FILE("sizes.html"), &length);
    CHECK(memcmp(page, "<!DOCTYPE html>", 15) == 0);
    free(page);
    /* The second size has the next realisations. */
    options = some_realisations(5, 4);
    options.nx = options.ny = 64;
    static uint8_t phases[4 * 64 * 64];
    OK(davegan_generate_into(model, &options, phases, sizeof phases));
    OK(davegan_element_statistics(phases, 4, 1, 64, 64, 1, NULL, &alone, sizeof alone));
    CHECK(alone.nx == 64 && alone.ny == 64 && alone.nz == 1 && alone.count == 4 && alone.struct_size == sizeof alone);
    CHECK(found[1].nx == 64 && found[1].count == 4 && found[0].ny == 32);
    const int32_t exact[] = {DAVEGAN_PROPERTY_VOLUME_FRACTION, DAVEGAN_PROPERTY_CONDUCTIVITY};
    for (int i = 0; i < 2; ++i) {
        CHECK_NEAR(alone.mean[exact[i]], found[1].mean[exact[i]], 0);
        CHECK_NEAR(alone.deviation[exact[i]], found[1].deviation[exact[i]], 0);
        CHECK_NEAR(alone.interval[exact[i]], found[1].interval[exact[i]], 0);
        CHECK_NEAR(alone.error[exact[i]], found[1].error[exact[i]], 0);
    }
    /* A line through two points: their deviations give the required side. */
    const double s0 = found[0].deviation[0], s1 = found[1].deviation[0], alpha = log(s0 / s1) / log(2.0);
    if (alpha > 0) {
        const double expected = 64 * pow(found[1].error[0] / 0.02, 1 / alpha);
        CHECK_NEAR(1, required[0] / expected, 1e-9);
    } else {
        CHECK(required[0] != required[0]);
    }
}

static void known_elements_have_known_statistics(void) {
    /* Nothing, half as layers, all. */
    uint8_t phases[3][4][4] = {{{0}}};
    memset(phases[1], 1, 8);
    memset(phases[2], 1, 16);
    davegan_element_statistics_t found;
    OK(davegan_element_statistics(&phases[0][0][0], 3, 1, 4, 4, 1, NULL, &found, sizeof found));
    CHECK_NEAR(0.5, found.mean[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-15);
    CHECK_NEAR(0.5, found.deviation[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-15);
    CHECK_NEAR(2.0, found.error[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-15);
    /* t = 4.3026527297 for two degrees of freedom. */
    CHECK_NEAR(4.3026527297 * 0.5 / sqrt(3.0), found.interval[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-9);
    const double half = (50.5 + 2 / 1.01) / 2;
    CHECK_NEAR((1 + half + 100) / 3, found.mean[DAVEGAN_PROPERTY_CONDUCTIVITY], 1e-6);
    CHECK(found.mean[DAVEGAN_PROPERTY_S2] < 0.5 && found.mean[DAVEGAN_PROPERTY_S2] > 0.25);
}

/* Layers across z of 2 and 6 of 8 planes: along x and y conductivities add up, along z resistances. */
static void volumes_have_statistics(void) {
    uint8_t phases[2][8][4][4] = {{{{0}}}};
    memset(phases[0], 1, 32);
    memset(phases[1], 1, 96);
    davegan_element_statistics_t found;
    OK(davegan_element_statistics(&phases[0][0][0][0], 2, 8, 4, 4, 1, NULL, &found, sizeof found));
    CHECK(found.nx == 4 && found.ny == 4 && found.nz == 8 && found.count == 2);
    CHECK_NEAR(0.5, found.mean[DAVEGAN_PROPERTY_VOLUME_FRACTION], 1e-15);
    const double thin = (2 * 25.75 + 1 / 0.7525) / 3, thick = (2 * 75.25 + 1 / 0.2575) / 3;
    CHECK_NEAR((thin + thick) / 2, found.mean[DAVEGAN_PROPERTY_CONDUCTIVITY], 1e-6);
}

static void what_cannot_be_examined_is_refused(const davegan_model_t *model) {
    const int64_t sides[N_SIDES] = {32, 64}, odd[N_SIDES] = {32, 40}, negative[1] = {-32};
    davegan_element_statistics_t found[N_SIDES];
    double required[DAVEGAN_N_PROPERTIES];
    const size_t size = sizeof *found;
    davegan_generate_options_t options = some_realisations(0, 4);
    FAILS(DAVEGAN_INVALID_PARAMETER, "40",
          davegan_representative_size(model, -1, odd, N_SIDES, 0.1, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "a side is -32",
          davegan_representative_size(model, -1, negative, 1, 0.1, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "no sides",
          davegan_representative_size(model, -1, NULL, 0, 0.1, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "sides is NULL",
          davegan_representative_size(model, -1, NULL, 1, 0.1, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "precision = 0",
          davegan_representative_size(model, -1, sides, N_SIDES, 0, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "no phase 2",
          davegan_representative_size(model, 2, sides, N_SIDES, 0.1, NULL, &options, found, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "statistics is NULL",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, NULL, &options, NULL, size, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size of davegan_element_statistics_t",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, NULL, &options, found, 0, required));
    FAILS(DAVEGAN_INVALID_PARAMETER, "the required sides is NULL",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, NULL, &options, found, size, NULL));
    FAILS(DAVEGAN_IO, "no_such_folder",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, "no_such_folder/a.html", &options, found, size,
                                      required));
    options.count = 1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "1 element of a size",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, NULL, &options, found, size, required));
    watch_t watch = {0, 0, 1};
    options.count = 4;
    options.threads = 1;
    options.progress = look;
    options.user_data = &watch;
    options.progress_interval = 0;
    remove(TEST_FILE("never.html"));
    FAILS(DAVEGAN_CANCELLED, "after 1 of 8",
          davegan_representative_size(model, -1, sides, N_SIDES, 0.1, TEST_FILE("never.html"), &options, found, size,
                                      required));
    CHECK(fopen(TEST_FILE("never.html"), "rb") == NULL && found[0].count == 0);
    uint8_t phases[2][4] = {{0, 1, 0, 1}, {1, 1, 1, 9}};
    FAILS(DAVEGAN_INVALID_PARAMETER, "phase 9",
          davegan_element_statistics(phases[0], 2, 1, 2, 2, 1, NULL, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "1 element of a size",
          davegan_element_statistics(phases[0], 1, 1, 2, 2, 1, NULL, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "phases is NULL", davegan_element_statistics(NULL, 2, 1, 2, 2, 1, NULL, found, size));
}

int main(void) {
    davegan_model_t *model = field_model();
    sizes_of_a_model_are_examined(model);
    what_cannot_be_examined_is_refused(model);
    davegan_model_free(model);
    known_elements_have_known_statistics();
    volumes_have_statistics();
    return 0;
}
