/* Preloaded into a process: kills it with SIGKILL at one of its writes to files, or has them fail.
 *
 *   KILL_AT=N     before the N-th call that changes a file, from 1 on
 *   KILL_CUT=1    a write that crosses the end of a page is made up to there before that
 *   KILL_AFTER=T  T microseconds after the first such call, whatever the process does then
 *   FAIL_AT=N     from the N-th such call on, those that need room fail with the error number FAIL_ERRNO
 *   KILL_LOG=FILE at a normal end: the number of such calls, and microseconds from the first one to the end
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static long calls;
static struct timespec first_call;

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static void *kill_later(void *unused) {
    (void)unused;
    usleep((useconds_t)number("KILL_AFTER"));
    kill(getpid(), SIGKILL);
    return NULL;
}

/* Counts a call, and says whether the process dies at it. */
static int is_last(void) {
    long call = __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
    if (call == 1) {
        pthread_t thread;
        clock_gettime(CLOCK_MONOTONIC, &first_call);
        if (getenv("KILL_AFTER")) pthread_create(&thread, NULL, kill_later, NULL);
    }
    return call == number("KILL_AT");
}

static void step(void) {
    if (is_last()) kill(getpid(), SIGKILL);
}

/* Whether the call that was counted last has to fail; sets errno. */
static int fails(void) {
    if (number("FAIL_AT") == 0 || calls < number("FAIL_AT")) return 0;
    errno = (int)number("FAIL_ERRNO");
    return 1;
}

static int is_file(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
}

__attribute__((destructor)) static void report(void) {
    const char *path = getenv("KILL_LOG");
    struct timespec now;
    FILE *log;
    if (!path) return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    log = fopen(path, "w");
    if (!log) return;
    fprintf(log, "%ld %ld\n", calls,
            calls ? (now.tv_sec - first_call.tv_sec) * 1000000 + (now.tv_nsec - first_call.tv_nsec) / 1000 : 0);
    fclose(log);
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at) {
    if (is_last()) {
        size_t to_page = 4096 - (size_t)(at % 4096);
        if (number("KILL_CUT") && n > to_page) REAL(pwrite64)(fd, bytes, to_page, at);
        kill(getpid(), SIGKILL);
    }
    if (fails()) return -1;
    return REAL(pwrite64)(fd, bytes, n, at);
}

ssize_t write(int fd, const void *bytes, size_t n) {
    if (is_file(fd)) {
        step();
        if (fails()) return -1;
    }
    return REAL(write)(fd, bytes, n);
}

int ftruncate64(int fd, off64_t length) {
    struct stat found;
    step();
    if (fstat(fd, &found) == 0 && length > found.st_size && fails()) return -1;
    return REAL(ftruncate64)(fd, length);
}

int fsync(int fd) { return step(), fails() ? -1 : REAL(fsync)(fd); }
int rename(const char *from, const char *to) { return step(), REAL(rename)(from, to); }
int unlink(const char *path) { return step(), REAL(unlink)(path); }
int link(const char *from, const char *to) { return step(), REAL(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    return step(), REAL(linkat)(a, from, b, to, flags);
}
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t n, unsigned flags) {
    return step(), fails() ? -1 : REAL(copy_file_range)(in, a, out, b, n, flags);
}

int open64(const char *path, int flags, ...) {
    va_list rest;
    mode_t mode;
    va_start(rest, flags);
    mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (flags & O_CREAT) {
        step();
        if (fails()) return -1;
    }
    return REAL(open64)(path, flags, mode);
}
