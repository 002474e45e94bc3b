/* Memory does not grow with the number of calls: models loaded, used and freed, and trainings that are cancelled.
 *
 * Without arguments, the test: few cycles. tests/campaigns/growth.sh gives the numbers of both kinds of cycles. */
#include "fixture.h"

#include <malloc.h>

static const char *const MODEL = TEST_FILE("model.h5");

static int32_t stop(const davegan_progress_t *progress, void *user_data) {
    (void)user_data;
    return progress->step >= 2;
}

static void load_generate_free(void) {
    uint8_t phases[2 * PIXELS];
    davegan_model_t *model = NULL;
    const davegan_generate_options_t options = some_realisations(0, 2);
    OK(davegan_model_load(MODEL, DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    OK(davegan_generate_into(model, &options, phases, sizeof phases));
    FAILS(DAVEGAN_BUFFER_SIZE, "buffer", davegan_generate_into(model, &options, phases, 1));
    davegan_model_free(model);
}

static void train_cancel(void) {
    davegan_train_options_t options = short_training();
    options.progress_interval = 0;
    options.progress = stop;
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *model = NULL;
    FAILS(DAVEGAN_CANCELLED, "step 2", davegan_train_micrograph(micrograph, TEST_FILE("cancelled.h5"), &options, &model));
    davegan_micrograph_free(micrograph);
}

/* KiB that are in memory. */
static long resident(void) {
    long kib = 0;
    char line[256];
    malloc_trim(0);
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) FAIL("no /proc/self/status");
    while (fgets(line, sizeof line, status) != NULL) (void)sscanf(line, "VmRSS: %ld", &kib);
    fclose(status);
    return kib;
}

/* What is kept once, and the allocator's own room, comes in the first fifth. */
static void does_not_grow(const char *name, void (*cycle)(void), int cycles) {
    enum { ROOM = 2048 };
    for (int i = 0; i < cycles / 5; ++i) cycle();
    const long before = resident();
    for (int i = cycles / 5; i < cycles; ++i) cycle();
    const long after = resident();
    printf("%s: %d cycles, %ld KiB after the first fifth, %ld KiB at the end\n", name, cycles, before, after);
    if (after > before + ROOM) FAIL("%s grows", name);
}

int main(int argc, char **argv) {
    const int loads = argc > 2 ? atoi(argv[1]) : 60, trainings = argc > 2 ? atoi(argv[2]) : 20;
    davegan_model_free(small_model(MODEL));
    does_not_grow("load, generate, free", load_generate_free, loads);
    does_not_grow("train, cancel", train_cancel, trainings);
    return 0;
}
