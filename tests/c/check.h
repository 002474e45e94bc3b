/* Checks for the tests of the C interface: they say where, what was expected and what was found, and end the program.
 */
#ifndef CHECK_H
#define CHECK_H

#include <davegan.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* C and C++ builds of a test may run at once, so each writes files of its own; TEST_NAME comes from CMake. */
#define TEST_FILE(name) TEST_NAME "_" name

/* The kind of device that models are trained on and generate on: the one that DAVEGAN_TEST_DEVICE names (cpu, wgpu or
 * cuda), or else the processor. */
static inline int32_t test_device(void) {
    const char *name = getenv("DAVEGAN_TEST_DEVICE");
    if (name == NULL || strcmp(name, "cpu") == 0) return DAVEGAN_DEVICE_KIND_CPU;
    if (strcmp(name, "wgpu") == 0) return DAVEGAN_DEVICE_KIND_WGPU;
    if (strcmp(name, "cuda") == 0) return DAVEGAN_DEVICE_KIND_CUDA;
    fprintf(stderr, "DAVEGAN_TEST_DEVICE is %s; it must be cpu, wgpu or cuda\n", name);
    exit(1);
}

#define FAIL(...)                                       \
    do {                                                \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
        fprintf(stderr, __VA_ARGS__);                   \
        fprintf(stderr, "\n");                          \
        exit(1);                                        \
    } while (0)

#define CHECK(condition)                          \
    do {                                          \
        if (!(condition)) FAIL("%s", #condition); \
    } while (0)

#define CHECK_INT(expected, actual)                                                                      \
    do {                                                                                                 \
        const int64_t check_e = (int64_t)(expected), check_a = (int64_t)(actual);                        \
        if (check_e != check_a) FAIL("%s is %" PRId64 ", expected %" PRId64, #actual, check_a, check_e); \
    } while (0)

#define CHECK_NEAR(expected, actual, tolerance)                                                            \
    do {                                                                                                   \
        const double check_e = (expected), check_a = (actual);                                             \
        if (!(fabs(check_e - check_a) <= (tolerance)))                                                     \
            FAIL("%s is %.17g, expected %.17g within %g", #actual, check_a, check_e, (double)(tolerance)); \
    } while (0)

#define CHECK_TEXT(expected, actual)                                                                             \
    do {                                                                                                         \
        const char *check_a = (actual);                                                                          \
        if (strcmp((expected), check_a) != 0) FAIL("%s is \"%s\", expected \"%s\"", #actual, check_a, expected); \
    } while (0)

/* A call that succeeds. */
#define OK(call)                                                                                                  \
    do {                                                                                                          \
        const davegan_status_t check_s = (call);                                                                  \
        if (check_s != DAVEGAN_OK) FAIL("%s: %s: %s", #call, davegan_status_name(check_s), davegan_last_error()); \
    } while (0)

/* A call that fails with this status and a message that has this text in it. */
#define FAILS(status, text, call)                                                                           \
    do {                                                                                                    \
        const davegan_status_t check_s = (call);                                                            \
        if (check_s != (status))                                                                            \
            FAIL("%s: %s (%s), expected %s", #call, davegan_status_name(check_s),                           \
                 check_s == DAVEGAN_OK ? "no message" : davegan_last_error(), davegan_status_name(status)); \
        if (strstr(davegan_last_error(), (text)) == NULL)                                                   \
            FAIL("%s: the message \"%s\" does not mention \"%s\"", #call, davegan_last_error(), (text));    \
    } while (0)

static inline void *check_allocated(void *memory) {
    if (memory == NULL) FAIL("out of memory");
    return memory;
}

#define NEW_ARRAY(type, n) ((type *)check_allocated(calloc((size_t)(n), sizeof(type))))

#endif
