/* The paper's Table 4. */
#include "reproduce.h"

#include <ctype.h>
#include <string.h>

static const paper_row_t TABLE_4[] = {
    {{"alloy", ""}, "Alloy", 4.66e-3, 5.66e-3},
    {{"carbonate", ""}, "Carbonate", 8.16e-3, 6.78e-3},
    {{"ceramics", "ceramic"}, "Ceramics", 1.01e-2, 1.71e-2},
    {{"checkerboard", ""}, "Checkerboard", 0.0, 0.0},
    {{"copolymer", ""}, "Copolymer", 6.96e-2, 5.64e-2},
    {{"rubber", ""}, "Rubber", 3.08e-4, 8.15e-4},
    {{"synthetic1", "synth1"}, "Synth. 1", 1.81e-2, 1.06e-2},
    {{"synthetic2", "synth2"}, "Synth. 2", 4.53e-3, 1.53e-2},
    {{"synthetic3", "synth3"}, "Synth. 3", 4.42e-3, 1.89e-2},
    {{"composite", ""}, "Composite", 9.71e-2, 3.84e-2},
    {{"sandstone", ""}, "Sandstone", 1.71e-2, 5.97e-3},
};

/* Whether a dataset of this path is called so: its letters and digits after the last slash, as the library does. */
static int is_called(const char *dataset, const char *plain) {
    const char *slash = strrchr(dataset, '/');
    for (const char *at = slash == NULL ? dataset : slash + 1; *at != '\0'; ++at) {
        if (!isalnum((unsigned char)*at)) continue;
        if (tolower((unsigned char)*at) != *plain) return 0;
        ++plain;
    }
    return *plain == '\0';
}

const paper_row_t *find_paper_row(const char *dataset) {
    for (size_t i = 0; i < sizeof TABLE_4 / sizeof *TABLE_4; ++i)
        for (size_t j = 0; j < 2 && TABLE_4[i].called[j][0] != '\0'; ++j)
            if (is_called(dataset, TABLE_4[i].called[j])) return &TABLE_4[i];
    return NULL;
}

const char *find_material(const settings_t *settings, const char *paper_name) {
    for (size_t i = 0; i < settings->n_materials; ++i) {
        const paper_row_t *row = find_paper_row(settings->materials[i]);
        if (row != NULL && strcmp(row->name, paper_name) == 0) return settings->materials[i];
    }
    return NULL;
}
