/* Examples of the functions that compare images and judge models. */
#include "example.h"

static davegan_micrograph_t *micrograph_of_128(void) {
    davegan_sample_options_t options;
    CHECK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = 128;
    options.ny = 128;
    davegan_micrograph_t *micrograph = NULL;
    CHECK(davegan_micrograph_sample(&options, &micrograph));
    return micrograph;
}

static davegan_model_t *short_trained(const davegan_micrograph_t *micrograph) {
    davegan_train_options_t options;
    CHECK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER32));
    options.steps = 4;
    options.batch_size = 4;
    davegan_model_t *model = NULL;
    CHECK(davegan_train_micrograph(micrograph, NULL, &options, &model));
    return model;
}

static void correlations(const uint8_t *a, const uint8_t *b) {
    //! [davegan_s2_error]
    double error = 0; /* Eq. 12, periodic, all lags */
    CHECK(davegan_s2_error(a, b, 1, 32, 32, 1, NULL, &error));
    //! [davegan_s2_error]

    //! [davegan_s2_options_init]
    davegan_s2_options_t options;
    CHECK(davegan_s2_options_init(&options, sizeof options));
    options.periodic = 0;
    options.max_lag = 8;
    //! [davegan_s2_options_init]

    //! [davegan_s2]
    double s2[17][17]; /* lags -8 to 8 along y and x */
    CHECK(davegan_s2(a, 1, 32, 32, 1, &options, &s2[0][0], 17 * 17));
    printf("volume fraction %g, error %g\n", s2[0][0], error);
    //! [davegan_s2]

    //! [davegan_s2_radial]
    size_t needed = 0;
    if (davegan_s2_radial(a, 1, 32, 32, 1, &options, NULL, NULL, 0, &needed) != DAVEGAN_BUFFER_SIZE) exit(1);
    double *radius = malloc(needed * sizeof *radius), *of_radius = malloc(needed * sizeof *of_radius);
    CHECK(davegan_s2_radial(a, 1, 32, 32, 1, &options, radius, of_radius, needed, &needed));
    //! [davegan_s2_radial]
    free(radius);
    free(of_radius);
}

static void relaxation(const davegan_micrograph_t *micrograph) {
    enum { SIDE = 64 };
    static uint8_t phases[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; ++i) phases[i] = (uint8_t)(i % SIDE / 8 % 2 ^ (i % 37 == 0));
    //! [davegan_relax_options_init]
    davegan_relax_options_t options;
    CHECK(davegan_relax_options_init(&options, sizeof options));
    options.sweeps = 8;
    //! [davegan_relax_options_init]

    //! [davegan_relax]
    CHECK(davegan_relax(micrograph, &options, phases, 1, 1, SIDE, SIDE)); /* phases: in and out */
    //! [davegan_relax]
}

static void figures(const davegan_fidelity_t *fidelity) {
    //! [davegan_fidelity_phase]
    int32_t phase = 0;
    CHECK(davegan_fidelity_phase(fidelity, &phase));
    //! [davegan_fidelity_phase]

    //! [davegan_fidelity_figure]
    double e_gen = 0;
    CHECK(davegan_fidelity_figure(fidelity, "E_gen", &e_gen));
    printf("phase %d: E_gen %g\n", (int)phase, e_gen);
    //! [davegan_fidelity_figure]

    //! [davegan_fidelity_gates]
    int32_t n_holding = 0, n_gates = 0;
    CHECK(davegan_fidelity_gates(fidelity, &n_holding, &n_gates));
    printf("%d of %d gates hold\n", (int)n_holding, (int)n_gates);
    //! [davegan_fidelity_gates]

    //! [davegan_fidelity_table]
    size_t needed = 0;
    if (davegan_fidelity_table(fidelity, NULL, 0, &needed) != DAVEGAN_BUFFER_SIZE) exit(1);
    char *table = malloc(needed);
    CHECK(davegan_fidelity_table(fidelity, table, needed, &needed));
    fputs(table, stdout);
    free(table);
    //! [davegan_fidelity_table]

    //! [davegan_fidelity_write]
    CHECK(davegan_fidelity_write(fidelity, "example_fidelity.h5", NULL)); /* the group phase_1 */
    //! [davegan_fidelity_write]
}

static void report_of_volumes(const davegan_micrograph_t *const *micrographs) {
    davegan_train_options_t training;
    CHECK(davegan_train_options_init(&training, sizeof training, DAVEGAN_PROFILE_VOLUME));
    training.window_side = 32;
    training.steps = 1;
    davegan_model_t *model = NULL;
    CHECK(davegan_train_volume(micrographs, 3, NULL, &training, &model));
    davegan_generate_options_t options;
    CHECK(davegan_generate_options_init(&options, sizeof options));
    options.count = 4; /* planes across each axis: gates need 32, a verdict 256 */
    //! [davegan_report_volume]
    CHECK(davegan_report_volume(model, micrographs, 3, "example_volumes.html", &options));
    //! [davegan_report_volume]
    davegan_model_free(model);
}

static void volumes(void) {
    enum { LENGTH = 48 };
    davegan_sample_options_t sample;
    CHECK(davegan_sample_options_init(&sample, sizeof sample, DAVEGAN_SAMPLE_DISCS));
    sample.nx = sample.ny = sample.nz = LENGTH;
    sample.radius_min = 4;
    sample.radius_max = 6;
    sample.elongation = 2; /* ellipsoids along x */
    davegan_micrograph_t *measured = NULL;
    CHECK(davegan_micrograph_sample(&sample, &measured));
    static uint8_t volume[LENGTH][LENGTH][LENGTH];
    CHECK(davegan_micrograph_phases(measured, &volume[0][0][0], sizeof volume));

    davegan_micrograph_t *planes[3] = {NULL};
    for (int32_t axis = 0; axis < 3; ++axis) /* across z, y and x */
        CHECK(davegan_micrograph_plane(measured, axis, 10, &planes[axis]));
    const davegan_micrograph_t *const micrographs[3] = {planes[0], planes[1], planes[2]};

    //! [davegan_relax_volume]
    CHECK(davegan_relax_volume(micrographs, 3, NULL, &volume[0][0][0], 1, LENGTH, LENGTH, LENGTH)); /* in and out */
    //! [davegan_relax_volume]

    //! [davegan_volume_descriptors]
    davegan_volume_descriptors_t found;
    CHECK(davegan_volume_descriptors(&volume[0][0][0], 1, LENGTH, LENGTH, LENGTH, 1, 1, 0, NULL, &found, sizeof found));
    printf("surface %g per voxel, %lld components\n", found.specific_surface, (long long)found.components_6);
    //! [davegan_volume_descriptors]
    report_of_volumes(micrographs);
    for (int axis = 0; axis < 3; ++axis) davegan_micrograph_free(planes[axis]);
    davegan_micrograph_free(measured);
}

int main(void) {
    volumes();
    davegan_micrograph_t *micrograph = micrograph_of_128();
    davegan_model_t *model = short_trained(micrograph);
    davegan_generate_options_t options;
    CHECK(davegan_generate_options_init(&options, sizeof options));
    options.count = 32; /* a verdict needs 256 */
    options.replace = 1;

    static uint8_t phases[32][32][32];
    CHECK(davegan_generate_into(model, &options, &phases[0][0][0], sizeof phases));
    correlations(&phases[0][0][0], &phases[1][0][0]);
    relaxation(micrograph);

    //! [davegan_evaluate]
    davegan_evaluation_t evaluation;
    CHECK(davegan_evaluate(model, -1, &options, &evaluation, sizeof evaluation));
    printf("E_rec %g, E_gen %g\n", evaluation.e_rec, evaluation.e_gen);
    //! [davegan_evaluate]

    //! [davegan_fidelity_measure_model]
    davegan_fidelity_t *fidelity = NULL;
    CHECK(davegan_fidelity_measure_model(model, micrograph, -1, 0, &options, &fidelity));
    //! [davegan_fidelity_measure_model]
    figures(fidelity);
    //! [davegan_fidelity_free]
    davegan_fidelity_free(fidelity);
    //! [davegan_fidelity_free]

    //! [davegan_fidelity_measure]
    davegan_fidelity_t *of_memory = NULL; /* realisations of any origin, no reconstructions */
    CHECK(davegan_fidelity_measure(micrograph, -1, 0, &phases[0][0][0], 32, 1, 32, 32, NULL, 0, NULL, &of_memory));
    //! [davegan_fidelity_measure]
    davegan_fidelity_free(of_memory);

    CHECK(davegan_generate(model, "example_judged.vtkhdf", NULL, &options));
    //! [davegan_fidelity_measure_file]
    davegan_fidelity_t *of_file = NULL;
    CHECK(davegan_fidelity_measure_file(micrograph, -1, 0, "example_judged.vtkhdf", NULL, NULL, NULL, NULL, &of_file));
    //! [davegan_fidelity_measure_file]
    davegan_fidelity_free(of_file);

    //! [davegan_contact_sheet]
    CHECK(davegan_contact_sheet(model, "example_sheet.png", &options));
    //! [davegan_contact_sheet]

    //! [davegan_report]
    CHECK(davegan_report(model, micrograph, "example_report.html", &options));
    //! [davegan_report]

    //! [davegan_representative_size]
    const int64_t sides[] = {32}; /* more with a model of DAVEGAN_PROFILE_STANDARD */
    davegan_element_statistics_t of_side[1];
    double required[DAVEGAN_N_PROPERTIES];
    CHECK(davegan_representative_size(model, -1, sides, 1, 0.01, "example_sizes.html", NULL, of_side, sizeof *of_side,
                                      required));
    printf("volume fraction %g +- %g\n", of_side[0].mean[DAVEGAN_PROPERTY_VOLUME_FRACTION],
           of_side[0].interval[DAVEGAN_PROPERTY_VOLUME_FRACTION]);
    //! [davegan_representative_size]

    //! [davegan_element_statistics]
    davegan_element_statistics_t elements; /* of any origin */
    CHECK(davegan_element_statistics(&phases[0][0][0], 32, 1, 32, 32, -1, NULL, &elements, sizeof elements));
    printf("one element has an error of %g\n", elements.error[DAVEGAN_PROPERTY_CONDUCTIVITY]);
    //! [davegan_element_statistics]

    davegan_model_free(model);
    davegan_micrograph_free(micrograph);
}
