/* davegan_contact_sheet, davegan_report, davegan_write_images. */
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

static int32_t stop_at_the_second_part(const davegan_progress_t *progress, void *user_data) {
    int *calls = (int *)user_data;
    ++*calls;
    CHECK_INT(*calls, progress->step);
    return progress->step == 2;
}

static void a_report_can_be_cancelled(const davegan_model_t *model) {
    int calls = 0;
    davegan_generate_options_t options = some_realisations(0, 32);
    options.progress = stop_at_the_second_part;
    options.progress_interval = 0;
    options.user_data = &calls;
    davegan_micrograph_t *micrograph = small_micrograph();
    const char *path = TEST_FILE("cancelled.html");
    remove(path);
    FAILS(DAVEGAN_CANCELLED, "report", davegan_report(model, micrograph, path, &options));
    CHECK_INT(2, calls);
    FILE *file = fopen(path, "r");
    CHECK(file == NULL);
    options.progress_interval = -1;
    FAILS(DAVEGAN_INVALID_PARAMETER, "progress_interval", davegan_report(model, micrograph, path, &options));
    davegan_micrograph_free(micrograph);
}

static void the_report_is_a_page_of_its_own(const davegan_model_t *model) {
    const davegan_generate_options_t options = some_realisations(0, 32), one = some_realisations(0, 1);
    const char *path = TEST_FILE("report.html");
    davegan_micrograph_t *micrograph = small_micrograph(), *small = NULL;
    OK(davegan_report(model, micrograph, path, &options));
    size_t size = 0;
    char *page = (char *)read_file(path, &size); /* one byte more than the file has, and that is 0 */
    CHECK(size > 10000 && size < 2000000);
    CHECK(strncmp(page, "<!DOCTYPE html>", 15) == 0);
    CHECK(strstr(page, " of 16 gates hold") != NULL);
    CHECK(strstr(page, "<script") == NULL);
    free(page);
    OK(davegan_report(model, micrograph, path, &one)); /* too few for the gates: the page says so */
    page = (char *)read_file(path, &size);
    CHECK(strstr(page, "give at least 32") != NULL);
    free(page);
    write_file(TEST_FILE("file"), "text", 4);
    FAILS(DAVEGAN_IO, "file/report.html", davegan_report(model, micrograph, TEST_FILE("file/report.html"), &one));
    FAILS(DAVEGAN_IO, "is a device", davegan_report(model, micrograph, "/dev/null", &one));
    const uint8_t phases[4] = {0, 1, 1, 0};
    OK(davegan_micrograph_from_memory(phases, 1, 2, 2, &small));
    FAILS(DAVEGAN_INVALID_PARAMETER, "1 x 2 x 2", davegan_report(model, small, path, &one));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report(NULL, micrograph, path, &one));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report(model, NULL, path, &one));
    FAILS(DAVEGAN_INVALID_PARAMETER, "NULL", davegan_report(model, micrograph, NULL, &one));
    davegan_micrograph_free(small);
    davegan_micrograph_free(micrograph);
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

/* Reports and pictures may have any path, and a picture is found under it; that it has colours is another matter. */
static void a_path_need_not_be_utf_8(const davegan_model_t *model) {
    const char *page = TEST_FILE("caf\xe9.html"), *sheet = TEST_FILE("caf\xe9.png");
    const davegan_generate_options_t options = some_realisations(0, 1);
    davegan_micrograph_t *micrograph = small_micrograph(), *none = NULL;
    OK(davegan_report(model, micrograph, page, &options));
    OK(davegan_contact_sheet(model, sheet, &options));
    davegan_micrograph_free(micrograph);
    FAILS(DAVEGAN_FORMAT, "has the colour", davegan_micrograph_read(sheet, NULL, NULL, &none));
    CHECK(remove(page) == 0 && remove(sheet) == 0);
}

int main(void) {
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    the_contact_sheet_is_a_png(model);
    the_report_is_a_page_of_its_own(model);
    a_report_can_be_cancelled(model);
    images_come_back_as_they_were_written();
    a_path_need_not_be_utf_8(model);
    davegan_model_free(model);
    return 0;
}
