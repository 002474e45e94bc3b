/* davegan_contact_sheet, davegan_write_images. */
#include "fixture.h"

static void the_contact_sheet_is_a_png(const davegan_model_t *model) {
    const davegan_generate_options_t options = some_realisations(0, 4);
    const char *path = TEST_FILE("sheet.png");
    OK(davegan_contact_sheet(model, path, &options));
    size_t size = 0;
    unsigned char *bytes = read_file(path, &size);
    CHECK(size > 100);
    CHECK(memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0);
    free(bytes);
    write_file(TEST_FILE("file"), "text", 4);
    FAILS(DAVEGAN_IO, "file/sheet.png", davegan_contact_sheet(model, TEST_FILE("file/sheet.png"), &options));
    FAILS(DAVEGAN_IO, "/dev/full", davegan_contact_sheet(model, "/dev/full", &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_contact_sheet(NULL, path, &options));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_contact_sheet(model, NULL, &options));
}

static void images_come_back_as_they_were_written(void) {
    uint8_t phases[2 * 3 * 4], copy[2 * 3 * 4];
    for (int i = 0; i < 24; ++i) phases[i] = (uint8_t)(i % 5 == 0);
    davegan_micrograph_t *read = NULL;
    davegan_micrograph_info_t info;
    const char *path = TEST_FILE("images.h5");
    remove(path);
    OK(davegan_write_images(path, "/a/reconstructed", phases, 2, 1, 3, 4));
    OK(davegan_micrograph_read(path, "/a/reconstructed", NULL, &read));
    OK(davegan_micrograph_info(read, &info, sizeof info));
    CHECK_INT(2, info.n_images);
    CHECK_INT(3, info.ny);
    CHECK_INT(4, info.nx);
    OK(davegan_micrograph_phases(read, copy, sizeof copy));
    CHECK(memcmp(phases, copy, sizeof copy) == 0);
    davegan_micrograph_free(read);
    OK(davegan_write_images(path, "/volume", phases, 1, 2, 3, 4)); /* a second dataset leaves the first alone */
    OK(davegan_micrograph_read(path, "/a/reconstructed", NULL, &read));
    davegan_micrograph_free(read);
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_write_images(NULL, "/x", phases, 2, 1, 3, 4));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_write_images(path, NULL, phases, 2, 1, 3, 4));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_write_images(path, "/x", NULL, 2, 1, 3, 4));
    FAILS(DAVEGAN_INVALID_PARAMETER, "0", davegan_write_images(path, "/x", phases, 0, 1, 3, 4));
    FAILS(DAVEGAN_IO, "file/images.h5", davegan_write_images(TEST_FILE("file/images.h5"), "/x", phases, 2, 1, 3, 4));
}

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    the_contact_sheet_is_a_png(model);
    images_come_back_as_they_were_written();
    davegan_model_free(model);
    return 0;
}
