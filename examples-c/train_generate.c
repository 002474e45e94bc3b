/*
 * Trains on a micrograph, generates realisations and measures them: the whole way through, in C.
 *
 * Progress goes to standard error, a line per figure to standard output.
 */
#include <davegan.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char USAGE[] =
    "usage: train_generate MICROGRAPH DATASET OUT_DIR [options]\n"
    "\n"
    "Trains DA-VEGAN on MICROGRAPH (HDF5, PNG or TIFF; DATASET is a path inside an HDF5 file, \"-\" for pictures)\n"
    "and writes to OUT_DIR: model.h5, realisations.vtkhdf (for ParaView), reconstructions.h5, contact_sheet.png;\n"
    "fidelity.txt and fidelity.h5: what the realisations are like beside real windows of the micrograph; and\n"
    "report.html: all of it on one page for a browser.\n"
    "\n"
    "  --profile P       standard (tiles of 64 pixels, the default), or as in the paper: paper32 or paper64\n"
    "  --steps N         training steps; the profile decides if not given\n"
    "  --seed S          of training and of the realisations; 0 if not given\n"
    "  --count N         realisations; 256 if not given\n"
    "  --threads N       all cores if not given\n"
    "  --device D        cpu, cuda:N, wgpu:N, or auto, which is the processor, if not given\n"
    "  --batch N         images in a training step\n"
    "  --set NAME=VALUE  any other training option of davegan.h, such as lambda_rec=1e-3; may be repeated\n"
    "  --paper TEXT      points that the paper leaves open, see paper_options in davegan.h\n"
    "  --otsu P          find P phases from the grey levels\n"
    "  --phase P         the phase that is judged; the one with the smallest volume fraction if not given\n"
    "  --resume          go on with the model.h5 that is in OUT_DIR\n";

typedef struct {
    const char *micrograph, *dataset, *out_dir;
    int64_t count;
    int32_t phase, otsu;
    davegan_train_options_t training;
} settings_t;

static volatile sig_atomic_t interrupted = 0;

static void on_interrupt(int signal_number) {
    (void)signal_number;
    interrupted = 1;
}

static void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "train_generate: %s: %s\n", davegan_status_name(status), davegan_last_error());
    exit(1);
}

static void usage_error(const char *what, const char *value) {
    fprintf(stderr, "train_generate: %s%s\n\n%s", what, value, USAGE);
    exit(2);
}

static int64_t parse_integer(const char *option, const char *text) {
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') usage_error(option, " needs a whole number");
    return value;
}

static int32_t parse_small(const char *option, const char *text) {
    const int64_t value = parse_integer(option, text);
    if (value < INT32_MIN || value > INT32_MAX) usage_error(option, " is out of range");
    return (int32_t)value;
}

static double parse_real(const char *option, const char *text) {
    char *end = NULL;
    const double value = strtod(text, &end);
    if (end == text || *end != '\0') usage_error(option, " needs a number");
    return value;
}

static int32_t parse_profile(const char *text) {
    if (strcmp(text, "standard") == 0) return DAVEGAN_PROFILE_STANDARD;
    if (strcmp(text, "paper32") == 0) return DAVEGAN_PROFILE_PAPER32;
    if (strcmp(text, "paper64") == 0) return DAVEGAN_PROFILE_PAPER64;
    usage_error("there is no profile ", text);
    return 0;
}

/* The profile decides the defaults of all other training options, so it is looked for first. */
static int32_t find_profile(int argc, char **argv) {
    for (int i = 4; i + 1 < argc; ++i)
        if (strcmp(argv[i], "--profile") == 0) return parse_profile(argv[i + 1]);
    return DAVEGAN_PROFILE_STANDARD;
}

/* A training option that --set knows: where it lies, and whether it is a double or an int32_t. */
typedef struct {
    const char *name;
    size_t offset;
    int is_real;
} option_t;

#define REAL(name) {#name, offsetof(davegan_train_options_t, name), 1}
#define SMALL(name) {#name, offsetof(davegan_train_options_t, name), 0}
static const option_t OPTIONS[] = {
    SMALL(latent_size), REAL(learning_rate_generator), REAL(learning_rate_discriminator), REAL(learning_rate_encoder),
    REAL(beta), REAL(lambda_vae), REAL(lambda_noise), REAL(lambda_rec),
};

static void set_option(davegan_train_options_t *training, const char *assignment) {
    const char *value = strchr(assignment, '=');
    for (size_t i = 0; value != NULL && i < sizeof OPTIONS / sizeof *OPTIONS; ++i) {
        const option_t *option = &OPTIONS[i];
        const size_t length = (size_t)(value - assignment);
        if (strlen(option->name) != length || strncmp(option->name, assignment, length) != 0) continue;
        char *place = (char *)training + option->offset;
        if (option->is_real) {
            const double real = parse_real(option->name, value + 1);
            memcpy(place, &real, sizeof real);
        } else {
            const int32_t small = parse_small(option->name, value + 1);
            memcpy(place, &small, sizeof small);
        }
        return;
    }
    usage_error("--set takes NAME=VALUE with the name of a training option, not ", assignment);
}

static void parse_device(davegan_train_options_t *training, const char *text) {
    static const struct {
        const char *name;
        int32_t kind;
    } KINDS[] = {{"auto", DAVEGAN_DEVICE_KIND_AUTO}, {"cpu", DAVEGAN_DEVICE_KIND_CPU},
                 {"cuda", DAVEGAN_DEVICE_KIND_CUDA}, {"wgpu", DAVEGAN_DEVICE_KIND_WGPU}};
    const size_t length = strcspn(text, ":");
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; ++i) {
        if (strlen(KINDS[i].name) != length || strncmp(KINDS[i].name, text, length) != 0) continue;
        training->device = KINDS[i].kind;
        if (text[length] == ':') training->device_index = parse_small("--device", text + length + 1);
        return;
    }
    usage_error("--device takes auto, cpu, cuda:N or wgpu:N, not ", text);
}

static void parse_value(settings_t *settings, const char *option, const char *value) {
    davegan_train_options_t *training = &settings->training;
    if (strcmp(option, "--profile") == 0) return;
    if (strcmp(option, "--steps") == 0) training->steps = parse_integer(option, value);
    else if (strcmp(option, "--seed") == 0) training->seed = parse_integer(option, value);
    else if (strcmp(option, "--threads") == 0) training->threads = parse_small(option, value);
    else if (strcmp(option, "--device") == 0) parse_device(training, value);
    else if (strcmp(option, "--batch") == 0) training->batch_size = parse_small(option, value);
    else if (strcmp(option, "--set") == 0) set_option(training, value);
    else if (strcmp(option, "--paper") == 0) training->paper_options = value;
    else if (strcmp(option, "--count") == 0) settings->count = parse_integer(option, value);
    else if (strcmp(option, "--otsu") == 0) settings->otsu = parse_small(option, value);
    else if (strcmp(option, "--phase") == 0) settings->phase = parse_small(option, value);
    else usage_error("there is no option ", option);
}

static settings_t parse(int argc, char **argv) {
    settings_t settings;
    memset(&settings, 0, sizeof settings);
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(USAGE, stdout);
        exit(0);
    }
    if (argc < 4) usage_error("MICROGRAPH, DATASET and OUT_DIR are needed", "");
    settings.micrograph = argv[1];
    settings.dataset = strcmp(argv[2], "-") == 0 || argv[2][0] == '\0' ? NULL : argv[2];
    settings.out_dir = argv[3];
    settings.count = 256;
    settings.phase = -1;
    check(davegan_train_options_init(&settings.training, sizeof settings.training, find_profile(argc, argv)));
    for (int i = 4; i < argc; ++i) {
        if (strcmp(argv[i], "--resume") == 0) settings.training.resume = 1;
        else if (i + 1 < argc) {
            parse_value(&settings, argv[i], argv[i + 1]);
            ++i;
        } else usage_error("unknown, or without its value: ", argv[i]);
    }
    return settings;
}

static void make_directory(const char *path) {
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return;
    fprintf(stderr, "train_generate: cannot create the directory %s: %s\n", path, strerror(errno));
    exit(1);
}

static char *path_in(const char *directory, const char *name) {
    const size_t size = strlen(directory) + strlen(name) + 2;
    char *path = (char *)malloc(size);
    if (path == NULL) {
        fputs("train_generate: out of memory\n", stderr);
        exit(1);
    }
    snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static double seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int32_t show_progress(const davegan_progress_t *progress, void *user_data) {
    (void)user_data;
    fprintf(stderr, "step %" PRId64 " of %" PRId64 ", %.0f s", progress->step, progress->steps, progress->elapsed);
    if (progress->remaining >= 0) fprintf(stderr, ", %.0f s to go", progress->remaining);
    if (!isnan(progress->loss_reconstruction)) /* so it is before the first losses are known */
        fprintf(stderr, "; losses: reconstruction %.4g, divergence %.4g, discriminator %.4g, generator %.4g",
                progress->loss_reconstruction, progress->loss_divergence, progress->loss_discriminator,
                progress->loss_generator);
    fputc('\n', stderr);
    return interrupted;
}

static davegan_micrograph_t *read_micrograph(const settings_t *settings) {
    davegan_micrograph_options_t options;
    check(davegan_micrograph_options_init(&options, sizeof options));
    if (settings->otsu != 0) {
        options.segmentation = DAVEGAN_SEGMENTATION_OTSU;
        options.n_phases = settings->otsu;
    }
    davegan_micrograph_t *micrograph = NULL;
    check(davegan_micrograph_read(settings->micrograph, settings->dataset, &options, &micrograph));
    return micrograph;
}

static void train(const davegan_micrograph_t *micrograph, const settings_t *settings, const char *model_path) {
    davegan_train_options_t options = settings->training;
    options.progress = show_progress;
    options.progress_interval = 2;
    signal(SIGINT, on_interrupt);
    const davegan_status_t status = davegan_train_micrograph(micrograph, model_path, &options);
    signal(SIGINT, SIG_DFL);
    if (status == DAVEGAN_CANCELLED) fprintf(stderr, "train_generate: --resume goes on from here\n");
    check(status);
}

static uint8_t *allocate(int64_t n_images, const davegan_model_info_t *info) {
    uint8_t *phases = (uint8_t *)malloc((size_t)(n_images * info->nz * info->ny * info->nx));
    if (phases == NULL) {
        fputs("train_generate: out of memory\n", stderr);
        exit(1);
    }
    return phases;
}

static void write_reconstructions(const davegan_model_t *model, const davegan_model_info_t *info, const char *path) {
    const size_t n = (size_t)info->n_tiles, capacity = n * (size_t)(info->nz * info->ny * info->nx);
    uint8_t *tiles = allocate(info->n_tiles, info), *reconstructions = allocate(info->n_tiles, info);
    check(davegan_model_tiles(model, tiles, capacity));
    check(davegan_reconstruct(model, tiles, n, reconstructions, capacity));
    check(davegan_write_images(path, "/reconstructed", reconstructions, n, (size_t)info->nz, (size_t)info->ny,
                               (size_t)info->nx));
    free(tiles);
    free(reconstructions);
}

/* One realisation after the other, so that any count fits into memory. */
static void print_volume_fractions(const davegan_model_t *model, const davegan_model_info_t *info,
                                   davegan_generate_options_t options) {
    const int64_t size = info->nz * info->ny * info->nx, end = options.first + options.count;
    int64_t voxels[DAVEGAN_MAX_PHASES] = {0};
    uint8_t *phases = allocate(1, info);
    const int64_t count = options.count;
    for (options.count = 1; options.first < end; ++options.first) {
        check(davegan_generate_into(model, &options, phases, (size_t)size));
        for (int64_t i = 0; i < size; ++i) ++voxels[phases[i]];
    }
    free(phases);
    for (int32_t phase = 0; phase < info->n_phases; ++phase) {
        printf("volume_fraction_micrograph_%d %.9g\n", phase, info->volume_fraction[phase]);
        printf("volume_fraction_realisations_%d %.9g\n", phase, (double)voxels[phase] / (double)(size * count));
    }
}

static void cannot_write(const char *path) {
    fprintf(stderr, "train_generate: cannot write %s: %s\n", path, strerror(errno));
    exit(1);
}

/* A table for one phase, on the terminal and in `file`, and its figures as datasets. Returns 0 if there is too little
 * to measure. */
static int write_figures(const davegan_model_t *model, const davegan_micrograph_t *micrograph, int32_t phase,
                         const davegan_generate_options_t *options, FILE *file, const char *datasets) {
    davegan_fidelity_t *fidelity = NULL;
    const davegan_status_t status = davegan_fidelity_measure_model(model, micrograph, phase, options, &fidelity);
    if (status == DAVEGAN_INVALID_PARAMETER) return 0; /* Too few realisations, or a micrograph of few tiles. */
    check(status);
    check(davegan_fidelity_write(fidelity, datasets, NULL));
    size_t needed = 0;
    if (davegan_fidelity_table(fidelity, NULL, 0, &needed) != DAVEGAN_BUFFER_SIZE) needed = 1;
    char *table = (char *)malloc(needed);
    if (table == NULL) cannot_write("the table");
    check(davegan_fidelity_table(fidelity, table, needed, &needed));
    fprintf(stderr, "phase %d\n%s", phase, table);
    fprintf(file, "phase %d\n%s", phase, table);
    free(table);
    davegan_fidelity_free(fidelity);
    return 1;
}

/* What the realisations are like beside real windows of the micrograph: a table for each phase that is judged, which is
 * `judged`, or all but phase 0. */
static void write_fidelity(const davegan_model_t *model, const davegan_micrograph_t *micrograph, int all,
                           int32_t judged, const davegan_generate_options_t *options, const char *path,
                           const char *datasets) {
    davegan_micrograph_info_t info;
    check(davegan_micrograph_info(micrograph, &info, sizeof info));
    FILE *file = fopen(path, "w");
    if (file == NULL) cannot_write(path);
    remove(datasets); /* of an earlier run, which may have judged other phases */
    int measured = 1;
    for (int32_t phase = all ? 1 : judged; measured && phase <= (all ? info.n_phases - 1 : judged); ++phase)
        measured = write_figures(model, micrograph, phase, options, file, datasets);
    if (fclose(file) != 0) cannot_write(path);
    if (!measured) {
        fprintf(stderr, "train_generate: no fidelity.txt: %s\n", davegan_last_error());
        remove(path);
    }
}

int main(int argc, char **argv) {
    const settings_t settings = parse(argc, argv);
    make_directory(settings.out_dir);
    char *model_path = path_in(settings.out_dir, "model.h5");
    char *realisations = path_in(settings.out_dir, "realisations.vtkhdf");
    char *reconstructions = path_in(settings.out_dir, "reconstructions.h5");
    char *contact_sheet = path_in(settings.out_dir, "contact_sheet.png");
    char *fidelity = path_in(settings.out_dir, "fidelity.txt");
    char *figures = path_in(settings.out_dir, "fidelity.h5");
    char *report = path_in(settings.out_dir, "report.html");

    davegan_micrograph_t *micrograph = read_micrograph(&settings);
    double start = seconds();
    train(micrograph, &settings, model_path);
    printf("training_seconds %.3f\n", seconds() - start);

    davegan_model_t *model = NULL;
    check(davegan_model_load(model_path, settings.training.device, settings.training.device_index, &model));
    davegan_model_info_t info;
    check(davegan_model_info(model, &info, sizeof info));
    davegan_generate_options_t options;
    check(davegan_generate_options_init(&options, sizeof options));
    options.seed = settings.training.seed;
    options.count = settings.count;
    options.threads = settings.training.threads;
    options.replace = 1;
    options.progress_bar = 1;

    start = seconds();
    check(davegan_generate(model, realisations, NULL, &options));
    printf("generation_seconds %.3f\n", seconds() - start);
    write_reconstructions(model, &info, reconstructions);
    check(davegan_contact_sheet(model, contact_sheet, &options));

    davegan_evaluation_t evaluation;
    check(davegan_evaluate(model, settings.phase, &options, &evaluation, sizeof evaluation));
    printf("steps %" PRId64 "\ntiles %" PRId64 "\nrealisations %" PRId64 "\nphase_judged %d\n", info.steps,
           info.n_tiles, options.count, evaluation.phase);
    printf("E_rec %.9g\nE_gen %.9g\n", evaluation.e_rec, evaluation.e_gen);
    print_volume_fractions(model, &info, options);
    const int all = info.n_phases > 2 && settings.phase < 0;
    write_fidelity(model, micrograph, all, evaluation.phase, &options, fidelity, figures);
    check(davegan_report(model, micrograph, report, &options));

    davegan_model_free(model);
    davegan_micrograph_free(micrograph);
    free(model_path);
    free(realisations);
    free(reconstructions);
    free(contact_sheet);
    free(fidelity);
    free(figures);
    free(report);
    return 0;
}
