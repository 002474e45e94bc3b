/* A host with an HDF5 of its own, another version than the library's, in one process; both have files open in turn. */
#include "fixture.h"

#include <hdf5.h>

static void host_writes(const char *path, int value) {
    const hsize_t extent = 1;
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    CHECK(file >= 0);
    const hid_t space = H5Screate_simple(1, &extent, NULL);
    const hid_t dataset = H5Dcreate2(file, "host", H5T_NATIVE_INT, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    CHECK(H5Dwrite(dataset, H5T_NATIVE_INT, H5S_ALL, H5S_ALL, H5P_DEFAULT, &value) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    CHECK(H5Fclose(file) >= 0);
}

static void host_reads(const char *path, const char *name, hid_t type, void *values) {
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    CHECK(file >= 0);
    const hid_t dataset = H5Dopen2(file, name, H5P_DEFAULT);
    CHECK(dataset >= 0);
    CHECK(H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) >= 0);
    H5Dclose(dataset);
    CHECK(H5Fclose(file) >= 0);
}

int main(void) {
    unsigned major = 0, minor = 0, release = 0;
    CHECK(H5get_libversion(&major, &minor, &release) >= 0);
    printf("the host's HDF5 is %u.%u.%u\n", major, minor, release);
    const char *shared = TEST_FILE("shared.h5"), *own = TEST_FILE("own.h5");
    int value = 0;
    uint8_t expected[2 * PIXELS], read[2 * PIXELS];

    host_writes(shared, 42);
    const hid_t open_meanwhile = H5Fcreate(own, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    davegan_model_t *model = small_model(TEST_FILE("model.h5"));
    const davegan_generate_options_t options = some_realisations(0, 2);
    OK(davegan_generate(model, shared, "/results", &options));
    OK(davegan_generate_into(model, &options, expected, sizeof expected));
    CHECK(H5Fclose(open_meanwhile) >= 0);

    host_reads(shared, "/host", H5T_NATIVE_INT, &value);
    CHECK_INT(42, value);
    host_reads(shared, "/results/phase", H5T_NATIVE_UINT8, read);
    CHECK(memcmp(expected, read, sizeof read) == 0);
    host_writes(own, 43);
    host_reads(own, "/host", H5T_NATIVE_INT, &value);
    CHECK_INT(43, value);
    davegan_model_free(model);
    return 0;
}
