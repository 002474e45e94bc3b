/* A small micrograph and a model trained on it for a moment, for the tests that need one. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include "check.h"

enum { SIDE = 32, PIXELS = SIDE * SIDE, N_TILES = 4, HISTORY_INTERVAL = 50 };

/* 64 x 64 pixels with an irregular pattern: four tiles of profile paper32. */
static inline davegan_micrograph_t *small_micrograph(void) {
    davegan_sample_options_t options;
    OK(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = 2 * SIDE;
    options.ny = 2 * SIDE;
    options.count = 1;
    options.seed = 1;
    davegan_micrograph_t *micrograph = NULL;
    OK(davegan_micrograph_sample(&options, &micrograph));
    return micrograph;
}

/* Options of a training that takes a moment. */
static inline davegan_train_options_t short_training(void) {
    davegan_train_options_t options;
    OK(davegan_train_options_init(&options, sizeof options, DAVEGAN_PROFILE_PAPER32));
    options.device = test_device();
    options.threads = 1;
    options.batch_size = 4;
    options.steps = 6;
    options.seed = 11;
    return options;
}

/* Options of a training with two rows of the loss history, on the CPU, which is the quickest for small networks. */
static inline davegan_train_options_t training_with_history(void) {
    davegan_train_options_t options = short_training();
    options.device = DAVEGAN_DEVICE_KIND_CPU;
    options.steps = 2 * HISTORY_INTERVAL;
    return options;
}

static inline void train_small_model(const char *path, const davegan_train_options_t *options) {
    davegan_micrograph_t *micrograph = small_micrograph();
    OK(davegan_train_micrograph(micrograph, path, options, NULL));
    davegan_micrograph_free(micrograph);
}

static inline davegan_model_t *small_model(const char *path) {
    const davegan_train_options_t options = short_training();
    davegan_micrograph_t *micrograph = small_micrograph();
    davegan_model_t *model = NULL;
    OK(davegan_train_micrograph(micrograph, path, &options, &model));
    davegan_micrograph_free(micrograph);
    return model;
}

static inline davegan_generate_options_t some_realisations(int64_t first, int64_t count) {
    davegan_generate_options_t options;
    OK(davegan_generate_options_init(&options, sizeof options));
    options.seed = 5;
    options.first = first;
    options.count = count;
    return options;
}

/* The caller frees it. */
static inline char *table_of(const davegan_fidelity_t *fidelity) {
    size_t needed = 0;
    FAILS(DAVEGAN_BUFFER_SIZE, "0", davegan_fidelity_table(fidelity, NULL, 0, &needed));
    char *table = NEW_ARRAY(char, needed);
    OK(davegan_fidelity_table(fidelity, table, needed, &needed));
    return table;
}

/* The whole file; the caller frees it. */
static inline unsigned char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) FAIL("cannot open %s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = NEW_ARRAY(unsigned char, *size + 1);
    CHECK(fread(bytes, 1, *size, file) == *size);
    fclose(file);
    return bytes;
}

static inline void write_file(const char *path, const void *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    if (file == NULL) FAIL("cannot create %s", path);
    CHECK(fwrite(bytes, 1, size, file) == size);
    CHECK(fclose(file) == 0);
}

#endif
