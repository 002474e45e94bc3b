/* Section 4.3: Table 4, the pictures of Tables 5 and 6, and Figure 6. */
#include "reproduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* All images that the errors of a model are taken from, with the judged phase as phase 1. */
typedef struct {
    images_t tiles, reconstructions, realisations;
} judged_images_t;

/* As the library's report judges: of two phases the smaller, of several all but phase 0. */
static int32_t judged_phase(const davegan_model_info_t *info) {
    return info->n_phases > 2 ? ALL_BUT_FIRST : info->minority_phase;
}

static void reconstruct_tiles(const trained_t *of, images_t *tiles, images_t *reconstructions) {
    const size_t n = (size_t)of->info.n_tiles, side = (size_t)of->info.nx, size = n * side * side;
    *tiles = new_images(n, side);
    *reconstructions = new_images(n, side);
    check(davegan_model_tiles(of->model, tiles->phases, size));
    check(davegan_reconstruct(of->model, tiles->phases, n, reconstructions->phases, size));
}

static judged_images_t judged_images(const settings_t *settings, const trained_t *of) {
    judged_images_t images;
    reconstruct_tiles(of, &images.tiles, &images.reconstructions);
    images.realisations = new_images((size_t)settings->count, images.tiles.side);
    const size_t size = images.tiles.side * images.tiles.side, capacity = images.realisations.n * size;
    const davegan_generate_options_t options = realisations_of(settings, of);
    check(davegan_generate_into(of->model, &options, images.realisations.phases, capacity));
    const int32_t judged = judged_phase(&of->info);
    keep_phase(images.tiles.phases, images.tiles.n * size, judged);
    keep_phase(images.reconstructions.phases, images.reconstructions.n * size, judged);
    keep_phase(images.realisations.phases, capacity, judged);
    return images;
}

static void free_judged_images(judged_images_t *images) {
    free(images->tiles.phases);
    free(images->reconstructions.phases);
    free(images->realisations.phases);
}

/* The micrograph with the judged phase as phase 1. */
static davegan_micrograph_t *judged_micrograph(const trained_t *of) {
    davegan_micrograph_info_t info;
    check(davegan_micrograph_info(of->micrograph, &info, sizeof info));
    const size_t n = (size_t)info.n_images, ny = (size_t)info.ny, nx = (size_t)info.nx;
    uint8_t *phases = (uint8_t *)allocate(n * ny * nx, 1);
    check(davegan_micrograph_phases(of->micrograph, phases, n * ny * nx));
    keep_phase(phases, n * ny * nx, judged_phase(&of->info));
    davegan_micrograph_t *micrograph = NULL;
    check(davegan_micrograph_from_memory(phases, n, ny, nx, &micrograph));
    free(phases);
    return micrograph;
}

/* E_gen of windows of the micrograph that are no tiles; NAN if realisations are too few or the micrograph too small. */
static double e_gen_of_real_windows(const settings_t *settings, const trained_t *of, const images_t *realisations) {
    davegan_micrograph_t *micrograph = judged_micrograph(of);
    davegan_generate_options_t options;
    check(davegan_generate_options_init(&options, sizeof options));
    options.seed = of->seed;
    options.threads = settings->threads;
    davegan_fidelity_t *fidelity = NULL;
    const davegan_status_t status = davegan_fidelity_measure(micrograph, 1, realisations->phases, realisations->n,
                                                             realisations->side, NULL, 0, &options, &fidelity);
    davegan_micrograph_free(micrograph);
    if (status == DAVEGAN_INVALID_PARAMETER) {
        fprintf(stderr, "reproduce: no E_gen of real windows: %s\n", davegan_last_error());
        return NAN;
    }
    check(status);
    double value = NAN;
    check(davegan_fidelity_figure(fidelity, "E_gen_floor", &value));
    davegan_fidelity_free(fidelity);
    return value;
}

static double share_of_phase_1(const images_t *images) {
    const size_t size = images->n * images->side * images->side;
    size_t count = 0;
    for (size_t i = 0; i < size; ++i) count += images->phases[i];
    return (double)count / (double)size;
}

/* E_gen of pixels drawn at random with the volume fraction of the tiles: a field without correlation. */
static double e_gen_of_white_noise(const settings_t *settings, const images_t *tiles) {
    davegan_sample_options_t options;
    check(davegan_sample_options_init(&options, sizeof options, DAVEGAN_SAMPLE_GAUSSIAN_FIELD));
    options.nx = options.ny = (int64_t)tiles->side;
    options.count = settings->count;
    options.volume_fraction = share_of_phase_1(tiles);
    options.correlation_length_x = options.correlation_length_y = 0;
    davegan_micrograph_t *micrograph = NULL;
    check(davegan_micrograph_sample(&options, &micrograph));
    images_t noise = new_images((size_t)settings->count, tiles->side);
    check(davegan_micrograph_phases(micrograph, noise.phases, noise.n * noise.side * noise.side));
    const double value = mean_nearest_error(&noise, tiles);
    davegan_micrograph_free(micrograph);
    free(noise.phases);
    return value;
}

static void write_row(FILE *table, const settings_t *settings, const trained_t *of) {
    judged_images_t images = judged_images(settings, of);
    const paper_row_t *paper = find_paper_row(of->name);
    const int32_t judged = judged_phase(&of->info);
    fprintf(table, "%s\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t", of->name, of->seed, of->info.steps, settings->count);
    if (judged == ALL_BUT_FIRST) fprintf(table, "all but 0");
    else fprintf(table, "%d", judged);
    write_cell(table, mean_error(&images.tiles, &images.reconstructions));
    write_cell(table, paper == NULL ? NAN : paper->e_rec);
    write_cell(table, mean_nearest_error(&images.realisations, &images.tiles));
    write_cell(table, paper == NULL ? NAN : paper->e_gen);
    write_cell(table, e_gen_of_real_windows(settings, of, &images.realisations));
    write_cell(table, e_gen_of_white_noise(settings, &images.tiles));
    fprintf(table, "\t%s/report.html\t%s/contact_sheet.png\n", of->directory, of->directory);
    free_judged_images(&images);
}

static void add_to_table(FILE *table, const settings_t *settings, const char *name) {
    for (size_t i = 0; i < settings->n_seeds; ++i) {
        trained_t trained = train_material(settings, name, settings->seeds[i]);
        const davegan_generate_options_t options = realisations_of(settings, &trained);
        char *sheet = text_of("%s/%s/contact_sheet.png", settings->out_dir, trained.directory);
        check(davegan_contact_sheet(trained.model, sheet, &options));
        write_report(settings, &trained);
        write_row(table, settings, &trained);
        fflush(table);
        write_page(settings); /* A run of hours shows what it has. */
        free(sheet);
        free_trained(&trained);
    }
}

/* That of the file if it holds one, else the built-in one. */
static const char *checkerboard(const settings_t *settings) {
    const char *name = find_material(settings, "Checkerboard");
    return name == NULL ? CHECKERBOARD : name;
}

void make_table4(const settings_t *settings) {
    FILE *table = create_file(settings, "table4.tsv");
    fputs("micrograph\tseed\tsteps\trealisations\tphase judged\tE_rec\tE_rec, paper\tE_gen\tE_gen, paper\t"
          "E_gen of real windows\tE_gen of white noise\treport\tpictures\n",
          table);
    for (size_t i = 0; i < settings->n_materials; ++i) add_to_table(table, settings, settings->materials[i]);
    if (find_material(settings, "Checkerboard") == NULL) add_to_table(table, settings, CHECKERBOARD);
    close_file(table, "table4.tsv");
}

void make_figure6(const settings_t *settings) {
    static const char *const COLUMNS[] = {"original", "reconstruction", "realisation 0", "realisation 1"};
    static const char *const ROWS[] = {""};
    trained_t trained = train_material(settings, checkerboard(settings), settings->seeds[0]);
    images_t tiles, reconstructions;
    reconstruct_tiles(&trained, &tiles, &reconstructions);
    const size_t side = tiles.side, size = side * side;
    images_t shown = new_images(4, side);
    memcpy(shown.phases, tiles.phases, size);
    memcpy(shown.phases + size, reconstructions.phases, size);
    davegan_generate_options_t options = realisations_of(settings, &trained);
    options.count = 2;
    check(davegan_generate_into(trained.model, &options, shown.phases + 2 * size, 2 * size));
    const gallery_t gallery = {shown.phases, 1, 4, side, trained.info.n_phases, ROWS, COLUMNS};
    draw_gallery(settings, "figure6.svg", &gallery);
    free(shown.phases);
    free(tiles.phases);
    free(reconstructions.phases);
    free_trained(&trained);
}
