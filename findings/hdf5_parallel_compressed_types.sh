#!/usr/bin/env bash
# Parallel HDF5 1.10.8 (Debian 12) refuses a collective write to a compressed dataset if the type in memory is not the type in
# the file, even if it is as wide: a dataset of H5T_STD_U8LE cannot be written from H5T_NATIVE_INT8. Without compression the
# same call succeeds. A program that does not look at what H5Dwrite returns ends with status 0 under mpirun, and fill values
# (0) are in the file. In Fortran this is the natural call: h5kind_to_type(int8, H5_INTEGER_KIND) is a signed type. Without
# compression that type is converted: bytes above 127, negative as signed numbers, become 0.
#
# Needs Debian 12 with openmpi-bin and libhdf5-openmpi-dev 1.10.8. Exits with 0 if the behaviour is as described, with 1 if it
# has changed.
set -euo pipefail

dpkg-query -W -f '${Package} ${Version}\n' libhdf5-openmpi-dev openmpi-bin
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

cat >write.c <<'C'
#include <hdf5.h>
#include <mpi.h>
#include <stdio.h>
#include <string.h>

/* Each of two ranks writes one chunk; returns whether all succeeded. */
static int write_all(const char *path, int compressed, hid_t type, int rank) {
    const hsize_t extent = 32, chunk = 16, first = 16 * (hsize_t)rank;
    unsigned char bytes[16];
    memset(bytes, 200, sizeof bytes);
    const hid_t access = H5Pcreate(H5P_FILE_ACCESS), create = H5Pcreate(H5P_DATASET_CREATE);
    const hid_t transfer = H5Pcreate(H5P_DATASET_XFER);
    H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
    H5Pset_chunk(create, 1, &chunk);
    if (compressed) H5Pset_deflate(create, 1);
    H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE);
    const hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    const hid_t space = H5Screate_simple(1, &extent, NULL), memory = H5Screate_simple(1, &chunk, NULL);
    const hid_t dataset = H5Dcreate2(file, "data", H5T_STD_U8LE, space, H5P_DEFAULT, create, H5P_DEFAULT);
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &first, NULL, &chunk, NULL);
    const int written = H5Dwrite(dataset, type, memory, space, transfer, bytes) >= 0;
    H5Dclose(dataset);
    H5Fclose(file);
    return written;
}

static int first_byte(const char *path) {
    unsigned char bytes[32];
    const hid_t file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT), dataset = H5Dopen2(file, "data", H5P_DEFAULT);
    H5Dread(dataset, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes);
    H5Dclose(dataset);
    H5Fclose(file);
    return bytes[0];
}

int main(int argc, char **argv) {
    int rank;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    for (int compressed = 0; compressed < 2; ++compressed)
        for (int is_signed = 0; is_signed < 2; ++is_signed) {
            const int written = write_all("file.h5", compressed, is_signed ? H5T_NATIVE_INT8 : H5T_NATIVE_UINT8, rank);
            MPI_Barrier(MPI_COMM_WORLD);
            if (rank == 0)
                printf("%s, from %s: %s, byte 200 is %d in the file\n", compressed ? "compressed" : "plain",
                       is_signed ? "int8" : "uint8", written ? "written" : "refused", first_byte("file.h5"));
            MPI_Barrier(MPI_COMM_WORLD);
        }
    MPI_Finalize();
    return 0;
}
C
read -ra flags < <(pkg-config --cflags --libs hdf5-openmpi)
mpicc write.c -o write "${flags[@]}"
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
mpirun --oversubscribe -n 2 ./write >output.txt
echo "mpirun has ended with status $?"
cat output.txt

diff output.txt - <<'EXPECTED' || { echo "changed"; exit 1; }
plain, from uint8: written, byte 200 is 200 in the file
plain, from int8: written, byte 200 is 0 in the file
compressed, from uint8: written, byte 200 is 200 in the file
compressed, from int8: refused, byte 200 is 0 in the file
EXPECTED
echo "as described"
