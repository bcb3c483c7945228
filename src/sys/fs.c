#include "sys/fs.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"

/* The longest single write asked of the kernel: it takes no more than 2 GiB at once. */
#define WRITE_BYTES_MAX (1u << 30)

struct real_fs {
    struct fs fs; /* first: cast from struct fs */
    int dir;
    int lock; /* -1: read-only, nothing locked */
    bool read_only;
};

struct fs_file {
    const struct fs *fs; /* for messages */
    int fd;
    char name[]; /* owned */
};

static struct real_fs *real_of(struct fs *fs)
{
    return (struct real_fs *)fs;
}

/* "" is the directory itself. */
static const char *folder_path(const char *folder)
{
    return folder[0] ? folder : ".";
}

static int refuse_write(const struct fs *fs, const char *name, struct err *err)
{
    return err_os(err, EROFS, "%s/%s: the data directory was opened for reading only", fs->root,
                  name);
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd); /* a failed close says nothing that datasync did not */
    *fd = -1;
}

static int open_file(struct fs *fs, const char *name, int flags, struct fs_file **out,
                     struct err *err)
{
    struct fs_file *f;
    size_t name_bytes = strlen(name) + 1;
    int fd;

    do
        fd = openat(real_of(fs)->dir, name, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return err_os(err, errno, "cannot open %s/%s", fs->root, name);
    f = mem_zalloc(sizeof *f + name_bytes);
    f->fs = fs;
    f->fd = fd;
    memcpy(f->name, name, name_bytes);
    *out = f;
    return 0;
}

static int real_create(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    if (real_of(fs)->read_only)
        return refuse_write(fs, name, err);
    return open_file(fs, name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, out, err);
}

static int real_open_read(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    return open_file(fs, name, O_RDONLY, out, err);
}

static int real_open_append(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    if (real_of(fs)->read_only)
        return refuse_write(fs, name, err);
    return open_file(fs, name, O_RDWR | O_CREAT | O_APPEND, out, err);
}

static void real_close(struct fs_file *f)
{
    if (!f)
        return;
    close_fd(&f->fd);
    mem_free(f);
}

static int real_append(struct fs_file *f, const void *p, size_t n, struct err *err)
{
    const char *at = p;

    while (n) {
        ssize_t wrote = write(f->fd, at, n < WRITE_BYTES_MAX ? n : WRITE_BYTES_MAX);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return err_os(err, errno, "cannot write to %s/%s", f->fs->root, f->name);
        at += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static int real_pread(struct fs_file *f, uint64_t offset, void *p, size_t n, size_t *got,
                      struct err *err)
{
    size_t done = 0;

    while (done < n) {
        ssize_t took;

        if (offset + done > INT64_MAX)
            break; /* past any file's end */
        took = pread(f->fd, (char *)p + done, n - done, (off_t)(offset + done));
        if (took < 0 && errno == EINTR)
            continue;
        if (took < 0)
            return err_os(err, errno, "cannot read %s/%s at offset %llu", f->fs->root, f->name,
                          (unsigned long long)(offset + done));
        if (!took)
            break;
        done += (size_t)took;
    }
    *got = done;
    return 0;
}

static int real_datasync(struct fs_file *f, struct err *err)
{
    int r;

    do
        r = fdatasync(f->fd);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_os(err, errno, "cannot sync %s/%s", f->fs->root, f->name);
    return 0;
}

static int real_truncate(struct fs_file *f, uint64_t bytes, struct err *err)
{
    int r;

    do
        r = ftruncate(f->fd, (off_t)bytes);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_os(err, errno, "cannot cut %s/%s to %llu bytes", f->fs->root, f->name,
                      (unsigned long long)bytes);
    return 0;
}

static int real_size(struct fs_file *f, uint64_t *out, struct err *err)
{
    struct stat st;

    if (fstat(f->fd, &st) < 0)
        return err_os(err, errno, "cannot stat %s/%s", f->fs->root, f->name);
    *out = (uint64_t)st.st_size;
    return 0;
}

static int real_rename(struct fs *fs, const char *from, const char *to, struct err *err)
{
    int dir = real_of(fs)->dir;

    if (real_of(fs)->read_only)
        return refuse_write(fs, to, err);
    if (renameat(dir, from, dir, to) < 0)
        return err_os(err, errno, "cannot rename %s/%s to %s", fs->root, from, to);
    return 0;
}

static int real_unlink(struct fs *fs, const char *name, struct err *err)
{
    if (real_of(fs)->read_only)
        return refuse_write(fs, name, err);
    if (unlinkat(real_of(fs)->dir, name, 0) < 0 && errno != ENOENT)
        return err_os(err, errno, "cannot delete %s/%s", fs->root, name);
    return 0;
}

static int real_link(struct fs *fs, const char *from, const char *to, struct err *err)
{
    int dir = real_of(fs)->dir;

    if (real_of(fs)->read_only)
        return refuse_write(fs, to, err);
    if (linkat(dir, from, dir, to, 0) < 0)
        return err_os(err, errno, "cannot link %s/%s to %s", fs->root, from, to);
    return 0;
}

static int real_mkdir(struct fs *fs, const char *name, struct err *err)
{
    struct stat st;

    if (real_of(fs)->read_only)
        return refuse_write(fs, name, err);
    if (mkdirat(real_of(fs)->dir, name, 0700) == 0)
        return 0;
    if (errno == EEXIST && fstatat(real_of(fs)->dir, name, &st, 0) == 0 && S_ISDIR(st.st_mode))
        return 0;
    return err_os(err, errno, "cannot make the folder %s/%s", fs->root, name);
}

static int real_rmdir(struct fs *fs, const char *name, struct err *err)
{
    if (real_of(fs)->read_only)
        return refuse_write(fs, name, err);
    if (unlinkat(real_of(fs)->dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        return err_os(err, errno, "cannot delete the folder %s/%s", fs->root, name);
    return 0;
}

static void closedirp(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fs_entry *)a)->name, ((const struct fs_entry *)b)->name);
}

/* 1: added or not worth adding; the entry may have gone between readdir and stat. */
static int add_entry(struct fs *fs, int dir, const char *name, struct arena *a,
                     struct fs_entry **entries, size_t *n, size_t *cap, struct err *err)
{
    struct stat st;
    char *copy;

    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return 0;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return 0;
        return err_os(err, errno, "cannot stat %s in %s", name, fs->root);
    }
    copy = arena_cstr(a, str_c(name), err);
    if (!copy || arena_grow(a, (void **)entries, cap, *n + 1, sizeof **entries, err) < 0)
        return -1;
    (*entries)[(*n)++] = (struct fs_entry){
        .name = copy,
        .bytes = (uint64_t)st.st_size,
        .mtime_s = st.st_mtime,
        .folder = S_ISDIR(st.st_mode),
    };
    return 0;
}

static int real_list(struct fs *fs, const char *folder, struct arena *a, struct fs_entry **out,
                     size_t *n_out, struct err *err)
{
    SCOPED(closedirp) DIR *d = NULL;
    struct fs_entry *entries = NULL;
    size_t n = 0, cap = 0;
    int fd;

    fd = openat(real_of(fs)->dir, folder_path(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        *out = NULL;
        *n_out = 0;
        return 0;
    }
    d = fd < 0 ? NULL : fdopendir(fd); /* closedir's from here on */
    if (!d) {
        (void)err_os(err, errno, "cannot list %s/%s", fs->root, folder);
        close_fd(&fd);
        return -1;
    }
    for (;;) {
        struct dirent *e;

        errno = 0;
        e = readdir(d);
        if (!e && errno)
            return err_os(err, errno, "cannot list %s/%s", fs->root, folder);
        if (!e)
            break;
        if (add_entry(fs, dirfd(d), e->d_name, a, &entries, &n, &cap, err) < 0)
            return -1;
    }
    if (n)
        qsort(entries, n, sizeof *entries, by_name);
    *out = entries;
    *n_out = n;
    return 0;
}

static int real_sync_dir(struct fs *fs, const char *folder, struct err *err)
{
    SCOPED(close_fd) int fd = -1;
    int r;

    fd = openat(real_of(fs)->dir, folder_path(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_os(err, errno, "cannot open the folder %s/%s", fs->root, folder);
    do
        r = fsync(fd);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_os(err, errno, "cannot sync the folder %s/%s", fs->root, folder);
    return 0;
}

static int real_space(struct fs *fs, struct fs_space *out, struct err *err)
{
    struct statvfs st;
    int r;

    do
        r = fstatvfs(real_of(fs)->dir, &st);
    while (r < 0 && errno == EINTR);
    if (r < 0)
        return err_os(err, errno, "cannot ask for the free space of %s", fs->root);
    out->total_bytes = (uint64_t)st.f_blocks * st.f_frsize;
    out->free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
    return 0;
}

static void real_free(struct fs *fs)
{
    struct real_fs *real = real_of(fs);

    close_fd(&real->lock); /* releases it; the file stays, or two processes could lock two files */
    close_fd(&real->dir);
    mem_free(real);
}

static const struct fs_ops real_ops = {
    .create = real_create,
    .open_read = real_open_read,
    .open_append = real_open_append,
    .close = real_close,
    .append = real_append,
    .pread = real_pread,
    .datasync = real_datasync,
    .truncate = real_truncate,
    .size = real_size,
    .rename = real_rename,
    .unlink = real_unlink,
    .link = real_link,
    .mkdir = real_mkdir,
    .rmdir = real_rmdir,
    .list = real_list,
    .sync_dir = real_sync_dir,
    .space = real_space,
    .free = real_free,
};

static const char *user_name(uid_t uid, char out[64])
{
    struct passwd entry, *found = NULL;
    char text[1024];

    if (getpwuid_r(uid, &entry, text, sizeof text, &found) == 0 && found)
        (void)snprintf(out, 64, "%s", entry.pw_name);
    else
        (void)snprintf(out, 64, "uid %u", (unsigned)uid);
    return out;
}

/* Says why the directory cannot be used, in words that tell how to mend it. */
static int refuse_dir(const char *path, int os, struct err *err)
{
    struct stat st;
    char owner[64], us[64];

    if (os == ENOTDIR || (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)))
        return err_set(err, ERR_OS, "%s is not a directory: name another one with --data", path);
    if (os == EROFS)
        return err_os(err, os,
                      "the data directory %s is read-only: mount it writable, or name "
                      "another one with --data",
                      path);
    if ((os == EACCES || os == EPERM) && stat(path, &st) == 0 && st.st_uid != geteuid())
        return err_os(err, os,
                      "the data directory %s belongs to %s and this process runs as %s: run it as "
                      "%s, or give the directory away with chown -R",
                      path, user_name(st.st_uid, owner), user_name(geteuid(), us), owner);
    return err_os(err, os, "cannot use the data directory %s", path);
}

static int refuse_lock(int lock, const char *path, struct err *err)
{
    char text[32];
    ssize_t n = pread(lock, text, sizeof text - 1, 0);
    char *end;
    long pid;

    text[n > 0 ? n : 0] = '\0';
    pid = strtol(text, &end, 10);
    if (end == text || pid <= 0)
        return err_set(err, ERR_OS, "the data directory %s is in use by another process", path);
    return err_set(err, ERR_OS,
                   "the data directory %s is in use by pid %ld: stop that process, or name another "
                   "directory with --data",
                   path, pid);
}

/* The lock lives as long as the open descriptor, so kill -9 leaves none behind. */
static int lock_dir(struct real_fs *real, const char *path, struct err *err)
{
    char pid[32];
    int n, r;

    real->lock = openat(real->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (real->lock < 0)
        return refuse_dir(path, errno, err);
    do
        r = flock(real->lock, LOCK_EX | LOCK_NB);
    while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EWOULDBLOCK)
        return refuse_lock(real->lock, path, err);
    if (r < 0)
        return err_os(err, errno, "cannot lock the data directory %s", path);
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* Only for the message of whoever comes second: a full disk must not keep us from starting. */
    if (pwrite(real->lock, pid, (size_t)n, 0) == n)
        (void)!ftruncate(real->lock, n);
    return 0;
}

/* A new directory is durable only when its parent is synced. */
static void sync_parent(const char *path)
{
    char parent[PATH_MAX];
    SCOPED(close_fd) int fd = -1;

    if (snprintf(parent, sizeof parent, "%s/..", path) >= (int)sizeof parent)
        return;
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)fsync(fd); /* we may lack the right; the system syncs it in time */
}

static void real_freep(struct real_fs **real)
{
    if (*real)
        real_free(&(*real)->fs);
}

int fs_open_dir(const char *path, bool read_only, struct fs **out, struct err *err)
{
    SCOPED(real_freep) struct real_fs *real = mem_new(struct real_fs);

    real->fs.ops = &real_ops;
    real->dir = real->lock = -1;
    real->read_only = read_only;
    if (strlen(path) >= sizeof real->fs.root)
        return err_set(err, ERR_LIMIT, "the path of the data directory is longer than %zu bytes",
                       sizeof real->fs.root - 1);
    (void)snprintf(real->fs.root, sizeof real->fs.root, "%s", path);
    if (!read_only) {
        if (mkdir(path, 0700) == 0)
            sync_parent(path);
        else if (errno != EEXIST && errno != EROFS && errno != EACCES)
            return err_os(err, errno, "cannot make the data directory %s", path);
    }
    real->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (real->dir < 0)
        return refuse_dir(path, errno, err);
    if (!read_only && lock_dir(real, path, err) < 0)
        return -1;
    *out = &take(real)->fs;
    return 0;
}

void fs_free(struct fs *fs)
{
    if (fs)
        fs->ops->free(fs);
}
