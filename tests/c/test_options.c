/* The rule of struct_size, for every structure with an initialiser. */
#include "check.h"

/* What a program compiled against a later header has: the structure of today with something behind it. */
typedef struct {
    davegan_s2_options_t known;
    int64_t unknown;
} later_s2_options_t;

static const uint8_t IMAGE[4] = {0, 1, 1, 0};

static davegan_status_t fraction(const davegan_s2_options_t *options) {
    double s2[4];
    return davegan_s2(IMAGE, 1, 2, 2, 1, options, s2, 4);
}

static void initialisers_fill_in_defaults(void) {
    davegan_micrograph_options_t micrograph;
    davegan_sample_options_t sample;
    davegan_train_options_t training;
    davegan_generate_options_t generation;
    davegan_s2_options_t s2;
    OK(davegan_micrograph_options_init(&micrograph, sizeof micrograph));
    CHECK_INT(sizeof micrograph, micrograph.struct_size);
    CHECK_INT(DAVEGAN_SEGMENTATION_AUTO, micrograph.segmentation);
    OK(davegan_sample_options_init(&sample, sizeof sample, DAVEGAN_SAMPLE_GRAIN_BOUNDARIES));
    CHECK_INT(sizeof sample, sample.struct_size);
    CHECK_INT(DAVEGAN_SAMPLE_GRAIN_BOUNDARIES, sample.kind);
    OK(davegan_generate_options_init(&generation, sizeof generation));
    CHECK_INT(sizeof generation, generation.struct_size);
    CHECK_INT(1, generation.with_s2_error);
    CHECK(generation.progress == NULL);
    davegan_relax_options_t relaxation;
    OK(davegan_relax_options_init(&relaxation, sizeof relaxation));
    CHECK_INT(sizeof relaxation, relaxation.struct_size);
    CHECK_INT(4, relaxation.sweeps);
    CHECK(relaxation.progress == NULL);
    OK(davegan_s2_options_init(&s2, sizeof s2));
    CHECK_INT(1, s2.periodic);
    CHECK_INT(0, s2.max_lag);
    OK(davegan_train_options_init(&training, sizeof training, DAVEGAN_PROFILE_PAPER64));
    CHECK_INT(sizeof training, training.struct_size);
}

static void training_defaults_are_those_of_the_paper(void) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER64));
    CHECK_INT(DAVEGAN_PROFILE_PAPER64, options.profile);
    CHECK_INT(32, options.latent_size);
    CHECK_INT(4, options.batch_size);
    CHECK_INT(0, options.steps);
    CHECK_NEAR(1e-4, options.learning_rate_generator, 1e-12);
    CHECK_NEAR(4e-5, options.learning_rate_discriminator, 1e-12);
    CHECK_NEAR(1e-4, options.learning_rate_encoder, 1e-12);
    CHECK_NEAR(1e-4, options.lambda_rec, 1e-12);
    CHECK_NEAR(1.0, options.beta, 1e-12);
    CHECK(options.paper_options == NULL);
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER32));
    CHECK_INT(5, options.latent_size);
    CHECK_INT(32, options.batch_size);
}

static void the_standard_profile_has_values_of_its_own(void) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_STANDARD));
    CHECK_INT(DAVEGAN_PROFILE_STANDARD, options.profile);
    CHECK_INT(16, options.latent_size);
    CHECK_INT(8, options.batch_size);
    CHECK_NEAR(1e-3, options.learning_rate_generator, 1e-12);
    CHECK_NEAR(0.3, options.beta, 1e-12);
    CHECK_NEAR(0.0, options.lambda_vae, 1e-12);
}

static void initialisers_refuse_nonsense(void) {
    davegan_train_options_t training;
    davegan_sample_options_t sample;
    davegan_s2_options_t s2;
    davegan_micrograph_options_t micrograph;
    davegan_generate_options_t generation;
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_train_options_init(NULL, sizeof training, DAVEGAN_PROFILE_PAPER64));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_sample_options_init(NULL, sizeof sample, DAVEGAN_SAMPLE_DISCS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_s2_options_init(NULL, sizeof s2));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_micrograph_options_init(NULL, sizeof micrograph));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_generate_options_init(NULL, sizeof generation));
    FAILS(DAVEGAN_INVALID_PARAMETER, "7", davegan_train_options_init(&training, sizeof training, 7));
    FAILS(DAVEGAN_INVALID_PARAMETER, "7", davegan_sample_options_init(&sample, sizeof sample, 7));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_train_options_init(&training, 8, DAVEGAN_PROFILE_PAPER64));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_relax_options_init(NULL, sizeof(davegan_relax_options_t)));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_s2_options_init(&s2, 0));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_micrograph_options_init(&micrograph, sizeof micrograph - 1));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_generate_options_init(&generation, (size_t)-1));
}

static void structures_may_be_longer_if_the_tail_is_zero(void) {
    later_s2_options_t later;
    memset(&later, 0xff, sizeof later);
    OK(davegan_s2_options_init(&later.known, sizeof later));
    CHECK_INT(sizeof later, later.known.struct_size);
    CHECK_INT(0, later.unknown);
    OK(fraction(&later.known));
    later.unknown = 1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "does not know", fraction(&later.known));
}

static void structures_must_be_initialised(void) {
    davegan_s2_options_t options;
    memset(&options, 0, sizeof options);
    FAILS(DAVEGAN_INVALID_PARAMETER, "struct_size", fraction(&options));
    OK(davegan_s2_options_init(&options, sizeof options));
    options.periodic = 2;
    FAILS(DAVEGAN_INVALID_PARAMETER, "periodic", fraction(&options));
}

int main(void) {
    initialisers_fill_in_defaults();
    training_defaults_are_those_of_the_paper();
    the_standard_profile_has_values_of_its_own();
    initialisers_refuse_nonsense();
    structures_may_be_longer_if_the_tail_is_zero();
    structures_must_be_initialised();
    return 0;
}
