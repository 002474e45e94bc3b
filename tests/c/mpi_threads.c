/* On each rank, threads = 0 is one thread for each processor that MPI has bound the rank to. */
#include "fixture.h"

#include <dirent.h>
#include <mpi.h>
#include <sched.h>

/* Threads of the library that are there: it names them davegan-0, davegan-1 and so on. */
static int count_library_threads(void) {
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL) FAIL("cannot list threads");
    int count = 0;
    for (const struct dirent *task = readdir(tasks); task != NULL; task = readdir(tasks)) {
        char path[512], name[64] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file == NULL) continue;
        if (fgets(name, sizeof name, file) != NULL) count += strncmp(name, "davegan-", 8) == 0;
        fclose(file);
    }
    closedir(tasks);
    return count;
}

static int32_t note_threads(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    *(int *)user_data = count_library_threads();
    return 0;
}

int main(int argc, char **argv) {
    int rank, found = 0;
    char path[64];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    cpu_set_t bound;
    CHECK(sched_getaffinity(0, sizeof bound, &bound) == 0);

    davegan_model_t *model = small_model(NULL);
    davegan_generate_options_t options = some_realisations(0, 1);
    options.replace = 1;
    options.progress = note_threads;
    options.user_data = &found;
    snprintf(path, sizeof path, "mpi_threads_%d.vtkhdf", rank);
    OK(davegan_generate(model, path, NULL, &options));
    CHECK_INT(CPU_COUNT(&bound), found);
    printf("rank %d: %d of its threads on as many processors\n", rank, found);
    davegan_model_free(model);
    MPI_Finalize();
    return 0;
}
