/* What the parts of the program share: how it was called, trained models, images, tables and pictures. */
#ifndef REPRODUCE_H
#define REPRODUCE_H

#include <davegan.h>

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* ---- how the program was called: main.c ---- */

enum { MAX_MATERIALS = 64, MAX_SEEDS = 16, MAX_BETAS = 32 };

typedef struct {
    const char *micrographs, *out_dir;
    const char *materials[MAX_MATERIALS]; /* datasets in `micrographs` */
    int64_t seeds[MAX_SEEDS];
    double betas[MAX_BETAS];
    size_t n_materials, n_seeds, n_betas;
    int64_t steps, ellipse_steps; /* 0: as many as the paper's epochs make */
    int64_t samples, count, cell;
    int32_t threads;
} settings_t;

/* ---- tools.c ---- */

#ifdef __GNUC__
#define LIKE_PRINTF __attribute__((format(printf, 1, 2)))
#else
#define LIKE_PRINTF
#endif

/* Ends the program with the library's message if a call failed. */
void check(davegan_status_t status);
/* Ends the program: "reproduce: WHAT: VALUE". */
void fail(const char *what, const char *value);
void *allocate(size_t count, size_t size);
/* A new text, as by printf. */
char *text_of(const char *format, ...) LIKE_PRINTF;
void make_directory(const char *path);
/* OUT_DIR/NAME, opened for writing. */
FILE *create_file(const settings_t *settings, const char *name);
void close_file(FILE *file, const char *name);
/* A tab and a number; the tab alone for one that is not known. */
void write_cell(FILE *table, double value);

/* ---- the paper's Table 4: paper.c ---- */

typedef struct {
    const char *called[2]; /* what datasets of the material may be called, in lower-case letters and digits */
    const char *name;
    double e_rec, e_gen;
} paper_row_t;

/* The row whose name the dataset has, or NULL. */
const paper_row_t *find_paper_row(const char *dataset);
/* The first of the materials that is the paper's of this name, or NULL. */
const char *find_material(const settings_t *settings, const char *paper_name);

/* ---- images of two phases: images.c ---- */

typedef struct {
    uint8_t *phases;
    size_t n, side;
} images_t;

/* In place of a phase: all but phase 0 as one, by which micrographs of more than two phases are judged. */
enum { ALL_BUT_FIRST = -1 };

images_t new_images(size_t n, size_t side);
/* Makes the judged phase 1 and all others 0. */
void keep_phase(uint8_t *phases, size_t n, int32_t judged);
/* Mean error (Eq. 12) of phase 1 between images of the same number. */
double mean_error(const images_t *a, const images_t *b);
/* Mean error between an image and that of `others` which is nearest. */
double mean_nearest_error(const images_t *images, const images_t *others);

/* ---- trained models: models.c ---- */

typedef struct {
    const char *name; /* of the material */
    char *directory;  /* in OUT_DIR */
    int64_t seed;
    davegan_micrograph_t *micrograph;
    davegan_model_t *model;
    davegan_model_info_t info;
} trained_t;

/* Stands for the built-in micrograph among the names of materials. */
extern const char CHECKERBOARD[];

/* Trains, or goes on where an earlier run was stopped, or loads what an earlier run has finished. */
trained_t train_material(const settings_t *settings, const char *name, int64_t seed);
trained_t train_ellipses(const settings_t *settings, double beta);
void free_trained(trained_t *trained);
davegan_micrograph_t *sample_ellipses(int64_t seed, int64_t count);
davegan_generate_options_t realisations_of(const settings_t *settings, const trained_t *trained);
/* Writes report.html beside the model. */
void write_report(const settings_t *settings, const trained_t *trained);

/* ---- pictures: svg.c ---- */

typedef struct {
    const char *name;
    const double *x, *y;
    size_t n;
    int with_points;
} curve_t;

/* Curves with a name have a legend: all or none. A scale that is not logarithmic begins at 0. */
typedef struct {
    const char *title, *x_label;
    int log_x, log_y;
    const curve_t *curves;
    size_t n_curves;
} plot_t;

void draw_plot(const settings_t *settings, const char *name, const plot_t *plot);

/* Images in rows and columns, with a label at each row and column. */
typedef struct {
    const uint8_t *phases;
    size_t rows, columns, side;
    int32_t n_phases;
    const char *const *row_labels, *const *column_labels;
} gallery_t;

void draw_gallery(const settings_t *settings, const char *name, const gallery_t *gallery);

/* ---- what the page says of each part of the paper: sections.c ---- */

enum { N_SECTIONS = 5, MAX_PICTURES = 6 };

typedef struct {
    const char *part, *title, *text;
    const char *table; /* NULL for none */
    int is_long;       /* a table that is linked, not shown */
    int small;         /* pictures that stand two in a row */
    struct {
        const char *file, *caption;
    } pictures[MAX_PICTURES]; /* up to NULL */
} section_t;

extern const section_t SECTIONS[N_SECTIONS];

/* ---- the parts of the paper, each with its files in OUT_DIR ---- */

void make_table4(const settings_t *settings);
void make_figure3(const settings_t *settings);
void make_figure4(const settings_t *settings);
void make_figure5(const settings_t *settings);
void make_figure6(const settings_t *settings);
/* index.html: whatever of it all is in OUT_DIR. */
void write_page(const settings_t *settings);

#endif
