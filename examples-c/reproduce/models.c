/* Models in directories of OUT_DIR: trained once, and found again by later runs. */
#include "reproduce.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

const char CHECKERBOARD[] = "checkerboard";

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* The bar shows where training stands; this one only lets Ctrl-C save the work so far. */
static int32_t stop_if_interrupted(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    (void)user_data;
    return interrupted;
}

static davegan_micrograph_t *make_sample(const davegan_sample_options_t *options) {
    davegan_micrograph_t *micrograph = NULL;
    check(davegan_micrograph_sample(options, &micrograph));
    return micrograph;
}

static davegan_micrograph_t *read_or_make(const settings_t *settings, const char *name) {
    davegan_micrograph_t *micrograph = NULL;
    if (name == CHECKERBOARD) {
        davegan_sample_options_t options;
        check(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_CHECKERBOARD));
        options.cell_size = settings->cell;
        return make_sample(&options);
    }
    check(davegan_micrograph_read(settings->micrographs, name, NULL, &micrograph));
    return micrograph;
}

davegan_micrograph_t *sample_ellipses(int64_t seed, int64_t count) {
    davegan_sample_options_t options;
    check(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_ELLIPSES));
    options.seed = seed;
    options.count = count;
    return make_sample(&options);
}

static void train_to(const char *model, const davegan_micrograph_t *micrograph, davegan_train_options_t *options) {
    options->resume = 1;
    options->progress_bar = 1;
    options->progress = stop_if_interrupted;
    signal(SIGINT, on_interrupt);
    signal(SIGTERM, on_interrupt);
    const davegan_status_t status = davegan_train_micrograph(micrograph, model, options);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (status == DAVEGAN_CANCELLED) fail("interrupted; the same command goes on from here", model);
    check(status);
}

static trained_t train_in(const settings_t *settings, char *directory, davegan_micrograph_t *micrograph,
                          davegan_train_options_t *options) {
    trained_t trained;
    memset(&trained, 0, sizeof trained);
    trained.directory = directory;
    trained.seed = options->seed;
    trained.micrograph = micrograph;
    options->threads = settings->threads;
    char *path = text_of("%s/%s", settings->out_dir, directory), *model = text_of("%s/model.h5", path);
    make_directory(path);
    fprintf(stderr, "== %s\n", path);
    train_to(model, micrograph, options);
    check(davegan_model_load(model, DAVEGAN_DEVICE_KIND_AUTO, 0, &trained.model));
    check(davegan_model_info(trained.model, &trained.info, sizeof trained.info));
    free(path);
    free(model);
    return trained;
}

trained_t train_material(const settings_t *settings, const char *name, int64_t seed) {
    davegan_train_options_t options;
    check(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER64));
    options.steps = settings->steps;
    options.seed = seed;
    char *directory = text_of("%s-seed-%" PRId64, name + (name[0] == '/'), seed);
    for (char *at = directory; *at != '\0'; ++at)
        if (*at == '/') *at = '_';
    trained_t trained = train_in(settings, directory, read_or_make(settings, name), &options);
    trained.name = name;
    return trained;
}

trained_t train_ellipses(const settings_t *settings, double beta) {
    davegan_train_options_t options;
    check(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER32));
    options.steps = settings->ellipse_steps;
    options.seed = settings->seeds[0];
    options.beta = beta;
    /* The ellipses are those of seed 0, whatever is drawn with the training's. */
    trained_t trained = train_in(settings, text_of("ellipses-beta-%g-seed-%" PRId64, beta, options.seed),
                                 sample_ellipses(0, settings->samples), &options);
    trained.name = "ellipses";
    return trained;
}

void free_trained(trained_t *trained) {
    davegan_model_free(trained->model);
    davegan_micrograph_free(trained->micrograph);
    free(trained->directory);
}

davegan_generate_options_t realisations_of(const settings_t *settings, const trained_t *trained) {
    davegan_generate_options_t options;
    check(davegan_generate_options_init(&options, sizeof options));
    options.seed = trained->seed;
    options.count = settings->count;
    options.threads = settings->threads;
    return options;
}

void write_report(const settings_t *settings, const trained_t *trained) {
    const davegan_generate_options_t options = realisations_of(settings, trained);
    char *path = text_of("%s/%s/report.html", settings->out_dir, trained->directory);
    check(davegan_report(trained->model, trained->micrograph, path, &options));
    free(path);
}
