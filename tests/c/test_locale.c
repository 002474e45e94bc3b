/* A host with a decimal comma: numbers are read and written as ever, in files, texts and messages. */
#include "fixture.h"

#include <locale.h>

/* Sets a locale with a decimal comma: one of the system's, or one that is compiled here. */
static int set_decimal_comma(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "it_IT.UTF-8", "es_ES.UTF-8", "ru_RU.UTF-8"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i)
        if (setlocale(LC_ALL, names[i]) != NULL) return 1;
    if (system("mkdir -p " TEST_NAME "_locales && localedef --no-archive -i de_DE -f UTF-8 ./" TEST_NAME
               "_locales/de_DE.UTF-8 >/dev/null 2>&1") != 0)
        return 0;
    CHECK(setenv("LOCPATH", "./" TEST_NAME "_locales", 1) == 0);
    return setlocale(LC_ALL, "de_DE.UTF-8") != NULL;
}

typedef struct {
    char name[64];
} path_t;

static path_t path_of(const char *when, const char *name) {
    path_t path;
    snprintf(path.name, sizeof path.name, TEST_NAME "_%s_%s", when, name);
    return path;
}

/* Files and texts with numbers, under names that begin with `when`. */
static char *write_all(const char *when) {
    davegan_train_options_t training = short_training();
    training.paper_options = "latent_augmentation=1";
    training.beta = 0.75;
    train_small_model(path_of(when, "model.h5").name, &training);
    davegan_model_t *model = NULL;
    OK(davegan_model_load(path_of(when, "model.h5").name, test_device(), 0, &model));

    davegan_generate_options_t options = some_realisations(0, 32);
    options.voxel_size = 0.25;
    remove(path_of(when, "realisations.h5").name);
    OK(davegan_generate(model, path_of(when, "realisations.h5").name, "/rve", &options));
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_fidelity_t *fidelity = NULL;
    OK(davegan_report(model, micrograph, path_of(when, "report.html").name, &options));
    OK(davegan_fidelity_measure_model(model, micrograph, -1, 0, &options, &fidelity));
    char *table = table_of(fidelity);
    davegan_fidelity_free(fidelity);
    davegan_micrograph_free(micrograph);

    uint8_t phases[PIXELS];
    options.count = 1;
    OK(davegan_generate_into(model, &options, phases, sizeof phases));
    davegan_model_free(model);
    davegan_export_options_t export_options;
    OK(davegan_export_options_init(&export_options, sizeof export_options));
    export_options.spacing[0] = 0.25;
    OK(davegan_export_vti(path_of(when, "element.vti").name, phases, 1, SIDE, SIDE, &export_options));
    OK(davegan_export_abaqus(path_of(when, "element.inp").name, phases, 1, SIDE, SIDE, &export_options));

    training.beta = -0.5;
    micrograph = small_micrograph();
    FAILS(DAVEGAN_INVALID_PARAMETER, "beta = -0.5", davegan_train_micrograph(micrograph, NULL, &training, &model));
    davegan_micrograph_free(micrograph);
    return table;
}

int main(void) {
    static const char *const files[] = {"model.h5", "report.html", "element.vti", "element.inp"};
    char *expected = write_all("point");
    if (!set_decimal_comma()) {
        printf("skipped: there is no locale with a decimal comma, and localedef cannot make one\n");
        return 0;
    }
    char number[8];
    snprintf(number, sizeof number, "%.1f", 0.5);
    CHECK_TEXT("0,5", number);
    char *found = write_all("comma");
    CHECK_TEXT(expected, found);
    for (size_t i = 0; i < sizeof files / sizeof *files; ++i) {
        size_t n_expected = 0, n_found = 0;
        unsigned char *a = read_file(path_of("point", files[i]).name, &n_expected);
        unsigned char *b = read_file(path_of("comma", files[i]).name, &n_found);
        if (n_expected != n_found || memcmp(a, b, n_found) != 0) FAIL("%s has other numbers", files[i]);
        free(a);
        free(b);
    }
    free(expected);
    free(found);
    return 0;
}
