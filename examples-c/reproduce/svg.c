/* Plots and pictures of phases as SVG, which browsers and LaTeX take. */
#include "reproduce.h"

#include <math.h>

static void begin(FILE *svg, double width, double height) {
    fprintf(svg,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%g\" height=\"%g\" "
            "font-family=\"system-ui, Liberation Sans, Arial, sans-serif\" font-size=\"13\" fill=\"#424a53\">\n",
            width, height, width, height);
}

static void write_label(FILE *svg, double x, double y, const char *anchor, const char *text) {
    fprintf(svg, "<text x=\"%g\" y=\"%g\" text-anchor=\"%s\">%s</text>\n", x, y, anchor, text);
}

/* ---- plots ---- */

static const double WIDTH = 520, HEIGHT = 330, LEFT = 64, RIGHT = 20, TOP = 40, BOTTOM = 46, LEGEND = 18;
static const char *const COLOURS[] = {"#1d4f91", "#b3400a"};

/* A direction of a plot: values from `low` to `high`, logarithms if `is_log`, are drawn from `start` to `end`. */
typedef struct {
    double low, high, start, end;
    int is_log;
} axis_t;

static double scaled(const axis_t *axis, double value) { return axis->is_log ? log10(value) : value; }

static double place(const axis_t *axis, double value) {
    return axis->start + (scaled(axis, value) - axis->low) / (axis->high - axis->low) * (axis->end - axis->start);
}

/* Widens the axis to all finite values of a coordinate. */
static void take_in(axis_t *axis, const double *values, size_t n) {
    for (size_t i = 0; i < n; ++i) {
        const double value = scaled(axis, values[i]);
        if (!isfinite(value)) continue;
        axis->low = fmin(axis->low, value);
        axis->high = fmax(axis->high, value);
    }
}

static double tick_distance(const axis_t *axis) {
    if (axis->is_log) return 1;
    const double about = (axis->high - axis->low) / 5, power = pow(10, floor(log10(about)));
    return about <= 2 * power ? 2 * power : about <= 5 * power ? 5 * power : 10 * power;
}

/* Rounds the ends of an axis outwards, so that they are ticks; an axis of no length gets some. */
static void round_ends(axis_t *axis) {
    if (!(axis->low <= axis->high)) axis->low = axis->high = 0; /* nothing finite was taken in */
    if (axis->low == axis->high) axis->high += axis->low == 0 ? 1 : fabs(axis->low);
    const double distance = tick_distance(axis);
    axis->low = distance * floor(axis->low / distance);
    axis->high = distance * ceil(axis->high / distance);
}

static void draw_ticks(FILE *svg, const axis_t *axis, int across) {
    const double distance = tick_distance(axis);
    for (double i = round(axis->low / distance); i * distance < axis->high + distance / 2; ++i) {
        const double value = axis->is_log ? pow(10, i * distance) : i * distance, at = place(axis, value);
        char text[32];
        snprintf(text, sizeof text, "%.4g", value);
        if (across) {
            fprintf(svg, "<path d=\"M%g %gv5\" stroke=\"#57606a\"/>\n", at, HEIGHT - BOTTOM);
            write_label(svg, at, HEIGHT - BOTTOM + 19, "middle", text);
        } else {
            fprintf(svg, "<path d=\"M%g %gH%g\" stroke=\"#e4e7eb\"/>\n", LEFT, at, WIDTH - RIGHT);
            write_label(svg, LEFT - 8, at + 4, "end", text);
        }
    }
}

static void draw_curve(FILE *svg, const curve_t *curve, const axis_t *x, const axis_t *y, size_t number) {
    const char *colour = COLOURS[number % 2], *dashes = number % 2 == 0 ? "none" : "7 3";
    fprintf(svg, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-dasharray=\"%s\" points=\"", colour,
            dashes);
    for (size_t i = 0; i < curve->n; ++i)
        if (isfinite(scaled(y, curve->y[i]))) fprintf(svg, "%.1f,%.1f ", place(x, curve->x[i]), place(y, curve->y[i]));
    fputs("\"/>\n", svg);
    for (size_t i = 0; curve->with_points && i < curve->n; ++i)
        if (isfinite(scaled(y, curve->y[i])))
            fprintf(svg, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", place(x, curve->x[i]),
                    place(y, curve->y[i]), colour);
    if (curve->name == NULL) return;
    const double height = TOP + LEGEND * (double)number;
    fprintf(svg, "<path d=\"M%g %gh26\" stroke=\"%s\" stroke-width=\"1.6\" stroke-dasharray=\"%s\"/>\n", LEFT, height,
            colour, dashes);
    write_label(svg, LEFT + 34, height + 4, "start", curve->name);
}

void draw_plot(const settings_t *settings, const char *name, const plot_t *plot) {
    axis_t x = {INFINITY, -INFINITY, LEFT, WIDTH - RIGHT, plot->log_x};
    const double top = TOP + (plot->curves[0].name == NULL ? 0 : LEGEND * (double)plot->n_curves);
    axis_t y = {plot->log_y ? INFINITY : 0, -INFINITY, HEIGHT - BOTTOM, top, plot->log_y};
    for (size_t i = 0; i < plot->n_curves; ++i) {
        take_in(&x, plot->curves[i].x, plot->curves[i].n);
        take_in(&y, plot->curves[i].y, plot->curves[i].n);
    }
    round_ends(&x);
    round_ends(&y);
    FILE *svg = create_file(settings, name);
    begin(svg, WIDTH, HEIGHT);
    write_label(svg, LEFT, 24, "start", plot->title);
    draw_ticks(svg, &y, 0);
    draw_ticks(svg, &x, 1);
    write_label(svg, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "middle", plot->x_label);
    for (size_t i = 0; i < plot->n_curves; ++i) draw_curve(svg, &plot->curves[i], &x, &y, i);
    fprintf(svg, "<path d=\"M%g %gV%gH%g\" fill=\"none\" stroke=\"#57606a\"/>\n</svg>\n", LEFT, top, HEIGHT - BOTTOM,
            WIDTH - RIGHT);
    close_file(svg, name);
}

/* ---- pictures of phases ---- */

/* An image as runs of pixels of one phase, on phase 0: grey levels from black to white, as on the contact sheet. */
static void draw_image(FILE *svg, const uint8_t *phases, size_t side, int32_t n_phases) {
    fprintf(svg, "<rect width=\"%zu\" height=\"%zu\" fill=\"#000\"/>\n", side, side);
    for (int32_t phase = 1; phase < n_phases; ++phase) {
        const int grey = 255 * phase / (n_phases - 1);
        fprintf(svg, "<path fill=\"rgb(%d,%d,%d)\" d=\"", grey, grey, grey);
        for (size_t y = 0; y < side; ++y)
            for (size_t x = 0, end; x < side; x = end) {
                const uint8_t here = phases[y * side + x];
                for (end = x + 1; end < side && phases[y * side + end] == here;) ++end;
                if (here == phase) fprintf(svg, "M%zu %zuh%zuv1h-%zuz", x, y, end - x, end - x);
            }
        fputs("\"/>\n", svg);
    }
}

void draw_gallery(const settings_t *settings, const char *name, const gallery_t *gallery) {
    const double image = 112, gap = 8, left = 40, top = 26, step = image + gap;
    FILE *svg = create_file(settings, name);
    begin(svg, left + step * (double)gallery->columns, top + step * (double)gallery->rows);
    for (size_t column = 0; column < gallery->columns; ++column)
        write_label(svg, left + step * (double)column + image / 2, 16, "middle", gallery->column_labels[column]);
    for (size_t row = 0; row < gallery->rows; ++row) {
        const double y = top + step * (double)row;
        write_label(svg, left - 10, y + image / 2, "end", gallery->row_labels[row]);
        for (size_t column = 0; column < gallery->columns; ++column) {
            fprintf(svg, "<g shape-rendering=\"crispEdges\" transform=\"translate(%g %g) scale(%g)\">\n",
                    left + step * (double)column, y, image / (double)gallery->side);
            draw_image(svg, gallery->phases + (row * gallery->columns + column) * gallery->side * gallery->side,
                       gallery->side, gallery->n_phases);
            fputs("</g>\n", svg);
        }
    }
    fputs("</svg>\n", svg);
    close_file(svg, name);
}
