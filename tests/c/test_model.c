/* davegan_model_load, _save, _info, _tiles, _free. */
#include "fixture.h"

static void the_model_knows_how_it_was_trained(const davegan_model_t *model) {
    davegan_model_info_t info;
    OK(davegan_model_info(model, &info, sizeof info));
    CHECK_INT(sizeof info, info.struct_size);
    CHECK_INT(DAVEGAN_PROFILE_PAPER32, info.profile);
    CHECK_INT(2, info.n_phases);
    CHECK_INT(5, info.latent_size);
    CHECK_INT(1, info.nz);
    CHECK_INT(SIDE, info.ny);
    CHECK_INT(SIDE, info.nx);
    CHECK_INT(N_TILES, info.n_tiles);
    CHECK_INT(6, info.steps);
    CHECK_INT(6, info.steps_planned);
    CHECK_INT(11, info.seed);
    CHECK_NEAR(1.0, info.volume_fraction[0] + info.volume_fraction[1], 1e-12);
    CHECK_NEAR(0.0, info.volume_fraction[2], 0.0);
    CHECK_INT(info.volume_fraction[1] < info.volume_fraction[0], info.minority_phase);
}

/* The tiles are the quarters of the micrograph, row by row. */
static void the_tiles_are_those_of_the_micrograph(const davegan_model_t *model) {
    uint8_t *image = NEW_ARRAY(uint8_t, N_TILES *PIXELS), *tiles = NEW_ARRAY(uint8_t, N_TILES *PIXELS);
    davegan_micrograph_t *micrograph = small_micrograph();
    OK(davegan_micrograph_phases(micrograph, image, N_TILES * PIXELS));
    OK(davegan_model_tiles(model, tiles, N_TILES * PIXELS));
    for (int tile = 0; tile < N_TILES; ++tile)
        for (int y = 0; y < SIDE; ++y) {
            const uint8_t *row = image + (tile / 2 * SIDE + y) * 2 * SIDE + tile % 2 * SIDE;
            CHECK(memcmp(row, tiles + tile * PIXELS + y * SIDE, SIDE) == 0);
        }
    davegan_micrograph_free(micrograph);
    free(image);
    free(tiles);
}

static void damaged_files_are_refused(const char *path) {
    size_t size = 0;
    unsigned char *bytes = read_file(path, &size);
    davegan_model_t *model = NULL;
    const char *damaged = TEST_FILE("damaged.h5");
    for (size_t part = 0; part < 8; ++part) {
        write_file(damaged, bytes, size * part / 8);
        model = (davegan_model_t *)bytes;
        FAILS(DAVEGAN_FORMAT, damaged, davegan_model_load(damaged, test_device(), 0, &model));
        CHECK(model == NULL);
    }
    bytes[size / 2] = (unsigned char)(bytes[size / 2] ^ 1);
    write_file(damaged, bytes, size);
    const davegan_status_t status = davegan_model_load(damaged, test_device(), 0, &model);
    /* The byte may lie in a gap that HDF5 leaves; then nothing is lost. */
    CHECK(status == DAVEGAN_FORMAT || status == DAVEGAN_OK);
    davegan_model_free(model);
    free(bytes);
}

static void wrong_arguments_are_refused(const davegan_model_t *model, const char *path) {
    davegan_model_t *loaded = NULL;
    davegan_model_info_t info;
    uint8_t tile[PIXELS];
    FAILS(DAVEGAN_IO, "no_such_file.h5", davegan_model_load("no_such_file.h5", DAVEGAN_DEVICE_KIND_CPU, 0, &loaded));
    FAILS(DAVEGAN_INVALID_PARAMETER, "9", davegan_model_load(path, 9, 0, &loaded));
    FAILS(DAVEGAN_DEVICE, "1000", davegan_model_load(path, DAVEGAN_DEVICE_KIND_CUDA, 1000, &loaded));
    FAILS(DAVEGAN_INVALID_PARAMETER, "-1", davegan_model_load(path, DAVEGAN_DEVICE_KIND_CUDA, -1, &loaded));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_load(NULL, DAVEGAN_DEVICE_KIND_CPU, 0, &loaded));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_load(path, DAVEGAN_DEVICE_KIND_CPU, 0, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_save(model, NULL));
    FAILS(DAVEGAN_IO, "/proc/model.h5", davegan_model_save(model, "/proc/model.h5"));
    davegan_micrograph_t *micrograph = small_micrograph();
    remove(TEST_FILE("foreign.h5"));
    OK(davegan_micrograph_write(micrograph, TEST_FILE("foreign.h5"), "/phase"));
    davegan_micrograph_free(micrograph);
    FAILS(DAVEGAN_FORMAT, "foreign.h5",
          davegan_model_load(TEST_FILE("foreign.h5"), DAVEGAN_DEVICE_KIND_CPU, 0, &loaded));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_info(NULL, &info, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_info(model, NULL, sizeof info));
    FAILS(DAVEGAN_INVALID_PARAMETER, "size", davegan_model_info(model, &info, 0));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_tiles(NULL, tile, PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_model_tiles(model, NULL, N_TILES * PIXELS));
    FAILS(DAVEGAN_BUFFER_SIZE, "4096", davegan_model_tiles(model, tile, PIXELS));
    davegan_model_free(NULL);
}

int main(void) {
    const char *path = TEST_FILE("model.h5");
    davegan_model_t *model = small_model(path);
    the_model_knows_how_it_was_trained(model);
    the_tiles_are_those_of_the_micrograph(model);
    damaged_files_are_refused(path);
    wrong_arguments_are_refused(model, path);
    davegan_model_free(model);
    return 0;
}
