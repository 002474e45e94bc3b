/* davegan_relax: images that the host brings take the patterns of a micrograph. */
#include "fixture.h"

enum { N = 2, EDGE = 64, VOXELS = N * EDGE * EDGE };

static davegan_micrograph_t *boundaries(int64_t seed, int64_t count) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GRAIN_BOUNDARIES));
    options.nx = EDGE;
    options.ny = EDGE;
    options.grain_size = 16;
    options.seed = seed;
    options.count = count;
    davegan_micrograph_t *micrograph = NULL;
    OK(davegan_micrograph_sample(&options, &micrograph));
    return micrograph;
}

/* Images of the material, of whose voxels every thirtieth is wrong. */
static void spoil(uint8_t *phases) {
    davegan_micrograph_t *micrograph = boundaries(2, N);
    OK(davegan_micrograph_phases(micrograph, phases, VOXELS));
    davegan_micrograph_free(micrograph);
    for (int i = 0; i < VOXELS; i += 31) phases[i] ^= 1;
}

/* Voxels of phase 0 or 1 with no equal neighbour along x or y. */
static int lone_voxels(const uint8_t *phases) {
    int lone = 0;
    for (int i = 0; i < VOXELS; ++i) {
        const uint8_t *image = phases + i / (EDGE * EDGE) * EDGE * EDGE;
        const int y = i / EDGE % EDGE, x = i % EDGE, up = (y + EDGE - 1) % EDGE, down = (y + 1) % EDGE;
        const int left = (x + EDGE - 1) % EDGE, right = (x + 1) % EDGE;
        lone += image[up * EDGE + x] != phases[i] && image[down * EDGE + x] != phases[i] &&
                image[y * EDGE + left] != phases[i] && image[y * EDGE + right] != phases[i];
    }
    return lone;
}

typedef struct {
    int calls, cancel_at;
    int64_t step, steps;
} watch_t;

static int32_t look(const davegan_progress_t *progress, void *user_data) {
    watch_t *watch = (watch_t *)user_data;
    watch->step = progress->step;
    watch->steps = progress->steps;
    return ++watch->calls == watch->cancel_at;
}

static void images_take_the_patterns_of_the_micrograph(const davegan_micrograph_t *micrograph) {
    uint8_t phases[VOXELS], again[VOXELS];
    spoil(phases);
    spoil(again);
    const int before = lone_voxels(phases);
    davegan_relax_options_t options;
    OK(davegan_relax_options_init(&options, sizeof options));
    CHECK_INT(4, options.sweeps);
    CHECK_INT(1, options.periodic);
    watch_t watch = {0, 0, 0, 0};
    options.progress = look;
    options.user_data = &watch;
    options.progress_interval = 0;
    options.threads = 1;
    OK(davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    CHECK(before > 100 && lone_voxels(phases) < before / 4);
    CHECK(watch.calls > 1 && watch.step == watch.steps);
    OK(davegan_relax(micrograph, NULL, again, N, 1, EDGE, EDGE)); /* one thread a core */
    CHECK(memcmp(phases, again, VOXELS) == 0);
    options.seed = 1;
    spoil(again);
    OK(davegan_relax(micrograph, &options, again, N, 1, EDGE, EDGE));
    CHECK(memcmp(phases, again, VOXELS) != 0);
}

static void what_fails_leaves_the_images(const davegan_micrograph_t *micrograph) {
    uint8_t phases[VOXELS], kept[VOXELS];
    spoil(phases);
    spoil(kept);
    davegan_relax_options_t options;
    OK(davegan_relax_options_init(&options, sizeof options));
    const davegan_relax_options_t defaults = options;
    watch_t watch = {0, 3, 0, 0};
    options.progress = look;
    options.user_data = &watch;
    options.progress_interval = 0;
    FAILS(DAVEGAN_CANCELLED, "relaxing was cancelled after 3 of",
          davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options = defaults;
    options.sweeps = 0;
    FAILS(DAVEGAN_INVALID_PARAMETER, "sweeps = 0", davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options.sweeps = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "sweeps is -1", davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options = defaults;
    options.periodic = 2;
    FAILS(DAVEGAN_INVALID_PARAMETER, "periodic is 2", davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options = defaults;
    options.first = INT64_MAX;
    FAILS(DAVEGAN_INVALID_PARAMETER, "last index", davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options = defaults;
    options.volume_fraction[0] = 0.5;
    FAILS(DAVEGAN_INVALID_PARAMETER, "the sum 0.5", davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    options.volume_fraction[2] = 0.5;
    FAILS(DAVEGAN_INVALID_PARAMETER, "3 volume fractions",
          davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "micrograph is NULL", davegan_relax(NULL, NULL, phases, N, 1, EDGE, EDGE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "phases is NULL", davegan_relax(micrograph, NULL, NULL, N, 1, EDGE, EDGE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0 images", davegan_relax(micrograph, NULL, phases, 0, 1, EDGE, EDGE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "1 x 4 x 64", davegan_relax(micrograph, NULL, phases, N, 1, 4, EDGE));
    FAILS(DAVEGAN_INVALID_PARAMETER, "address space",
          davegan_relax(micrograph, NULL, phases, SIZE_MAX, 1, EDGE, EDGE));
    CHECK(memcmp(phases, kept, VOXELS) == 0);
    phases[7] = 2;
    FAILS(DAVEGAN_INVALID_PARAMETER, "phase 2", davegan_relax(micrograph, NULL, phases, N, 1, EDGE, EDGE));
}

static void a_volume_fraction_is_met(const davegan_micrograph_t *micrograph) {
    uint8_t phases[VOXELS];
    spoil(phases);
    davegan_relax_options_t options;
    OK(davegan_relax_options_init(&options, sizeof options));
    options.volume_fraction[0] = 0.25;
    options.volume_fraction[1] = 0.75;
    OK(davegan_relax(micrograph, &options, phases, N, 1, EDGE, EDGE));
    for (int image = 0; image < N; ++image) {
        int sum = 0;
        for (int i = 0; i < EDGE * EDGE; ++i) sum += phases[image * EDGE * EDGE + i];
        CHECK_INT(EDGE * EDGE * 3 / 4, sum);
    }
}

static void volumes_are_relaxed_too(const davegan_micrograph_t *micrograph) {
    static uint8_t volume[32 * 32 * 32];
    unsigned seed = 1;
    for (size_t i = 0; i < sizeof volume; ++i) {
        seed = seed * 1103515245u + 12345u;
        volume[i] = (uint8_t)(((i >> 2 ^ i >> 7 ^ i >> 12) & 1u) ^ ((seed >> 16) % 20 == 0));
    }
    double before = 0, after = 0;
    static uint8_t noisy[sizeof volume];
    memcpy(noisy, volume, sizeof volume);
    davegan_relax_options_t options;
    OK(davegan_relax_options_init(&options, sizeof options));
    options.sweeps = 1;
    OK(davegan_relax(micrograph, &options, volume, 1, 32, 32, 32));
    for (size_t i = 0; i < sizeof volume; ++i) {
        before += noisy[i];
        after += volume[i];
    }
    CHECK(memcmp(noisy, volume, sizeof volume) != 0);
    CHECK(after > before); /* from one half towards the micrograph's share of phase 1, which is larger */
}

int main(void) {
    davegan_micrograph_t *micrograph = boundaries(1, 4);
    images_take_the_patterns_of_the_micrograph(micrograph);
    what_fails_leaves_the_images(micrograph);
    a_volume_fraction_is_met(micrograph);
    volumes_are_relaxed_too(micrograph);
    davegan_micrograph_free(micrograph);
    return 0;
}
