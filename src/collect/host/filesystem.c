/* Mounted file systems and their space, by statfs(2): the call that hangs when a server is gone. */
#include <limits.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "collect/host/groups.h"
#include "collect/host/run.h"
#include "text/regex.h"

struct mount {
    struct str device, point, type;
    bool readonly, failed;
    double size, free, available, files, files_free;
};

/* The kernel writes blank, tab, newline and backslash as \040, \011, \012, \134. */
static struct str decode(struct host_run *r, struct str s)
{
    struct str copy;
    char *p;
    size_t n = 0;

    if (!memchr(s.p, '\\', s.n))
        return s;
    copy = host_keep(r, s);
    p = (char *)copy.p;
    for (size_t i = 0; i < copy.n; i++) {
        const char *o = p + i;

        if (*o == '\\' && i + 3 < copy.n && o[1] >= '0' && o[1] <= '3' && o[2] >= '0' &&
            o[2] <= '7' && o[3] >= '0' && o[3] <= '7') {
            p[n++] = (char)((o[1] - '0') << 6 | (o[2] - '0') << 3 | (o[3] - '0'));
            i += 3;
        } else {
            p[n++] = *o;
        }
    }
    return (struct str){p, n};
}

static bool is_readonly(struct str options)
{
    while (options.p) {
        if (str_eq(str_split(&options, ','), STR("ro")))
            return true;
    }
    return false;
}

/* By default a memory file system below /mnt or /media is left out, but a disk mounted there not.
 */
static bool is_excluded(const struct host_run *r, const struct mount *m)
{
    const struct host_filters *f = r->filters;

    if (f->mounts_default && (str_eq(m->type, STR("tmpfs")) || str_eq(m->type, STR("ramfs"))) &&
        (str_starts(m->point, STR("/mnt/")) || str_starts(m->point, STR("/media/"))))
        return true;
    return regex_matches(f->mounts, m->point) || regex_matches(f->fs, m->type);
}

static bool is_known(const struct mount *all, size_t n, const struct mount *m)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq(all[i].point, m->point) && str_eq(all[i].device, m->device) &&
            str_eq(all[i].type, m->type))
            return true;
    }
    return false;
}

/* "block blocks free available files files-free point": a line of stat -f. */
static bool read_line(struct str line, const struct mount *m, struct statfs *s)
{
    uint64_t n[6];
    struct str point = line;

    for (size_t i = 0; i < ARRAY_LEN(n); i++) {
        if (!scan_word_u64(&line, &n[i]))
            return false;
        (void)str_split(&point, ' ');
    }
    if (!str_eq(point, m->point))
        return false;
    *s = (struct statfs){.f_bsize = (__fsword_t)n[0],
                         .f_blocks = n[1],
                         .f_bfree = n[2],
                         .f_bavail = n[3],
                         .f_files = n[4],
                         .f_ffree = n[5]};
    return true;
}

static bool read_far_space(struct str lines, const struct mount *m, struct statfs *s)
{
    struct str line;

    while (scan_line(&lines, &line))
        if (read_line(line, m, s))
            return true;
    return false;
}

static bool ask_space(struct host_run *r, const struct mount *m, struct statfs *s)
{
    const char *root = files_root_path(r->files, FILES_ROOT);
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s%.*s", strcmp(root, "/") == 0 ? "" : root,
                     STR_ARGS(m->point));

    return n >= 0 && (size_t)n < sizeof path && statfs(path, s) == 0;
}

static void read_space(struct host_run *r, struct str far, struct mount *m)
{
    struct statfs s;
    double block;

    m->failed = r->far ? !read_far_space(far, m, &s) : !ask_space(r, m, &s);
    if (m->failed)
        return;
    block = (double)s.f_bsize;
    m->size = (double)s.f_blocks * block;
    m->free = (double)s.f_bfree * block;
    m->available = (double)s.f_bavail * block;
    m->files = (double)s.f_files;
    m->files_free = (double)s.f_ffree;
}

static void emit_family(struct host_run *r, const char *name, const char *help,
                        const struct mount *all, size_t n, size_t offset)
{
    host_family(r, METRIC_GAUGE, name, help);
    for (size_t i = 0; i < n; i++) {
        struct label labels[] = {{STR("device"), all[i].device},
                                 {STR("fstype"), all[i].type},
                                 {STR("mountpoint"), all[i].point}};
        double v;

        if (all[i].failed)
            continue;
        memcpy(&v, (const char *)&all[i] + offset, sizeof v);
        host_sample(r, v, labels, ARRAY_LEN(labels));
    }
}

static void emit_flag(struct host_run *r, const char *name, const char *help,
                      const struct mount *all, size_t n, bool error)
{
    host_family(r, METRIC_GAUGE, name, help);
    for (size_t i = 0; i < n; i++) {
        struct label labels[] = {{STR("device"), all[i].device},
                                 {STR("fstype"), all[i].type},
                                 {STR("mountpoint"), all[i].point}};

        if (error || !all[i].failed)
            host_sample(r, error ? all[i].failed : all[i].readonly, labels, ARRAY_LEN(labels));
    }
}

static void emit_mounts(struct host_run *r, const struct mount *all, size_t n)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } families[] = {
        {"node_filesystem_size_bytes", "Filesystem size in bytes.", offsetof(struct mount, size)},
        {"node_filesystem_free_bytes", "Filesystem free space in bytes.",
         offsetof(struct mount, free)},
        {"node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.",
         offsetof(struct mount, available)},
        {"node_filesystem_files", "Filesystem total file nodes.", offsetof(struct mount, files)},
        {"node_filesystem_files_free", "Filesystem total free file nodes.",
         offsetof(struct mount, files_free)},
    };

    emit_flag(r, "node_filesystem_device_error",
              "Whether an error occurred while getting statistics for the given device.", all, n,
              true);
    for (size_t i = 0; i < ARRAY_LEN(families); i++)
        emit_family(r, families[i].name, families[i].help, all, n, families[i].offset);
    emit_flag(r, "node_filesystem_readonly", "Filesystem read-only status.", all, n, false);
}

static bool read_mount(struct host_run *r, struct str line, struct mount *m)
{
    struct str options;

    if (!scan_word(&line, &m->device) || !scan_word(&line, &m->point) ||
        !scan_word(&line, &m->type) || !scan_word(&line, &options))
        return false;
    m->point = decode(r, m->point);
    m->readonly = is_readonly(options);
    return true;
}

void filesystem_collect(struct host_run *r)
{
    const char *path = "1/mounts"; /* those of the machine, not of a container we may be in */
    struct str text, line, far = {NULL, 0};
    struct mount *all = NULL;
    size_t n = 0, cap = 0;

    if (r->far && host_read(r, FILES_PROC, ".statfs", &far))
        far = host_keep(r, far);

    if (files_read(r->files, FILES_PROC, path, &text) != FILES_READ) {
        path = "mounts";
        if (!host_read(r, FILES_PROC, path, &text))
            return;
    }
    r->present = true;
    while (scan_line(&text, &line)) {
        struct mount m = {0};

        if (!read_mount(r, line, &m)) {
            host_broken(r, FILES_PROC, path, "a line is not understood");
            continue;
        }
        if (is_excluded(r, &m) || is_known(all, n, &m))
            continue;
        if (arena_grow(r->scratch, (void **)&all, &cap, n + 1, sizeof m, r->err) < 0) {
            r->stopped = true;
            return;
        }
        read_space(r, far, &m);
        all[n++] = m;
    }
    host_check_end(r, FILES_PROC, path, text);
    if (n)
        emit_mounts(r, all, n);
}
