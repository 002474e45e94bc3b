/* Calls with too little memory: a status, never a signal.
 *
 * Each call runs in a process of its own that may map only so much more than it has. Without arguments, the test: the
 * operations below at several limits. tests/campaigns/memory.py runs them at many limits: with the argument `prepare`
 * the program makes the files; with `OPERATION LIMIT SIZE [FILE]` it makes one call with LIMIT MiB (0: no limit) and
 * prints its status and the peak of what it mapped.
 */
#include "fixture.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static const char *file;

/* What /proc/self/status says about this process in MiB. */
static double status_of_process(const char *name) {
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) FAIL("no /proc/self/status");
    char line[256];
    double kib = 0;
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':') kib = atof(line + strlen(name) + 1);
    }
    fclose(status);
    return kib / 1024;
}

static void allow(double mib) {
    const rlim_t bytes = (rlim_t)((status_of_process("VmSize") + mib) * MIB);
    const struct rlimit limit = {bytes, bytes};
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
}

static davegan_model_t *model;
static davegan_micrograph_t *micrograph;

/* Memory of the test itself, taken before the limit. */
static uint8_t *bytes;
static double *doubles;

static davegan_generate_options_t many(size_t count) {
    davegan_generate_options_t options = some_realisations(0, (int64_t)count);
    options.replace = 1;
    options.threads = 4;
    return options;
}

static davegan_status_t op_load(size_t size) {
    (void)size;
    davegan_model_t *loaded = NULL;
    const davegan_status_t status = davegan_model_load(file, DAVEGAN_DEVICE_KIND_CPU, 0, &loaded);
    davegan_model_free(loaded);
    return status;
}

static davegan_status_t op_read(size_t size) {
    (void)size;
    davegan_micrograph_t *read = NULL;
    const davegan_status_t status = davegan_micrograph_read(file, NULL, NULL, &read);
    davegan_micrograph_free(read);
    return status;
}

static davegan_status_t op_from_memory(size_t size) {
    davegan_micrograph_t *made = NULL;
    const davegan_status_t status = davegan_micrograph_from_memory(bytes, 1, size, size, &made);
    davegan_micrograph_free(made);
    return status;
}

static davegan_status_t op_sample(size_t size) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = options.ny = (int64_t)size;
    davegan_micrograph_t *made = NULL;
    const davegan_status_t status = davegan_micrograph_sample(&options, &made);
    davegan_micrograph_free(made);
    return status;
}

static davegan_status_t op_many_samples(size_t size) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_CHECKERBOARD));
    options.count = (int64_t)size;
    davegan_micrograph_t *made = NULL;
    const davegan_status_t status = davegan_micrograph_sample(&options, &made);
    davegan_micrograph_free(made);
    return status;
}

static davegan_status_t op_write_images(size_t size) {
    return davegan_write_images(TEST_FILE("written.h5"), "images", bytes, 1, 1, size, size);
}

static davegan_status_t op_export_vti(size_t size) {
    return davegan_export_vti(TEST_FILE("written.vti"), bytes, 1, size, size, NULL);
}

static davegan_status_t op_export_dream3d(size_t size) {
    return davegan_export_dream3d(TEST_FILE("written.dream3d"), bytes, 1, size, size, NULL);
}

static davegan_status_t op_s2(size_t size) {
    return davegan_s2(bytes, 1, size, size, 1, NULL, doubles, size * size);
}

static davegan_status_t op_s2_error(size_t size) {
    double error;
    return davegan_s2_error(bytes, bytes, 1, size, size, 1, NULL, &error);
}

static davegan_status_t op_s2_radial(size_t size) {
    davegan_s2_options_t options;
    OK(davegan_s2_options_init(&options, sizeof options));
    options.periodic = 0;
    size_t needed;
    return davegan_s2_radial(bytes, 1, size, size, 1, &options, doubles, doubles + 4 * size, 4 * size, &needed);
}

static davegan_status_t train(int32_t profile, size_t batch) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, profile));
    options.batch_size = (int32_t)batch;
    options.steps = 2;
    davegan_model_t *trained = NULL;
    const davegan_status_t status = davegan_train_micrograph(micrograph, NULL, &options, &trained);
    davegan_model_free(trained);
    return status;
}

static davegan_status_t op_train(size_t size) { return train(DAVEGAN_PROFILE_STANDARD, size); }

static davegan_status_t op_train_paper32(size_t size) { return train(DAVEGAN_PROFILE_PAPER32, size); }

static davegan_status_t op_train_paper64(size_t size) { return train(DAVEGAN_PROFILE_PAPER64, size); }

static davegan_status_t op_train_file(size_t size) {
    davegan_train_options_t options = short_training();
    options.steps = (int64_t)size;
    return davegan_train(file, NULL, TEST_FILE("trained.h5"), &options, NULL);
}

static davegan_status_t op_generate_into(size_t size) {
    const davegan_generate_options_t options = many(size);
    return davegan_generate_into(model, &options, bytes, size * PIXELS);
}

static davegan_status_t op_generate(size_t size) {
    const davegan_generate_options_t options = many(size);
    return davegan_generate(model, TEST_FILE("realisations.h5"), NULL, &options);
}

static davegan_status_t op_latent_vectors(size_t size) {
    const davegan_generate_options_t options = many(size);
    return davegan_latent_vectors(model, &options, doubles, size * 5);
}

static davegan_status_t op_encode(size_t size) {
    return davegan_encode(model, bytes, size, 1, SIDE, SIDE, doubles, NULL, size * 5);
}

static davegan_status_t op_decode(size_t size) {
    return davegan_decode(model, doubles, size, 1, SIDE, SIDE, bytes, size * PIXELS);
}

static davegan_status_t op_reconstruct(size_t size) {
    return davegan_reconstruct(model, bytes, size, 1, SIDE, SIDE, bytes, size * PIXELS);
}

static davegan_status_t op_traverse(size_t size) {
    return davegan_traverse(model, doubles, 0, size, 3.0, 1, SIDE, SIDE, bytes, size * PIXELS);
}

static davegan_status_t op_interpolate(size_t size) {
    return davegan_interpolate(model, bytes, bytes + PIXELS, size, 1, SIDE, SIDE, bytes, size * PIXELS);
}

static davegan_status_t op_evaluate(size_t size) {
    const davegan_generate_options_t options = many(size);
    davegan_evaluation_t evaluation;
    return davegan_evaluate(model, -1, &options, &evaluation, sizeof evaluation);
}

static davegan_status_t op_fidelity(size_t size) {
    const davegan_generate_options_t options = many(size);
    davegan_fidelity_t *fidelity = NULL;
    const davegan_status_t status = davegan_fidelity_measure_model(model, micrograph, -1, 0, &options, &fidelity);
    davegan_fidelity_free(fidelity);
    return status;
}

static davegan_status_t op_contact_sheet(size_t size) {
    const davegan_generate_options_t options = many(size);
    return davegan_contact_sheet(model, TEST_FILE("sheet.png"), &options);
}

static davegan_status_t op_report(size_t size) {
    const davegan_generate_options_t options = many(size);
    return davegan_report(model, micrograph, TEST_FILE("report.html"), &options);
}

/* What is there before the limit. */
enum { NOTHING, MICROGRAPH, MODEL };

typedef struct {
    const char *name;
    davegan_status_t (*call)(size_t size);
    /* A number of images, a batch, or the side of an image; 0: takes too long for a test. */
    size_t size;
    /* Elements of the test's own arrays, for each image; 1: as many as an image of that side has. */
    size_t bytes, doubles;
    int needs;
} operation_t;

static const operation_t operations[] = {
    {"load", op_load, 1, 0, 0, NOTHING},
    {"read", op_read, 1, 0, 0, NOTHING},
    {"from_memory", op_from_memory, 2000, 1, 0, NOTHING},
    {"sample", op_sample, 512, 0, 0, NOTHING},
    {"many_samples", op_many_samples, 200, 0, 0, NOTHING},
    {"write_images", op_write_images, 2000, 1, 0, NOTHING},
    {"export_vti", op_export_vti, 2000, 1, 0, NOTHING},
    {"export_dream3d", op_export_dream3d, 2000, 1, 0, NOTHING},
    {"s2", op_s2, 600, 1, 1, NOTHING},
    {"s2_error", op_s2_error, 600, 1, 0, NOTHING},
    {"s2_radial", op_s2_radial, 400, 1, 8, NOTHING},
    {"train", op_train, 0, 0, 0, MICROGRAPH},
    {"train_paper32", op_train_paper32, 16, 0, 0, MICROGRAPH},
    {"train_paper64", op_train_paper64, 0, 0, 0, MICROGRAPH},
    {"train_file", op_train_file, 2, 0, 0, NOTHING},
    {"generate_into", op_generate_into, 2000, PIXELS, 0, MODEL},
    {"generate", op_generate, 100, 0, 0, MODEL},
    {"latent_vectors", op_latent_vectors, 20000, 0, 5, MODEL},
    {"encode", op_encode, 500, PIXELS, 5, MODEL},
    {"decode", op_decode, 2000, PIXELS, 5, MODEL},
    {"reconstruct", op_reconstruct, 500, PIXELS, 0, MODEL},
    {"traverse", op_traverse, 2000, PIXELS, 5, MODEL},
    {"interpolate", op_interpolate, 2000, PIXELS, 0, MODEL},
    {"evaluate", op_evaluate, 200, 0, 0, MODEL},
    {"fidelity", op_fidelity, 0, 0, 0, MODEL},
    {"contact_sheet", op_contact_sheet, 0, 0, 0, MODEL},
    {"report", op_report, 0, 0, 0, MODEL},
};

enum { N_OPERATIONS = sizeof operations / sizeof *operations };

/* Takes what the test itself needs, so that it is not under the limit. Does not warm up the library for calls that need
 * no model. */
static void prepare(const operation_t *operation, size_t size) {
    const size_t square = operation->bytes == 1 ? size * size : size * operation->bytes;
    bytes = NEW_ARRAY(uint8_t, square + 2 * PIXELS);
    for (size_t i = 0; i < square + 2 * PIXELS; i++) bytes[i] = (uint8_t)(i / 5 % 2);
    doubles = NEW_ARRAY(double, (operation->doubles == 1 ? size * size : size * operation->doubles) + 64);
    if (operation->needs >= MICROGRAPH) {
        OK(davegan_micrograph_read(TEST_FILE("micrograph.h5"), NULL, NULL, &micrograph));
    }
    if (operation->needs >= MODEL) OK(davegan_model_load(TEST_FILE("model.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &model));
}

/* The status of one call in a process of its own with `mib` MiB more than it has; fails if a signal ended it. */
static davegan_status_t call_with(const operation_t *operation, double mib) {
    fflush(stderr);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        prepare(operation, operation->size);
        allow(mib);
        const davegan_status_t status = operation->call(operation->size);
        if (status != DAVEGAN_OK && status != DAVEGAN_OUT_OF_MEMORY) fprintf(stderr, "%s\n", davegan_last_error());
        if (status == DAVEGAN_OUT_OF_MEMORY) CHECK(strlen(davegan_last_error()) > 0);
        _exit((int)status);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) FAIL("%s with %g MiB: signal %d", operation->name, mib, WTERMSIG(status));
    return WEXITSTATUS(status);
}

/* Every operation at some limits: OK or OUT_OF_MEMORY, and OK at the largest one. */
static void run_all(void) {
    static const double limits[] = {1, 14, 20, 32, 90, 1500};
    enum { N_LIMITS = sizeof limits / sizeof *limits };
    for (int i = 0; i < N_OPERATIONS; i++) {
        if (operations[i].size == 0) continue;
        file = strcmp(operations[i].name, "load") == 0 ? TEST_FILE("model.h5") : TEST_FILE("micrograph.h5");
        for (int j = 0; j < N_LIMITS; j++) {
            const davegan_status_t status = call_with(&operations[i], limits[j]);
            if (status != DAVEGAN_OK && (status != DAVEGAN_OUT_OF_MEMORY || j == N_LIMITS - 1))
                FAIL("%s with %g MiB: status %d", operations[i].name, limits[j], (int)status);
        }
    }
}

/* Reading takes the file's own values, here a byte a pixel, and at most three bytes a pixel. */
static void reading_is_frugal(void) {
    enum { LARGE = 3072 };
    const double pixels = (double)LARGE * LARGE / MIB, of_hdf5 = 10;
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        bytes = NEW_ARRAY(uint8_t, LARGE * LARGE);
        for (size_t i = 0; i < (size_t)LARGE * LARGE; i++) bytes[i] = (uint8_t)(i / 77 % 2);
        _exit(op_write_images(LARGE) == DAVEGAN_OK ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(0, status);
    file = TEST_FILE("written.h5");
    const pid_t reader = fork();
    CHECK(reader >= 0);
    if (reader == 0) {
        const double before = status_of_process("VmRSS");
        OK(op_read(1));
        const double taken = status_of_process("VmHWM") - before;
        if (taken > 4 * pixels + of_hdf5) FAIL("reading %g million pixels takes %g MiB", pixels, taken);
        _exit(0);
    }
    CHECK(waitpid(reader, &status, 0) == reader);
    CHECK_INT(0, status);
}

static int run_one(const char *name, double limit, size_t size) {
    for (int i = 0; i < N_OPERATIONS; i++) {
        if (strcmp(operations[i].name, name) != 0) continue;
        prepare(&operations[i], size);
        const double before = status_of_process("VmSize"), resident = status_of_process("VmRSS");
        if (limit > 0) allow(limit);
        const davegan_status_t status = operations[i].call(size);
        const double peak = status_of_process("VmPeak"), most = status_of_process("VmHWM");
        printf("%s, %.0f MiB mapped, %.0f MiB resident, %s\n", davegan_status_name(status), peak - before,
               most - resident, status == DAVEGAN_OK ? "" : davegan_last_error());
        return (int)status;
    }
    FAIL("there is no operation %s", name);
}

/* A micrograph and a model, made in a process of its own so that this one stays as it is. */
static void make_files(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        davegan_sample_options_t sample;
        OK(davegan_sample_options_init(&sample, sizeof sample, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
        OK(davegan_micrograph_sample(&sample, &micrograph));
        OK(davegan_micrograph_write(micrograph, TEST_FILE("micrograph.h5"), "phases"));
        const davegan_train_options_t options = short_training();
        OK(davegan_train_micrograph(micrograph, TEST_FILE("model.h5"), &options, NULL));
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(0, status);
}

int main(int argc, char **argv) {
    if (argc > 3) {
        file = argc > 4 ? argv[4] : TEST_FILE("model.h5");
        return run_one(argv[1], atof(argv[2]), (size_t)atof(argv[3]));
    }
    make_files();
    if (argc > 1) return 0;
    reading_is_frugal();
    run_all();
    return 0;
}
