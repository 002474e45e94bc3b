/*
 * Repeats the numerical experiments of the DA-VEGAN paper and puts its numbers beside ours.
 *
 * Each part asks for the models that it needs; they are trained where no earlier run has done so.
 */
#include "reproduce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: reproduce MICROGRAPHS.h5 OUT_DIR [options]\n"
    "\n"
    "Repeats the numerical experiments of the DA-VEGAN paper with the paper's own networks and settings, and writes\n"
    "to OUT_DIR: index.html, everything on one page with the paper's numbers beside it; table4.tsv, figure3.tsv,\n"
    "figure4.tsv and figure5.tsv; the pictures; and a directory for each model with model.h5 and report.html. What\n"
    "was interrupted goes on where it stopped if run again.\n"
    "\n"
    "  --materials A,B     datasets of MICROGRAPHS.h5 for Table 4; none if not given. The checkerboard is built in,\n"
    "                      and so are the ellipses: without materials MICROGRAPHS.h5 is not read and may be -\n"
    "  --only P,Q          of table4, figure3, figure4, figure5 and figure6; all if not given\n"
    "  --seeds S,T         of training and realisations, for Table 4; 1 if not given. Figures take the first\n"
    "  --steps N           training steps on materials; 20,000 epochs if not given: 80,000 steps for 256 x 256 pixels\n"
    "  --count N           realisations of each model; 256 if not given\n"
    "  --cell N            side of the checkerboard's squares in pixels; 8 if not given\n"
    "  --ellipse-steps N   training steps on ellipses; 200 epochs if not given: 375,000 steps for 60,000 ellipses\n"
    "  --samples N         ellipses; 60,000 if not given\n"
    "  --betas X,Y         of Figure 3; 0.01,0.1,0.5,1,2,5,10,20,35,50 if not given. Figure 4 takes 0.01, 1 and 50\n"
    "  --quick             2,000 steps, 6,000 ellipses, 64 realisations, betas 0.01,1,50: to see what comes out, not\n"
    "                      to compare; other options change what it sets\n"
    "  --threads N         all cores if not given\n";

static void usage_error(const char *what, const char *value) {
    fprintf(stderr, "reproduce: %s%s\n\n%s", what, value, USAGE);
    exit(2);
}

typedef struct {
    const char *name;
    void (*make)(const settings_t *settings);
} part_t;

static const part_t PARTS[] = {{"table4", make_table4},
                               {"figure5", make_figure5},
                               {"figure6", make_figure6},
                               {"figure3", make_figure3},
                               {"figure4", make_figure4}};
enum { N_PARTS = sizeof PARTS / sizeof *PARTS };

static int64_t parse_integer(const char *option, const char *text, int64_t low, int64_t high) {
    char *end = NULL;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < low || value > high) {
        fprintf(stderr, "reproduce: %s needs a whole number from %" PRId64 " to %" PRId64 ", not \"%s\"\n\n%s", option,
                low, high, text, USAGE);
        exit(2);
    }
    return value;
}

static double parse_beta(const char *text) {
    char *end = NULL;
    const double value = strtod(text, &end);
    /* Figure 3 has a logarithmic axis. */
    if (end == text || *end != '\0' || !(value > 0 && value <= 1e6))
        usage_error("--betas needs positive numbers, not ", text);
    return value;
}

/* The next of the values that stand between commas, or NULL; `list` goes on behind it. */
static char *next_value(char **list) {
    char *value = *list;
    if (value == NULL) return NULL;
    char *comma = strchr(value, ',');
    if (comma != NULL) *comma++ = '\0';
    *list = comma;
    return value;
}

static void count_value(const char *option, size_t n, size_t most) {
    if (n < most) return;
    char *text = text_of("%s takes at most %zu values", option, most);
    usage_error(text, "");
}

static void choose_part(int *chosen, const char *name) {
    for (size_t i = 0; i < N_PARTS; ++i)
        if (strcmp(PARTS[i].name, name) == 0) {
            chosen[i] = 1;
            return;
        }
    usage_error("--only takes table4, figure3, figure4, figure5 and figure6, not ", name);
}

static void parse_list(settings_t *settings, int *chosen, const char *option, char *list) {
    if (strcmp(option, "--materials") == 0) settings->n_materials = 0;
    if (strcmp(option, "--seeds") == 0) settings->n_seeds = 0;
    if (strcmp(option, "--betas") == 0) settings->n_betas = 0;
    for (char *value = next_value(&list); value != NULL; value = next_value(&list)) {
        if (strcmp(option, "--only") == 0) choose_part(chosen, value);
        else if (strcmp(option, "--materials") == 0) {
            count_value(option, settings->n_materials, MAX_MATERIALS);
            settings->materials[settings->n_materials++] = value;
        } else if (strcmp(option, "--seeds") == 0) {
            count_value(option, settings->n_seeds, MAX_SEEDS);
            settings->seeds[settings->n_seeds++] = parse_integer(option, value, 0, INT64_MAX);
        } else {
            count_value(option, settings->n_betas, MAX_BETAS);
            settings->betas[settings->n_betas++] = parse_beta(value);
        }
    }
}

static int is_list(const char *option) {
    return strcmp(option, "--only") == 0 || strcmp(option, "--materials") == 0 || strcmp(option, "--seeds") == 0 ||
           strcmp(option, "--betas") == 0;
}

static void parse_number(settings_t *settings, const char *option, const char *value) {
    if (strcmp(option, "--steps") == 0) settings->steps = parse_integer(option, value, 1, INT64_MAX);
    else if (strcmp(option, "--ellipse-steps") == 0)
        settings->ellipse_steps = parse_integer(option, value, 1, INT64_MAX);
    else if (strcmp(option, "--samples") == 0) settings->samples = parse_integer(option, value, 32, 10000000);
    else if (strcmp(option, "--count") == 0) settings->count = parse_integer(option, value, 1, 1000000);
    else if (strcmp(option, "--cell") == 0) settings->cell = parse_integer(option, value, 1, 32);
    else if (strcmp(option, "--threads") == 0) settings->threads = (int32_t)parse_integer(option, value, 0, 1024);
    else usage_error("there is no option ", option);
}

static void set_betas(settings_t *settings, const double *betas, size_t n) {
    memcpy(settings->betas, betas, n * sizeof *betas);
    settings->n_betas = n;
}

static void be_quick(settings_t *settings) {
    static const double BETAS[] = {0.01, 1, 50};
    settings->steps = settings->ellipse_steps = 2000;
    settings->samples = 6000;
    settings->count = 64;
    set_betas(settings, BETAS, sizeof BETAS / sizeof *BETAS);
}

static settings_t defaults(void) {
    static const double BETAS[] = {0.01, 0.1, 0.5, 1, 2, 5, 10, 20, 35, 50};
    settings_t settings;
    memset(&settings, 0, sizeof settings);
    settings.seeds[0] = 1;
    settings.n_seeds = 1;
    settings.samples = 60000;
    settings.count = 256;
    settings.cell = 8;
    set_betas(&settings, BETAS, sizeof BETAS / sizeof *BETAS);
    return settings;
}

static settings_t parse(int argc, char **argv, int *chosen) {
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        fputs(USAGE, stdout);
        exit(0);
    }
    if (argc < 3 || strncmp(argv[1], "--", 2) == 0 || argv[2][0] == '-')
        usage_error("MICROGRAPHS.h5 and OUT_DIR are needed", "");
    settings_t settings = defaults();
    settings.micrographs = argv[1];
    settings.out_dir = argv[2];
    /* Wherever it stands, other options change what it sets. */
    for (int i = 3; i < argc; ++i)
        if (strcmp(argv[i], "--quick") == 0) be_quick(&settings);
    for (int i = 3; i < argc; ++i) {
        if (strcmp(argv[i], "--quick") == 0) continue;
        if (i + 1 == argc) usage_error("unknown, or without its value: ", argv[i]);
        if (is_list(argv[i])) parse_list(&settings, chosen, argv[i], argv[i + 1]);
        else parse_number(&settings, argv[i], argv[i + 1]);
        ++i;
    }
    return settings;
}

int main(int argc, char **argv) {
    int chosen[N_PARTS] = {0}, any = 0;
    const settings_t settings = parse(argc, argv, chosen);
    for (size_t i = 0; i < N_PARTS; ++i) any |= chosen[i];
    make_directory(settings.out_dir);
    for (size_t i = 0; i < N_PARTS; ++i)
        if (!any || chosen[i]) {
            PARTS[i].make(&settings);
            write_page(&settings);
        }
    printf("%s/index.html\n", settings.out_dir);
    return 0;
}
