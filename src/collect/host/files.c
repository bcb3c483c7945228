#include "collect/host/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

#define FILES_FIRST_BYTES (32u << 10)
#define FILES_PAGE_BYTES  4096u /* the kernel writes tables in pieces of a page */

/* A file or directory kept open, found by its path. A few dozen: a walk is cheaper than a hash. */
struct kept {
    enum files_root root;
    const char *path; /* literal */
    int fd;
};

struct files {
    int roots[FILES_ROOTS];
    char *paths[FILES_ROOTS]; /* owned */
    struct kept *kept;        /* owned */
    size_t kept_n, kept_cap;
    char *buf; /* owned */
    size_t cap;
    int error;
    bool anew;
};

static int open_root(struct files *f, enum files_root root, const char *path, struct err *err)
{
    f->paths[root] = mem_strdup(path);
    f->roots[root] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (f->roots[root] < 0)
        return err_os(err, errno, "cannot open %s", path);
    return 0;
}

int files_new(const char *proc, const char *sys, const char *root, struct files **out,
              struct err *err)
{
    struct files *f = mem_new(struct files);

    for (int i = 0; i < FILES_ROOTS; i++)
        f->roots[i] = -1;
    if (open_root(f, FILES_PROC, proc, err) < 0 || open_root(f, FILES_SYS, sys, err) < 0 ||
        open_root(f, FILES_ROOT, root, err) < 0) {
        files_free(f);
        return -1;
    }
    f->cap = FILES_FIRST_BYTES;
    f->buf = mem_realloc(NULL, f->cap);
    *out = f;
    return 0;
}

void files_free(struct files *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->kept_n; i++) {
        if (f->kept[i].fd >= 0)
            (void)close(f->kept[i].fd);
    }
    for (int i = 0; i < FILES_ROOTS; i++) {
        if (f->roots[i] >= 0)
            (void)close(f->roots[i]);
        mem_free(f->paths[i]);
    }
    mem_free(f->kept);
    mem_free(f->buf);
    mem_free(f);
}

void files_open_anew(struct files *f)
{
    f->anew = true;
}

int files_errno(const struct files *f)
{
    return f->error;
}

const char *files_root_path(const struct files *f, enum files_root root)
{
    return f->paths[root];
}

int files_root_dir(const struct files *f, enum files_root root)
{
    return f->roots[root];
}

static enum files_result result_of(struct files *f, int error)
{
    f->error = error;
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENODEV:
    case ENXIO:
    case ENODATA:
    case ESRCH:
    case EOPNOTSUPP:
        return FILES_ABSENT;
    default:
        return FILES_FAILED;
    }
}

/* Reads all of fd from offset 0. A read that leaves room in the buffer ends the file when less than
 * a page came: a table's next line may only have been too long for the page. */
static enum files_result read_all(struct files *f, int fd, bool attribute, struct str *out)
{
    size_t n = 0;

    for (;;) {
        ssize_t got = pread(fd, f->buf + n, f->cap - n, (off_t)n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return result_of(f, errno);
        n += (size_t)got;
        if (got == 0 || (attribute && n < FILES_PAGE_BYTES))
            break;
        if (n < f->cap)
            continue;
        if (f->cap >= FILES_BYTES_MAX)
            return result_of(f, EFBIG);
        f->cap *= 2;
        f->buf = mem_realloc(f->buf, f->cap);
    }
    *out = (struct str){f->buf, n};
    return FILES_READ;
}

static struct kept *kept_of(struct files *f, enum files_root root, const char *path)
{
    for (size_t i = 0; i < f->kept_n; i++) {
        if (f->kept[i].root != root || strcmp(f->kept[i].path, path) != 0)
            continue;
        if (f->anew && f->kept[i].fd >= 0) {
            (void)close(f->kept[i].fd);
            f->kept[i].fd = -1;
        }
        return &f->kept[i];
    }
    f->kept = mem_grow(f->kept, &f->kept_cap, f->kept_n + 1, sizeof *f->kept);
    f->kept[f->kept_n] = (struct kept){root, path, -1};
    return &f->kept[f->kept_n++];
}

enum files_result files_read(struct files *f, enum files_root root, const char *path,
                             struct str *out)
{
    struct kept *k = kept_of(f, root, path);
    enum files_result result;

    if (k->fd < 0)
        k->fd = openat(f->roots[root], path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (k->fd < 0)
        return result_of(f, errno);
    result = read_all(f, k->fd, false, out);
    if (result != FILES_READ) { /* perhaps another file by now: open it anew next time */
        (void)close(k->fd);
        k->fd = -1;
    }
    return result;
}

enum files_result files_read_at(struct files *f, int dir, const char *path, struct str *out)
{
    int fd = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    enum files_result result;

    if (fd < 0)
        return result_of(f, errno);
    result = read_all(f, fd, true, out);
    (void)close(fd);
    return result;
}

bool files_mtime(int dir, const char *path, double *out)
{
    struct stat st;

    if (fstatat(dir, path, &st, 0) < 0)
        return false;
    *out = (double)st.st_mtim.tv_sec + (double)st.st_mtim.tv_nsec / 1e9;
    return true;
}

int files_dir(struct files *f, enum files_root root, const char *path)
{
    struct kept *k = kept_of(f, root, path);

    if (k->fd < 0)
        k->fd = files_open_dir(f->roots[root], path);
    return k->fd;
}

int files_open_dir(int dir, const char *path)
{
    return openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The record of getdents64(2); glibc has no name for it. */
struct dirent_record {
    uint64_t ino;
    int64_t offset;
    unsigned short bytes;
    unsigned char type;
    char name[];
};

int files_list(struct files *f, int dir, struct arena *a, struct files_entry **out, size_t *n,
               struct err *err)
{
    void *entries = NULL;
    size_t cap = 0, found = 0;
    long got;

    if (lseek(dir, 0, SEEK_SET) < 0)
        return err_os(err, errno, "cannot list a folder");
    while ((got = syscall(SYS_getdents64, dir, f->buf, f->cap)) > 0) {
        for (long at = 0; at < got;) {
            const struct dirent_record *d = (const void *)(f->buf + at);
            struct files_entry *e;

            at += d->bytes;
            if (d->name[0] == '.' && (!d->name[1] || (d->name[1] == '.' && !d->name[2])))
                continue;
            if (arena_grow(a, &entries, &cap, found + 1, sizeof *e, err) < 0)
                return -1;
            e = &((struct files_entry *)entries)[found++];
            e->regular = d->type == DT_REG;
            e->inode = d->ino;
            e->name = arena_cstr(a, str_c(d->name), err);
            if (!e->name)
                return -1;
        }
    }
    if (got < 0)
        return err_os(err, errno, "cannot list a folder");
    *out = entries;
    *n = found;
    return 0;
}

struct str files_real_path(int dir, char *out, size_t size)
{
    char link[48];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir);
    n = readlink(link, out, size);
    if (n <= 0 || (size_t)n >= size || out[0] != '/')
        return STR("");
    return (struct str){out, (size_t)n};
}
