/* One model used by several threads at once, each with messages of its own. */
#include "fixture.h"

#include <pthread.h>

enum { N_THREADS = 4, ROUNDS = 20 };

typedef struct {
    const davegan_model_t *model;
    const uint8_t *expected;
    int index;
} job_t;

static void *work(void *argument) {
    const job_t *job = (const job_t *)argument;
    uint8_t phases[2 * PIXELS];
    char text[32];
    snprintf(text, sizeof text, "thread_%d.h5", job->index);
    for (int round = 0; round < ROUNDS; ++round) {
        const davegan_generate_options_t options = some_realisations(2 * job->index, 2);
        OK(davegan_generate_into(job->model, &options, phases, sizeof phases));
        CHECK(memcmp(phases, job->expected + 2 * job->index * PIXELS, sizeof phases) == 0);
        davegan_model_t *none = NULL;
        FAILS(DAVEGAN_IO, text, davegan_model_load(text, DAVEGAN_DEVICE_KIND_CPU, 0, &none));
    }
    return NULL;
}

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    uint8_t expected[2 * N_THREADS * PIXELS];
    const davegan_generate_options_t options = some_realisations(0, 2 * N_THREADS);
    OK(davegan_generate_into(model, &options, expected, sizeof expected));
    pthread_t threads[N_THREADS];
    job_t jobs[N_THREADS];
    for (int i = 0; i < N_THREADS; ++i) {
        jobs[i].model = model;
        jobs[i].expected = expected;
        jobs[i].index = i;
        CHECK(pthread_create(&threads[i], NULL, work, &jobs[i]) == 0);
    }
    for (int i = 0; i < N_THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    davegan_model_free(model);
    return 0;
}
