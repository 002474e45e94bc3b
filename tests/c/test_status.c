/* davegan_version, davegan_status_name, davegan_last_error, davegan_last_error_copy. */
#include "check.h"

#include <pthread.h>

static void version_matches_the_header(void) {
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", DAVEGAN_VERSION_MAJOR, DAVEGAN_VERSION_MINOR,
             DAVEGAN_VERSION_PATCH);
    CHECK_TEXT(expected, davegan_version());
}

static void every_status_has_a_name(void) {
    static const struct {
        davegan_status_t status, number;
        const char *name;
    } NAMES[] = {{DAVEGAN_OK, 0, "DAVEGAN_OK"},
                 {DAVEGAN_INVALID_PARAMETER, 1, "DAVEGAN_INVALID_PARAMETER"},
                 {DAVEGAN_IO, 2, "DAVEGAN_IO"},
                 {DAVEGAN_HDF5, 3, "DAVEGAN_HDF5"},
                 {DAVEGAN_FORMAT, 4, "DAVEGAN_FORMAT"},
                 {DAVEGAN_DEVICE, 5, "DAVEGAN_DEVICE"},
                 {DAVEGAN_OUT_OF_MEMORY, 6, "DAVEGAN_OUT_OF_MEMORY"},
                 {DAVEGAN_BUFFER_SIZE, 7, "DAVEGAN_BUFFER_SIZE"},
                 {DAVEGAN_CANCELLED, 8, "DAVEGAN_CANCELLED"},
                 {DAVEGAN_DIVERGED, 9, "DAVEGAN_DIVERGED"},
                 {DAVEGAN_CALLBACK, 254, "DAVEGAN_CALLBACK"},
                 {DAVEGAN_INTERNAL, 255, "DAVEGAN_INTERNAL"}};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; ++i) {
        CHECK_INT(NAMES[i].number, NAMES[i].status);
        CHECK_TEXT(NAMES[i].name, davegan_status_name(NAMES[i].status));
    }
    CHECK_TEXT("unknown status", davegan_status_name(77));
    CHECK_TEXT("unknown status", davegan_status_name(-1));
}

static void fail_with_missing_file(const char *path) {
    davegan_model_t *model = NULL;
    FAILS(DAVEGAN_IO, path, davegan_model_load(path, DAVEGAN_DEVICE_KIND_CPU, 0, &model));
}

static void the_message_is_that_of_the_last_failure(void) {
    CHECK_TEXT("", davegan_last_error());
    fail_with_missing_file("no_such_file_1.h5");
    davegan_s2_options_t options;
    OK(davegan_s2_options_init(&options, sizeof options));
    CHECK(strstr(davegan_last_error(), "no_such_file_1.h5") != NULL); /* a success keeps it */
    fail_with_missing_file("no_such_file_2.h5");
    CHECK(strstr(davegan_last_error(), "no_such_file_1.h5") == NULL);
    CHECK_TEXT(davegan_last_error(), davegan_last_error());
}

static void the_message_can_be_copied_twice(void) {
    size_t needed = 0, again = 0;
    const size_t length = strlen(davegan_last_error());
    char first[4096], second[4096], tiny[5];
    OK(davegan_last_error_copy(first, sizeof first, &needed));
    OK(davegan_last_error_copy(second, sizeof second, &again));
    CHECK_INT(length + 1, needed);
    CHECK_INT(needed, again);
    CHECK_TEXT(davegan_last_error(), first);
    CHECK_TEXT(first, second);
    CHECK_INT(DAVEGAN_BUFFER_SIZE, davegan_last_error_copy(tiny, sizeof tiny, &needed));
    CHECK_INT(length + 1, needed);
    CHECK_INT(4, strlen(tiny));
    CHECK(strncmp(tiny, first, 4) == 0);
    CHECK_TEXT(first, davegan_last_error()); /* too small a buffer does not replace it */
    CHECK_INT(DAVEGAN_BUFFER_SIZE, davegan_last_error_copy(NULL, 0, &needed));
    CHECK_INT(length + 1, needed);
}

static void *message_of_another_thread(void *unused) {
    (void)unused;
    CHECK_TEXT("", davegan_last_error());
    fail_with_missing_file("no_such_file_3.h5");
    return NULL;
}

static void each_thread_has_its_own_message(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, message_of_another_thread, NULL) == 0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(strstr(davegan_last_error(), "no_such_file_2.h5") != NULL);
}

int main(void) {
    version_matches_the_header();
    every_status_has_a_name();
    the_message_is_that_of_the_last_failure();
    the_message_can_be_copied_twice();
    each_thread_has_its_own_message();
    return 0;
}
