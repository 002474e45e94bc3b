/* A file system without locks: the error says what to do, and that works. */
#include "fixture.h"

#include <errno.h>
#include <sys/file.h>
#include <unistd.h>

static int has_locks = 1;

/* In the place of the system's: the library calls this one. */
int flock(int file, int operation) {
    (void)file;
    (void)operation;
    if (has_locks) return 0;
    errno = ENOLCK;
    return -1;
}

static const char *const MODEL = TEST_FILE("model.h5");
static const char *const REALISATIONS = TEST_FILE("realisations.vtkhdf");

static void use_files(davegan_status_t expected) {
    davegan_model_t *model = NULL;
    davegan_generate_options_t options = some_realisations(0, 1);
    options.replace = 1;
    if (expected == DAVEGAN_OK) {
        OK(davegan_model_load(MODEL, DAVEGAN_DEVICE_KIND_CPU, 0, &model));
        OK(davegan_generate(model, REALISATIONS, NULL, &options));
    } else {
        const char *advice = "set the environment variable HDF5_USE_FILE_LOCKING to FALSE";
        FAILS(expected, advice, davegan_model_load(MODEL, DAVEGAN_DEVICE_KIND_CPU, 0, &model));
        has_locks = 1;
        OK(davegan_model_load(MODEL, DAVEGAN_DEVICE_KIND_CPU, 0, &model));
        has_locks = 0;
        FAILS(expected, advice, davegan_generate(model, REALISATIONS, NULL, &options));
    }
    davegan_model_free(model);
}

/* HDF5 looks at its environment when it is used first, so the advice is followed in a process of its own. */
int main(int argc, char **argv) {
    if (argc > 1) {
        has_locks = 0;
        use_files(DAVEGAN_OK);
        return 0;
    }
    davegan_model_t *model = small_model(MODEL);
    const davegan_generate_options_t options = some_realisations(0, 1);
    remove(REALISATIONS);
    OK(davegan_generate(model, REALISATIONS, NULL, &options));
    davegan_model_free(model);
    has_locks = 0;
    use_files(DAVEGAN_IO);
    CHECK(setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1) == 0);
    execl(argv[0], argv[0], "again", (char *)NULL);
    FAIL("cannot start %s again", argv[0]);
}
