/*
 * A host that traps floating-point exceptions, as Fortran codes do: no call may die inside the library, and the host's
 * environment must be its own in callbacks and afterwards.
 */
#include "fixture.h"

#include <fenv.h>

enum { TRAPS = FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW };

static int32_t in_the_environment_of_the_host(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    CHECK_INT(TRAPS, fegetexcept());
    CHECK_INT(FE_UPWARD, fegetround());
    ++*(int *)user_data;
    return 0;
}

int main(void) {
    int calls = 0;
    uint8_t phases[4 * PIXELS];
    davegan_train_options_t options = short_training();
    options.progress = in_the_environment_of_the_host;
    options.progress_interval = 0;
    options.user_data = &calls;
    davegan_generate_options_t realisations = some_realisations(0, 4);
    realisations.progress = in_the_environment_of_the_host;
    realisations.progress_interval = 0;
    realisations.user_data = &calls;

    remove(TEST_FILE("out.vtkhdf"));
    feenableexcept(TRAPS);
    fesetround(FE_UPWARD);
    train_small_model(TEST_FILE("model.h5"), &options);
    CHECK(calls > 0);
    davegan_model_t *model = NULL;
    davegan_evaluation_t evaluation;
    OK(davegan_model_load(TEST_FILE("model.h5"), test_device(), 0, &model));
    OK(davegan_generate(model, TEST_FILE("out.vtkhdf"), NULL, &realisations));
    OK(davegan_generate_into(model, &realisations, phases, sizeof phases));
    OK(davegan_evaluate(model, -1, &realisations, &evaluation, sizeof evaluation));
    OK(davegan_contact_sheet(model, TEST_FILE("sheet.png"), &realisations));
    davegan_micrograph_t *micrograph = small_micrograph();
    const davegan_generate_options_t judged = some_realisations(0, 32);
    OK(davegan_report(model, micrograph, TEST_FILE("report.html"), &judged));
    davegan_micrograph_free(micrograph);
    davegan_model_free(model);
    FAILS(DAVEGAN_IO, "no_such_file.h5", davegan_model_load("no_such_file.h5", DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    CHECK_INT(TRAPS, fegetexcept());
    CHECK_INT(FE_UPWARD, fegetround());
    fedisableexcept(TRAPS);
    fesetround(FE_TONEAREST);

    /* Rounding upwards in the host changes no result. */
    options.progress = NULL;
    train_small_model(TEST_FILE("plain.h5"), &options);
    size_t size_a = 0, size_b = 0;
    unsigned char *a = read_file(TEST_FILE("model.h5"), &size_a), *b = read_file(TEST_FILE("plain.h5"), &size_b);
    CHECK_INT(size_a, size_b);
    CHECK(memcmp(a, b, size_a) == 0);
    free(a);
    free(b);
    return 0;
}
