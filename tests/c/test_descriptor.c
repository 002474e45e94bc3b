/* davegan_s2, davegan_s2_radial, davegan_s2_error, davegan_evaluate. */
#include "fixture.h"

enum { NZ = 2, NY = 5, NX = 6, SIZE = NZ * NY * NX };

static void fill_pattern(uint8_t *image, unsigned seed) {
    for (int i = 0; i < SIZE; ++i) {
        seed = seed * 1103515245u + 12345u;
        image[i] = (uint8_t)(seed >> 16 & 1u);
    }
}

/* The definition on the torus, a double loop. */
static double direct_s2(const uint8_t *image, int dz, int dy, int dx) {
    int n = 0;
    for (int z = 0; z < NZ; ++z)
        for (int y = 0; y < NY; ++y)
            for (int x = 0; x < NX; ++x)
                n += image[(z * NY + y) * NX + x] == 1 &&
                     image[((z + dz) % NZ * NY + (y + dy) % NY) * NX + (x + dx) % NX] == 1;
    return (double)n / SIZE;
}

/* Along x, where nothing is assumed outside the image. */
static double direct_overlap(const uint8_t *image, int dx) {
    int n = 0;
    for (int row = 0; row < NZ * NY; ++row)
        for (int x = 0; x + dx < NX; ++x) n += image[row * NX + x] == 1 && image[row * NX + x + dx] == 1;
    return (double)n / (NZ * NY * (NX - dx));
}

static void s2_is_what_its_definition_says(const uint8_t *image) {
    double s2[SIZE];
    OK(davegan_s2(image, NZ, NY, NX, 1, NULL, s2, SIZE));
    for (int z = 0; z < NZ; ++z)
        for (int y = 0; y < NY; ++y)
            for (int x = 0; x < NX; ++x) CHECK_NEAR(direct_s2(image, z, y, x), s2[(z * NY + y) * NX + x], 1e-15);
    FAILS(DAVEGAN_BUFFER_SIZE, "60", davegan_s2(image, NZ, NY, NX, 1, NULL, s2, SIZE - 1));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2(NULL, NZ, NY, NX, 1, NULL, s2, SIZE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2(image, NZ, NY, NX, 1, NULL, NULL, SIZE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "-1", davegan_s2(image, NZ, NY, NX, -1, NULL, s2, SIZE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0", davegan_s2(image, NZ, 0, NX, 1, NULL, s2, SIZE));
}

/* Whatever other phases an image has. */
static void a_phase_that_an_image_lacks_has_no_correlation(const uint8_t *image) {
    uint8_t other[SIZE];
    for (int i = 0; i < SIZE; ++i) other[i] = 1;
    for (int phase = 0; phase < 8; ++phase) {
        double s2[SIZE], error = -1;
        OK(davegan_s2(other, NZ, NY, NX, phase, NULL, s2, SIZE));
        for (int i = 0; i < SIZE; ++i) CHECK_NEAR(phase == 1 ? 1.0 : 0.0, s2[i], 0.0);
        OK(davegan_s2_error(image, other, NZ, NY, NX, phase, NULL, &error));
        if (phase > 1) CHECK_NEAR(0.0, error, 0.0);
        else CHECK(error > 0);
    }
    double s2[SIZE];
    FAILS(DAVEGAN_INVALID_PARAMETER, "8", davegan_s2(other, NZ, NY, NX, 8, NULL, s2, SIZE));
    other[SIZE - 1] = 8;
    FAILS(DAVEGAN_INVALID_PARAMETER, "8", davegan_s2(other, NZ, NY, NX, 1, NULL, s2, SIZE));
}

static void the_error_is_that_of_eq_12(const uint8_t *a, const uint8_t *b) {
    double s2_a[SIZE], s2_b[SIZE], squares = 0, error = -1;
    OK(davegan_s2(a, NZ, NY, NX, 1, NULL, s2_a, SIZE));
    OK(davegan_s2(b, NZ, NY, NX, 1, NULL, s2_b, SIZE));
    for (int i = 0; i < SIZE; ++i) squares += (s2_a[i] - s2_b[i]) * (s2_a[i] - s2_b[i]);
    OK(davegan_s2_error(a, b, NZ, NY, NX, 1, NULL, &error));
    CHECK(error > 0);
    CHECK_NEAR(sqrt(squares / SIZE), error, 1e-12);
    OK(davegan_s2_error(a, a, NZ, NY, NX, 1, NULL, &error));
    CHECK_NEAR(0.0, error, 0.0);
    error = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2_error(a, NULL, NZ, NY, NX, 1, NULL, &error));
    CHECK_NEAR(0.0, error, 0.0); /* results are zero after a failure */
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2_error(NULL, b, NZ, NY, NX, 1, NULL, &error));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2_error(a, b, NZ, NY, NX, 1, NULL, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0", davegan_s2_error(a, b, 0, NY, NX, 1, NULL, &error));
}

static void options_are_followed(const uint8_t *a, const uint8_t *b) {
    davegan_s2_options_t options;
    double all = 0, near = 0, free_edges[3 * 9 * 11], torus[SIZE];
    OK(davegan_s2_options_init(&options, sizeof options));
    OK(davegan_s2_error(a, b, NZ, NY, NX, 1, &options, &all));
    options.max_lag = 2;
    OK(davegan_s2_error(a, b, NZ, NY, NX, 1, &options, &near));
    CHECK(all != near);
    options.max_lag = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "max_lag", davegan_s2_error(a, b, NZ, NY, NX, 1, &options, &near));
    OK(davegan_s2_options_init(&options, sizeof options));
    OK(davegan_s2(a, NZ, NY, NX, 1, &options, torus, SIZE));
    options.periodic = 0;
    OK(davegan_s2(a, NZ, NY, NX, 1, &options, free_edges, 3 * 9 * 11)); /* 2 n - 1 lags along each axis */
    CHECK_NEAR(torus[0], free_edges[0], 1e-15);
    for (int lag = 0; lag < NX; ++lag) CHECK_NEAR(direct_overlap(a, lag), free_edges[lag], 1e-15);
    FAILS(DAVEGAN_BUFFER_SIZE, "297", davegan_s2(a, NZ, NY, NX, 1, &options, free_edges, 3 * 9 * 11 - 1));
    options.max_lag = 2;
    FAILS(DAVEGAN_BUFFER_SIZE, "75", davegan_s2(a, NZ, NY, NX, 1, &options, free_edges, 3 * 5 * 5 - 1));
}

static void the_radial_average_starts_at_the_volume_fraction(const uint8_t *image) {
    size_t needed = 0, again = 0;
    double s2[SIZE];
    OK(davegan_s2(image, NZ, NY, NX, 1, NULL, s2, SIZE));
    FAILS(DAVEGAN_BUFFER_SIZE, "0", davegan_s2_radial(image, NZ, NY, NX, 1, NULL, NULL, NULL, 0, &needed));
    CHECK(needed > 1);
    double *radius = NEW_ARRAY(double, needed), *mean = NEW_ARRAY(double, needed);
    OK(davegan_s2_radial(image, NZ, NY, NX, 1, NULL, radius, mean, needed, &again));
    CHECK_INT(needed, again);
    CHECK_NEAR(0.0, radius[0], 0.0);
    CHECK_NEAR(s2[0], mean[0], 1e-15);
    for (size_t i = 1; i < needed; ++i) CHECK(radius[i] > radius[i - 1] && mean[i] >= 0 && mean[i] <= mean[0] + 1e-15);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_s2_radial(NULL, NZ, NY, NX, 1, NULL, radius, mean, needed, &again));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2_radial(image, NZ, NY, NX, 1, NULL, radius, mean, needed, NULL));
    free(radius);
    free(mean);
}

/* E_rec and E_gen from their definitions, with davegan_s2_error alone. */
static void evaluation_is_what_its_definition_says(const davegan_model_t *model) {
    uint8_t tiles[N_TILES * PIXELS], reconstructed[N_TILES * PIXELS], realisations[3 * PIXELS];
    const davegan_generate_options_t options = some_realisations(2, 3);
    davegan_evaluation_t evaluation;
    OK(davegan_evaluate(model, 1, &options, &evaluation, sizeof evaluation));
    CHECK_INT(1, evaluation.phase);
    CHECK_INT(3, evaluation.count);
    OK(davegan_model_tiles(model, tiles, sizeof tiles));
    OK(davegan_reconstruct(model, tiles, N_TILES, 1, SIDE, SIDE, reconstructed, sizeof reconstructed));
    OK(davegan_generate_into(model, &options, realisations, sizeof realisations));
    double e_rec = 0, e_gen = 0, error = 0;
    for (int i = 0; i < N_TILES; ++i) {
        OK(davegan_s2_error(tiles + i * PIXELS, reconstructed + i * PIXELS, 1, SIDE, SIDE, 1, NULL, &error));
        e_rec += error / N_TILES;
    }
    for (int i = 0; i < 3; ++i) {
        double smallest = INFINITY;
        for (int j = 0; j < N_TILES; ++j) {
            OK(davegan_s2_error(realisations + i * PIXELS, tiles + j * PIXELS, 1, SIDE, SIDE, 1, NULL, &error));
            if (error < smallest) smallest = error;
        }
        e_gen += smallest / 3;
    }
    CHECK_NEAR(e_rec, evaluation.e_rec, 1e-12);
    CHECK_NEAR(e_gen, evaluation.e_gen, 1e-12);
    davegan_model_info_t info;
    OK(davegan_model_info(model, &info, sizeof info));
    OK(davegan_evaluate(model, -1, &options, &evaluation, sizeof evaluation));
    CHECK_INT(info.minority_phase, evaluation.phase);
    FAILS(DAVEGAN_INVALID_PARAMETER, "2", davegan_evaluate(model, 2, &options, &evaluation, sizeof evaluation));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_evaluate(NULL, 1, &options, &evaluation, sizeof evaluation));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_evaluate(model, 1, &options, NULL, sizeof evaluation));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_evaluate(model, 1, &options, &evaluation, 3));
}

int main(void) {
    uint8_t a[SIZE], b[SIZE];
    fill_pattern(a, 1);
    fill_pattern(b, 2);
    s2_is_what_its_definition_says(a);
    a_phase_that_an_image_lacks_has_no_correlation(a);
    the_error_is_that_of_eq_12(a, b);
    options_are_followed(a, b);
    the_radial_average_starts_at_the_volume_fraction(a);
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    evaluation_is_what_its_definition_says(model);
    davegan_model_free(model);
    return 0;
}
