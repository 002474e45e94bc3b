/* Trainings and files of several threads at once, callbacks that call back in, and cancelling at any step: the results are those
 * of one thread that is left alone. */
#include "fixture.h"

#include <pthread.h>

enum { N_THREADS = 4 };

static void check_same_file(const char *expected, const char *found) {
    size_t n_expected, n_found;
    unsigned char *a = read_file(expected, &n_expected), *b = read_file(found, &n_found);
    if (n_expected != n_found || memcmp(a, b, n_found) != 0) FAIL("%s and %s differ", expected, found);
    free(a);
    free(b);
}

typedef struct {
    int index;
    const char *when;
    const davegan_model_t *model;
    char file[64];
} job_t;

static const char *file_of(job_t *job, const char *kind) {
    snprintf(job->file, sizeof job->file, TEST_NAME "_%s_%d_%s", job->when, job->index, kind);
    return job->file;
}

static void *train(void *argument) {
    job_t *job = (job_t *)argument;
    davegan_train_options_t options = short_training();
    options.seed = job->index;
    options.latent_size = 2 + job->index;
    train_small_model(file_of(job, "model.h5"), &options);
    return NULL;
}

static void *write_files(void *argument) {
    job_t *job = (job_t *)argument;
    const uint8_t phases[8] = {0, 1, 1, 0, 1, 0, 0, (uint8_t)(job->index % 2)};
    remove(file_of(job, "realisations.vtkhdf"));
    remove(file_of(job, "images.h5"));
    for (int call = 0; call < 5; ++call) {
        char name[16];
        const davegan_generate_options_t options = some_realisations(10 * job->index + 2 * call, 2);
        OK(davegan_generate(job->model, file_of(job, "realisations.vtkhdf"), NULL, &options));
        snprintf(name, sizeof name, "images_%d", call);
        OK(davegan_write_images(file_of(job, "images.h5"), name, phases, 1, 2, 2, 2));
        OK(davegan_export_dream3d(file_of(job, "volume.dream3d"), phases, 2, 2, 2, NULL));
        OK(davegan_model_save(job->model, file_of(job, "saved.h5")));
    }
    return NULL;
}

/* The files of all jobs one after the other, and then all at once. */
static void equal_the_serial_results(void *(*work)(void *), const davegan_model_t *model, const char *const *kinds) {
    job_t serial[N_THREADS], parallel[N_THREADS];
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; ++i) {
        serial[i].index = parallel[i].index = i;
        serial[i].model = parallel[i].model = model;
        serial[i].when = "serial";
        parallel[i].when = "parallel";
        work(&serial[i]);
    }
    for (int i = 0; i < N_THREADS; ++i) CHECK(pthread_create(&threads[i], NULL, work, &parallel[i]) == 0);
    for (int i = 0; i < N_THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < N_THREADS; ++i) {
        for (const char *const *kind = kinds; *kind != NULL; ++kind)
            check_same_file(file_of(&serial[i], *kind), file_of(&parallel[i], *kind));
    }
}

typedef struct {
    int64_t cancel_at, last;
    const davegan_model_t *model;
    const uint8_t *expected;
} caller_t;

/* Calls back into the library, also to train, and also where it must fail. */
static int32_t call_back(const davegan_progress_t *progress, void *user_data) {
    caller_t *caller = (caller_t *)user_data;
    caller->last = progress->step;
    if (caller->model != NULL) {
        uint8_t phases[PIXELS];
        const davegan_generate_options_t options = some_realisations(0, 1);
        OK(davegan_generate_into(caller->model, &options, phases, sizeof phases));
        CHECK(memcmp(phases, caller->expected, sizeof phases) == 0);
        davegan_model_t *none = NULL;
        FAILS(DAVEGAN_IO, "no_such", davegan_model_load("no_such_file.h5", DAVEGAN_DEVICE_KIND_CPU, 0, &none));
        FAILS(DAVEGAN_IO, "called", davegan_model_save(caller->model, TEST_FILE("called_back.h5")));
        davegan_train_options_t inner = short_training();
        inner.steps = 1;
        train_small_model(TEST_FILE("inner.h5"), &inner);
    }
    return progress->step == caller->cancel_at;
}

static davegan_train_options_t watched(caller_t *caller) {
    davegan_train_options_t options = short_training();
    options.progress_interval = 0;
    options.progress = call_back;
    options.user_data = caller;
    return options;
}

static void callbacks_may_call_back(const davegan_model_t *model, const char *undisturbed) {
    uint8_t expected[PIXELS];
    const davegan_generate_options_t some = some_realisations(0, 1);
    OK(davegan_generate_into(model, &some, expected, sizeof expected));
    caller_t caller = {0, 0, model, expected};
    const davegan_train_options_t options = watched(&caller);
    train_small_model(TEST_FILE("called_back.h5"), &options);
    CHECK_INT(options.steps, caller.last);
    check_same_file(undisturbed, TEST_FILE("called_back.h5"));
}

static void cancelled_at_any_step_and_resumed(const char *undisturbed) {
    davegan_micrograph_t *micrograph = small_micrograph();
    for (int64_t step = 1; step <= short_training().steps; ++step) {
        caller_t caller = {step, 0, NULL, NULL};
        davegan_train_options_t options = watched(&caller);
        davegan_model_t *model = NULL;
        remove(TEST_FILE("cancelled.h5"));
        FAILS(DAVEGAN_CANCELLED, TEST_FILE("cancelled.h5"),
              davegan_train_micrograph(micrograph, TEST_FILE("cancelled.h5"), &options, &model));
        CHECK(model == NULL);
        CHECK_INT(step, caller.last);
        OK(davegan_model_load(TEST_FILE("cancelled.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &model));
        davegan_model_info_t info;
        OK(davegan_model_info(model, &info, sizeof info));
        CHECK_INT(step, info.steps);
        davegan_model_free(model);
        options.progress = NULL;
        options.resume = 1;
        OK(davegan_train_micrograph(micrograph, TEST_FILE("cancelled.h5"), &options, NULL));
        check_same_file(undisturbed, TEST_FILE("cancelled.h5"));
    }
    davegan_micrograph_free(micrograph);
}

int main(void) {
    static const char *const OF_TRAINING[] = {"model.h5", NULL};
    static const char *const OF_WRITING[] = {"realisations.vtkhdf", "images.h5", "volume.dream3d", "saved.h5", NULL};
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    equal_the_serial_results(train, NULL, OF_TRAINING);
    equal_the_serial_results(write_files, model, OF_WRITING);
    callbacks_may_call_back(model, TEST_FILE("model.h5"));
    cancelled_at_any_step_and_resumed(TEST_FILE("model.h5"));
    davegan_model_free(model);
    return 0;
}
