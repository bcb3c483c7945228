/* Two pictures of the disk are kept: what programs see (`now`) and what a power cut would leave at
 * the least (`safe`), with the operations on names that lie between them in order (`pending`).
 * Inodes are freed with the file system, so that names, pending operations and handles may all
 * point to one. */
#include "sys/fs_fault.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

#define SECTOR_BYTES 512u

struct inode {
    struct inode *next;
    struct buf now, safe; /* owned */
    size_t same;          /* this many first bytes of both agree */
    bool folder;
};

struct name {
    char *path; /* owned */
    struct inode *inode;
};

struct names {
    struct name *v; /* owned */
    size_t n, cap;
};

/* One change of names: `gone` disappears, `there` is set to the inode; either may be NULL. What is
 * in a folder goes along. */
struct change {
    char *gone, *there; /* owned */
    struct inode *inode;
};

struct fault_fs {
    struct fs fs;         /* first: cast from struct fs */
    pthread_mutex_t lock; /* guards: everything below */
    struct inode *inodes; /* owned */
    struct names now, safe;
    struct change *pending; /* owned */
    size_t pending_n, pending_cap;
    uint64_t calls[FS_CALLS + 1];
    uint64_t capacity;
    uint64_t boots; /* power cuts so far: a handle of an earlier boot is dead */
    bool power_off, armed, fired;
    enum fs_call arm_call;
    enum fs_fault arm_fault;
    uint64_t arm_at; /* value of calls[arm_call] */
    int arm_os;
};

struct fs_file {
    struct fault_fs *fault;
    struct inode *inode;
    uint64_t boot;
    bool writable;
    char name[]; /* owned */
};

static struct fault_fs *fault_of(const struct fs *fs)
{
    return (struct fault_fs *)fs;
}

static void unlockp(pthread_mutex_t **lock)
{
    (void)pthread_mutex_unlock(*lock);
}

#define LOCKED(fault)                                                                              \
    SCOPED(unlockp) UNUSED pthread_mutex_t *locked_ = &(fault)->lock;                              \
    (void)pthread_mutex_lock(locked_)

/* ---- names ---- */

static struct name *names_find(struct names *names, const char *path)
{
    for (size_t i = 0; i < names->n; i++)
        if (strcmp(names->v[i].path, path) == 0)
            return &names->v[i];
    return NULL;
}

static void names_set(struct names *names, const char *path, struct inode *inode)
{
    struct name *found = names_find(names, path);

    if (found) {
        found->inode = inode;
        return;
    }
    names->v = mem_grow(names->v, &names->cap, names->n + 1, sizeof *names->v);
    names->v[names->n++] = (struct name){mem_strdup(path), inode};
}

static void names_remove(struct names *names, const char *path)
{
    struct name *found = names_find(names, path);

    if (!found)
        return;
    mem_free(found->path);
    *found = names->v[--names->n];
}

static void names_fini(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        mem_free(names->v[i].path);
    mem_free(names->v);
    *names = (struct names){0};
}

/* Names in a folder that is renamed. */
static void names_move(struct names *names, const char *from, const char *to)
{
    size_t n = strlen(from);

    for (size_t i = 0; i < names->n; i++) {
        struct name *name = &names->v[i];
        struct buf path = {0};

        if (strncmp(name->path, from, n) != 0 || name->path[n] != '/')
            continue;
        buf_addf(&path, "%s%s", to, name->path + n);
        mem_free(name->path);
        name->path = mem_strdup(path.p);
        buf_fini(&path);
    }
}

static void change_apply(const struct change *c, struct names *names)
{
    if (c->gone && c->there && c->inode->folder)
        names_move(names, c->gone, c->there);
    if (c->gone)
        names_remove(names, c->gone);
    if (c->there)
        names_set(names, c->there, c->inode);
}

static void change_fini(struct change *c)
{
    mem_free(c->gone);
    mem_free(c->there);
}

static void change(struct fault_fs *fault, const char *gone, const char *there, struct inode *inode)
{
    struct change c = {gone ? mem_strdup(gone) : NULL, there ? mem_strdup(there) : NULL, inode};

    change_apply(&c, &fault->now);
    fault->pending =
        mem_grow(fault->pending, &fault->pending_cap, fault->pending_n + 1, sizeof *fault->pending);
    fault->pending[fault->pending_n++] = c;
}

/* Is `path` directly in `folder` ("" is the root)? */
static bool is_in(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    if (!path || strncmp(path, folder, n) != 0)
        return false;
    if (n && path[n] != '/')
        return false;
    return !strchr(path + n + (n ? 1 : 0), '/');
}

static bool has_parent(struct fault_fs *fault, const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[256];
    struct name *found;

    if (!slash)
        return true;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
    found = names_find(&fault->now, folder);
    return found && found->inode->folder;
}

static struct inode *inode_new(struct fault_fs *fault, bool folder)
{
    struct inode *inode = mem_new(struct inode);

    buf_init(&inode->now, 0);
    buf_init(&inode->safe, 0);
    inode->folder = folder;
    inode->next = fault->inodes;
    fault->inodes = inode;
    return inode;
}

/* ---- faults ---- */

enum outcome { GO_ON, FAIL, HALF };

/* Counts the call and says what becomes of it; fills err for FAIL and HALF. */
static enum outcome called(struct fault_fs *fault, enum fs_call call, const char *name,
                           struct err *err)
{
    bool now;

    fault->calls[call]++;
    fault->calls[FS_ANY]++;
    if (fault->power_off) {
        (void)err_os(err, EIO, "%s/%s: the power is off", fault->fs.root, name);
        return FAIL;
    }
    if (!fault->armed || (fault->arm_call != call && fault->arm_call != FS_ANY))
        return GO_ON;
    now = fault->calls[fault->arm_call] == fault->arm_at;
    if (!now &&
        !(fault->arm_fault == FS_FAIL_FROM && fault->calls[fault->arm_call] > fault->arm_at))
        return GO_ON;
    fault->fired = true;
    (void)err_os(err, fault->arm_os, "%s/%s: injected", fault->fs.root, name);
    if (fault->arm_fault == FS_POWER_OFF) {
        fault->power_off = true;
        return HALF;
    }
    return fault->arm_fault == FS_SHORT ? HALF : FAIL;
}

static int dead(const struct fs_file *f, struct err *err)
{
    if (f->boot == f->fault->boots)
        return 0;
    return err_os(err, EIO, "%s/%s: the power was cut", f->fault->fs.root, f->name);
}

static uint64_t used_bytes(const struct fault_fs *fault)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < fault->now.n; i++)
        sum += fault->now.v[i].inode->now.n;
    return sum;
}

/* ---- the operations ---- */

static int handle(struct fault_fs *fault, const char *name, struct inode *inode, bool writable,
                  struct fs_file **out)
{
    size_t bytes = strlen(name) + 1;
    struct fs_file *f = mem_zalloc(sizeof *f + bytes);

    f->fault = fault;
    f->inode = inode;
    f->boot = fault->boots;
    f->writable = writable;
    memcpy(f->name, name, bytes);
    *out = f;
    return 0;
}

/* The inode of a new or emptied file. */
static int make(struct fault_fs *fault, const char *name, struct inode **out, struct err *err)
{
    if (!has_parent(fault, name))
        return err_os(err, ENOENT, "cannot open %s/%s", fault->fs.root, name);
    *out = inode_new(fault, false);
    change(fault, NULL, name, *out);
    return 0;
}

static int fault_create(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;
    struct inode *inode;

    LOCKED(fault);
    if (called(fault, FS_CREATE, name, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, name);
    if (found) {
        inode = found->inode;
        inode->now.n = inode->same = 0;
    } else if (make(fault, name, &inode, err) < 0) {
        return -1;
    }
    return handle(fault, name, inode, true, out);
}

static int open_one(struct fs *fs, const char *name, bool append, struct fs_file **out,
                    struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;
    struct inode *inode;

    LOCKED(fault);
    if (called(fault, FS_OPEN, name, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, name);
    if (found)
        inode = found->inode;
    else if (!append)
        return err_os(err, ENOENT, "cannot open %s/%s", fs->root, name);
    else if (make(fault, name, &inode, err) < 0)
        return -1;
    return handle(fault, name, inode, append, out);
}

static int fault_open_read(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    return open_one(fs, name, false, out, err);
}

static int fault_open_append(struct fs *fs, const char *name, struct fs_file **out, struct err *err)
{
    return open_one(fs, name, true, out, err);
}

static void fault_close(struct fs_file *f)
{
    mem_free(f);
}

static int fault_append(struct fs_file *f, const void *p, size_t n, struct err *err)
{
    struct fault_fs *fault = f->fault;
    enum outcome outcome;
    uint64_t used, room;

    LOCKED(fault);
    outcome = called(fault, FS_APPEND, f->name, err);
    if (outcome == FAIL || dead(f, err) < 0)
        return -1;
    if (!f->writable)
        return err_os(err, EBADF, "cannot write to %s/%s", fault->fs.root, f->name);
    if (outcome == HALF) {
        buf_add(&f->inode->now, (struct str){p, n / 2});
        return -1;
    }
    used = used_bytes(fault);
    room = fault->capacity > used ? fault->capacity - used : 0;
    buf_add(&f->inode->now, (struct str){p, n < room ? n : (size_t)room});
    if (n > room)
        return err_os(err, ENOSPC, "cannot write to %s/%s", fault->fs.root, f->name);
    return 0;
}

static int fault_pread(struct fs_file *f, uint64_t offset, void *p, size_t n, size_t *got,
                       struct err *err)
{
    struct fault_fs *fault = f->fault;
    const struct buf *bytes = &f->inode->now;
    enum outcome outcome;
    size_t left;

    LOCKED(fault);
    outcome = called(fault, FS_PREAD, f->name, err);
    if (outcome == FAIL || fault->power_off || dead(f, err) < 0)
        return -1;
    left = offset < bytes->n ? bytes->n - (size_t)offset : 0;
    n = n < left ? n : left;
    if (outcome == HALF)
        n /= 2;
    if (n)
        memcpy(p, bytes->p + offset, n);
    *got = n;
    return 0;
}

static void make_safe(struct inode *inode)
{
    inode->safe.n = inode->same;
    buf_add(&inode->safe, str_skip(buf_str(&inode->now), inode->same));
    inode->same = inode->now.n;
}

static int fault_datasync(struct fs_file *f, struct err *err)
{
    struct fault_fs *fault = f->fault;
    enum outcome outcome;

    LOCKED(fault);
    outcome = called(fault, FS_DATASYNC, f->name, err);
    if (outcome == FAIL || fault->power_off || dead(f, err) < 0)
        return -1;
    make_safe(f->inode);
    return outcome == GO_ON ? 0 : -1;
}

static int fault_truncate(struct fs_file *f, uint64_t bytes, struct err *err)
{
    struct fault_fs *fault = f->fault;
    struct inode *inode = f->inode;

    LOCKED(fault);
    if (called(fault, FS_TRUNCATE, f->name, err) != GO_ON || dead(f, err) < 0)
        return -1;
    if (!f->writable)
        return err_os(err, EINVAL, "cannot cut %s/%s", fault->fs.root, f->name);
    while (inode->now.n < bytes)
        buf_addc(&inode->now, '\0');
    inode->now.n = (size_t)bytes;
    if (inode->same > bytes)
        inode->same = (size_t)bytes;
    return 0;
}

static int fault_size(struct fs_file *f, uint64_t *out, struct err *err)
{
    LOCKED(f->fault);
    if (dead(f, err) < 0)
        return -1;
    *out = f->inode->now.n;
    return 0;
}

static int fault_rename(struct fs *fs, const char *from, const char *to, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;

    LOCKED(fault);
    if (called(fault, FS_RENAME, from, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, from);
    if (!found || !has_parent(fault, to))
        return err_os(err, ENOENT, "cannot rename %s/%s to %s", fs->root, from, to);
    if (found->inode->folder && names_find(&fault->now, to))
        return err_os(err, EEXIST, "cannot rename %s/%s to %s", fs->root, from, to);
    change(fault, from, to, found->inode);
    return 0;
}

static int fault_unlink(struct fs *fs, const char *name, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);

    LOCKED(fault);
    if (called(fault, FS_UNLINK, name, err) != GO_ON)
        return -1;
    if (names_find(&fault->now, name))
        change(fault, name, NULL, NULL);
    return 0;
}

static int fault_link(struct fs *fs, const char *from, const char *to, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;

    LOCKED(fault);
    if (called(fault, FS_LINK, from, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, from);
    if (!found || !has_parent(fault, to))
        return err_os(err, ENOENT, "cannot link %s/%s to %s", fs->root, from, to);
    if (names_find(&fault->now, to))
        return err_os(err, EEXIST, "cannot link %s/%s to %s", fs->root, from, to);
    change(fault, NULL, to, found->inode);
    return 0;
}

static int fault_mkdir(struct fs *fs, const char *name, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;

    LOCKED(fault);
    if (called(fault, FS_MKDIR, name, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, name);
    if (found && !found->inode->folder)
        return err_os(err, EEXIST, "cannot make the folder %s/%s", fs->root, name);
    if (!found)
        change(fault, NULL, name, inode_new(fault, true));
    return 0;
}

static int fault_rmdir(struct fs *fs, const char *name, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;

    LOCKED(fault);
    if (called(fault, FS_RMDIR, name, err) != GO_ON)
        return -1;
    found = names_find(&fault->now, name);
    if (!found)
        return 0;
    if (!found->inode->folder)
        return err_os(err, ENOTDIR, "cannot delete the folder %s/%s", fs->root, name);
    for (size_t i = 0; i < fault->now.n; i++)
        if (is_in(fault->now.v[i].path, name))
            return err_os(err, ENOTEMPTY, "cannot delete the folder %s/%s", fs->root, name);
    change(fault, name, NULL, NULL);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct fs_entry *)a)->name, ((const struct fs_entry *)b)->name);
}

static int fault_list(struct fs *fs, const char *folder, struct arena *a, struct fs_entry **out,
                      size_t *n_out, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    struct fs_entry *entries;
    size_t n = 0;

    LOCKED(fault);
    if (called(fault, FS_LIST, folder, err) != GO_ON)
        return -1;
    entries = arena_new_array(a, struct fs_entry, fault->now.n, err);
    if (!entries)
        return -1;
    for (size_t i = 0; i < fault->now.n; i++) {
        const struct name *name = &fault->now.v[i];
        struct fs_entry *e = &entries[n];

        if (!is_in(name->path, folder))
            continue;
        e->name = arena_cstr(a, str_c(name->path + (folder[0] ? strlen(folder) + 1 : 0)), err);
        if (!e->name)
            return -1;
        e->bytes = name->inode->now.n;
        e->folder = name->inode->folder;
        n++;
    }
    qsort(entries, n, sizeof *entries, by_name);
    *out = entries;
    *n_out = n;
    return 0;
}

static int fault_sync_dir(struct fs *fs, const char *folder, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    size_t kept = 0;

    LOCKED(fault);
    if (called(fault, FS_SYNC_DIR, folder, err) != GO_ON)
        return -1;
    for (size_t i = 0; i < fault->pending_n; i++) {
        struct change c = fault->pending[i];

        if (is_in(c.gone, folder) || is_in(c.there, folder)) {
            change_apply(&c, &fault->safe);
            change_fini(&c);
        } else {
            fault->pending[kept++] = c;
        }
    }
    fault->pending_n = kept;
    return 0;
}

static int fault_space(struct fs *fs, struct fs_space *out, struct err *err)
{
    struct fault_fs *fault = fault_of(fs);
    uint64_t used;

    LOCKED(fault);
    if (called(fault, FS_SPACE, "", err) != GO_ON)
        return -1;
    used = used_bytes(fault);
    out->total_bytes = fault->capacity;
    out->free_bytes = fault->capacity > used ? fault->capacity - used : 0;
    return 0;
}

static void fault_free(struct fs *fs)
{
    struct fault_fs *fault = fault_of(fs);

    while (fault->inodes) {
        struct inode *inode = fault->inodes;

        fault->inodes = inode->next;
        buf_fini(&inode->now);
        buf_fini(&inode->safe);
        mem_free(inode);
    }
    for (size_t i = 0; i < fault->pending_n; i++)
        change_fini(&fault->pending[i]);
    mem_free(fault->pending);
    names_fini(&fault->now);
    names_fini(&fault->safe);
    (void)pthread_mutex_destroy(&fault->lock);
    mem_free(fault);
}

static const struct fs_ops fault_ops = {
    .create = fault_create,
    .open_read = fault_open_read,
    .open_append = fault_open_append,
    .close = fault_close,
    .append = fault_append,
    .pread = fault_pread,
    .datasync = fault_datasync,
    .truncate = fault_truncate,
    .size = fault_size,
    .rename = fault_rename,
    .unlink = fault_unlink,
    .link = fault_link,
    .mkdir = fault_mkdir,
    .rmdir = fault_rmdir,
    .list = fault_list,
    .sync_dir = fault_sync_dir,
    .space = fault_space,
    .free = fault_free,
};

struct fs *fs_fault_new(void)
{
    struct fault_fs *fault = mem_new(struct fault_fs);

    fault->fs.ops = &fault_ops;
    (void)snprintf(fault->fs.root, sizeof fault->fs.root, "memory");
    (void)pthread_mutex_init(&fault->lock, NULL);
    fault->capacity = UINT64_MAX;
    return &fault->fs;
}

void fs_fault_arm(struct fs *fs, enum fs_call call, uint64_t nth, enum fs_fault kind, int os)
{
    struct fault_fs *fault = fault_of(fs);

    LOCKED(fault);
    fault->armed = true;
    fault->fired = false;
    fault->arm_call = call;
    fault->arm_fault = kind;
    fault->arm_at = fault->calls[call] + nth;
    fault->arm_os = os;
}

void fs_fault_disarm(struct fs *fs)
{
    LOCKED(fault_of(fs));
    fault_of(fs)->armed = false;
}

bool fs_fault_fired(const struct fs *fs)
{
    LOCKED(fault_of(fs));
    return fault_of(fs)->fired;
}

uint64_t fs_fault_calls(const struct fs *fs, enum fs_call call)
{
    LOCKED(fault_of(fs));
    return fault_of(fs)->calls[call];
}

void fs_fault_capacity(struct fs *fs, uint64_t bytes)
{
    LOCKED(fault_of(fs));
    fault_of(fs)->capacity = bytes;
}

static bool survives(struct rng *rng)
{
    return rng && rng_below(rng, 2);
}

/* What is left of one file: its synced bytes, then any subset of the sectors after them. */
static void cut_inode(struct inode *inode, struct rng *rng)
{
    size_t longest = inode->now.n > inode->safe.n ? inode->now.n : inode->safe.n;
    size_t n = inode->safe.n;

    if (rng && longest > inode->same)
        n = inode->same + (size_t)rng_below(rng, longest - inode->same + 1);
    if (survives(rng))
        n = inode->now.n;
    while (inode->safe.n < n)
        buf_addc(&inode->safe, '\0');
    inode->safe.n = n;
    for (size_t at = inode->same; at < n && at < inode->now.n; at += SECTOR_BYTES) {
        size_t end = at + SECTOR_BYTES;

        end = end < n ? end : n;
        end = end < inode->now.n ? end : inode->now.n;
        if (survives(rng))
            memcpy(inode->safe.p + at, inode->now.p + at, end - at);
    }
    buf_reset(&inode->now);
    buf_add(&inode->now, buf_str(&inode->safe));
    inode->same = inode->now.n;
}

void fs_fault_power_cut(struct fs *fs, struct rng *rng)
{
    struct fault_fs *fault = fault_of(fs);

    LOCKED(fault);
    for (struct inode *inode = fault->inodes; inode; inode = inode->next)
        cut_inode(inode, rng);
    for (size_t i = 0; i < fault->pending_n; i++) {
        if (survives(rng))
            change_apply(&fault->pending[i], &fault->safe);
        change_fini(&fault->pending[i]);
    }
    fault->pending_n = 0;
    names_fini(&fault->now);
    for (size_t i = 0; i < fault->safe.n; i++)
        names_set(&fault->now, fault->safe.v[i].path, fault->safe.v[i].inode);
    fault->power_off = fault->armed = false;
    fault->boots++;
}

unsigned char *fs_fault_bytes(struct fs *fs, const char *name, size_t *n)
{
    struct fault_fs *fault = fault_of(fs);
    struct name *found;

    LOCKED(fault);
    found = names_find(&fault->now, name);
    if (!found)
        return NULL;
    *n = found->inode->now.n;
    return (unsigned char *)(found->inode->now.p ? found->inode->now.p : "");
}

struct fs *fs_fault_copy(struct fs *fs)
{
    struct fault_fs *from = fault_of(fs), *to = fault_of(fs_fault_new());

    LOCKED(from);
    for (size_t i = 0; i < from->now.n; i++) {
        const struct name *name = &from->now.v[i];
        struct inode *inode = inode_new(to, name->inode->folder);

        buf_add(&inode->now, buf_str(&name->inode->now));
        make_safe(inode);
        names_set(&to->now, name->path, inode);
        names_set(&to->safe, name->path, inode);
    }
    return &to->fs;
}

void fs_fault_put(struct fs *fs, const char *name, const void *p, size_t n)
{
    struct fault_fs *fault = fault_of(fs);
    struct inode *inode;

    LOCKED(fault);
    inode = inode_new(fault, false);
    buf_add(&inode->now, (struct str){p, n});
    make_safe(inode);
    names_set(&fault->now, name, inode);
    names_set(&fault->safe, name, inode);
}
