/* davegan_latent_size, _latent_vectors, _encode, _decode, _reconstruct, _traverse, _interpolate. */
#include "fixture.h"

enum { LATENT = 5 };

static void decoded_latent_vectors_are_the_realisations(const davegan_model_t *model) {
    double z[3 * LATENT];
    uint8_t decoded[3 * PIXELS], generated[3 * PIXELS];
    const davegan_generate_options_t options = some_realisations(7, 3);
    OK(davegan_latent_vectors(model, &options, z, 3 * LATENT));
    OK(davegan_decode(model, z, 3, 1, SIDE, SIDE, decoded, 3 * PIXELS));
    OK(davegan_generate_into(model, &options, generated, 3 * PIXELS));
    CHECK(memcmp(decoded, generated, 3 * PIXELS) == 0);
    CHECK(memcmp(z, z + LATENT, LATENT * sizeof(double)) != 0);
    FAILS(DAVEGAN_BUFFER_SIZE, "15", davegan_latent_vectors(model, &options, z, 14));
    FAILS(DAVEGAN_BUFFER_SIZE, "3072", davegan_decode(model, z, 3, 1, SIDE, SIDE, decoded, 3071));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_latent_vectors(model, &options, NULL, 15));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_latent_vectors(NULL, &options, z, 15));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_decode(model, NULL, 3, 1, SIDE, SIDE, decoded, 3 * PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_decode(model, z, 3, 1, SIDE, SIDE, NULL, 3 * PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_decode(NULL, z, 3, 1, SIDE, SIDE, decoded, 3 * PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0", davegan_decode(model, z, 0, 1, SIDE, SIDE, decoded, 3 * PIXELS));
    z[4] = NAN;
    FAILS(DAVEGAN_INVALID_PARAMETER, "NaN", davegan_decode(model, z, 3, 1, SIDE, SIDE, decoded, 3 * PIXELS));
}

static void reconstructions_decode_the_mean(const davegan_model_t *model, const uint8_t *tiles) {
    double mean[N_TILES * LATENT], deviation[N_TILES * LATENT], alone[N_TILES * LATENT];
    uint8_t decoded[N_TILES * PIXELS], reconstructed[N_TILES * PIXELS];
    OK(davegan_encode(model, tiles, N_TILES, 1, SIDE, SIDE, mean, deviation, N_TILES * LATENT));
    OK(davegan_encode(model, tiles, N_TILES, 1, SIDE, SIDE, alone, NULL, N_TILES * LATENT));
    CHECK(memcmp(mean, alone, sizeof mean) == 0);
    for (int i = 0; i < N_TILES * LATENT; ++i) CHECK(isfinite(mean[i]) && deviation[i] > 0);
    OK(davegan_decode(model, mean, N_TILES, 1, SIDE, SIDE, decoded, sizeof decoded));
    OK(davegan_reconstruct(model, tiles, N_TILES, 1, SIDE, SIDE, reconstructed, sizeof reconstructed));
    CHECK(memcmp(decoded, reconstructed, sizeof decoded) == 0);
    FAILS(DAVEGAN_BUFFER_SIZE, "20", davegan_encode(model, tiles, N_TILES, 1, SIDE, SIDE, mean, deviation, 19));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_encode(model, NULL, N_TILES, 1, SIDE, SIDE, mean, deviation, 20));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_encode(model, tiles, N_TILES, 1, SIDE, SIDE, NULL, deviation, 20));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_encode(NULL, tiles, N_TILES, 1, SIDE, SIDE, mean, deviation, 20));
    FAILS(DAVEGAN_BUFFER_SIZE, "4096", davegan_reconstruct(model, tiles, N_TILES, 1, SIDE, SIDE, reconstructed, 4095));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_reconstruct(NULL, tiles, N_TILES, 1, SIDE, SIDE, reconstructed, 4096));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_reconstruct(model, NULL, N_TILES, 1, SIDE, SIDE, reconstructed, 4096));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_reconstruct(model, tiles, N_TILES, 1, SIDE, SIDE, NULL, 4096));
    decoded[17] = 2; /* the model knows phases 0 and 1 */
    FAILS(DAVEGAN_INVALID_PARAMETER, "2",
          davegan_reconstruct(model, decoded, N_TILES, 1, SIDE, SIDE, reconstructed, 4096));
}

static void a_traversal_moves_one_variable(const davegan_model_t *model) {
    double z[LATENT] = {0.5, -0.5, 0.25, 1.0, 0.0}, moved[LATENT];
    uint8_t phases[3 * PIXELS], expected[PIXELS];
    OK(davegan_traverse(model, z, 2, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases));
    for (int i = 0; i < 3; ++i) {
        memcpy(moved, z, sizeof z);
        moved[2] = 3.0 * (i - 1);
        OK(davegan_decode(model, moved, 1, 1, SIDE, SIDE, expected, PIXELS));
        CHECK(memcmp(expected, phases + i * PIXELS, PIXELS) == 0);
    }
    FAILS(DAVEGAN_INVALID_PARAMETER, "5",
          davegan_traverse(model, z, LATENT, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "-1",
          davegan_traverse(model, z, -1, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "range",
          davegan_traverse(model, z, 0, 3, NAN, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_BUFFER_SIZE, "3072", davegan_traverse(model, z, 0, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases - 1));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_traverse(model, NULL, 0, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_traverse(model, z, 0, 3, 3.0, 1, SIDE, SIDE, NULL, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_traverse(NULL, z, 0, 3, 3.0, 1, SIDE, SIDE, phases, sizeof phases));
}

static void an_interpolation_includes_both_ends(const davegan_model_t *model, const uint8_t *tiles) {
    uint8_t phases[4 * PIXELS], ends[2 * PIXELS];
    OK(davegan_interpolate(model, tiles, tiles + PIXELS, 4, 1, SIDE, SIDE, phases, sizeof phases));
    OK(davegan_reconstruct(model, tiles, 2, 1, SIDE, SIDE, ends, sizeof ends));
    CHECK(memcmp(ends, phases, PIXELS) == 0);
    CHECK(memcmp(ends + PIXELS, phases + 3 * PIXELS, PIXELS) == 0);
    FAILS(DAVEGAN_INVALID_PARAMETER, "1",
          davegan_interpolate(model, tiles, tiles, 1, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_BUFFER_SIZE, "4096", davegan_interpolate(model, tiles, tiles, 4, 1, SIDE, SIDE, phases, PIXELS));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_interpolate(model, NULL, tiles, 4, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_interpolate(model, tiles, NULL, 4, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_interpolate(model, tiles, tiles, 4, 1, SIDE, SIDE, NULL, sizeof phases));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL",
          davegan_interpolate(NULL, tiles, tiles, 4, 1, SIDE, SIDE, phases, sizeof phases));
}

static void images_have_the_size_of_a_tile(const davegan_model_t *model, const uint8_t *tiles) {
    const davegan_status_t invalid = DAVEGAN_INVALID_PARAMETER;
    double z[LATENT] = {0};
    uint8_t phases[N_TILES * PIXELS];
    size_t latents = 0;
    OK(davegan_latent_size(model, 1, SIDE, SIDE, &latents));
    CHECK(latents == LATENT);
    FAILS(invalid, "32 x 48 voxels (z, y, x); a model of profile paper32 has images of 1 x 32 x 32 alone",
          davegan_latent_size(model, 1, SIDE, 48, &latents));
    CHECK(latents == 0);
    FAILS(invalid, "NULL", davegan_latent_size(model, 1, SIDE, SIDE, NULL));
    FAILS(invalid, "NULL", davegan_latent_size(NULL, 1, SIDE, SIDE, &latents));
    FAILS(invalid, "32 x 16", davegan_encode(model, tiles, 1, 1, SIDE, 16, z, NULL, LATENT));
    FAILS(invalid, "2 x 32 x 32", davegan_reconstruct(model, tiles, 1, 2, SIDE, SIDE, phases, sizeof phases));
    FAILS(invalid, "0 x 0", davegan_decode(model, z, 1, 1, 0, 0, phases, sizeof phases));
    FAILS(invalid, "standard", davegan_traverse(model, z, 0, 2, 3.0, 1, SIDE, 16, phases, sizeof phases));
    FAILS(invalid, "standard", davegan_interpolate(model, tiles, tiles, 2, 1, 16, SIDE, phases, sizeof phases));
    FAILS(invalid, "address space", davegan_decode(model, z, SIZE_MAX / 8, 1, SIDE, SIDE, phases, sizeof phases));
    FAILS(invalid, "address space", davegan_encode(model, tiles, SIZE_MAX / 4, 1, SIDE, SIDE, z, NULL, LATENT));
}

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    uint8_t tiles[N_TILES * PIXELS];
    OK(davegan_model_tiles(model, tiles, sizeof tiles));
    decoded_latent_vectors_are_the_realisations(model);
    reconstructions_decode_the_mean(model, tiles);
    a_traversal_moves_one_variable(model);
    an_interpolation_includes_both_ends(model, tiles);
    images_have_the_size_of_a_tile(model, tiles);
    davegan_model_free(model);
    return 0;
}
