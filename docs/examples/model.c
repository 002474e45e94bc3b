/* Examples of the functions that train models, generate from them and look into their latent space. */
#include "example.h"

static int32_t show(const davegan_progress_t *progress, void *user_data) {
    (void)user_data;
    printf("step %lld of %lld\n", (long long)progress->step, (long long)progress->steps);
    return 0; /* anything else cancels */
}

static davegan_micrograph_t *micrograph_of_128(void) {
    davegan_sample_options_t options;
    CHECK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = 128;
    options.ny = 128;
    davegan_micrograph_t *micrograph = NULL;
    CHECK(davegan_micrograph_sample(&options, &micrograph));
    CHECK(davegan_micrograph_write(micrograph, "example_training.h5", "/phase"));
    return micrograph;
}

static void train_volumes(const davegan_micrograph_t *across_z, const davegan_micrograph_t *along_z) {
    davegan_train_options_t options;
    CHECK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_VOLUME));
    options.steps = 1;
    options.window_side = 32;
    //! [davegan_train_volume]
    const davegan_micrograph_t *const micrographs[] = {across_z, along_z}; /* transversely isotropic */
    davegan_model_t *model = NULL;
    CHECK(davegan_train_volume(micrographs, 2, NULL, &options, &model));
    //! [davegan_train_volume]
    davegan_model_free(model);
}

static davegan_model_t *train(const davegan_micrograph_t *micrograph) {
    //! [davegan_train_options_init]
    davegan_train_options_t options;
    CHECK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER32));
    options.steps = 4;
    options.batch_size = 4;
    options.seed = 1;
    options.progress = show;
    //! [davegan_train_options_init]

    //! [davegan_train]
    davegan_model_t *model = NULL; /* checkpoints, too, go to example_model.h5 */
    CHECK(davegan_train("example_training.h5", "/phase", "example_model.h5", &options, &model));
    //! [davegan_train]
    davegan_model_free(model);

    //! [davegan_train_micrograph]
    CHECK(davegan_train_micrograph(micrograph, NULL, &options, &model));
    //! [davegan_train_micrograph]

    //! [davegan_model_save]
    CHECK(davegan_model_save(model, "example_model.h5"));
    //! [davegan_model_save]
    return model;
}

static void look_at(const davegan_model_t *model) {
    //! [davegan_model_info]
    davegan_model_info_t info;
    CHECK(davegan_model_info(model, &info, sizeof info));
    printf("%lld x %lld pixels, %d latents\n", (long long)info.nx, (long long)info.ny, (int)info.latent_size);
    //! [davegan_model_info]

    //! [davegan_model_tiles]
    const size_t size = (size_t)(info.n_tiles * info.nz * info.ny * info.nx);
    uint8_t *tiles = malloc(size);
    CHECK(davegan_model_tiles(model, tiles, size));
    //! [davegan_model_tiles]

    //! [davegan_model_history]
    const size_t rows = (size_t)info.n_history;
    double *history = malloc((rows + 1) * 6 * sizeof *history);
    CHECK(davegan_model_history(model, history, rows * 6));
    for (size_t row = 0; row < rows; ++row) printf("step %g: L_Rec %g\n", history[6 * row], history[6 * row + 4]);
    //! [davegan_model_history]
    free(history);
    free(tiles);
}

/* Models of DAVEGAN_PROFILE_STANDARD make blocks. */
static void generate_a_block(const davegan_model_t *model) {
    davegan_model_info_t info;
    CHECK(davegan_model_info(model, &info, sizeof info));
    if (info.profile != DAVEGAN_PROFILE_STANDARD) return;
    //! [davegan_volume_fraction_threshold]
    davegan_generate_options_t options;
    CHECK(davegan_generate_options_init(&options, sizeof options));
    options.nx = options.ny = 256;
    options.volume_fraction[0] = 0.75;
    options.volume_fraction[1] = 0.25;
    CHECK(davegan_volume_fraction_threshold(model, &options, &options.threshold));

    static uint8_t quarter[128][128]; /* each process has another x0 and y0 */
    options.x0 = options.y0 = 128;
    options.block_nx = options.block_ny = 128;
    CHECK(davegan_generate_into(model, &options, &quarter[0][0], sizeof quarter));
    //! [davegan_volume_fraction_threshold]
}

static void generate(const davegan_model_t *model) {
    //! [davegan_generate_options_init]
    davegan_generate_options_t options;
    CHECK(davegan_generate_options_init(&options, sizeof options));
    options.seed = 1;
    options.count = 8;
    //! [davegan_generate_options_init]

    //! [davegan_generate]
    CHECK(davegan_generate(model, "example_realisations.vtkhdf", NULL, &options));
    //! [davegan_generate]

    //! [davegan_generate_into]
    static uint8_t phases[8][32][32];
    CHECK(davegan_generate_into(model, &options, &phases[0][0][0], sizeof phases));
    //! [davegan_generate_into]

    //! [davegan_latent_size]
    size_t latents; /* 5, as this model is of DAVEGAN_PROFILE_PAPER32 */
    CHECK(davegan_latent_size(model, 1, 32, 32, &latents));
    //! [davegan_latent_size]

    //! [davegan_latent_vectors]
    double z[8][5]; /* what the realisations are decoded from */
    CHECK(davegan_latent_vectors(model, &options, &z[0][0], 8 * 5));
    //! [davegan_latent_vectors]

    //! [davegan_decode]
    static uint8_t decoded[8][32][32]; /* the realisations again */
    CHECK(davegan_decode(model, &z[0][0], 8, 1, 32, 32, &decoded[0][0][0], sizeof decoded));
    //! [davegan_decode]

    //! [davegan_encode]
    double mean[8][5], deviation[8][5];
    CHECK(davegan_encode(model, &phases[0][0][0], 8, 1, 32, 32, &mean[0][0], &deviation[0][0], 8 * 5));
    //! [davegan_encode]

    //! [davegan_reconstruct]
    static uint8_t reconstructions[8][32][32];
    CHECK(davegan_reconstruct(model, &phases[0][0][0], 8, 1, 32, 32,
                              &reconstructions[0][0][0], sizeof reconstructions));
    //! [davegan_reconstruct]

    //! [davegan_traverse]
    static uint8_t along[7][32][32]; /* latent 2 at -3, -2, ..., 3 standard deviations */
    CHECK(davegan_traverse(model, z[0], 2, 7, 3.0, 1, 32, 32, &along[0][0][0], sizeof along));
    //! [davegan_traverse]

    //! [davegan_interpolate]
    static uint8_t between[5][32][32]; /* from the first realisation to the second */
    CHECK(davegan_interpolate(model, &phases[0][0][0], &phases[1][0][0], 5, 1, 32, 32,
                              &between[0][0][0], sizeof between));
    //! [davegan_interpolate]
}

int main(void) {
    davegan_micrograph_t *micrograph = micrograph_of_128();
    davegan_model_free(train(micrograph));
    train_volumes(micrograph, micrograph);
    //! [davegan_model_load]
    davegan_model_t *model = NULL;
    CHECK(davegan_model_load("example_model.h5", DAVEGAN_DEVICE_KIND_AUTO, 0, &model));
    //! [davegan_model_load]
    look_at(model);
    generate(model);
    generate_a_block(model);
    //! [davegan_model_free]
    davegan_model_free(model);
    //! [davegan_model_free]
    davegan_micrograph_free(micrograph);
}
