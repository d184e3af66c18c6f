/* A slow disk for any program: LD_PRELOAD this, and each fsync and fdatasync sleeps SLOW_MS after it is done. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <time.h>

#ifndef SLOW_MS
#define SLOW_MS 8 /* a sync on a busy disk, or on one across a network */
#endif

static void dawdle(void)
{
    int kept = errno;
    struct timespec rest = {0, SLOW_MS * 1000000L};

    while (nanosleep(&rest, &rest) == -1 && errno == EINTR)
        ;
    errno = kept;
}

static int slowly(const char *name, int fd)
{
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    int result = real(fd);

    dawdle();
    return result;
}

int fsync(int fd)
{
    return slowly("fsync", fd);
}

int fdatasync(int fd)
{
    return slowly("fdatasync", fd);
}
