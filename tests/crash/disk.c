/* A disk that can be told to fail, and that can lose its cache. LD_PRELOAD this; it looks at files below DISK_FOLDER only.
 *
 * DISK_UNDO: a journal of what each write replaced, and of what each sync made safe. After a SIGKILL a test puts back what no
 * sync had covered: this is what a power cut does. A record is `struct record`, the path, then the octets that were replaced.
 * DISK_FAULT: while this file exists, writes fail with the error number that is in it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SYNC_MS 5 /* as on a busy disk: the wider is the gap between a write and its sync, the more a power cut finds there */

enum kind { REPLACED = 1, SYNCED = 2 };

struct record {
    uint64_t kind;
    uint64_t path;     /* octets of the path */
    uint64_t replaced; /* octets that follow the path */
    int64_t at;        /* REPLACED: where they were in the file; SYNCED: up to which place of the journal all is safe */
    int64_t size;      /* of the file before */
};

static int journal = -1;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_truncate)(int, off_t);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_open)(const char *, int, ...);

__attribute__((constructor)) static void begin(void)
{
    real_pwrite = (ssize_t (*)(int, const void *, size_t, off_t)) dlsym(RTLD_NEXT, "pwrite64");
    real_truncate = (int (*)(int, off_t)) dlsym(RTLD_NEXT, "ftruncate64");
    real_fsync = (int (*)(int)) dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    real_open = (int (*)(const char *, int, ...)) dlsym(RTLD_NEXT, "open64");
    if (getenv("DISK_UNDO"))
        journal = real_open(getenv("DISK_UNDO"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(const char *path)
{
    const char *folder = getenv("DISK_FOLDER");
    size_t length = strlen(path);

    /* The index of the log is memory that all processes share, and is made anew after a crash. */
    return folder && strncmp(path, folder, strlen(folder)) == 0 && !(length > 4 && strcmp(path + length - 4, "-shm") == 0);
}

static int path_of(int fd, char path[PATH_MAX])
{
    char link[64];
    ssize_t length;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_ours(path);
}

static int fault(void)
{
    const char *place = getenv("DISK_FAULT");
    char text[16] = "";
    int fd = place ? real_open(place, O_RDONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return 0;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = 0;
    close(fd);
    return atoi(text);
}

static void note(struct record head, const char *path, int fd)
{
    char *entry = malloc(sizeof head + head.path + head.replaced);

    if (!entry)
        abort();
    memcpy(entry, &head, sizeof head);
    memcpy(entry + sizeof head, path, head.path);
    if (head.replaced && pread(fd, entry + sizeof head + head.path, head.replaced, head.at) != (ssize_t) head.replaced)
        abort();
    if (write(journal, entry, sizeof head + head.path + head.replaced) < 0)
        abort();
    free(entry);
}

static void note_replaced(int fd, const char *path, off_t at, size_t count)
{
    struct stat now;
    size_t there;

    /* A file that is only written is no database. Never open it here: closing it would drop the locks of SQLite. */
    if (journal < 0 || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR)
        return;
    if (fstat(fd, &now))
        abort();
    there = at >= now.st_size ? 0 : (size_t) (now.st_size - at);
    note((struct record){REPLACED, strlen(path), count < there ? count : there, at, now.st_size}, path, fd);
}

ssize_t pwrite64(int fd, const void *data, size_t count, off_t at)
{
    char path[PATH_MAX];

    if (path_of(fd, path)) {
        if ((errno = fault()))
            return -1;
        note_replaced(fd, path, at, count);
    }
    return real_pwrite(fd, data, count, at);
}

int ftruncate64(int fd, off_t size)
{
    char path[PATH_MAX];

    if (path_of(fd, path)) {
        if ((errno = fault()))
            return -1;
        note_replaced(fd, path, size, SIZE_MAX);
    }
    return real_truncate(fd, size);
}

static int synced(int fd, int (*sync)(int))
{
    char path[PATH_MAX];
    int ours = path_of(fd, path), result;
    off_t end = journal < 0 ? 0 : lseek(journal, 0, SEEK_END); /* what is written while it syncs is not covered */

    if (ours && (errno = fault()))
        return -1;
    if (ours && journal >= 0)
        usleep(SYNC_MS * 1000);
    result = sync(fd);
    if (ours && result == 0 && journal >= 0)
        note((struct record){SYNCED, strlen(path), 0, end, 0}, path, fd);
    return result;
}

int fsync(int fd)
{
    return synced(fd, real_fsync);
}

int fdatasync(int fd)
{
    return synced(fd, real_fdatasync);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    mode_t mode;

    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
    if ((flags & O_ACCMODE) != O_RDONLY && is_ours(path) && fault() == EROFS) {
        errno = EROFS;
        return -1;
    }
    return real_open(path, flags, mode);
}
