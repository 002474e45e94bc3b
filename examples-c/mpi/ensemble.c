/*
 * An ensemble on many processes: each rank makes its share of the realisations, and the volume fraction of the minority
 * phase is reduced to its mean and standard deviation.
 *
 *     mpirun --bind-to core -n 4 ensemble MODEL.h5 [COUNT] [SEED]
 *
 * Realisation i depends on the model, the seed and i alone, and voxels are counted in integers. So the result is the
 * same for any number of ranks, to the last digit.
 */
#include <davegan.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

/* Ends all ranks if a call has failed on this one, with what the library says of it. */
static void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "ensemble: %s: %s\n", davegan_status_name(status), davegan_last_error());
    MPI_Abort(MPI_COMM_WORLD, 1);
}

/* Whether `text` is a whole number, which goes to `value`. */
static int is_number(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0';
}

/* The first of the `n` realisations that `rank` makes; the next rank's first is behind its last. */
static int64_t first_of(int rank, int n_ranks, int64_t n) { return n / n_ranks * rank + n % n_ranks * rank / n_ranks; }

/* Voxels of `phase` in realisations options->first to `end` - 1, summed up: their number and its square. */
static void count_voxels(const davegan_model_t *model, davegan_generate_options_t *options, int64_t end, size_t size,
                         int32_t phase, int64_t sums[2]) {
    uint8_t *phases = (uint8_t *)malloc(size);
    if (phases == NULL) {
        fputs("ensemble: out of memory\n", stderr);
        MPI_Abort(MPI_COMM_WORLD, 1);
        return;
    }
    for (; options->first < end; ++options->first) {
        check(davegan_generate_into(model, options, phases, size));
        int64_t count = 0;
        for (size_t i = 0; i < size; ++i) count += phases[i] == phase;
        sums[0] += count;
        sums[1] += count * count;
    }
    free(phases);
}

int main(int argc, char **argv) {
    int rank, n_ranks;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks);
    int64_t count = 100, seed = 0;
    const int understood = (argc <= 2 || is_number(argv[2], &count)) && (argc <= 3 || is_number(argv[3], &seed));
    if (argc < 2 || argc > 4 || !understood || count < 2) {
        if (rank == 0) fputs("usage: ensemble MODEL.h5 [COUNT, from 2] [SEED]\n", stderr);
        MPI_Finalize();
        return 2;
    }
    davegan_model_t *model = NULL;
    davegan_model_info_t info;
    davegan_generate_options_t options; /* threads = 0: as many as processors that the rank is bound to */
    check(davegan_model_load(argv[1], DAVEGAN_DEVICE_KIND_CPU, 0, &model));
    check(davegan_model_info(model, &info, sizeof info));
    check(davegan_generate_options_init(&options, sizeof options));
    options.seed = seed;
    options.first = first_of(rank, n_ranks, count);

    const size_t size = (size_t)(info.nz * info.ny * info.nx);
    int64_t sums[2] = {0, 0}, total[2] = {0, 0};
    count_voxels(model, &options, first_of(rank + 1, n_ranks, count), size, info.minority_phase, sums);
    MPI_Reduce(sums, total, 2, MPI_INT64_T, MPI_SUM, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        const double n = (double)count, mean = (double)total[0] / n;
        const double variance = ((double)total[1] - n * mean * mean) / (n - 1);
        printf("%" PRId64 " realisations, volume fraction of phase %" PRId32 ": mean %.9f, standard deviation %.9f\n",
               count, info.minority_phase, mean / (double)size, sqrt(fmax(variance, 0)) / (double)size);
    }
    davegan_model_free(model);
    MPI_Finalize();
    return 0;
}
