/*
 * Trains a model on a micrograph and generates realisations of it, in memory and as a file: the C interface in short.
 *
 * Ctrl-C stops the training, with the work so far in the model file. The command davegan does all of this, and more.
 */
#include <davegan.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

/* Ends the program if a call has failed, with what the library says of it. */
static void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "train_generate: %s: %s\n", davegan_status_name(status), davegan_last_error());
    exit(1);
}

/* Called by the library while it trains. Anything but 0 cancels the training. */
static int32_t show_progress(const davegan_progress_t *progress, void *user_data) {
    (void)user_data;
    fprintf(stderr, "step %" PRId64 " of %" PRId64 "\n", progress->step, progress->steps);
    return interrupted;
}

/* The micrograph in a file, or a built-in one if `path` is NULL. */
static davegan_micrograph_t *open_micrograph(const char *path, const char *dataset) {
    davegan_micrograph_t *micrograph = NULL;
    if (path != NULL) {
        check(davegan_micrograph_read(path, dataset, NULL, &micrograph));
        return micrograph;
    }
    davegan_sample_options_t options;
    check(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.seed = 1;
    check(davegan_micrograph_sample(&options, &micrograph));
    return micrograph;
}

static davegan_model_t *train(const davegan_micrograph_t *micrograph, const char *path, int64_t steps) {
    davegan_train_options_t options;
    check(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_STANDARD));
    options.steps = steps;
    options.progress = show_progress;
    options.progress_interval = 2; /* seconds */
    davegan_model_t *model = NULL;
    signal(SIGINT, on_interrupt);
    check(davegan_train_micrograph(micrograph, path, &options, &model));
    signal(SIGINT, SIG_DFL);
    return model;
}

/* Realisations in memory, [count][nz][ny][nx] with x fastest, and their mean volume fraction of one phase. */
static double mean_volume_fraction(const davegan_model_t *model, const davegan_model_info_t *info,
                                   const davegan_generate_options_t *options) {
    const size_t size = (size_t)(options->count * info->nz * info->ny * info->nx);
    uint8_t *phases = (uint8_t *)malloc(size);
    if (phases == NULL) {
        fputs("train_generate: out of memory\n", stderr);
        exit(1);
    }
    check(davegan_generate_into(model, options, phases, size));
    size_t of_phase = 0;
    for (size_t i = 0; i < size; ++i) of_phase += phases[i] == info->minority_phase;
    free(phases);
    return (double)of_phase / (double)size;
}

int main(int argc, char **argv) {
    const long long steps = argc > 1 ? strtoll(argv[1], NULL, 10) : 0;
    if (argc < 4 || argc > 6 || steps < 1) {
        fputs("usage: train_generate STEPS MODEL.h5 REALISATIONS.vtkhdf [MICROGRAPH [DATASET]]\n", stderr);
        return 2;
    }
    davegan_micrograph_t *micrograph = open_micrograph(argc > 4 ? argv[4] : NULL, argc > 5 ? argv[5] : NULL);
    davegan_model_t *model = train(micrograph, argv[2], steps);
    davegan_model_info_t info;
    check(davegan_model_info(model, &info, sizeof info));

    davegan_generate_options_t options;
    check(davegan_generate_options_init(&options, sizeof options));
    options.seed = 1;
    options.count = 16;
    printf("volume fraction of phase %d: micrograph %.6f, realisations %.6f\n", info.minority_phase,
           info.volume_fraction[info.minority_phase], mean_volume_fraction(model, &info, &options));
    options.replace = 1; /* what the file may hold */
    check(davegan_generate(model, argv[3], NULL, &options));

    davegan_model_free(model);
    davegan_micrograph_free(micrograph);
    return 0;
}
