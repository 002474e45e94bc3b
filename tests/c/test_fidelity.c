/* davegan_fidelity_measure, davegan_fidelity_figure, davegan_fidelity_gates, davegan_fidelity_table,
 * davegan_fidelity_free. */
#include "fixture.h"

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

static void figures_are_those_of_their_definition(const davegan_micrograph_t *micrograph, const uint8_t *windows,
                                                  const uint8_t *tiles) {
    davegan_fidelity_t *fidelity = NULL, *again = NULL;
    OK(davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, tiles, N_TILES, 3, 2, &fidelity));
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
    OK(davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, NULL, 0, 3, 1, &again));
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
    FAILS(invalid, "31", davegan_fidelity_measure(micrograph, 1, windows, 31, SIDE, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "n is 0", davegan_fidelity_measure(micrograph, 1, NULL, 0, SIDE, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "phase 2", davegan_fidelity_measure(micrograph, 2, windows, COUNT, SIDE, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "at least 32 x 32",
          davegan_fidelity_measure(micrograph, 1, windows, COUNT, 8, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "3 reconstructions",
          davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, windows, 3, 0, 1, &fidelity));
    FAILS(invalid, "seed", davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, NULL, 0, -1, 1, &fidelity));
    FAILS(invalid, "threads", davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, NULL, 0, 0, -1, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(NULL, 1, windows, COUNT, SIDE, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(micrograph, 1, NULL, COUNT, SIDE, NULL, 0, 0, 1, &fidelity));
    FAILS(invalid, "NULL", davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, NULL, 0, 0, 1, NULL));
    CHECK(fidelity == NULL);
    FAILS(invalid, "NULL", davegan_fidelity_figure(NULL, "vf", &value));
    FAILS(invalid, "NULL", davegan_fidelity_gates(NULL, &n, &n));
    FAILS(invalid, "NULL", davegan_fidelity_table(NULL, NULL, 0, &needed));
    windows[5] = 9;
    FAILS(invalid, "9", davegan_fidelity_measure(micrograph, 1, windows, COUNT, SIDE, NULL, 0, 0, 1, &fidelity));
}

int main(void) {
    static uint8_t image[4 * PIXELS], windows[COUNT * PIXELS], tiles[N_TILES * PIXELS];
    davegan_micrograph_t *micrograph = small_micrograph();
    OK(davegan_micrograph_phases(micrograph, image, sizeof image));
    cut_windows(image, COUNT, windows);
    for (size_t tile = 0; tile < N_TILES; ++tile)
        for (size_t y = 0; y < SIDE; ++y)
            memcpy(tiles + (tile * SIDE + y) * SIDE, image + (tile / 2 * SIDE + y) * 2 * SIDE + tile % 2 * SIDE, SIDE);
    figures_are_those_of_their_definition(micrograph, windows, tiles);
    what_cannot_be_judged_is_refused(micrograph, windows);
    davegan_micrograph_free(micrograph);
    return 0;
}
