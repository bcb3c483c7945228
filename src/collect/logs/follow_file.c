#include "collect/logs/follow_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"

int file_open(const char *path, struct stat *st)
{
    /* A FIFO must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd >= 0 && (fstat(fd, st) < 0 || !S_ISREG(st->st_mode))) {
        (void)close(fd);
        errno = EINVAL;
        return -1;
    }
    return fd;
}

size_t file_read(int fd, void *p, size_t n, uint64_t at)
{
    size_t got = 0;

    while (got < n) {
        ssize_t r = pread(fd, (char *)p + got, n - got, (off_t)(at + got));

        if (r < 0 && errno == EINTR) {
            errno = 0;
            continue;
        }
        if (r <= 0)
            break;
        got += (size_t)r;
    }
    return got;
}

void file_note_tail(struct follow_file *file)
{
    char tail[FILE_TAIL_MAX];
    size_t n = file->position < FILE_TAIL_MAX ? (size_t)file->position : FILE_TAIL_MAX;

    file->tail_bytes = (uint32_t)n; /* also of one that was emptied just now: then it is another */
    n = file_read(file->fd, tail, n, file->position - n);
    file->tail_crc = crc32c(0, tail, n);
    /* A hole is like any other, also the one that takes its place. */
    if (n && tail[0] == 0 && memcmp(tail, tail + 1, n - 1) == 0)
        file->tail_bytes = file->tail_crc = 0;
}

void file_pass(struct follow_file *file, const char *bytes, size_t n)
{
    file->position += n;
    if (n < FILE_TAIL_MAX || bytes[n - 1] == 0) {
        file_note_tail(file);
        return;
    }
    file->tail_bytes = FILE_TAIL_MAX;
    file->tail_crc = crc32c(0, bytes + n - FILE_TAIL_MAX, FILE_TAIL_MAX);
}

bool file_has_tail(int fd, const struct follow_file *file)
{
    char tail[FILE_TAIL_MAX];

    if (file->tail_bytes > FILE_TAIL_MAX || file->tail_bytes > file->position)
        return false;
    return file_read(fd, tail, file->tail_bytes, file->position - file->tail_bytes) ==
               file->tail_bytes &&
           crc32c(0, tail, file->tail_bytes) == file->tail_crc;
}

int64_t file_changed_ns(const struct stat *st)
{
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}
