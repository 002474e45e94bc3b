/* Writes a built-in micrograph as HDF5, so that everything can be tried with no data at hand. */
#include <davegan.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char USAGE[] =
    "usage: make_micrograph KIND OUT.h5 [--seed S] [--size N] [--count N] [--volume-fraction F]\n"
    "                               [--correlation-length L]\n"
    "\n"
    "Writes the phases of a built-in micrograph to the dataset /phase of OUT.h5.\n"
    "\n"
    "  KIND                    ellipses, checkerboard, gaussian_field, grain_boundaries or discs\n"
    "  --seed S                0 if not given\n"
    "  --size N                pixels along each side; 256 if not given, 32 for ellipses\n"
    "  --count N               images in the file; 1 if not given\n"
    "  --volume-fraction F     of phase 1, where the kind has one to choose\n"
    "  --correlation-length L  of gaussian_field in pixels; 5 if not given\n";

static const struct {
    const char *name;
    int32_t kind;
} KINDS[] = {{"ellipses", DAVEGAN_SAMPLE_ELLIPSES},
             {"checkerboard", DAVEGAN_SAMPLE_CHECKERBOARD},
             {"gaussian_field", DAVEGAN_SAMPLE_GAUSSIAN_FIELD},
             {"grain_boundaries", DAVEGAN_SAMPLE_GRAIN_BOUNDARIES},
             {"discs", DAVEGAN_SAMPLE_DISCS}};

static void usage_error(const char *what, const char *value) {
    fprintf(stderr, "make_micrograph: %s%s\n\n%s", what, value, USAGE);
    exit(2);
}

static void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "make_micrograph: %s: %s\n", davegan_status_name(status), davegan_last_error());
    exit(1);
}

static int32_t find_kind(const char *name) {
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; ++i)
        if (strcmp(name, KINDS[i].name) == 0) return KINDS[i].kind;
    usage_error("there is no kind ", name);
    return 0;
}

static void parse_option(davegan_sample_options_t *options, const char *option, const char *value) {
    char *end = NULL;
    errno = 0;
    if (strcmp(option, "--seed") == 0) options->seed = strtoll(value, &end, 10);
    else if (strcmp(option, "--size") == 0) options->nx = options->ny = strtoll(value, &end, 10);
    else if (strcmp(option, "--count") == 0) options->count = strtoll(value, &end, 10);
    else if (strcmp(option, "--volume-fraction") == 0) options->volume_fraction = strtod(value, &end);
    else if (strcmp(option, "--correlation-length") == 0)
        options->correlation_length_x = options->correlation_length_y = strtod(value, &end);
    else usage_error("there is no option ", option);
    if (errno != 0 || end == value || *end != '\0') usage_error(option, " needs a number");
}

int main(int argc, char **argv) {
    if (argc < 3 || argc % 2 == 0) usage_error("KIND and OUT.h5 are needed, and a value for each option", "");
    davegan_sample_options_t options;
    check(davegan_sample_options_init(&options, sizeof options, find_kind(argv[1])));
    options.count = 1;
    for (int i = 3; i < argc; i += 2) parse_option(&options, argv[i], argv[i + 1]);

    davegan_micrograph_t *micrograph = NULL;
    check(davegan_micrograph_sample(&options, &micrograph));
    check(davegan_micrograph_write(micrograph, argv[2], "/phase"));
    davegan_micrograph_info_t info;
    check(davegan_micrograph_info(micrograph, &info, sizeof info));
    for (int32_t phase = 0; phase < info.n_phases; ++phase)
        printf("volume_fraction_%d %.6f\n", phase, info.volume_fraction[phase]);
    davegan_micrograph_free(micrograph);
    return 0;
}
