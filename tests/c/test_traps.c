/*
 * A host that traps floating-point exceptions, as Fortran codes do: no call may die inside the library, and the host's
 * environment must be its own in callbacks and afterwards.
 */
#include "fixture.h"

#include <fenv.h>
#ifdef __x86_64__
#include <xmmintrin.h>
#endif

enum { TRAPS = FE_DIVBYZERO | FE_INVALID | FE_OVERFLOW };

static int32_t in_the_environment_of_the_host(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    CHECK_INT(TRAPS, fegetexcept());
    CHECK_INT(FE_UPWARD, fegetround());
    ++*(int *)user_data;
    return 0;
}

static void check_same_model(const char *expected, const char *found) {
    size_t n_expected = 0, n_found = 0;
    unsigned char *a = read_file(expected, &n_expected), *b = read_file(found, &n_found);
    CHECK_INT(n_expected, n_found);
    CHECK(memcmp(a, b, n_expected) == 0);
    free(a);
    free(b);
}

#ifdef __x86_64__
/* Bits of the control register of SSE: what raises no exception, and modes. */
enum { MASKS = 0x1f80, INEXACT = 0x1000, FLUSH_TO_ZERO = 0x8000, DENORMALS_ARE_ZERO = 0x40, DOWN = 0x2000, TO_ZERO = 0x6000 };
enum { FLAGS = 0x3f };

static unsigned control(void) { return _mm_getcsr() & ~(unsigned)FLAGS; }

static int32_t in_this_mode(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    CHECK_INT(*(const unsigned *)user_data, control());
    return 0;
}

/* -ffpe-trap=invalid,denormal,zero,overflow,underflow of gfortran, flushing of denormals as with -ffast-math or by Intel's
 * compilers, and rounding: results are the same, and the mode is there afterwards. */
static void any_mode_gives_the_same(const char *plain_model) {
    static const unsigned modes[] = {INEXACT, MASKS | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO, MASKS | DOWN, MASKS | TO_ZERO,
                                     INEXACT | FLUSH_TO_ZERO | DENORMALS_ARE_ZERO | DOWN};
    uint8_t plain[4 * PIXELS], phases[4 * PIXELS];
    const davegan_generate_options_t realisations = some_realisations(0, 4);
    davegan_model_t *model = NULL;
    OK(davegan_model_load(plain_model, test_device(), 0, &model));
    OK(davegan_generate_into(model, &realisations, plain, sizeof plain));
    davegan_model_free(model);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; ++i) {
        unsigned mode = modes[i];
        davegan_train_options_t options = short_training();
        options.progress = in_this_mode;
        options.progress_interval = 0;
        options.user_data = &mode;
        remove(TEST_FILE("mode.vtkhdf"));
        _mm_setcsr(mode);
        train_small_model(TEST_FILE("mode.h5"), &options);
        OK(davegan_model_load(TEST_FILE("mode.h5"), test_device(), 0, &model));
        OK(davegan_generate_into(model, &realisations, phases, sizeof phases));
        OK(davegan_generate(model, TEST_FILE("mode.vtkhdf"), NULL, &realisations));
        davegan_model_free(model);
        FAILS(DAVEGAN_IO, "no_such_file.h5", davegan_model_load("no_such_file.h5", DAVEGAN_DEVICE_KIND_CPU, 0, &model));
        CHECK_INT(mode, control());
        _mm_setcsr(MASKS);
        CHECK(memcmp(plain, phases, sizeof plain) == 0);
        check_same_model(plain_model, TEST_FILE("mode.h5"));
    }
}
#endif

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
    check_same_model(TEST_FILE("plain.h5"), TEST_FILE("model.h5"));
#ifdef __x86_64__
    any_mode_gives_the_same(TEST_FILE("plain.h5"));
#endif
    return 0;
}
