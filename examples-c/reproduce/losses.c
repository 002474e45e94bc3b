/* Figure 5: how the losses went. */
#include "reproduce.h"

#include <math.h>
#include <stdlib.h>

enum { N_LOSSES = 5, HISTORY_COLUMNS = N_LOSSES + 1, MAX_POINTS = 400 };
static const char *const LOSSES[N_LOSSES] = {"encoder", "discriminator", "generator", "reconstruction", "divergence"};

/* Makes means over rows of the history, so that at most MAX_POINTS are left; returns how many are. */
static size_t thin(double *history, size_t n) {
    const size_t group = n / MAX_POINTS + 1;
    size_t kept = 0;
    for (size_t first = 0; first < n; first += group, ++kept) {
        const size_t rows = n - first < group ? n - first : group;
        for (size_t column = 0; column < HISTORY_COLUMNS; ++column) {
            double sum = 0;
            for (size_t i = 0; i < rows; ++i) sum += history[(first + i) * HISTORY_COLUMNS + column];
            history[kept * HISTORY_COLUMNS + column] = sum / (double)rows;
        }
    }
    return kept;
}

static void write_history(const settings_t *settings, const double *history, size_t n) {
    FILE *table = create_file(settings, "figure5.tsv");
    fputs("step", table);
    for (size_t i = 0; i < N_LOSSES; ++i) fprintf(table, "\tL, %s", LOSSES[i]);
    fputc('\n', table);
    for (size_t i = 0; i < n; ++i) {
        fprintf(table, "%.0f", history[i * HISTORY_COLUMNS]);
        for (size_t j = 1; j < HISTORY_COLUMNS; ++j) write_cell(table, history[i * HISTORY_COLUMNS + j]);
        fputc('\n', table);
    }
    close_file(table, "figure5.tsv");
}

/* A logarithmic scale is for values that change by more than a factor of 30. */
static int wants_logarithms(const double *values, size_t n) {
    double low = INFINITY, high = 0;
    for (size_t i = 0; i < n; ++i) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    return low > 0 && high > 30 * low;
}

static void draw_loss(const settings_t *settings, const trained_t *of, const double *history, size_t n, size_t loss) {
    double *step = (double *)allocate(n, sizeof *step), *value = (double *)allocate(n, sizeof *value);
    for (size_t i = 0; i < n; ++i) {
        step[i] = history[i * HISTORY_COLUMNS];
        value[i] = history[i * HISTORY_COLUMNS + loss + 1];
    }
    const curve_t curve = {NULL, step, value, n, 0};
    char *title = text_of("%s loss, %s", LOSSES[loss], of->name), *name = text_of("figure5-%s.svg", LOSSES[loss]);
    const plot_t plot = {title, "training steps", 0, wants_logarithms(value, n), &curve, 1};
    draw_plot(settings, name, &plot);
    free(step);
    free(value);
    free(title);
    free(name);
}

void make_figure5(const settings_t *settings) {
    const char *name = find_material(settings, "Alloy");
    if (name == NULL) name = settings->n_materials > 0 ? settings->materials[0] : CHECKERBOARD;
    trained_t trained = train_material(settings, name, settings->seeds[0]);
    const size_t rows = (size_t)trained.info.n_history;
    double *history = (double *)allocate(rows * HISTORY_COLUMNS, sizeof *history);
    check(davegan_model_history(trained.model, history, rows * HISTORY_COLUMNS));
    write_history(settings, history, rows);
    const size_t n = thin(history, rows);
    for (size_t loss = 0; loss < N_LOSSES; ++loss) draw_loss(settings, &trained, history, n, loss);
    free(history);
    free_trained(&trained);
}
