#include "collect/path/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

#define DEPTH_MAX 64 /* each has a descriptor open */

struct walk {
    dev_t device;
    uint64_t seen, max;
    const struct clock *clock;
    int64_t end_ns;
    struct walk_sum sum;
    struct err *err;
};

static int walk_folder(struct walk *w, int fd, unsigned depth);

static int walk_entry(struct walk *w, int folder, const char *name, unsigned depth)
{
    struct stat st;
    int fd;

    if (++w->seen > w->max)
        return err_set(w->err, ERR_LIMIT, "there are more than %llu files and folders",
                       (unsigned long long)w->max);
    if (w->seen % 256 == 0 && w->clock->mono_ns(w->clock) > w->end_ns)
        return err_set(w->err, ERR_TIMEOUT, "counting takes too long");
    if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* gone meanwhile */
    if (S_ISREG(st.st_mode)) {
        w->sum.files++;
        w->sum.bytes += (uint64_t)st.st_size;
    }
    if (!S_ISDIR(st.st_mode) || st.st_dev != w->device || depth >= DEPTH_MAX)
        return 0;
    fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? 0 : walk_folder(w, fd, depth + 1);
}

/* Takes fd over. */
static int walk_folder(struct walk *w, int fd, unsigned depth)
{
    DIR *d = fdopendir(fd);
    struct dirent *e;
    int rc = 0;

    if (!d) {
        (void)close(fd);
        return 0;
    }
    while (rc == 0 && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            rc = walk_entry(w, dirfd(d), e->d_name, depth);
    (void)closedir(d);
    return rc;
}

int walk_files(const char *path, uint64_t max, const struct clock *clock, int64_t end_ns,
               struct walk_sum *out, struct err *err)
{
    struct walk w = {.max = max, .clock = clock, .end_ns = end_ns, .err = err};
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return err_os(err, errno, "cannot open %s", path);
    if (fstat(fd, &st) < 0) {
        int os = errno;

        (void)close(fd);
        return err_os(err, os, "cannot look at %s", path);
    }
    w.device = st.st_dev;
    if (walk_folder(&w, fd, 0) < 0)
        return -1;
    *out = w.sum;
    return 0;
}
