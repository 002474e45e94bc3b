/* Images of two phases, and the paper's error measures of sets of them (Section 4.1). */
#include "reproduce.h"

#include <math.h>
#include <stdlib.h>

images_t new_images(size_t n, size_t side) {
    const images_t images = {(uint8_t *)allocate(n * side * side, 1), n, side};
    return images;
}

void keep_phase(uint8_t *phases, size_t n, int32_t judged) {
    for (size_t i = 0; i < n; ++i) phases[i] = judged == ALL_BUT_FIRST ? phases[i] != 0 : phases[i] == judged;
}

/* The two-point correlation of each image, a map after the other: so that each is computed only once. */
static double *correlations(const images_t *images) {
    const size_t side = images->side, size = side * side;
    double *maps = (double *)allocate(images->n * size, sizeof *maps);
    for (size_t i = 0; i < images->n; ++i)
        check(davegan_s2(images->phases + i * size, 1, side, side, 1, NULL, maps + i * size, size));
    return maps;
}

/* Eq. 12. */
static double error_between(const double *a, const double *b, size_t size) {
    double sum = 0;
    for (size_t i = 0; i < size; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sqrt(sum / (double)size);
}

double mean_error(const images_t *a, const images_t *b) {
    const size_t size = a->side * a->side;
    double *of_a = correlations(a), *of_b = correlations(b), sum = 0;
    for (size_t i = 0; i < a->n; ++i) sum += error_between(of_a + i * size, of_b + i * size, size);
    free(of_a);
    free(of_b);
    return sum / (double)a->n;
}

double mean_nearest_error(const images_t *images, const images_t *others) {
    const size_t size = images->side * images->side;
    double *maps = correlations(images), *of_others = correlations(others), sum = 0;
    for (size_t i = 0; i < images->n; ++i) {
        double nearest = INFINITY;
        for (size_t j = 0; j < others->n; ++j)
            nearest = fmin(nearest, error_between(maps + i * size, of_others + j * size, size));
        sum += nearest;
    }
    free(maps);
    free(of_others);
    return sum / (double)images->n;
}
