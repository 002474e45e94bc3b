/* index.html: the tables and pictures that are in OUT_DIR, with what the paper says beside them. */
#include "reproduce.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char STYLE[] =
    "body{margin:0 auto;padding:24px 20px 40px;max-width:1160px;background:#fff;color:#1f2328;"
    "font:15px/1.5 system-ui,\"Segoe UI\",\"Liberation Sans\",Arial,sans-serif}"
    "h1{margin:0;font-size:26px}h2{margin:34px 0 8px;font-size:19px}p{margin:0 0 10px;max-width:88ch}"
    "table{border-collapse:collapse;font-size:14px;margin-bottom:10px}"
    "th,td{padding:4px 10px;text-align:right;border-bottom:1px solid #d8dee4;font-variant-numeric:tabular-nums}"
    "th{border-bottom:2px solid #57606a;vertical-align:bottom;font-weight:600}"
    "th:first-child,td:first-child{text-align:left}"
    "figure{margin:0 0 16px}figcaption{color:#57606a;font-size:13.5px}img{max-width:100%;height:auto}"
    ".plots{display:grid;grid-template-columns:repeat(2,minmax(0,1fr));gap:12px 24px}"
    ".missing{padding:8px 12px;background:#fffaeb;border-left:4px solid #9a6700}"
    ".tables{overflow-x:auto}"
    "@media print{body{max-width:none;padding:0;font-size:9.5pt}figure,tr{break-inside:avoid}h2{break-after:avoid}}";

static FILE *open_table(const settings_t *settings, const char *name) {
    char *path = text_of("%s/%s", settings->out_dir, name);
    FILE *table = fopen(path, "r");
    if (table == NULL && errno != ENOENT) fail(strerror(errno), path);
    free(path);
    return table;
}

static int exists(const settings_t *settings, const char *name) {
    char *path = text_of("%s/%s", settings->out_dir, name);
    const int found = access(path, R_OK) == 0;
    free(path);
    return found;
}

static void write_escaped(FILE *page, const char *text) {
    for (; *text != '\0'; ++text) switch (*text) {
        case '&': fputs("&amp;", page); break;
        case '<': fputs("&lt;", page); break;
        case '"': fputs("&quot;", page); break;
        default: fputc(*text, page);
        }
}

static int ends_with(const char *text, const char *end) {
    const size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

static int is_fraction(const char *field) {
    return strspn(field, "-.0123456789e") == strlen(field) && strchr(field, '.') != NULL;
}

/* In thousandths, with three digits as in the paper. */
static void write_error(FILE *page, double error) {
    const double value = 1e3 * error;
    fprintf(page, "%.*f", value == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : value >= 0.9995 ? 2 : 3, value);
}

/* Files are linked; errors are shown in thousandths, other fractions with two
 * decimals. */
static void write_field(FILE *page, const char *field, const char *column) {
    if (ends_with(field, ".html") || ends_with(field, ".png")) {
        fputs("<a href=\"", page);
        write_escaped(page, field);
        fprintf(page, "\">%s</a>", column);
    } else if (strncmp(column, "E_", 2) == 0 && field[0] != '\0') write_error(page, strtod(field, NULL));
    else if (is_fraction(field)) fprintf(page, "%.2f", strtod(field, NULL));
    else write_escaped(page, field);
}

enum { MAX_FIELDS = 16, LINE = 4096 };

/* Cuts a line of a table at its tabs. Returns how many fields it has. */
static size_t split(char *line, char **fields) {
    size_t n = 0;
    line[strcspn(line, "\n")] = '\0';
    for (char *at = line; at != NULL && n < MAX_FIELDS; ++n) {
        fields[n] = at;
        at = strchr(at, '\t');
        if (at != NULL) *at++ = '\0';
    }
    return n;
}

static void write_table(FILE *page, FILE *table) {
    char head[LINE], line[LINE], *columns[MAX_FIELDS], *fields[MAX_FIELDS];
    if (fgets(head, sizeof head, table) == NULL) return;
    const size_t n = split(head, columns);
    fputs("<div class=\"tables\"><table><thead><tr>", page);
    for (size_t i = 0; i < n; ++i) {
        fputs("<th scope=\"col\">", page);
        write_escaped(page, columns[i]);
        fputs("</th>", page);
    }
    fputs("</tr></thead><tbody>\n", page);
    while (fgets(line, sizeof line, table) != NULL) {
        const size_t given = split(line, fields);
        fputs("<tr>", page);
        for (size_t i = 0; i < given && i < n; ++i) {
            fputs("<td>", page);
            if (i == 0) write_escaped(page, fields[i]); /* what the row is called */
            else write_field(page, fields[i], columns[i]);
            fputs("</td>", page);
        }
        fputs("</tr>\n", page);
    }
    fputs("</tbody></table></div>\n", page);
}

static void write_picture(FILE *page, const char *file, const char *caption) {
    fputs("<figure><img src=\"", page);
    write_escaped(page, file);
    fputs("\" alt=\"", page);
    write_escaped(page, caption[0] == '\0' ? file : caption);
    fputs("\"><figcaption>", page);
    write_escaped(page, caption);
    fputs("</figcaption></figure>\n", page);
}

/* The table, if it was made: shown, or a long one linked. Returns whether it was. */
static int write_section_table(FILE *page, const settings_t *settings, const section_t *section) {
    FILE *table = section->table == NULL ? NULL : open_table(settings, section->table);
    if (table == NULL) return 0;
    if (!section->is_long) write_table(page, table);
    fclose(table);
    fprintf(page, "<p><a href=\"%s\">%s</a></p>\n", section->table, section->table);
    return 1;
}

/* The pictures that were made. Returns their number. */
static size_t write_section_pictures(FILE *page, const settings_t *settings, const section_t *section) {
    size_t made = 0;
    fprintf(page, "<div%s>\n", section->small ? " class=\"plots\"" : "");
    for (size_t i = 0; i < MAX_PICTURES && section->pictures[i].file != NULL; ++i) {
        if (!exists(settings, section->pictures[i].file)) continue;
        write_picture(page, section->pictures[i].file, section->pictures[i].caption);
        ++made;
    }
    fputs("</div>\n", page);
    return made;
}

static void write_section(FILE *page, const settings_t *settings, const section_t *section) {
    fprintf(page, "<section><h2>%s</h2>\n<p>%s</p>\n", section->title, section->text);
    const int has_table = write_section_table(page, settings, section);
    if (write_section_pictures(page, settings, section) == 0 && !has_table)
        fprintf(page, "<p class=\"missing\">Not made yet: run again with --only %s.</p>\n", section->part);
    fputs("</section>\n", page);
}

/* The pictures that the rows of Table 4 name: contact sheets of all models. */
static void write_tables_5_and_6(FILE *page, const settings_t *settings) {
    FILE *table = open_table(settings, "table4.tsv");
    if (table == NULL) return;
    fputs(
        "<section><h2>Tables 5 and 6: reconstructions and realisations</h2>\n"
        "<p>Left the tiles of the micrograph, then what the model makes of them, then realisations. The errors in the "
        "pictures are those of the smallest phase alone, also where there are several.</p>\n",
        page);
    char line[LINE], *fields[MAX_FIELDS];
    while (fgets(line, sizeof line, table) != NULL) {
        const size_t n = split(line, fields);
        if (n < 2 || !ends_with(fields[n - 1], ".png")) continue;
        char *caption = text_of("%s, seed %s", fields[0], fields[1]);
        write_picture(page, fields[n - 1], caption);
        free(caption);
    }
    fputs("</section>\n", page);
    fclose(table);
}

static const char HEAD[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>DA-VEGAN reproduced</title>\n"
    "<style>%s</style></head><body>\n<h1>DA-VEGAN reproduced</h1>\n"
    "<p>The numerical experiments of Zhang, Seibert, Otto, Raßloff, Ambati, Kästner, <em>DA-VEGAN: Differentiably\n"
    "Augmenting VAE-GAN for microstructure reconstruction from extremely small data sets</em> (2023), by davegan %s:\n"
    "the paper's architectures and hyperparameters (profiles paper64 and paper32) as they stand. The tables say how\n"
    "many training steps were made.</p>\n";

void write_page(const settings_t *settings) {
    FILE *page = create_file(settings, "index.html");
    fprintf(page, HEAD, STYLE, davegan_version());
    for (size_t i = 0; i < N_SECTIONS; ++i) write_section(page, settings, &SECTIONS[i]);
    write_tables_5_and_6(page, settings);
    fputs("</body></html>\n", page);
    close_file(page, "index.html");
}
