/* A model of volumes: trained on planes of one micrograph, it makes volumes of any size, and blocks of them. */
#include "fixture.h"

enum { NX = 64, NY = 32, NZ = 48, VOLUME = NX * NY * NZ };

static int32_t stop(const davegan_progress_t *progress, void *user_data) {
    (void)progress;
    (void)user_data;
    return 1;
}

static davegan_model_t *volume_model(void) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_VOLUME));
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.threads = 1;
    options.window_side = 32;
    options.steps = 2;
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *model = NULL;
    options.beta = 0.5;
    CHECK_INT(DAVEGAN_INVALID_PARAMETER, davegan_train_micrograph(micrograph, "volume.h5", &options, NULL));
    CHECK(strstr(davegan_last_error(), "beta = 0.5 and profile = volume contradict each other") != NULL);
    options.beta = 0;
    OK(davegan_train_micrograph(micrograph, "volume.h5", &options, &model));
    davegan_micrograph_free(micrograph);
    return model;
}

static davegan_generate_options_t volumes(void) {
    davegan_generate_options_t options = some_realisations(0, 1);
    options.nx = NX;
    options.ny = NY;
    options.nz = NZ;
    return options;
}

static void a_model_tells_that_it_makes_volumes(const davegan_model_t *model) {
    davegan_model_info_t info;
    OK(davegan_model_info(model, &info, sizeof info));
    CHECK_INT(DAVEGAN_PROFILE_VOLUME, info.profile);
    CHECK_INT(SIDE, info.nx);
    CHECK_INT(SIDE, info.ny);
    CHECK_INT(SIDE, info.nz);
    uint8_t tiles[N_TILES * PIXELS];
    CHECK_INT(N_TILES, info.n_tiles);
    OK(davegan_model_tiles(model, tiles, sizeof tiles));
    static uint8_t volume[SIDE * PIXELS], reconstruction[SIDE * PIXELS];
    CHECK_INT(DAVEGAN_INVALID_PARAMETER,
              davegan_reconstruct(model, volume, 1, SIDE, SIDE, SIDE, reconstruction, sizeof reconstruction));
    CHECK(strstr(davegan_last_error(), "has no encoder") != NULL);
}

/* Blocks that wrap around, with strides, and the whole volume: the same voxels. */
static void blocks_are_parts_of_the_volume(const davegan_model_t *model, const uint8_t *volume) {
    enum { BX = 5, BY = 7, BZ = 3, ROW = 8, LAYER = 60 };
    davegan_generate_options_t options = volumes();
    options.x0 = -2;
    options.y0 = 30;
    options.z0 = NZ - 1;
    options.block_nx = BX;
    options.block_ny = BY;
    options.block_nz = BZ;
    options.row_stride = ROW;
    options.layer_stride = LAYER;
    uint8_t block[BZ * LAYER];
    memset(block, 77, sizeof block);
    OK(davegan_generate_into(model, &options, block, sizeof block));
    for (int i = 0; i < BZ * LAYER; ++i) {
        const int z = i / LAYER, y = i % LAYER / ROW, x = i % LAYER % ROW;
        if (x >= BX || y >= BY) {
            CHECK_INT(77, block[i]);
        } else {
            const int from = ((NZ - 1 + z) % NZ * NY + (30 + y) % NY) * NX + (NX - 2 + x) % NX;
            CHECK_INT(volume[from], block[i]);
        }
    }
    options.layer_stride = LAYER - 10;
    CHECK_INT(DAVEGAN_INVALID_PARAMETER, davegan_generate_into(model, &options, block, sizeof block));
    CHECK(strstr(davegan_last_error(), "layer_stride is 50; it must be 0 or at least 53") != NULL);
}

static void wrong_sizes_are_refused(const davegan_model_t *model) {
    uint8_t one = 9;
    davegan_generate_options_t options = volumes();
    options.nz = 1;
    CHECK_INT(DAVEGAN_INVALID_PARAMETER, davegan_generate_into(model, &options, &one, 1));
    CHECK(strstr(davegan_last_error(), "has volumes, with 32 to") != NULL);
    options.nx = 0;
    options.nz = NZ;
    CHECK_INT(DAVEGAN_INVALID_PARAMETER, davegan_generate_into(model, &options, &one, 1));
    CHECK(strstr(davegan_last_error(), "nx = 0, ny = 32, nz = 48") != NULL);
}

/* Planes of a built-in volume across z, y and x, as micrographs of their own. */
static void each_direction_has_its_micrograph(void) {
    enum { LAYERS = 40, LENGTH = 64 };
    davegan_sample_options_t sample;
    OK(davegan_sample_options_init(&sample, sizeof sample, DAVEGAN_SAMPLE_DISCS));
    sample.nx = sample.ny = LENGTH;
    sample.nz = LAYERS;
    sample.elongation = 2;
    davegan_micrograph_t *volume = NULL, *planes[3] = {NULL};
    OK(davegan_micrograph_sample(&sample, &volume));
    for (int axis = 0; axis < 3; ++axis) {
        davegan_micrograph_info_t info;
        OK(davegan_micrograph_plane(volume, axis, 5, &planes[axis]));
        OK(davegan_micrograph_info(planes[axis], &info, sizeof info));
        CHECK_INT(1, info.nz);
        CHECK_INT(axis == 0 ? LENGTH : LAYERS, info.ny);
        CHECK_INT(LENGTH, info.nx);
    }
    davegan_micrograph_t *none = NULL;
    FAILS(DAVEGAN_INVALID_PARAMETER, "plane 40 across axis 0", davegan_micrograph_plane(volume, 0, LAYERS, &none));
    FAILS(DAVEGAN_INVALID_PARAMETER, "axis", davegan_micrograph_plane(volume, -1, 0, &none));
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_VOLUME));
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.window_side = 32;
    options.steps = 1;
    const davegan_micrograph_t *const given[4] = {planes[0], planes[1], planes[2], planes[0]};
    davegan_model_t *model = NULL;
    for (size_t n = 1; n <= 3; ++n) {
        OK(davegan_train_volume(given, n, NULL, &options, &model));
        davegan_model_free(model);
    }
    FAILS(DAVEGAN_INVALID_PARAMETER, "0 micrographs", davegan_train_volume(given, 0, NULL, &options, &model));
    FAILS(DAVEGAN_INVALID_PARAMETER, "4 micrographs", davegan_train_volume(given, 4, NULL, &options, &model));
    FAILS(DAVEGAN_INVALID_PARAMETER, "micrographs", davegan_train_volume(NULL, 2, NULL, &options, &model));
    static uint8_t phases[LAYERS * LENGTH * LENGTH];
    OK(davegan_micrograph_phases(volume, phases, sizeof phases));
    OK(davegan_relax_volume(given, 3, NULL, phases, 1, LAYERS, LENGTH, LENGTH));
    FAILS(DAVEGAN_INVALID_PARAMETER, "for images of one layer", davegan_relax_volume(given, 2, NULL, phases, 1, 1, LENGTH, LENGTH));
    const davegan_micrograph_t *const hole[2] = {planes[0], NULL};
    FAILS(DAVEGAN_INVALID_PARAMETER, "micrographs is NULL", davegan_train_volume(hole, 2, NULL, &options, &model));
    for (int axis = 0; axis < 3; ++axis) davegan_micrograph_free(planes[axis]);
    davegan_micrograph_free(volume);
}

/* A rod of 2 x 2 voxels along x. */
static void volumes_have_descriptors(void) {
    enum { N = 2, LENGTH = 8, SIZE = LENGTH * LENGTH * LENGTH };
    static uint8_t rods[N * SIZE];
    for (int i = 0; i < N * SIZE; ++i) rods[i] = i / 64 % 8 / 2 == 1 && i / 8 % 8 / 2 == 1;
    davegan_volume_descriptors_t found[N];
    const size_t size = sizeof *found;
    OK(davegan_volume_descriptors(rods, N, LENGTH, LENGTH, LENGTH, 1, 0, 1, NULL, found, size));
    for (int i = 0; i < N; ++i) {
        CHECK(found[i].volume_fraction == 4.0 / 64 && found[i].faces == 8.0 / 64 && found[i].largest_6 == 1);
        CHECK_INT(1, found[i].euler_6);
        CHECK_INT(1, found[i].euler_26);
        CHECK_INT(1, found[i].components_6);
        const int32_t along_x[3] = {1, 0, 0};
        CHECK(memcmp(along_x, found[i].percolates_6, sizeof along_x) == 0);
        CHECK(memcmp(along_x, found[i].percolates_26, sizeof along_x) == 0);
        CHECK(found[i].conductivity[0] > 7 && found[i].conductivity[1] < 2 && found[i].conductivity[2] < 2);
    }
    OK(davegan_volume_descriptors(rods, 1, LENGTH, LENGTH, LENGTH, -1, 1, 0, NULL, found, size));
    CHECK_INT(0, found[0].euler_6);
    CHECK(found[0].conductivity[0] != found[0].conductivity[0]);
    davegan_generate_options_t cancelled = some_realisations(0, 1);
    cancelled.progress = stop;
    cancelled.progress_interval = 0;
    FAILS(DAVEGAN_CANCELLED, "cancelled", davegan_volume_descriptors(rods, N, LENGTH, LENGTH, LENGTH, 1, 1, 0, &cancelled, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "phase", davegan_volume_descriptors(rods, 1, LENGTH, LENGTH, LENGTH, 8, 1, 0, NULL, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "periodic is 2", davegan_volume_descriptors(rods, 1, LENGTH, LENGTH, LENGTH, 1, 2, 0, NULL, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_volume_descriptors(NULL, 1, LENGTH, LENGTH, LENGTH, 1, 1, 0, NULL, found, size));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_volume_descriptors(rods, 1, LENGTH, LENGTH, LENGTH, 1, 1, 0, NULL, found, 8));
}

static void planes_are_judged_across_each_axis(const davegan_model_t *model, const davegan_micrograph_t *micrograph) {
    const davegan_generate_options_t options = some_realisations(0, 32);
    double interfaces[3];
    for (int32_t axis = 0; axis < 3; ++axis) {
        davegan_fidelity_t *fidelity = NULL;
        int32_t holding, gates;
        OK(davegan_fidelity_measure_model(model, micrograph, 1, axis, &options, &fidelity));
        OK(davegan_fidelity_gates(fidelity, &holding, &gates));
        CHECK_INT(15, gates);
        OK(davegan_fidelity_figure(fidelity, "interface_sd", &interfaces[axis]));
        davegan_fidelity_free(fidelity);
    }
    CHECK(interfaces[0] != interfaces[1] && interfaces[1] != interfaces[2] && interfaces[0] != interfaces[2]);
    davegan_fidelity_t *none = NULL;
    FAILS(DAVEGAN_INVALID_PARAMETER, "axis = 3", davegan_fidelity_measure_model(model, micrograph, 1, 3, &options, &none));
    FAILS(DAVEGAN_INVALID_PARAMETER, "axis is -1", davegan_fidelity_measure_model(model, micrograph, 1, -1, &options, &none));
}

/* Eight volumes of a model, in memory and in files: the same planes as of the model. */
static void volumes_of_any_origin_are_judged(const davegan_model_t *model, const davegan_micrograph_t *micrograph) {
    enum { N = 8 };
    const davegan_status_t invalid = DAVEGAN_INVALID_PARAMETER;
    static uint8_t volumes[N * SIDE * PIXELS];
    davegan_generate_options_t made = some_realisations(0, N), judged = some_realisations(0, N * SIDE / 8);
    const char *file = "eight.vtkhdf", *images = "eight.h5";
    made.replace = 1;
    OK(davegan_generate_into(model, &made, volumes, sizeof volumes));
    OK(davegan_generate(model, file, NULL, &made));
    remove(images);
    OK(davegan_write_images(images, "/eight", volumes, N, SIDE, SIDE, SIDE));
    char *tables[3];
    for (int32_t axis = 0; axis < 3; ++axis) {
        davegan_fidelity_t *of[4];
        OK(davegan_fidelity_measure_model(model, micrograph, 1, axis, &judged, &of[0]));
        OK(davegan_fidelity_measure(micrograph, 1, axis, volumes, N, SIDE, SIDE, SIDE, NULL, 0, &judged, &of[1]));
        OK(davegan_fidelity_measure_file(micrograph, 1, axis, file, NULL, NULL, NULL, &judged, &of[2]));
        OK(davegan_fidelity_measure_file(micrograph, 1, axis, images, "/eight", NULL, NULL, &judged, &of[3]));
        tables[axis] = table_of(of[0]);
        for (int i = 0; i < 4; ++i) {
            char *table = table_of(of[i]);
            CHECK_TEXT(tables[axis], table);
            free(table);
            davegan_fidelity_free(of[i]);
        }
    }
    CHECK(strcmp(tables[0], tables[1]) != 0 && strcmp(tables[1], tables[2]) != 0);
    for (int axis = 0; axis < 3; ++axis) free(tables[axis]);
    davegan_fidelity_t *none = NULL;
    FAILS(invalid, "axis = 3",
          davegan_fidelity_measure(micrograph, 1, 3, volumes, N, SIDE, SIDE, SIDE, NULL, 0, NULL, &none));
    FAILS(invalid, "axis is -1",
          davegan_fidelity_measure(micrograph, 1, -1, volumes, N, SIDE, SIDE, SIDE, NULL, 0, NULL, &none));
    FAILS(invalid, "axis = 1; give 0 for images",
          davegan_fidelity_measure(micrograph, 1, 1, volumes, N * SIDE, 1, SIDE, SIDE, NULL, 0, NULL, &none));
    FAILS(invalid, "of 7 volumes of 32 x 32 x 32 voxels (z, y, x): 28 in all",
          davegan_fidelity_measure(micrograph, 1, 2, volumes, N - 1, SIDE, SIDE, SIDE, NULL, 0, NULL, &none));
    FAILS(invalid, "planes across the axis are square",
          davegan_fidelity_measure(micrograph, 1, 0, volumes, 2 * N, SIDE, SIDE / 2, SIDE, NULL, 0, NULL, &none));
    FAILS(invalid, "axis = 3", davegan_fidelity_measure_file(micrograph, 1, 3, file, NULL, NULL, NULL, NULL, &none));
    /* A file with a single realisation. */
    FAILS(invalid, "across y of 1 volume of 48 x 32 x 64 voxels",
          davegan_fidelity_measure_file(micrograph, 1, 1, "volume.vtkhdf", NULL, NULL, NULL, NULL, &none));
}

static void the_report_shows_volumes(const davegan_model_t *model, const davegan_micrograph_t *micrograph) {
    const davegan_generate_options_t options = some_realisations(0, 4);
    const davegan_micrograph_t *const micrographs[4] = {micrograph, micrograph, micrograph, micrograph};
    size_t size = 0;
    OK(davegan_report(model, micrograph, "volume.html", &options));
    char *page = (char *)read_file("volume.html", &size);
    CHECK(strstr(page, "4 planes of 1 volume of 32") != NULL);
    CHECK(strstr(page, "Effective conductivity along z") != NULL);
    free(page);
    OK(davegan_report_volume(model, micrographs, 3, "volume.html", &options));
    page = (char *)read_file("volume.html", &size);
    CHECK(strstr(page, "Micrograph, planes across x") != NULL);
    free(page);
    FAILS(DAVEGAN_INVALID_PARAMETER, "0 micrographs", davegan_report_volume(model, micrographs, 0, "volume.html", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "4 micrographs", davegan_report_volume(model, micrographs, 4, "volume.html", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report_volume(model, NULL, 1, "volume.html", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report_volume(NULL, micrographs, 1, "volume.html", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report_volume(model, micrographs, 1, NULL, &options));
}

static void sizes_of_volumes_are_examined(const davegan_model_t *model) {
    const int64_t side = 32;
    davegan_element_statistics_t found;
    double required[DAVEGAN_N_PROPERTIES];
    const davegan_generate_options_t options = some_realisations(0, 2);
    OK(davegan_representative_size(model, -1, &side, 1, 0.1, NULL, &options, &found, sizeof found, required));
    CHECK(found.nx == side && found.ny == side && found.nz == side && found.count == 2);
    CHECK(found.mean[DAVEGAN_PROPERTY_CONDUCTIVITY] > 1 && found.interval[DAVEGAN_PROPERTY_CONDUCTIVITY] >= 0);
}

int main(void) {
    each_direction_has_its_micrograph();
    volumes_have_descriptors();
    davegan_model_t *model = volume_model();
    a_model_tells_that_it_makes_volumes(model);
    static uint8_t volume[VOLUME], again[VOLUME];
    davegan_generate_options_t options = volumes();
    OK(davegan_generate_into(model, &options, volume, sizeof volume));
    options.threads = 2;
    OK(davegan_generate_into(model, &options, again, sizeof again));
    CHECK(memcmp(volume, again, sizeof volume) == 0);
    blocks_are_parts_of_the_volume(model, volume);
    wrong_sizes_are_refused(model);
    options.replace = 1;
    OK(davegan_generate(model, "volume.vtkhdf", NULL, &options));
    davegan_generate_options_t few = some_realisations(0, 1);
    OK(davegan_contact_sheet(model, "volume.png", &few));
    davegan_micrograph_t *micrograph = small_micrograph();
    planes_are_judged_across_each_axis(model, micrograph);
    volumes_of_any_origin_are_judged(model, micrograph);
    the_report_shows_volumes(model, micrograph);
    sizes_of_volumes_are_examined(model);
    davegan_micrograph_free(micrograph);
    davegan_model_free(model);
    return 0;
}
