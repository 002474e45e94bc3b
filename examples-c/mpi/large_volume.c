/*
 * One large element on many processes: each rank makes its block, and all blocks are one dataset of an HDF5 file.
 *
 *     mpirun --bind-to core -n 4 large_volume collective MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]
 *     mpirun --bind-to core -n 4 large_volume virtual MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]
 *
 * collective: all ranks write one file together, with parallel HDF5.
 * virtual: each rank writes a file of its own, VOLUME.h5.0000.vtkhdf and so on, and a virtual dataset joins them. It
 * needs no file system on which several hosts can write one file. ParaView opens each of the files.
 *
 * The dataset is /phase, (NZ, NY, NX); NZ is 1 for a model of two-dimensional elements. Its attribute `complete` is 1
 * once it has been read again and all is there. FRACTION is the volume fraction of the minority phase; without it the
 * volume has the one that comes. The bytes of /phase are the same for any number of ranks, and those of one call
 * without MPI.
 */
#include <davegan.h>

#include <hdf5.h>
#include <inttypes.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNWRITTEN = 255 }; /* fill value: 0 is a phase */

static const char *const PHASE = "phase";
static const char *const PHASE_OF_PART = "/VTKHDF/CellData/phase";

/* A block of the volume; all arrays are in the order z, y, x. */
typedef struct {
    hsize_t first[3], size[3];
} block_t;

/* The volume and how it is divided. Blocks are whole chunks of the dataset, so that no chunk has two writers. */
typedef struct {
    hsize_t shape[3], chunk[3];
    int ranks[3];
} volume_t;

static void fail(const char *what) {
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    fprintf(stderr, "large_volume, rank %d: %s\n", rank, what);
    MPI_Abort(MPI_COMM_WORLD, 1);
    exit(1);
}

static void check(davegan_status_t status) {
    if (status != DAVEGAN_OK) fail(davegan_last_error());
}

/* Ends all ranks if a call of HDF5 has failed: it returns a negative number, and has printed why. */
#define NEED(call) need((int64_t)(call), #call)
static int64_t need(int64_t result, const char *call) {
    if (result < 0) fail(call);
    return result;
}

static volume_t divide(const hsize_t shape[3], int n_ranks) {
    volume_t volume = {{shape[0], shape[1], shape[2]}, {0, 0, 0}, {shape[0] == 1, 0, 0}};
    const hsize_t side = shape[0] == 1 ? 512 : 64;
    for (int axis = 0; axis < 3; ++axis) volume.chunk[axis] = shape[axis] < side ? shape[axis] : side;
    /* A block of a volume depends on voxels around it, the most along x: that axis is divided only if need be. */
    if (shape[0] > 1 && (hsize_t)n_ranks <= (shape[0] / volume.chunk[0]) * (shape[1] / volume.chunk[1])) volume.ranks[2] = 1;
    MPI_Dims_create(n_ranks, 3, volume.ranks);
    return volume;
}

static block_t block_of(const volume_t *volume, int rank) {
    const int *ranks = volume->ranks;
    const int place[3] = {rank / ranks[2] / ranks[1], rank / ranks[2] % ranks[1], rank % ranks[2]};
    block_t block;
    for (int axis = 0; axis < 3; ++axis) {
        const hsize_t shape = volume->shape[axis], chunk = volume->chunk[axis], chunks = (shape + chunk - 1) / chunk;
        const hsize_t at = (hsize_t)place[axis], n = (hsize_t)ranks[axis], end = chunks * (at + 1) / n * chunk;
        block.first[axis] = chunks * at / n * chunk;
        block.size[axis] = (end < shape ? end : shape) - block.first[axis];
    }
    return block;
}

/* Voxels of a block; 0 if there are fewer chunks than ranks. */
static size_t voxels_of(const block_t *block) { return (size_t)(block->size[0] * block->size[1] * block->size[2]); }

static uint8_t *new_block(const block_t *block) {
    uint8_t *phases = (uint8_t *)malloc(voxels_of(block) + 1);
    if (phases == NULL) fail("out of memory; take more processes, or a smaller volume");
    return phases;
}

static davegan_generate_options_t options_of(const volume_t *volume, const block_t *block) {
    davegan_generate_options_t options; /* threads = 0: as many as processors that the rank is bound to */
    check(davegan_generate_options_init(&options, sizeof options));
    options.nz = (int64_t)volume->shape[0];
    options.ny = (int64_t)volume->shape[1];
    options.nx = (int64_t)volume->shape[2];
    options.z0 = (int64_t)block->first[0];
    options.y0 = (int64_t)block->first[1];
    options.x0 = (int64_t)block->first[2];
    options.block_nz = (int64_t)block->size[0];
    options.block_ny = (int64_t)block->size[1];
    options.block_nx = (int64_t)block->size[2];
    return options;
}

/* Gives the minority phase the volume fraction `wanted` in the volume as a whole; the others share the rest as before.
 * One rank finds what that takes, and the others get it as bytes. */
static void set_fraction(const davegan_model_t *model, const davegan_model_info_t *info, double wanted, int rank,
                         davegan_generate_options_t *options) {
    const double rest = 1 - info->volume_fraction[info->minority_phase];
    for (int phase = 0; phase < info->n_phases; ++phase)
        options->volume_fraction[phase] = info->volume_fraction[phase] * (1 - wanted) / rest;
    options->volume_fraction[info->minority_phase] = wanted;
    if (rank == 0) check(davegan_volume_fraction_threshold(model, options, &options->threshold));
    MPI_Bcast(&options->threshold, (int)sizeof options->threshold, MPI_BYTE, 0, MPI_COMM_WORLD);
}

static void create_mark(hid_t dataset) {
    const int complete = 0;
    const hid_t space = NEED(H5Screate(H5S_SCALAR));
    const hid_t mark = NEED(H5Acreate2(dataset, "complete", H5T_STD_I32LE, space, H5P_DEFAULT, H5P_DEFAULT));
    NEED(H5Awrite(mark, H5T_NATIVE_INT, &complete));
    NEED(H5Aclose(mark));
    NEED(H5Sclose(space));
}

static void set_mark(const char *path) {
    const int complete = 1;
    const hid_t file = NEED(H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT));
    const hid_t dataset = NEED(H5Dopen2(file, PHASE, H5P_DEFAULT));
    const hid_t mark = NEED(H5Aopen(dataset, "complete", H5P_DEFAULT));
    NEED(H5Awrite(mark, H5T_NATIVE_INT, &complete));
    NEED(H5Aclose(mark));
    NEED(H5Dclose(dataset));
    NEED(H5Fclose(file));
}

/* Writes the blocks of all ranks. A rank hands over at most one row of chunks at a time, because HDF5 and MPI count
 * what one call writes in numbers below 2^31; all ranks make as many calls. */
static void write_collective(const char *path, const volume_t *volume, const block_t *block, const uint8_t *phases) {
    const uint8_t unwritten = UNWRITTEN;
    const hid_t access = NEED(H5Pcreate(H5P_FILE_ACCESS));
    NEED(H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL));
    const hid_t file = NEED(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access));
    const hid_t create = NEED(H5Pcreate(H5P_DATASET_CREATE));
    NEED(H5Pset_chunk(create, 3, volume->chunk));
    NEED(H5Pset_deflate(create, 1));
    NEED(H5Pset_fill_value(create, H5T_STD_U8LE, &unwritten));
    const hid_t space = NEED(H5Screate_simple(3, volume->shape, NULL));
    const hid_t dataset = NEED(H5Dcreate2(file, PHASE, H5T_STD_U8LE, space, H5P_DEFAULT, create, H5P_DEFAULT));
    create_mark(dataset);

    /* Compressed chunks can only be written collectively, and only from memory of the type of the file. */
    const hid_t transfer = NEED(H5Pcreate(H5P_DATASET_XFER));
    NEED(H5Pset_dxpl_mpio(transfer, H5FD_MPIO_COLLECTIVE));
    const int axis = volume->shape[0] == 1 ? 1 : 0; /* along which a row of chunks follows another */
    const hsize_t step = volume->chunk[axis], length = voxels_of(block) > 0 ? block->size[axis] : 0;
    unsigned long long steps = (length + step - 1) / step;
    MPI_Allreduce(MPI_IN_PLACE, &steps, 1, MPI_UNSIGNED_LONG_LONG, MPI_MAX, MPI_COMM_WORLD);
    const size_t layer = length > 0 ? voxels_of(block) / length : 0;
    for (hsize_t done = 0; done < steps * step; done += step) {
        block_t row = *block;
        row.first[axis] += done;
        row.size[axis] = done >= length ? 0 : length - done < step ? length - done : step;
        const hid_t memory = NEED(H5Screate_simple(3, row.size, NULL));
        if (voxels_of(&row) > 0) {
            NEED(H5Sselect_hyperslab(space, H5S_SELECT_SET, row.first, NULL, row.size, NULL));
        } else {
            NEED(H5Sselect_none(space));
            NEED(H5Sselect_none(memory));
        }
        const uint8_t *from = voxels_of(&row) > 0 ? phases + done * layer : phases;
        NEED(H5Dwrite(dataset, H5T_STD_U8LE, memory, space, transfer, from));
        NEED(H5Sclose(memory));
    }
    NEED(H5Pclose(transfer));
    NEED(H5Dclose(dataset));
    NEED(H5Sclose(space));
    NEED(H5Pclose(create));
    NEED(H5Pclose(access));
    NEED(H5Fclose(file));
}

/* The name of the file with the block of `rank`. */
static void part_path(char *to, size_t size, const char *path, int rank) {
    if ((size_t)snprintf(to, size, "%s.%04d.vtkhdf", path, rank) >= size) fail("the name of the file is too long");
}

static void read_numbers(hid_t file, const char *name, hsize_t n, int64_t *numbers) {
    const hid_t attribute = NEED(H5Aopen_by_name(file, "/davegan", name, H5P_DEFAULT, H5P_DEFAULT));
    const hid_t space = NEED(H5Aget_space(attribute));
    if (H5Sget_simple_extent_npoints(space) != (hssize_t)n) fail("a part has an attribute of another length");
    NEED(H5Aread(attribute, H5T_NATIVE_INT64, numbers));
    NEED(H5Sclose(space));
    NEED(H5Aclose(attribute));
}

/* Refuses a part that is not whole, or is one of another volume: a missing part would be read as fill values. */
static void check_part(const char *path, const volume_t *volume, const block_t *block) {
    int64_t complete, written, first[3], shape[3];
    const hid_t file = NEED(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
    read_numbers(file, "complete", 1, &complete);
    read_numbers(file, "n_written", 1, &written);
    read_numbers(file, "first_voxel", 3, first);
    read_numbers(file, "whole_shape", 3, shape);
    NEED(H5Fclose(file));
    for (int axis = 0; axis < 3; ++axis)
        if (first[axis] != (int64_t)block->first[axis] || shape[axis] != (int64_t)volume->shape[axis]) written = 0;
    if (complete != 1 || written != 1) {
        fprintf(stderr, "large_volume: %s is not complete, or no part of this volume\n", path);
        fail("run the job again");
    }
}

/* Makes the virtual dataset of the parts, which are beside it. */
static void join_parts(const char *path, const volume_t *volume, int n_ranks) {
    const uint8_t unwritten = UNWRITTEN;
    const hid_t create = NEED(H5Pcreate(H5P_DATASET_CREATE));
    NEED(H5Pset_fill_value(create, H5T_STD_U8LE, &unwritten));
    const hid_t space = NEED(H5Screate_simple(3, volume->shape, NULL));
    for (int rank = 0; rank < n_ranks; ++rank) {
        char part[4096];
        const block_t block = block_of(volume, rank);
        if (voxels_of(&block) == 0) continue;
        part_path(part, sizeof part, path, rank);
        check_part(part, volume, &block);
        const char *slash = strrchr(part, '/');
        const hid_t of_part = NEED(H5Screate_simple(3, block.size, NULL));
        NEED(H5Sselect_hyperslab(space, H5S_SELECT_SET, block.first, NULL, block.size, NULL));
        NEED(H5Pset_virtual(create, space, slash == NULL ? part : slash + 1, PHASE_OF_PART, of_part));
        NEED(H5Sclose(of_part));
    }
    NEED(H5Sselect_all(space));
    const hid_t file = NEED(H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT));
    const hid_t dataset = NEED(H5Dcreate2(file, PHASE, H5T_STD_U8LE, space, H5P_DEFAULT, create, H5P_DEFAULT));
    create_mark(dataset);
    NEED(H5Dclose(dataset));
    NEED(H5Sclose(space));
    NEED(H5Pclose(create));
    NEED(H5Fclose(file));
}

/* Reads the block of this rank, as any program would. */
static uint8_t *read_block(const char *path, const block_t *block) {
    uint8_t *phases = new_block(block);
    if (voxels_of(block) == 0) return phases;
    const hid_t file = NEED(H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT));
    const hid_t dataset = NEED(H5Dopen2(file, PHASE, H5P_DEFAULT));
    const hid_t space = NEED(H5Dget_space(dataset));
    const hid_t memory = NEED(H5Screate_simple(3, block->size, NULL));
    NEED(H5Sselect_hyperslab(space, H5S_SELECT_SET, block->first, NULL, block->size, NULL));
    NEED(H5Dread(dataset, H5T_NATIVE_UINT8, memory, space, H5P_DEFAULT, phases));
    NEED(H5Sclose(memory));
    NEED(H5Sclose(space));
    NEED(H5Dclose(dataset));
    NEED(H5Fclose(file));
    return phases;
}

static void make_volume(const davegan_model_t *model, const char *path, const volume_t *volume, int is_virtual,
                        double fraction) {
    int rank, n_ranks;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    const block_t block = block_of(volume, rank);
    const size_t size = voxels_of(&block);
    davegan_model_info_t info;
    check(davegan_model_info(model, &info, sizeof info));
    davegan_generate_options_t options = options_of(volume, &block);
    if (fraction > 0) set_fraction(model, &info, fraction, rank, &options);

    uint8_t *phases = NULL;
    if (is_virtual) {
        char part[4096];
        part_path(part, sizeof part, path, rank);
        options.replace = 1; /* what an earlier run has left */
        if (size > 0) check(davegan_generate(model, part, NULL, &options));
        MPI_Barrier(MPI_COMM_WORLD);
        if (rank == 0) join_parts(path, volume, n_ranks);
        MPI_Barrier(MPI_COMM_WORLD);
    } else {
        phases = new_block(&block);
        if (size > 0) check(davegan_generate_into(model, &options, phases, size));
        write_collective(path, volume, &block, phases);
    }
    uint8_t *found = read_block(path, &block);
    if (phases != NULL && memcmp(phases, found, size) != 0) fail("the file has other phases than were written");
    long long counts[2] = {0, 0}; /* voxels of the minority phase, voxels that nobody has written */
    for (size_t i = 0; i < size; ++i) {
        counts[0] += found[i] == info.minority_phase;
        counts[1] += found[i] == UNWRITTEN;
    }
    MPI_Allreduce(MPI_IN_PLACE, counts, 2, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    if (counts[1] > 0) fail("a part of the volume is missing; run the job again");
    if (rank == 0) {
        set_mark(path);
        const double voxels = (double)volume->shape[0] * (double)volume->shape[1] * (double)volume->shape[2];
        printf("%s: %d rank%s, volume fraction of phase %" PRId32 ": %.9f\n", path, n_ranks, n_ranks == 1 ? "" : "s",
               info.minority_phase, (double)counts[0] / voxels);
    }
    free(found);
    free(phases);
}

int main(int argc, char **argv) {
    int rank, n_ranks;
    hsize_t shape[3] = {0, 0, 0};
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    const int is_virtual = argc > 1 && strcmp(argv[1], "virtual") == 0;
    for (int axis = 0; axis < 3 && argc > 6; ++axis) shape[2 - axis] = strtoull(argv[4 + axis], NULL, 10);
    if (argc < 7 || argc > 8 || (!is_virtual && strcmp(argv[1], "collective") != 0) ||
        shape[0] * shape[1] * shape[2] == 0) {
        if (rank == 0) fputs("usage: large_volume collective|virtual MODEL.h5 VOLUME.h5 NX NY NZ [FRACTION]\n", stderr);
        MPI_Finalize();
        return 2;
    }
    davegan_model_t *model = NULL;
    const volume_t volume = divide(shape, n_ranks);
    check(davegan_model_load(argv[2], DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    make_volume(model, argv[3], &volume, is_virtual, argc > 7 ? strtod(argv[7], NULL) : 0);
    davegan_model_free(model);
    MPI_Finalize();
    return 0;
}
