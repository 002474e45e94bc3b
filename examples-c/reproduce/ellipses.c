/* Section 4.2: what beta does to reconstructions (Figure 3) and to the latent space (Figure 4) of ellipses. */
#include "reproduce.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 32, PIXELS = SIDE * SIDE, UNSEEN = 1000, N_PARAMETERS = 5 };

/* Ellipses that no training has seen: training takes those of seed 0. */
static const int64_t UNSEEN_SEED = 1;
/* Reach of a traversal in standard deviations of the prior, and its places: one each standard deviation. */
static const double REACH = 3;
enum { PLACES = 7 };
static const double TRAVERSED_BETAS[] = {0.01, 1, 50};

/* The paper's reference sample: 6 pixels wide and 14 high, in the middle. */
static void draw_reference(uint8_t *phases) {
    for (int y = 0; y < SIDE; ++y)
        for (int x = 0; x < SIDE; ++x) {
            const double across = (x + 0.5 - SIDE / 2) / 3, along = (y + 0.5 - SIDE / 2) / 7;
            phases[y * SIDE + x] = across * across + along * along <= 1;
        }
}

static double reference_error(const trained_t *of) {
    images_t reference = new_images(1, SIDE), reconstruction = new_images(1, SIDE);
    draw_reference(reference.phases);
    check(davegan_reconstruct(of->model, reference.phases, 1, reconstruction.phases, PIXELS));
    const double error = mean_error(&reference, &reconstruction);
    free(reference.phases);
    free(reconstruction.phases);
    return error;
}

static images_t unseen_ellipses(const davegan_micrograph_t *micrograph) {
    const images_t images = new_images(UNSEEN, SIDE);
    check(davegan_micrograph_phases(micrograph, images.phases, UNSEEN * PIXELS));
    return images;
}

static double unseen_error(const trained_t *of) {
    davegan_micrograph_t *micrograph = sample_ellipses(UNSEEN_SEED, UNSEEN);
    images_t ellipses = unseen_ellipses(micrograph), reconstructions = new_images(UNSEEN, SIDE);
    check(davegan_reconstruct(of->model, ellipses.phases, UNSEEN, reconstructions.phases, UNSEEN * PIXELS));
    const double error = mean_error(&ellipses, &reconstructions);
    davegan_micrograph_free(micrograph);
    free(ellipses.phases);
    free(reconstructions.phases);
    return error;
}

static void draw_figure3(const settings_t *settings, size_t n, const double *reference, const double *mean) {
    const curve_t curves[] = {{"the reference ellipse", settings->betas, reference, n, 1},
                              {"mean over ellipses that training has not seen", settings->betas, mean, n, 1}};
    const plot_t plot = {"E_rec against beta", "beta", 1, 0, curves, 2};
    draw_plot(settings, "figure3.svg", &plot);
}

void make_figure3(const settings_t *settings) {
    double reference[MAX_BETAS], mean[MAX_BETAS];
    FILE *table = create_file(settings, "figure3.tsv");
    fputs("beta\tseed\tsteps\tellipses\tE_rec of the reference\tE_rec, mean over training\tE_rec, mean over unseen\t"
          "E_gen\treport\n",
          table);
    for (size_t i = 0; i < settings->n_betas; ++i) {
        trained_t trained = train_ellipses(settings, settings->betas[i]);
        const davegan_generate_options_t options = realisations_of(settings, &trained);
        davegan_evaluation_t evaluation;
        check(davegan_evaluate(trained.model, 1, &options, &evaluation, sizeof evaluation));
        reference[i] = reference_error(&trained);
        mean[i] = unseen_error(&trained);
        fprintf(table, "%g\t%" PRId64 "\t%" PRId64 "\t%" PRId64, settings->betas[i], trained.seed, trained.info.steps,
                trained.info.n_tiles);
        write_cell(table, reference[i]);
        write_cell(table, evaluation.e_rec);
        write_cell(table, mean[i]);
        write_cell(table, evaluation.e_gen);
        fprintf(table, "\t%s/report.html\n", trained.directory);
        write_report(settings, &trained);
        free_trained(&trained);
        fflush(table);
        draw_figure3(settings, i + 1, reference, mean);
        write_page(settings); /* A run of hours shows what it has. */
    }
    close_file(table, "figure3.tsv");
}

/* Pearson's correlation of columns of two tables of n rows; NAN if one does not vary. */
static double correlation(const double *x, size_t x_columns, const double *y, size_t y_columns, size_t n) {
    double mean_x = 0, mean_y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < n; ++i) {
        mean_x += x[i * x_columns] / (double)n;
        mean_y += y[i * y_columns] / (double)n;
    }
    for (size_t i = 0; i < n; ++i) {
        const double dx = x[i * x_columns] - mean_x, dy = y[i * y_columns] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

/* The true parameters, and the angle as it is seen: an ellipse turned by pi is the same. */
enum { N_TRUTHS = N_PARAMETERS + 2 };
static const char TRUTHS[] = "a\tb\tx1\tx2\tphi\tcos 2phi\tsin 2phi";

static double *true_parameters(const davegan_micrograph_t *micrograph) {
    double parameters[UNSEEN * N_PARAMETERS];
    double *truths = (double *)allocate(UNSEEN * N_TRUTHS, sizeof *truths);
    check(davegan_micrograph_parameters(micrograph, parameters, UNSEEN * N_PARAMETERS));
    for (size_t i = 0; i < UNSEEN; ++i) {
        const double *row = parameters + i * N_PARAMETERS, phi = row[N_PARAMETERS - 1];
        memcpy(truths + i * N_TRUTHS, row, N_PARAMETERS * sizeof *row);
        truths[i * N_TRUTHS + N_PARAMETERS] = cos(2 * phi);
        truths[i * N_TRUTHS + N_PARAMETERS + 1] = sin(2 * phi);
    }
    return truths;
}

/* What the encoder tells by one latent: mean divergence of its distribution from the prior, in nat. */
static double information(const double *mean, const double *deviation, size_t columns, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; ++i) {
        const double m = mean[i * columns], variance = deviation[i * columns] * deviation[i * columns];
        sum += 0.5 * (m * m + variance - log(variance) - 1);
    }
    return sum / (double)n;
}

static void write_correlations(FILE *table, const trained_t *of, double beta) {
    const size_t latents = (size_t)of->info.latent_size;
    davegan_micrograph_t *micrograph = sample_ellipses(UNSEEN_SEED, UNSEEN);
    images_t ellipses = unseen_ellipses(micrograph);
    double *truths = true_parameters(micrograph);
    double *mean = (double *)allocate(UNSEEN * latents, sizeof *mean);
    double *deviation = (double *)allocate(UNSEEN * latents, sizeof *deviation);
    check(davegan_encode(of->model, ellipses.phases, UNSEEN, mean, deviation, UNSEEN * latents));
    for (size_t latent = 0; latent < latents; ++latent) {
        fprintf(table, "%g\tz%zu", beta, latent + 1);
        write_cell(table, information(mean + latent, deviation + latent, latents, UNSEEN));
        for (size_t truth = 0; truth < N_TRUTHS; ++truth)
            write_cell(table, correlation(mean + latent, latents, truths + truth, N_TRUTHS, UNSEEN));
        fputc('\n', table);
    }
    davegan_micrograph_free(micrograph);
    free(ellipses.phases);
    free(truths);
    free(mean);
    free(deviation);
}

/* The reference ellipse with one latent moved at a time, a row a latent. */
static void draw_traversal(const settings_t *settings, const trained_t *of, double beta) {
    const size_t latents = (size_t)of->info.latent_size;
    uint8_t reference[PIXELS];
    draw_reference(reference);
    double *z = (double *)allocate(latents, sizeof *z);
    check(davegan_encode(of->model, reference, 1, z, NULL, latents));
    images_t images = new_images(latents * PLACES, SIDE);
    char **rows = (char **)allocate(latents, sizeof *rows), *columns[PLACES];
    for (size_t latent = 0; latent < latents; ++latent) {
        check(davegan_traverse(of->model, z, (int32_t)latent, PLACES, REACH, images.phases + latent * PLACES * PIXELS,
                               PLACES * PIXELS));
        rows[latent] = text_of("z%zu", latent + 1);
    }
    for (int place = 0; place < PLACES; ++place)
        columns[place] = text_of("%g sigma", REACH * (2.0 * place / (PLACES - 1) - 1));
    char *name = text_of("figure4-beta-%g.svg", beta);
    const gallery_t gallery = {images.phases,
                               latents,
                               PLACES,
                               SIDE,
                               of->info.n_phases,
                               (const char *const *)rows,
                               (const char *const *)columns};
    draw_gallery(settings, name, &gallery);
    for (size_t latent = 0; latent < latents; ++latent) free(rows[latent]);
    for (int place = 0; place < PLACES; ++place) free(columns[place]);
    free(name);
    free(rows);
    free(images.phases);
    free(z);
}

void make_figure4(const settings_t *settings) {
    FILE *table = create_file(settings, "figure4.tsv");
    fprintf(table, "beta\tlatent\tinformation (nat)\t%s\n", TRUTHS);
    for (size_t i = 0; i < sizeof TRAVERSED_BETAS / sizeof *TRAVERSED_BETAS; ++i) {
        trained_t trained = train_ellipses(settings, TRAVERSED_BETAS[i]);
        write_correlations(table, &trained, TRAVERSED_BETAS[i]);
        draw_traversal(settings, &trained, TRAVERSED_BETAS[i]);
        free_trained(&trained);
    }
    close_file(table, "figure4.tsv");
}
