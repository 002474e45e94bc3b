/* Trains a model of kill_training.py: train MODEL PROFILE STEPS INTERVAL RESUME. Ends with the status of the call. */
#include <davegan.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failed(davegan_status_t status) {
    if (status != DAVEGAN_OK) fprintf(stderr, "%s\n", davegan_last_error());
    return (int)status;
}

int main(int argc, char **argv) {
    davegan_sample_options_t sample;
    davegan_train_options_t options;
    davegan_micrograph_t *micrograph = NULL;
    if (argc != 6) return 99;
    int32_t profile = DAVEGAN_PROFILE_PAPER32;
    if (strcmp(argv[2], "standard") == 0) profile = DAVEGAN_PROFILE_STANDARD;
    if (strcmp(argv[2], "volume") == 0) profile = DAVEGAN_PROFILE_VOLUME;
    if (failed(davegan_sample_options_init(&sample, sizeof sample, DAVEGAN_SAMPLE_GAUSSIAN_FIELD))) return 99;
    sample.nx = sample.ny = 64;
    if (failed(davegan_micrograph_sample(&sample, &micrograph))) return 99;
    if (failed(davegan_train_options_init(&options, sizeof options, profile))) return 99;
    options.threads = 1;
    options.steps = atoi(argv[3]);
    options.checkpoint_interval = atoi(argv[4]);
    options.resume = atoi(argv[5]);
    if (profile == DAVEGAN_PROFILE_PAPER32) options.batch_size = 4;
    if (profile != DAVEGAN_PROFILE_PAPER32) options.window_side = 32;
    const int status = failed(davegan_train_micrograph(micrograph, argv[1], &options, NULL));
    davegan_micrograph_free(micrograph);
    return status;
}
