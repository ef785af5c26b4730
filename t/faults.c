/*
 * A library for the tests.  A process that preloads it has a C library that fails on request.
 *
 * The test and the process share the file that FAULTS names.  All its fields are 64-bit numbers:
 *
 *     fail     the number of the allocation that fails, from 1; 0: none
 *     count    how many allocations nginx and the module have made
 *     full     1: writes to files below a directory called "client_body" find the disk full
 *     hits     how many calls have failed
 *     always   1: all later allocations fail, too
 *     pid      the process in which allocations are counted and fail; 0: all
 *     clock    seconds that the clock is ahead (signed)
 */

#define _GNU_SOURCE

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>


typedef struct {
    volatile uint64_t  fail;
    volatile uint64_t  count;
    volatile uint64_t  full;
    volatile uint64_t  hits;
    volatile uint64_t  always;
    volatile uint64_t  pid;
    volatile int64_t   clock;
} faults_t;


typedef struct {
    uintptr_t  start;
    uintptr_t  end;
} range_t;


static faults_t  *faults;
/* The code of nginx and of the module.  Allocations by other libraries do not count. */
static range_t    ranges[8];
static int        nranges;


static int
add_range(struct dl_phdr_info *info, size_t size, void *data)
{
    int  i;

    (void) size;
    (void) data;

    if (info->dlpi_name[0] != '\0'
        && strstr(info->dlpi_name, "ngx_http_frappe_module") == NULL)
    {
        return 0;
    }

    for (i = 0; i < info->dlpi_phnum && nranges < 8; i++) {
        const ElfW(Phdr)  *header = &info->dlpi_phdr[i];

        if (header->p_type == PT_LOAD && (header->p_flags & PF_X)) {
            ranges[nranges].start = info->dlpi_addr + header->p_vaddr;
            ranges[nranges].end = ranges[nranges].start + header->p_memsz;
            nranges++;
        }
    }

    return 0;
}


static int
is_ours(void *caller)
{
    static uint64_t  looked;
    uintptr_t        address = (uintptr_t) caller;
    int              i;

    /* nginx loads the module while it reads the configuration. */
    if (nranges < 2 && looked++ % 16 == 0) {
        nranges = 0;
        dl_iterate_phdr(add_range, NULL);
    }

    for (i = 0; i < nranges; i++) {
        if (address >= ranges[i].start && address < ranges[i].end) {
            return 1;
        }
    }

    return 0;
}


static int
fails(void *caller)
{
    uint64_t  count;

    if (faults == NULL || faults->fail == 0
        || (faults->pid != 0 && faults->pid != (uint64_t) getpid())
        || !is_ours(caller))
    {
        return 0;
    }

    count = __sync_add_and_fetch(&faults->count, 1);

    if (count != faults->fail && !(faults->always && count > faults->fail)) {
        return 0;
    }

    __sync_add_and_fetch(&faults->hits, 1);
    errno = ENOMEM;

    return 1;
}


extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);


void *
malloc(size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}


void *
calloc(size_t n, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size);
}


void *
realloc(void *p, size_t size)
{
    return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(p, size);
}


int
posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (fails(__builtin_return_address(0))) {
        return ENOMEM;
    }

    *memory = __libc_memalign(alignment, size);

    return *memory == NULL ? ENOMEM : 0;
}


static int
is_full(int fd)
{
    char     link[64], path[4096];
    ssize_t  n;

    if (faults == NULL || faults->full == 0) {
        return 0;
    }

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof(path) - 1);
    if (n < 0) {
        return 0;
    }

    path[n] = '\0';
    if (strstr(path, "/client_body/") == NULL) {
        return 0;
    }

    __sync_add_and_fetch(&faults->hits, 1);
    errno = ENOSPC;

    return 1;
}


ssize_t
pwrite(int fd, const void *data, size_t size, off_t offset)
{
    static ssize_t (*next)(int, const void *, size_t, off_t);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "pwrite");
    }

    return is_full(fd) ? -1 : next(fd, data, size, offset);
}


ssize_t
pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    static ssize_t (*next)(int, const void *, size_t, off64_t);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "pwrite64");
    }

    return is_full(fd) ? -1 : next(fd, data, size, offset);
}


ssize_t
pwritev(int fd, const struct iovec *data, int n, off_t offset)
{
    static ssize_t (*next)(int, const struct iovec *, int, off_t);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "pwritev");
    }

    return is_full(fd) ? -1 : next(fd, data, n, offset);
}


ssize_t
pwritev64(int fd, const struct iovec *data, int n, off64_t offset)
{
    static ssize_t (*next)(int, const struct iovec *, int, off64_t);

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "pwritev64");
    }

    return is_full(fd) ? -1 : next(fd, data, n, offset);
}


int
clock_gettime(clockid_t clock, struct timespec *now)
{
    static int (*next)(clockid_t, struct timespec *);
    int          rc;

    if (next == NULL) {
        next = dlsym(RTLD_NEXT, "clock_gettime");
    }

    rc = next(clock, now);

    if (rc == 0 && faults != NULL
        && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    {
        now->tv_sec += faults->clock;
    }

    return rc;
}


int
gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec  time;

    (void) zone;

    if (clock_gettime(CLOCK_REALTIME, &time) != 0) {
        return -1;
    }

    now->tv_sec = time.tv_sec;
    now->tv_usec = time.tv_nsec / 1000;

    return 0;
}


time_t
time(time_t *now)
{
    struct timespec  found;

    if (clock_gettime(CLOCK_REALTIME, &found) != 0) {
        return -1;
    }

    if (now != NULL) {
        *now = found.tv_sec;
    }

    return found.tv_sec;
}


__attribute__((constructor))
static void
start(void)
{
    const char  *name = getenv("FAULTS");
    int          fd;
    void        *memory;

    fd = name ? open(name, O_RDWR) : -1;
    if (fd == -1) {
        return;
    }

    memory = mmap(NULL, sizeof(faults_t), PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);

    if (memory != MAP_FAILED) {
        faults = memory;
    }
}
