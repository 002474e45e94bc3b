/* Images of two phases, and the paper's error measures of sets of them (Section 4.1). */
#include "reproduce.h"

#include <math.h>

images_t new_images(size_t n, size_t side) {
    const images_t images = {(uint8_t *)allocate(n * side * side, 1), n, side};
    return images;
}

void keep_phase(uint8_t *phases, size_t n, int32_t judged) {
    for (size_t i = 0; i < n; ++i) phases[i] = judged == ALL_BUT_FIRST ? phases[i] != 0 : phases[i] == judged;
}

/* Eq. 12. */
static double error_between(const images_t *a, size_t i, const images_t *b, size_t j) {
    const size_t side = a->side, size = side * side;
    double error = 0;
    check(davegan_s2_error(a->phases + i * size, b->phases + j * size, 1, side, side, 1, NULL, &error));
    return error;
}

double mean_error(const images_t *a, const images_t *b) {
    double sum = 0;
    for (size_t i = 0; i < a->n; ++i) sum += error_between(a, i, b, i);
    return sum / (double)a->n;
}

double mean_nearest_error(const images_t *images, const images_t *others) {
    double sum = 0;
    for (size_t i = 0; i < images->n; ++i) {
        double nearest = INFINITY;
        for (size_t j = 0; j < others->n; ++j) nearest = fmin(nearest, error_between(images, i, others, j));
        sum += nearest;
    }
    return sum / (double)images->n;
}
