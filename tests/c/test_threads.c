/* One model used by several threads at once, each with messages of its own. Threads of the library end with their model. */
#include "fixture.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_THREADS = 8, ROUNDS = 20 };

/* Threads that a sanitizer adds: tests/campaigns/threads.sh. */
#ifndef SANITIZER_THREADS
#define SANITIZER_THREADS 0
#endif

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

/* Threads of this process, but for those that the system is about to remove. */
static int count_threads(void) {
    enum { EXITING = 4 }; /* PF_EXITING of Linux */
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) FAIL("cannot list threads");
    int count = 0;
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        char path[512], line[1024];
        if (task->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "/proc/self/task/%s/stat", task->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        const size_t length = fread(line, 1, sizeof line - 1, file);
        fclose(file);
        line[length] = '\0';
        unsigned flags = EXITING;
        const char *behind_name = strrchr(line, ')');
        if (behind_name != NULL) (void)sscanf(behind_name, ") %*c %*d %*d %*d %*d %*d %u", &flags);
        count += (flags & EXITING) == 0;
    }
    closedir(tasks);
    return count - SANITIZER_THREADS;
}

static int32_t stop(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    (void)user_data;
    return 1;
}

static void a_model_keeps_the_threads_of_its_last_call(const davegan_model_t *model, const uint8_t *expected) {
    enum { CALLS = 200 };
    uint8_t phases[2 * PIXELS];
    davegan_generate_options_t options = some_realisations(0, 2);
    for (int call = 0; call < CALLS; ++call) {
        options.threads = call < CALLS / 2 ? 4 : 2 + call % 2;
        OK(davegan_generate_into(model, &options, phases, sizeof phases));
        CHECK(memcmp(phases, expected, sizeof phases) == 0);
        CHECK_INT(1 + options.threads, count_threads());
        FAILS(DAVEGAN_BUFFER_SIZE, "buffer", davegan_generate_into(model, &options, phases, 1));
        CHECK_INT(1 + options.threads, count_threads());
    }
}

/* The child has none of the threads that its parent's model keeps. */
static void a_forked_child_goes_on(davegan_model_t *model, const uint8_t *expected) {
    uint8_t phases[2 * PIXELS];
    const davegan_generate_options_t options = some_realisations(0, 2);
    OK(davegan_generate_into(model, &options, phases, sizeof phases));
    const pid_t child = fork();
    if (child == 0) {
        for (int call = 0; call < 2; ++call) {
            memset(phases, 9, sizeof phases);
            OK(davegan_generate_into(model, &options, phases, sizeof phases));
            if (memcmp(phases, expected, sizeof phases) != 0) _exit(1);
        }
        davegan_model_free(model);
        _exit(count_threads() <= 1 ? 0 : 2); /* a sanitizer has no thread here */
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(0, status);
}

static void no_thread_outlives_a_training(void) {
    enum { TRAININGS = 10 };
    davegan_train_options_t training = short_training();
    training.threads = 4;
    training.progress_interval = 0;
    for (int call = 0; call < TRAININGS; ++call) {
        davegan_micrograph_t *micrograph = small_micrograph();
        training.progress = call % 2 == 0 ? NULL : stop;
        davegan_model_t *trained = NULL;
        const davegan_status_t status = davegan_train_micrograph(micrograph, NULL, &training, &trained);
        CHECK_INT(call % 2 == 0 ? DAVEGAN_OK : DAVEGAN_CANCELLED, status);
        CHECK_INT(1, count_threads());
        davegan_model_free(trained);
        davegan_micrograph_free(micrograph);
    }
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
    if (test_device() != DAVEGAN_DEVICE_KIND_CPU) {
        davegan_model_free(model);
        return 0;
    }
    a_model_keeps_the_threads_of_its_last_call(model, expected);
    a_forked_child_goes_on(model, expected);
    davegan_model_free(model);
    CHECK_INT(1, count_threads());
    no_thread_outlives_a_training();
    return 0;
}
