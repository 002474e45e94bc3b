/* A program of somebody else: a built-in micrograph, and the two-point correlation of its upper half. */
#include <davegan.h>

#include <stdio.h>
#include <stdlib.h>

static void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "%s: %s\n", davegan_status_name(status), davegan_last_error());
    exit(1);
}

int main(void) {
    static uint8_t phases[64 * 64];
    davegan_sample_options_t options;
    davegan_micrograph_t *micrograph = NULL;
    double error = -1;
    check(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_DISCS));
    options.nx = 64;
    options.ny = 64;
    options.count = 1;
    check(davegan_micrograph_sample(&options, &micrograph));
    check(davegan_micrograph_phases(micrograph, phases, sizeof phases));
    davegan_micrograph_free(micrograph);
    check(davegan_s2_error(phases, phases + 32 * 64, 1, 32, 64, 1, NULL, &error));
    printf("davegan %s, S2 error between the halves %g\n", davegan_version(), error);
    return error > 0 ? 0 : 1;
}
