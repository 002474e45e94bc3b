#include "reproduce.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void check(davegan_status_t status) {
    if (status == DAVEGAN_OK) return;
    fprintf(stderr, "reproduce: %s: %s\n", davegan_status_name(status), davegan_last_error());
    exit(1);
}

void fail(const char *what, const char *value) {
    fprintf(stderr, "reproduce: %s: %s\n", what, value);
    exit(1);
}

void *allocate(size_t count, size_t size) {
    void *memory = calloc(count > 0 ? count : 1, size);
    if (memory == NULL) fail("out of memory", "give fewer --samples or a smaller --count");
    return memory;
}

char *text_of(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *text = (char *)allocate((size_t)length + 1, 1);
    va_start(arguments, format);
    vsnprintf(text, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return text;
}

void make_directory(const char *path) {
    if (mkdir(path, 0777) == 0) return;
    const int reason = errno;
    struct stat found;
    if (reason == EEXIST && stat(path, &found) == 0 && S_ISDIR(found.st_mode)) return;
    fprintf(stderr, "reproduce: cannot create the directory %s: %s\n", path, strerror(reason));
    exit(1);
}

FILE *create_file(const settings_t *settings, const char *name) {
    char *path = text_of("%s/%s", settings->out_dir, name);
    FILE *file = fopen(path, "w");
    if (file == NULL) fail(strerror(errno), path);
    free(path);
    return file;
}

void close_file(FILE *file, const char *name) {
    const int failed = ferror(file);
    if (fclose(file) != 0 || failed) fail("cannot be written; is the disk full?", name);
}

void write_cell(FILE *table, double value) {
    if (isfinite(value)) fprintf(table, "\t%.6g", value);
    else fputc('\t', table);
}
