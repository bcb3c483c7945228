#include "collect/json/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define CHUNK_BYTES 32768

void lines_init(struct lines *l, const char *path)
{
    *l = (struct lines){.path = path, .fd = -1};
    buf_init(&l->part, LINES_LINE_MAX);
}

static void close_file(struct lines *l)
{
    if (l->fd >= 0)
        (void)close(l->fd);
    l->fd = -1;
    buf_reset(&l->part);
    l->skips = false;
}

void lines_fini(struct lines *l)
{
    close_file(l);
    buf_fini(&l->part);
}

/* A pipe or a device would wait for a writer. */
static int open_file(struct lines *l, struct err *err)
{
    int fd = open(l->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;

    if (fd < 0)
        return err_os(err, errno, "cannot open %.200s", l->path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        (void)close(fd);
        return err_set(err, ERR_TYPE, "%.200s is no regular file", l->path);
    }
    l->fd = fd;
    l->device = st.st_dev;
    l->inode = st.st_ino;
    l->offset = 0;
    if (!l->opened && st.st_size > LINES_READ_MAX) {
        l->offset = st.st_size - LINES_READ_MAX;
        l->skips = true;
    }
    l->opened = true;
    return 0;
}

/* Keeps what fits of a line that goes on. */
static void keep_part(struct lines *l, struct str text)
{
    if (l->skips)
        return;
    buf_add(&l->part, text);
    if (!l->part.overflowed)
        return;
    l->too_long++;
    l->skips = true;
    buf_reset(&l->part);
}

static int take_line(struct lines *l, struct str text,
                     int (*line)(void *arg, struct str text, struct err *err), void *arg,
                     struct err *err)
{
    int rc = 0;

    if (l->part.n) {
        keep_part(l, text);
        text = buf_str(&l->part);
    }
    if (!l->skips)
        rc = line(arg, text, err);
    l->skips = false;
    buf_reset(&l->part);
    return rc;
}

/* Up to the end or `max` bytes. */
static int read_on(struct lines *l, int64_t max,
                   int (*line)(void *arg, struct str text, struct err *err), void *arg,
                   struct err *err)
{
    char chunk[CHUNK_BYTES];
    ssize_t n = 1;

    while (max > 0 && n > 0) {
        size_t want = max < CHUNK_BYTES ? (size_t)max : CHUNK_BYTES;
        struct str left;

        n = pread(l->fd, chunk, want, l->offset);
        if (n < 0)
            return err_os(err, errno, "cannot read %.200s", l->path);
        l->offset += n;
        max -= n;
        left = (struct str){chunk, (size_t)n};
        while (left.n && memchr(left.p, '\n', left.n))
            if (take_line(l, str_split(&left, '\n'), line, arg, err) < 0)
                return -1;
        if (left.n)
            keep_part(l, left);
    }
    return 0;
}

/* Is there another file under the name, or was this one cut? */
static bool is_replaced(const struct lines *l)
{
    struct stat there, ours;

    if (fstat(l->fd, &ours) < 0 || ours.st_size < l->offset)
        return true;
    return stat(l->path, &there) == 0 && (there.st_dev != l->device || there.st_ino != l->inode);
}

/* Nobody writes there any more. What was read in this call counts first. */
static int check_there(const struct lines *l, bool read, struct err *err)
{
    struct stat there;

    if (read || stat(l->path, &there) == 0 || errno != ENOENT)
        return 0;
    return err_os(err, errno, "%.200s is gone", l->path);
}

int lines_read(struct lines *l, int (*line)(void *arg, struct str text, struct err *err), void *arg,
               struct err *err)
{
    int64_t max = LINES_READ_MAX, from;

    for (int files = 0; files < 2; files++) {
        if (l->fd < 0 && open_file(l, err) < 0)
            return -1;
        from = l->offset;
        if (read_on(l, max, line, arg, err) < 0)
            return -1;
        max -= l->offset - from;
        if (max <= 0 || !is_replaced(l))
            return check_there(l, l->offset != from, err);
        if (l->part.n && take_line(l, STR(""), line, arg, err) < 0) /* nothing is added to it */
            return -1;
        close_file(l);
    }
    return 0;
}
