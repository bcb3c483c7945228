#include "collect/logs/rotation.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/logs/follow_file.h"

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* ---- names ---- */

#define DATE_DIGITS 8 /* of a day: 20250304 */

/* Without .gz and the like. */
static struct str without_packing(struct str name)
{
    static const char *const ends[] = {".gz", ".xz", ".bz2", ".zst"};

    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        if (str_ends(name, str_c(ends[i])))
            return str_take(name, name.n - strlen(ends[i]));
    return name;
}

bool rotation_is_packed(const char *path)
{
    return without_packing(str_c(path)).n < strlen(path);
}

/* Without the ending behind its last dot. */
static struct str stem_of(struct str base)
{
    const char *dot = base.n ? memrchr(base.p, '.', base.n) : NULL;

    return dot && dot > base.p ? str_take(base, (size_t)(dot - base.p)) : base;
}

/* .1, -20250304, .2025-03-04_10, __2025-03-04T10 */
static bool is_number_or_date(struct str s, size_t digits_least)
{
    size_t at = 0, digits = 0;

    while (at < s.n && memchr(".-_", s.p[at], 3))
        at++;
    if (at == 0 || at == s.n || s.p[at] < '0' || s.p[at] > '9')
        return false;
    for (; at < s.n; at++) {
        if (s.p[at] >= '0' && s.p[at] <= '9')
            digits++;
        else if (!memchr(".-_:T", s.p[at], 5))
            return false;
    }
    return digits >= digits_least;
}

/* x.log.1, x.log-20250304, x.log.2025-03-04_10.gz of x.log; and x.2025-03-04.log, but x-2.log is
 * the log of another. */
static bool is_rotated_name(struct str name, struct str base, bool *compressed)
{
    struct str plain = without_packing(name), stem = stem_of(base);
    struct str ending = str_skip(base, stem.n);

    *compressed = plain.n < name.n;
    if (plain.n <= base.n)
        return false;
    if (str_starts(plain, base))
        return is_number_or_date(str_skip(plain, base.n), 1);
    return ending.n && str_starts(plain, stem) && str_ends(plain, ending) &&
           is_number_or_date(str_take(str_skip(plain, stem.n), plain.n - base.n), DATE_DIGITS);
}

bool rotation_is_copy_name(const char *path, const char *of)
{
    struct str name = str_c(base_of(path)), stem = stem_of(str_c(base_of(of)));

    return name.n > stem.n && str_starts(name, stem) &&
           !(name.p[stem.n] >= '0' && name.p[stem.n] <= '9') &&
           !(name.p[stem.n] >= 'a' && name.p[stem.n] <= 'z') &&
           !(name.p[stem.n] >= 'A' && name.p[stem.n] <= 'Z');
}

/* ---- the folder ---- */

/* Walks the folder of a file; the paths of what may be a regular file. */
struct walk {
    char folder[PATH_MAX], path[PATH_MAX];
    DIR *dir;
};

static void walk_begin(struct walk *w, const struct follow_file *file)
{
    (void)snprintf(w->folder, sizeof w->folder, "%.*s", (int)(base_of(file->path) - file->path),
                   file->path);
    w->dir = opendir(w->folder[0] ? w->folder : ".");
}

/* Its name; NULL: no more. */
static const char *walk_next(struct walk *w)
{
    struct dirent *e;

    while (w->dir && (e = readdir(w->dir)))
        if ((e->d_type == DT_REG || e->d_type == DT_UNKNOWN) &&
            snprintf(w->path, sizeof w->path, "%s%s", w->folder, e->d_name) < PATH_MAX)
            return e->d_name;
    return NULL;
}

static void walk_end(struct walk *w)
{
    if (w->dir)
        (void)closedir(w->dir);
}

static int find(const struct follow_file *file,
                bool (*fits)(const struct follow_file *file, const char *name, int fd,
                             const struct stat *st),
                char found[PATH_MAX], struct stat *st)
{
    struct walk w;
    const char *name;
    int fd = -1;

    walk_begin(&w, file);
    while (fd < 0 && (name = walk_next(&w))) {
        fd = file_open(w.path, st);
        if (fd >= 0 && !fits(file, name, fd, st)) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (fd >= 0)
        (void)snprintf(found, PATH_MAX, "%s", w.path);
    walk_end(&w);
    return fd;
}

static bool is_named_after(const struct follow_file *file, const char *name)
{
    struct str base = str_c(base_of(file->path));
    bool packed;

    return str_starts(str_c(name), base) || is_rotated_name(str_c(name), base, &packed);
}

/* Of one of which nothing was read only its name tells that its number is not another's by now. */
static bool is_itself(const struct follow_file *file, const char *name, int fd,
                      const struct stat *st)
{
    return st->st_dev == file->device && st->st_ino == file->inode &&
           (file->tail_bytes ? file_has_tail(fd, file) : is_named_after(file, name));
}

static bool is_its_copy(const struct follow_file *file, const char *name, int fd,
                        const struct stat *st)
{
    return (st->st_ino != file->inode || st->st_dev != file->device) &&
           (uint64_t)st->st_size >= file->position && is_named_after(file, name) &&
           file_has_tail(fd, file);
}

int rotation_find_itself(const struct follow_file *file, struct stat *st)
{
    char found[PATH_MAX];

    return find(file, is_itself, found, st);
}

int rotation_find_copy(const struct follow_file *file, char found[PATH_MAX], struct stat *st)
{
    return find(file, is_its_copy, found, st);
}

/* ---- what was kept ---- */

#define KEPT_LEAST 128        /* bytes that tell one place from others */
#define KEPT_MAX   (1u << 20) /* of a file, in which it is looked for */

/* Its last two lines are the same: it stands in many places. */
static bool repeats(struct str block)
{
    struct str left = str_take(block, block.n - 1), last;
    const char *newline = memrchr(left.p, '\n', left.n);

    if (!newline)
        return false;
    last = str_skip(left, (size_t)(newline + 1 - left.p));
    left = str_take(left, (size_t)(newline - left.p));
    return str_ends(left, last) && (left.n == last.n || left.p[left.n - last.n - 1] == '\n');
}

/* rsync and editors put a new file in the place of the old one, with all that it had. */
static bool has_all(const struct follow_file *file, int fd)
{
    char tail[FILE_TAIL_MAX];
    size_t n = file->tail_bytes;

    return file_has_tail(fd, file) && file_read(fd, tail, n, file->position - n) == n &&
           !repeats((struct str){tail, n});
}

uint64_t rotation_find_kept(const struct follow_file *file, int fd)
{
    size_t n = file->tail_bytes, got, place = 0;
    char *text;

    if (n < KEPT_LEAST)
        return 0;
    if (has_all(file, fd))
        return file->position;
    if (file->position <= n)
        return 0; /* of all that there was something would be missing */
    text = mem_new_array(char, KEPT_MAX);
    got = file_read(fd, text, KEPT_MAX, 0);
    for (size_t at = n; at <= got; at++) {
        struct str block = {text + at - n, n};

        if (text[at - 1] != '\n' || crc32c(0, block.p, n) != file->tail_crc)
            continue;
        if (place || repeats(block)) {
            place = 0;
            break;
        }
        place = at;
    }
    mem_free(text);
    return place;
}

/* ---- later ones ---- */

static int by_change(const void *a, const void *b)
{
    const struct rotated *x = a, *y = b;

    return (x->changed_ns > y->changed_ns) - (x->changed_ns < y->changed_ns);
}

/* False also where the disk does not know. */
static bool is_made_after(const char *path, int64_t ns)
{
    struct statx st;

    return statx(AT_FDCWD, path, 0, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) &&
           st.stx_btime.tv_sec * 1000000000 + st.stx_btime.tv_nsec > ns;
}

size_t rotation_find_later(const struct follow_file *file, bool made,
                           bool (*knows)(const void *arg, const struct stat *st), const void *arg,
                           struct rotated **out, uint64_t *compressed)
{
    struct str base = str_c(base_of(file->path));
    struct rotated *list = NULL;
    size_t n = 0, cap = 0;
    const char *name;
    struct walk w;

    *compressed = 0;
    walk_begin(&w, file);
    while ((name = walk_next(&w))) {
        struct stat st;
        bool packed;

        if (!is_rotated_name(str_c(name), base, &packed) || stat(w.path, &st) < 0 ||
            !S_ISREG(st.st_mode) || knows(arg, &st))
            continue;
        /* A packed file keeps the time of what it was made of, which may be this one. */
        if (packed) {
            *compressed += file_changed_ns(&st) > file->changed_ns;
            continue;
        }
        if (file_changed_ns(&st) < file->changed_ns ||
            (made && (st.st_size == 0 || !is_made_after(w.path, file->changed_ns))))
            continue;
        list = mem_grow(list, &cap, n + 1, sizeof *list);
        list[n++] = (struct rotated){mem_strdup(w.path), file_changed_ns(&st)};
    }
    walk_end(&w);
    if (n)
        qsort(list, n, sizeof *list, by_change);
    *out = list;
    return n;
}

void rotation_free(struct rotated *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(list[i].path);
    mem_free(list);
}
