#include "collect/ssh/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"

#define LEAVES_MAX     50000u
#define PATH_BYTES_MAX 200u
#define TARGET_MAX     1024u
#define PLACE          "/dev/shm"
#define BEGINS         "earshot-"
#define FOLDER_SIZE    64

struct leaf {
    char *path; /* owned; relative to the tree */
    uint64_t round;
};

struct tree {
    char folder[FOLDER_SIZE], proc[FOLDER_SIZE], sys[FOLDER_SIZE];
    int dir;           /* holds the lock */
    struct map leaves; /* struct leaf */
    uint64_t round;
    size_t left_out;
};

/* ---- trees of those who were killed ---- */

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *at)
{
    (void)st;
    (void)what;
    (void)at;
    return remove(path);
}

static void remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void remove_orphan(const char *path)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (dir < 0)
        return;
    if (fstat(dir, &st) == 0 && st.st_uid == geteuid() && flock(dir, LOCK_EX | LOCK_NB) == 0)
        remove_tree(path);
    (void)close(dir);
}

static void remove_orphans(void)
{
    DIR *place = opendir(PLACE);
    const struct dirent *d;

    while (place && (d = readdir(place))) {
        char path[sizeof PLACE + 1 + sizeof d->d_name];

        if (strncmp(d->d_name, BEGINS, sizeof BEGINS - 1) != 0)
            continue;
        (void)snprintf(path, sizeof path, PLACE "/%s", d->d_name);
        remove_orphan(path);
    }
    if (place)
        (void)closedir(place);
}

/* ---- life ---- */

/* 1: another took it for an orphan, before it was locked. */
static int make_locked(struct tree *t, struct err *err)
{
    struct stat st;

    (void)snprintf(t->folder, sizeof t->folder, PLACE "/" BEGINS "%d-XXXXXX", (int)getpid());
    if (!mkdtemp(t->folder)) {
        t->folder[0] = '\0';
        return err_os(err, errno, "no folder in " PLACE);
    }
    t->dir = open(t->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (t->dir >= 0 && flock(t->dir, LOCK_EX) == 0 && fstat(t->dir, &st) == 0 && st.st_nlink > 0)
        return 0;
    if (t->dir < 0 && errno != ENOENT)
        return err_os(err, errno, "cannot use %s", t->folder);
    if (t->dir >= 0)
        (void)close(t->dir);
    t->dir = -1;
    return 1;
}

static int make(struct tree *t, struct err *err)
{
    int again;

    remove_orphans();
    do
        again = make_locked(t, err);
    while (again > 0);
    if (again < 0)
        return -1;
    (void)snprintf(t->proc, sizeof t->proc, "%.40s/proc", t->folder);
    (void)snprintf(t->sys, sizeof t->sys, "%.40s/sys", t->folder);
    if (mkdirat(t->dir, "proc", 0700) < 0 || mkdirat(t->dir, "sys", 0700) < 0)
        return err_os(err, errno, "cannot use %s", t->folder);
    return 0;
}

int tree_new(struct tree **out, struct err *err)
{
    struct tree *t = mem_new(struct tree);

    t->dir = -1;
    map_init(&t->leaves);
    if (make(t, err) < 0) {
        tree_free(t);
        return -1;
    }
    *out = t;
    return 0;
}

void tree_free(struct tree *t)
{
    struct leaf *leaf;
    size_t at = 0;

    if (!t)
        return;
    while ((leaf = map_next(&t->leaves, &at))) {
        mem_free(leaf->path);
        mem_free(leaf);
    }
    map_fini(&t->leaves);
    if (*t->folder)
        remove_tree(t->folder);
    if (t->dir >= 0)
        (void)close(t->dir);
    mem_free(t);
}

const char *tree_folder(const struct tree *t)
{
    return t->folder;
}

const char *tree_proc(const struct tree *t)
{
    return t->proc;
}

const char *tree_sys(const struct tree *t)
{
    return t->sys;
}

/* ---- what is in it ---- */

static void make_folders(const struct tree *t, char *path)
{
    for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdirat(t->dir, path, 0700); /* what fails, fails again at the file */
        *slash = '/';
    }
}

static bool has_path(const void *item, const void *key)
{
    return strcmp(((const struct leaf *)item)->path, key) == 0;
}

/* NULL: there are too many. */
static struct leaf *leaf_of(struct tree *t, char *path)
{
    uint64_t hash = hash_str(str_c(path));
    struct leaf *leaf = map_get(&t->leaves, hash, path, has_path);

    if (leaf || t->leaves.n >= LEAVES_MAX)
        return leaf;
    make_folders(t, path);
    leaf = mem_new(struct leaf);
    leaf->path = mem_strdup(path);
    map_put(&t->leaves, hash, leaf);
    return leaf;
}

/* The path without its first slash; false: there is no room for it. */
static bool name_of(struct tree *t, struct str path, char name[PATH_BYTES_MAX + 1])
{
    struct leaf *leaf;

    if (path.n < 2 || path.n > PATH_BYTES_MAX)
        return false;
    memcpy(name, path.p + 1, path.n - 1);
    name[path.n - 1] = '\0';
    leaf = leaf_of(t, name);
    if (leaf)
        leaf->round = t->round;
    return leaf != NULL;
}

static bool take_path(struct tree *t, struct str path, char name[PATH_BYTES_MAX + 1])
{
    bool taken = name_of(t, path, name);

    t->left_out += !taken;
    return taken;
}

void tree_begin(struct tree *t)
{
    t->round++;
    t->left_out = 0;
}

int tree_check(const struct tree *t, struct err *err)
{
    if (!t->left_out)
        return 0;
    return err_set(err, ERR_LIMIT,
                   "%zu of its files could not be kept in memory: " PLACE " is full, or there are "
                   "more than %u of them",
                   t->left_out, LEAVES_MAX);
}

/* In place: the collector keeps files open. */
void tree_put(struct tree *t, struct str path, struct str content)
{
    char name[PATH_BYTES_MAX + 1];
    int fd;

    if (!take_path(t, path, name))
        return;
    fd = openat(t->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content.p, content.n) != (ssize_t)content.n)
        t->left_out++;
    if (fd >= 0)
        (void)close(fd);
}

void tree_put_folder(struct tree *t, struct str path)
{
    char name[PATH_BYTES_MAX + 2];

    if (path.n < 2 || path.n > PATH_BYTES_MAX)
        return;
    (void)snprintf(name, sizeof name, "%.*s/", STR_ARGS(str_skip(path, 1)));
    make_folders(t, name);
}

void tree_put_link(struct tree *t, struct str path, struct str target)
{
    char name[PATH_BYTES_MAX + 1], to[TARGET_MAX];

    if (target.n == 0 || target.n >= sizeof to) {
        t->left_out++;
        return;
    }
    if (!take_path(t, path, name))
        return;
    memcpy(to, target.p, target.n);
    to[target.n] = '\0';
    (void)unlinkat(t->dir, name, 0);
    t->left_out += symlinkat(to, t->dir, name) < 0;
}

/* The folder of a process or a device that is gone, too; one that still has files stays. */
static void remove_file(const struct tree *t, char *path)
{
    (void)unlinkat(t->dir, path, 0);
    for (char *slash = strrchr(path, '/'); slash; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (strchr(path, '/') == NULL || unlinkat(t->dir, path, AT_REMOVEDIR) < 0)
            return;
    }
}

static bool is_it(const void *item, const void *key)
{
    return item == key;
}

void tree_end(struct tree *t)
{
    struct leaf **gone = mem_new_array(struct leaf *, t->leaves.n + 1), *leaf;
    size_t n = 0, at = 0;

    while ((leaf = map_next(&t->leaves, &at)))
        if (leaf->round != t->round)
            gone[n++] = leaf;
    for (size_t i = 0; i < n; i++) {
        (void)map_remove(&t->leaves, hash_str(str_c(gone[i]->path)), gone[i], is_it);
        remove_file(t, gone[i]->path);
        mem_free(gone[i]->path);
        mem_free(gone[i]);
    }
    mem_free(gone);
}
