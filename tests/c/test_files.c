/* What may be written over, what is no file, and who writes a file at once. */
#include "fixture.h"

#include <fcntl.h>
#include <hdf5.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static davegan_model_t *model;
static davegan_micrograph_t *micrograph;
static davegan_fidelity_t *fidelity;
static const uint8_t phases[4] = {0, 1, 1, 0};

/* Every way to write a file, and every way to read one. */

static davegan_status_t series(const char *path) {
    const davegan_generate_options_t options = some_realisations(0, 1);
    return davegan_generate(model, path, NULL, &options);
}
static davegan_status_t group(const char *path) {
    const davegan_generate_options_t options = some_realisations(0, 1);
    return davegan_generate(model, path, "/group", &options);
}
static davegan_status_t images(const char *path) { return davegan_write_images(path, "/images", phases, 1, 1, 2, 2); }
static davegan_status_t write_micrograph(const char *path) { return davegan_micrograph_write(micrograph, path, "/m"); }
static davegan_status_t write_fidelity(const char *path) { return davegan_fidelity_write(fidelity, path, "/fidelity"); }
static davegan_status_t save(const char *path) { return davegan_model_save(model, path); }
static davegan_status_t train(const char *path) {
    const davegan_train_options_t options = short_training();
    return davegan_train_micrograph(micrograph, path, &options, NULL);
}
static davegan_status_t train_from_file(const char *path) {
    const davegan_train_options_t options = short_training();
    return davegan_train(TEST_FILE("micrograph.h5"), "/m", path, &options, NULL);
}
static davegan_status_t contact_sheet(const char *path) { return davegan_contact_sheet(model, path, NULL); }
static davegan_status_t report(const char *path) { return davegan_report(model, micrograph, path, NULL); }

static davegan_status_t load(const char *path) {
    davegan_model_t *none = NULL;
    const davegan_status_t status = davegan_model_load(path, DAVEGAN_DEVICE_KIND_CPU, 0, &none);
    CHECK(none == NULL);
    return status;
}
static davegan_status_t read_micrograph(const char *path) {
    davegan_micrograph_t *none = NULL;
    return davegan_micrograph_read(path, NULL, NULL, &none);
}
static davegan_status_t train_on(const char *path) {
    const davegan_train_options_t options = short_training();
    return davegan_train(path, NULL, TEST_FILE("never.h5"), &options, NULL);
}
static davegan_status_t resume(const char *path) {
    davegan_train_options_t options = short_training();
    options.resume = 1;
    return davegan_train_micrograph(micrograph, path, &options, NULL);
}
static davegan_status_t measure(const char *path) {
    davegan_fidelity_t *none = NULL;
    return davegan_fidelity_measure_file(micrograph, -1, 0, path, NULL, NULL, NULL, NULL, &none);
}
static davegan_status_t measure_reconstructions(const char *path) {
    davegan_fidelity_t *none = NULL;
    return davegan_fidelity_measure_file(micrograph, -1, 0, TEST_FILE("micrograph.h5"), "/m", path, "/r", NULL, &none);
}

typedef enum { MODEL, HDF5, REPORT, PICTURE, FOREIGN } kind_t;

typedef struct {
    davegan_status_t (*call)(const char *path);
    kind_t kind;
} writer_t;

static const writer_t writers[] = {
    {series, HDF5}, {group, HDF5},  {images, HDF5},           {write_micrograph, HDF5}, {write_fidelity, HDF5},
    {save, MODEL},  {train, MODEL}, {train_from_file, MODEL}, {contact_sheet, PICTURE}, {report, REPORT},
};
enum { N_WRITERS = sizeof writers / sizeof *writers };

static davegan_status_t (*const readers[])(const char *path) = {load,   read_micrograph, train_on,
                                                                resume, measure,         measure_reconstructions};
enum { N_READERS = sizeof readers / sizeof *readers };

static void make_host_file(const char *path) {
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), space = H5Screate(H5S_SCALAR);
    H5Dclose(H5Dcreate2(file, "/images", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Sclose(space);
    CHECK(H5Fclose(file) >= 0);
}

static void check_bytes(const char *path, const unsigned char *before, size_t size) {
    size_t size_after = 0;
    unsigned char *after = read_file(path, &size_after);
    if (size != size_after || memcmp(before, after, size) != 0) FAIL("%s has changed", path);
    free(after);
}

static void files_of_another_kind_stay(void) {
    const char *const foreign[] = {"a text", "\x89PNG\r\n\x1a\n of a camera", "<!DOCTYPE html><title>mine</title>"};
    const char *const names[] = {TEST_FILE("kind_model"),   TEST_FILE("kind_hdf5"), TEST_FILE("kind_report"),
                                 TEST_FILE("kind_picture"), TEST_FILE("kind_0"),    TEST_FILE("kind_1"),
                                 TEST_FILE("kind_2")};
    for (int i = 0; i < 7; ++i) remove(names[i]);
    OK(save(names[MODEL]));
    make_host_file(names[HDF5]);
    OK(report(names[REPORT]));
    OK(contact_sheet(names[PICTURE]));
    for (int i = 0; i < 3; ++i) write_file(names[FOREIGN + i], foreign[i], strlen(foreign[i]));
    for (int there = 0; there < 7; ++there) {
        size_t size = 0;
        unsigned char *before = read_file(names[there], &size);
        for (int i = 0; i < N_WRITERS; ++i) {
            if (writers[i].kind == (kind_t)there) continue;
            FAILS(DAVEGAN_FORMAT, "choose another path", writers[i].call(names[there]));
            check_bytes(names[there], before, size);
        }
        free(before);
    }
    /* In a host's file: its own dataset stays as well, and so does a file that is no VTKHDF file. */
    size_t size = 0;
    unsigned char *before = read_file(names[HDF5], &size);
    FAILS(DAVEGAN_FORMAT, "davegan has not written it", images(names[HDF5]));
    FAILS(DAVEGAN_FORMAT, "name a group", series(names[HDF5]));
    check_bytes(names[HDF5], before, size);
    free(before);
    OK(group(names[HDF5]));
    OK(write_micrograph(names[HDF5]));
    OK(write_micrograph(names[HDF5]));
    OK(write_fidelity(names[HDF5]));
    const hid_t file = H5Fopen(names[HDF5], H5F_ACC_RDONLY, H5P_DEFAULT);
    CHECK(H5Lexists(file, "/images", H5P_DEFAULT) > 0 && H5Lexists(file, "/group/phase", H5P_DEFAULT) > 0);
    H5Fclose(file);
    /* Files of their own kind are replaced, and so is an empty one. */
    OK(save(names[MODEL]));
    OK(report(names[REPORT]));
    OK(contact_sheet(names[PICTURE]));
    for (int i = 0; i < N_WRITERS; ++i) {
        write_file(names[FOREIGN], "", 0);
        OK(writers[i].call(names[FOREIGN]));
    }
}

static void what_is_read_is_not_written_over(void) {
    const davegan_train_options_t options = short_training();
    const char *path = TEST_FILE("read.h5"), *link = TEST_FILE("read_link.h5");
    size_t size = 0;
    remove(path);
    remove(link);
    OK(write_micrograph(path));
    unsigned char *before = read_file(path, &size);
    CHECK(symlink(path, link) == 0);
    FAILS(DAVEGAN_INVALID_PARAMETER, path, davegan_train(path, "/m", path, &options, NULL));
    FAILS(DAVEGAN_INVALID_PARAMETER, link, davegan_train(path, "/m", link, &options, NULL));
    check_bytes(path, before, size);
    free(before);
    OK(save(TEST_FILE("read_model.h5")));
    FAILS(DAVEGAN_FORMAT, "is a davegan model; give the micrograph",
          davegan_train(TEST_FILE("read_model.h5"), "/tiles", TEST_FILE("read_model.h5"), &options, NULL));
}

static void what_is_no_file_is_refused_at_once(void) {
    const char *pipe = TEST_FILE("pipe"), *socket_path = TEST_FILE("socket");
    struct sockaddr_un address = {AF_UNIX, TEST_FILE("socket")};
    remove(pipe);
    remove(socket_path);
    CHECK(mkfifo(pipe, 0600) == 0);
    const int listening = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(bind(listening, (const struct sockaddr *)&address, sizeof address) == 0);
    const char *const paths[] = {pipe, socket_path, "/dev/null", "/dev/full", "."};
    alarm(60); /* a call that waits for a writer waits for ever */
    for (int i = 0; i < 5; ++i) {
        const char *what = i < 4 ? "is a device, a pipe or a socket" : "is a directory";
        for (int writer = 0; writer < N_WRITERS; ++writer) FAILS(DAVEGAN_IO, what, writers[writer].call(paths[i]));
        for (int reader = 0; reader < N_READERS; ++reader) FAILS(DAVEGAN_IO, what, readers[reader](paths[i]));
    }
    alarm(0);
    close(listening);
    remove(pipe);
    remove(socket_path);
}

static void an_open_file_has_a_path(void) {
    char path[64];
    davegan_micrograph_t *read = NULL;
    davegan_generate_options_t options = some_realisations(0, 2);
    remove(TEST_FILE("open.h5"));
    /* A series, which is added to in place; a single image would give way to a new file. */
    OK(davegan_generate(model, TEST_FILE("open.h5"), NULL, &options));
    options = some_realisations(2, 1);
    const int file = open(TEST_FILE("open.h5"), O_RDWR);
    snprintf(path, sizeof path, "/dev/fd/%d", file);
    OK(davegan_generate(model, path, NULL, &options));
    OK(davegan_micrograph_read(path, "/VTKHDF/CellData/phase", NULL, &read));
    davegan_micrograph_free(read);
    close(file);
}

static const char *const shared = TEST_FILE("shared.h5");

static int32_t write_into_the_same(const davegan_progress_t *progress, void *user_data) {
    int *calls = (int *)user_data;
    if (progress->step == progress->steps) return 0;
    if (++*calls == 1) CHECK(link(shared, TEST_FILE("shared_link.h5")) == 0);
    const char *words = "another call of this process is writing the file";
    for (int i = 0; i < 5; ++i) {
        FAILS(DAVEGAN_IO, words, writers[i].call(shared));
        FAILS(DAVEGAN_IO, words, writers[i].call(TEST_FILE("shared_link.h5")));
    }
    return 0;
}

static int32_t save_over_the_same(const davegan_progress_t *progress, void *user_data) {
    ++*(int *)user_data;
    CHECK(progress->step <= progress->steps);
    FAILS(DAVEGAN_IO, "another call of this process", save(TEST_FILE("shared_model.h5")));
    return 0;
}

static int64_t n_written(const char *path) {
    int64_t n = -1;
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    const hid_t attribute = H5Aopen_by_name(file, "davegan", "n_written", H5P_DEFAULT, H5P_DEFAULT);
    CHECK(H5Aread(attribute, H5T_NATIVE_INT64, &n) >= 0);
    H5Aclose(attribute);
    H5Fclose(file);
    return n;
}

static void a_callback_cannot_write_the_same_file(void) {
    int calls = 0;
    davegan_generate_options_t options = some_realisations(0, 2500);
    options.progress = write_into_the_same;
    options.with_s2_error = 0;
    options.progress_interval = 0;
    options.user_data = &calls;
    remove(shared);
    remove(TEST_FILE("shared_link.h5"));
    OK(davegan_generate(model, shared, NULL, &options));
    CHECK(calls > 0);
    CHECK_INT(2500, n_written(shared));
    calls = 0;
    davegan_train_options_t training = short_training();
    training.progress = save_over_the_same;
    training.progress_interval = 0;
    training.user_data = &calls;
    remove(TEST_FILE("shared_model.h5"));
    OK(davegan_train_micrograph(micrograph, TEST_FILE("shared_model.h5"), &training, NULL));
    CHECK(calls > 0);
}

enum { N_THREADS = 4, EACH = 20, ROUNDS = 5 };
static pthread_barrier_t barrier;

static void *append(void *first) {
    const davegan_generate_options_t options = some_realisations(*(const int *)first, EACH);
    davegan_status_t status = DAVEGAN_IO;
    pthread_barrier_wait(&barrier);
    while (status == DAVEGAN_IO) {
        status = davegan_generate(model, shared, NULL, &options);
        if (status == DAVEGAN_IO) CHECK(strstr(davegan_last_error(), "another call of this process") != NULL);
    }
    OK(status);
    return NULL;
}

static void no_thread_loses_realisations(void) {
    pthread_t threads[N_THREADS];
    int first[N_THREADS];
    CHECK(pthread_barrier_init(&barrier, NULL, N_THREADS) == 0);
    for (int round = 0; round < ROUNDS; ++round) {
        remove(shared);
        for (int i = 0; i < N_THREADS; ++i) {
            first[i] = i * EACH;
            CHECK(pthread_create(&threads[i], NULL, append, &first[i]) == 0);
        }
        for (int i = 0; i < N_THREADS; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
        CHECK_INT(N_THREADS * EACH, n_written(shared));
    }
    pthread_barrier_destroy(&barrier);
}

/* In a process of its own, as somebody whom permissions concern. */
static void a_directory_that_must_not_be_written_is_named(void) {
    const char *directory = TEST_FILE("read_only"), *old[] = {TEST_FILE("read_only/model"), TEST_FILE("read_only/hdf5"),
                                                               TEST_FILE("read_only/report"), TEST_FILE("read_only/picture")};
    const char *none = TEST_FILE("read_only/none");
    (void)chmod(directory, 0777); /* of an earlier run */
    for (int i = 0; i < 4; ++i) remove(old[i]);
    rmdir(directory);
    CHECK(mkdir(directory, 0777) == 0);
    OK(save(old[MODEL]));
    OK(write_micrograph(old[HDF5]));
    OK(report(old[REPORT]));
    OK(contact_sheet(old[PICTURE]));
    for (int i = 0; i < 4; ++i) CHECK(chmod(old[i], 0666) == 0);
    CHECK(chmod(directory, 0555) == 0);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (geteuid() == 0) CHECK(setuid(65534) == 0);
        for (int i = 0; i < N_WRITERS; ++i) {
            size_t size = 0;
            unsigned char *before = read_file(old[writers[i].kind], &size);
            FAILS(DAVEGAN_IO, "check the permissions", writers[i].call(none));
            /* A series is not added to a host's file. */
            if (writers[i].call != series)
                FAILS(DAVEGAN_IO, "check the permissions", writers[i].call(old[writers[i].kind]));
            check_bytes(old[writers[i].kind], before, size);
            free(before);
        }
        _exit(0);
    }
    int status = 1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(0, status);
    CHECK(chmod(directory, 0777) == 0);
}

int main(void) {
    davegan_generate_options_t options = some_realisations(0, 32);
    model = small_model(TEST_FILE("model.h5"));
    micrograph = small_micrograph();
    OK(davegan_fidelity_measure_model(model, micrograph, -1, 0, &options, &fidelity));
    remove(TEST_FILE("micrograph.h5"));
    OK(write_micrograph(TEST_FILE("micrograph.h5")));
    files_of_another_kind_stay();
    what_is_read_is_not_written_over();
    what_is_no_file_is_refused_at_once();
    an_open_file_has_a_path();
    a_callback_cannot_write_the_same_file();
    no_thread_loses_realisations();
    a_directory_that_must_not_be_written_is_named();
    davegan_fidelity_free(fidelity);
    davegan_micrograph_free(micrograph);
    davegan_model_free(model);
    return 0;
}
