#include "collect/logs/follow.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/logs/follow_file.h"
#include "collect/logs/follow_impl.h"
#include "collect/logs/rotation.h"

#define BUFFER_BYTES (256u << 10)
#define SETTLED_MS   1000
#define GONE_MS      60000 /* a file that is no longer at its path is let go when it rests so long */

void follow_look_at(struct follow *f, const char *const paths[], size_t n)
{
    f->paths = paths;
    f->paths_n = n;
    f->by_pattern = false;
    for (size_t i = 0; i < n; i++)
        f->by_pattern |= strpbrk(paths[i], "*?[") != NULL;
}

struct follow *follow_new(const struct follow_settings *settings)
{
    struct follow *f = mem_new(struct follow);

    f->settings = *settings;
    unwrap_init(&f->unwrap, settings->line_max);
    follow_look_at(f, &f->settings.path, settings->path ? 1 : 0);
    return f;
}

static void free_file(struct follow_file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    mem_free(file->path);
    mem_free(file->before);
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        free_file(&f->files[i]);
    mem_free(f->files);
    mem_free(f->buffer);
    unwrap_fini(&f->unwrap);
    mem_free(f);
}

static struct follow_file *find_file(const struct follow *f, uint64_t device, uint64_t inode)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].fd >= 0 && f->files[i].device == device && f->files[i].inode == inode)
            return &f->files[i];
    return NULL;
}

/* Pointers to files are worthless after this. */
struct follow_file *follow_add_file(struct follow *f, const char *path, const struct stat *st,
                                    int fd)
{
    struct follow_file *file;

    f->files = mem_grow(f->files, &f->cap, f->n + 1, sizeof *f->files);
    file = &f->files[f->n++];
    *file = (struct follow_file){
        .path = mem_strdup(path),
        .device = st->st_dev,
        .inode = st->st_ino,
        .fd = fd,
        .splitter = {.begins = f->settings.begins, .line_max = f->settings.line_max}};
    return file;
}

/* ---- rotation ---- */

static bool are_same(int fd, int other, uint64_t at, size_t n)
{
    char a[FILE_TAIL_MAX], b[FILE_TAIL_MAX];

    return file_read(fd, a, n, at) == n && file_read(other, b, n, at) == n && memcmp(a, b, n) == 0;
}

/* Whether a file at `path` may be a copy of this one by their names: what has, or had, that very
 * name is no original of it, nor is x.log.1 one of x.log. Few bytes may be the same in two logs
 * that have nothing to do with each other. */
static bool may_be_original(const struct follow_file *file, const char *path, bool few)
{
    return strcmp(file->path, path) != 0 && (!file->before || strcmp(file->before, path) != 0) &&
           !rotation_is_copy_name(file->path, path) &&
           (!few || rotation_is_copy_name(path, file->path));
}

/* The file that has, at the same places, what `fd` begins and ends with; NULL: none. *emptied: one
 * that had more when it was looked at may have been it. */
static const struct follow_file *find_original(const struct follow *f, const char *path, int fd,
                                               const struct stat *st, bool *emptied)
{
    uint64_t bytes = (uint64_t)st->st_size;
    size_t n = bytes < FILE_TAIL_MAX ? (size_t)bytes : FILE_TAIL_MAX;

    *emptied = false;
    for (size_t i = 0; n > 0 && i < f->n; i++) {
        const struct follow_file *file = &f->files[i];
        struct stat now;

        if (file->fd < 0 || file->copy || file->inode == st->st_ino ||
            !may_be_original(file, path, n < FILE_TAIL_MAX) || fstat(file->fd, &now) < 0)
            continue;
        if ((uint64_t)now.st_size < file->size)
            *emptied = true;
        else if ((uint64_t)now.st_size >= bytes && are_same(fd, file->fd, bytes - n, n) &&
                 are_same(fd, file->fd, 0, n))
            return file;
    }
    return NULL;
}

/* Whether `copy` is one: it goes on where the file that it was made of was read to, and is read
 * when that does not have its bytes any more. */
static bool is_copy(const struct follow *f, struct follow_file *copy, const struct stat *st)
{
    bool emptied;
    const struct follow_file *file = find_original(f, copy->path, copy->fd, st, &emptied);
    uint64_t bytes = (uint64_t)st->st_size;

    if (!file)
        return emptied;
    copy->position = file->position < bytes ? file->position : bytes;
    copy->splitter.skip = file->position < bytes ? file->splitter.skip : SPLITTER_WHOLE;
    copy->at = file->at;
    file_note_tail(copy);
    return true;
}

/* Once until all is well. */
static void tell_unread(struct follow *f, const char *path, int os, struct log *log)
{
    f->counts.unread_files++;
    (void)err_os(&f->why, os, "cannot read %s", path);
    if (f->told_unread != os)
        log_warn(log, "logs", "%s; it is tried again at each interval", f->why.text);
    f->told_unread = os;
}

static void tell_lost(struct follow *f, const struct follow_file *file, struct log *log)
{
    f->counts.lost_files++;
    log_warn(log, "logs", "%s is gone: what was written behind byte %llu has not been read",
             file->path, (unsigned long long)file->position);
}

static bool knows(const void *arg, const struct stat *st)
{
    return find_file(arg, st->st_dev, st->st_ino) != NULL;
}

static void insert_last_at(struct follow *f, size_t at)
{
    struct follow_file last = f->files[f->n - 1];

    memmove(&f->files[at + 1], &f->files[at], (f->n - 1 - at) * sizeof last);
    f->files[at] = last;
}

/* What was rotated after `before` is read as well, as the files from `at` on; what of it is
 * compressed by now, but for `told`, cannot be. Returns how many have come. */
static size_t take_later(struct follow *f, const struct follow_file *before, size_t at,
                         uint64_t told, struct log *log)
{
    struct rotated *list;
    uint64_t compressed;
    size_t first = at, n;

    /* Of a file of which nothing was read nothing tells whether it was emptied. */
    n = rotation_find_later(before, before->present && before->tail_bytes == 0, knows, f, &list,
                            &compressed);

    if (compressed > told) {
        f->counts.lost_files += compressed - told;
        log_warn(log, "logs", "%s: %llu files were rotated and compressed before they were read",
                 before->path, (unsigned long long)(compressed - told));
    }
    for (size_t k = 0; k < n; k++) {
        struct stat st;
        bool emptied;
        int fd = -1;

        if (f->n < FOLLOW_FILES_MAX)
            fd = file_open(list[k].path, &st);
        if (fd < 0) {
            f->counts.lost_files++;
            continue;
        }
        if (find_original(f, list[k].path, fd, &st, &emptied)) {
            (void)close(fd); /* a copy of one that is read */
            continue;
        }
        follow_add_file(f, list[k].path, &st, fd)->moved = true;
        file_note_tail(&f->files[f->n - 1]);
        insert_last_at(f, at++);
    }
    rotation_free(list, n);
    return at - first;
}

/* The file at `i` has lost its name to another: what had the name in between comes behind it. */
static void find_between(struct follow *f, size_t i, struct log *log)
{
    const struct follow_file before = f->files[i];

    (void)take_later(f, &before, i + 1, 0, log);
    f->files[i].moved = true;
}

/* The copy of one that was emptied is read from where that was read to, as the file at `i`. True:
 * it has come there. */
static bool add_copy(struct follow *f, size_t i, const struct follow_file *old, const char *path,
                     const struct stat *st, int fd)
{
    struct follow_file *copy = find_file(f, st->st_dev, st->st_ino);
    bool is_new = !copy;

    if (copy)
        (void)close(fd);
    else
        copy = follow_add_file(f, path, st, fd);
    copy->position = old->position;
    copy->tail_bytes = old->tail_bytes;
    copy->tail_crc = old->tail_crc;
    copy->changed_ns = old->changed_ns;
    copy->splitter.skip = old->splitter.skip;
    copy->at = old->at;
    copy->ended = true;
    copy->copy = false;
    if (is_new)
        insert_last_at(f, i);
    return is_new;
}

/* The file at `i` was emptied or written anew: goes on from its beginning. What its copy has behind
 * the position, and what the copies have that were made of it since, comes before it. */
static void begin_anew(struct follow *f, size_t i, const struct stat *now, struct log *log)
{
    struct follow_file *file = &f->files[i], old = *file;
    char path[PATH_MAX];
    struct stat st;
    int fd = old.tail_bytes ? rotation_find_copy(&old, path, &st) : -1;
    uint64_t kept = fd < 0 ? rotation_find_kept(&old, old.fd) : 0;

    if (kept) {
        file->position = kept;
        return;
    }
    file->position = 0;
    file->tail_bytes = file->tail_crc = 0;
    file->splitter.skip = SPLITTER_WHOLE;
    file->at = (struct unwrap_at){0};
    file->device = now->st_dev;
    file->inode = now->st_ino;
    if (!old.tail_bytes)
        return; /* was_copied sees to it */
    file->changed_ns = file_changed_ns(now);
    if (fd < 0)
        tell_lost(f, &old, log);
    else if (add_copy(f, i, &old, path, &st, fd))
        i++;
    old.changed_ns++; /* a copy that was made before may be as young as what was read */
    (void)take_later(f, &old, i, fd < 0, log);
}

/* Nothing was read of the file at `i`, but it was written to: what it had may be in copies by now.
 * True: they come before it. */
static bool was_copied(struct follow *f, size_t i, const struct stat *now, struct log *log)
{
    struct follow_file *file = &f->files[i];
    const struct follow_file before = *file;

    if (!before.present || before.tail_bytes || !before.changed_ns ||
        file_changed_ns(now) <= before.changed_ns)
        return false;
    file->changed_ns = file_changed_ns(now);
    return take_later(f, &before, i, 0, log) > 0;
}

/* Opens a file that the state names, where it is by the numbers of disk and file. */
static void reopen(struct follow_file *file)
{
    struct stat st;

    file->fd = file_open(file->path, &st);
    if (file->fd >= 0 && st.st_dev == file->device && st.st_ino == file->inode &&
        (!file->moved || file_has_tail(file->fd, file)))
        return;
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = rotation_find_itself(file, &st);
}

/* Where it is by what it holds: a disk that was mounted anew may have another number, what was
 * moved to another disk has another number there, and so has what was cut by a new file. */
static void reopen_by_content(struct follow *f, struct follow_file *file)
{
    char path[PATH_MAX];
    struct stat st;
    int fd = file_open(file->path, &st);
    uint64_t position = file->position;

    if (fd >= 0 && !file_has_tail(fd, file)) {
        int copy = rotation_find_copy(file, path, &st);

        position = copy < 0 ? rotation_find_kept(file, fd) : file->position;
        if (copy >= 0 || position == 0) {
            (void)close(fd);
            fd = copy;
        }
    } else if (fd < 0) {
        fd = rotation_find_copy(file, path, &st);
    }
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0 || find_file(f, st.st_dev, st.st_ino)) {
        (void)close(fd); /* another of those that are known */
        return;
    }
    file->fd = fd;
    file->position = position;
    file->device = st.st_dev;
    file->inode = st.st_ino;
}

/* Opens what the state names, before anything is looked for by its number: that of a file which
 * was deleted meanwhile may be another's by now. */
static void open_known(struct follow *f)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].fd < 0)
            reopen(&f->files[i]);
    /* Of two of which one replaced the other, the later one goes on where it was. */
    for (size_t i = f->n; i-- > 0;)
        if (f->files[i].fd < 0 && f->files[i].tail_bytes)
            reopen_by_content(f, &f->files[i]);
}

/* ---- reading ---- */

/* What its bytes end with. */
static enum splitter_end end_of(struct follow_file *file, const struct stat *st,
                                const struct source_pass *pass)
{
    int64_t now_ns = pass->clock->mono_ns(pass->clock);
    int64_t changed_ms = file_changed_ns(st) / 1000000;
    int64_t quiet_ms;

    file->changed_ns = file_changed_ns(st);
    if (file->quiet_since_ns == 0 || file->size != (uint64_t)st->st_size)
        file->quiet_since_ns = now_ns;
    file->size = (uint64_t)st->st_size;
    quiet_ms = (now_ns - file->quiet_since_ns) / 1000000;
    if (!file->present && quiet_ms >= GONE_MS)
        file->ended = true;
    if (file->ended)
        return SPLITTER_ENDED;
    return quiet_ms >= SETTLED_MS || pass->clock->wall_ms(pass->clock) - changed_ms >= SETTLED_MS
               ? SPLITTER_SETTLED
               : SPLITTER_MORE;
}

/* Returns how many bytes are done with. */
static size_t take_entries(struct follow_file *file, struct str bytes, enum splitter_end end,
                           const struct source_pass *pass)
{
    struct log_entry entry = {.level = SEVERITY_NONE};
    size_t done = 0, used;
    bool more = true;

    while (more) {
        more = splitter_next(&file->splitter, str_skip(bytes, done), end, &entry.text, &used);
        done += used;
        if (more && entry.text.n)
            pass->entry(pass->arg, &entry);
    }
    return done;
}

/* The same of a container's file, whose lines are taken out of it first. */
static size_t take_unwrapped(struct follow *f, struct follow_file *file, struct str bytes,
                             enum splitter_end end, enum unwrap_end unwrap_end,
                             const struct source_pass *pass)
{
    const struct unwrap *u = &f->unwrap;
    struct log_entry entry = {.level = SEVERITY_NONE};
    size_t done = 0, line = 0, used, raw = 0;
    bool more = true;
    struct str text;

    unwrap_read(&f->unwrap, bytes, &file->at, unwrap_end);
    text = buf_str(&u->text);
    while (more) {
        more = splitter_next(&file->splitter, str_skip(text, done), end, &entry.text, &used);
        if (more && entry.text.n) {
            size_t start = (size_t)(entry.text.p - text.p), at = line;

            while (u->lines[at].end <= start)
                at++;
            entry.time_ms = u->lines[at].time_ms;
            pass->entry(pass->arg, &entry);
        }
        done += used;
        for (; line < u->n && u->lines[line].end <= done; line++) {
            raw = u->lines[line].raw_end;
            file->at = u->lines[line].at;
            f->counts.cut += u->lines[line].cut;
        }
    }
    if (line < u->n)
        return raw;
    file->at = u->at;
    return u->raw_end;
}

static size_t take_bytes(struct follow *f, struct follow_file *file, size_t bytes, bool at_end,
                         enum splitter_end end, const struct source_pass *pass)
{
    struct str text = {f->buffer, bytes};
    size_t done;

    if (!at_end)
        end = SPLITTER_MORE;
    if (!f->settings.wrapped)
        return take_entries(file, text, end, pass);
    done = take_unwrapped(f, file, text, end, end == SPLITTER_ENDED ? UNWRAP_ENDED : UNWRAP_MORE,
                          pass);
    if (done > 0 || at_end)
        return done;
    return take_unwrapped(f, file, text, SPLITTER_SETTLED, UNWRAP_FULL, pass);
}

/* True: all that there is has been read. What fails is tried again at the next pass. */
static bool read_file(struct follow *f, struct follow_file *file, enum splitter_end end,
                      const struct source_pass *pass)
{
    uint64_t before = file->position, cut = file->splitter.cut;
    bool at_end = false, failed = false;

    while (!at_end && !failed && !source_pass_is_over(pass)) {
        size_t got, done;

        errno = 0;
        got = file_read(file->fd, f->buffer, f->buffer_bytes, file->position);
        failed = errno != 0;
        if (failed) {
            f->failed++;
            tell_unread(f, file->path, errno, pass->log);
        }
        at_end = got < f->buffer_bytes && !failed;
        done = take_bytes(f, file, got, at_end, end, pass);
        if (done == 0)
            continue;
        file_pass(file, f->buffer, done);
        if (pass->settled)
            pass->settled(pass->arg);
    }
    f->counts.bytes += file->position - before;
    f->counts.cut += file->splitter.cut - cut;
    return at_end;
}

static void drop_file(struct follow *f, size_t i)
{
    free_file(&f->files[i]);
    memmove(&f->files[i], &f->files[i + 1], (f->n - i - 1) * sizeof *f->files);
    f->n--;
}

bool follow_has_successor(const struct follow *f, const char *path)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].fresh && strcmp(f->files[i].path, path) == 0)
            return true;
    return false;
}

/* Each known file; those that begin_anew and find_between add come last. */
static void read_known(struct follow *f, const struct source_pass *pass)
{
    for (size_t i = 0; i < f->n; i++) {
        struct follow_file *file = &f->files[i];
        enum splitter_end end;
        struct stat st;
        bool at_end;

        if (file->fresh)
            continue;
        if (file->fd < 0) {
            if (!f->seen)
                continue; /* its disk may not be mounted yet */
            tell_lost(f, file, pass->log);
            if (!file->moved && follow_has_successor(f, file->path))
                find_between(f, i, pass->log);
            drop_file(f, i--);
            continue;
        }
        if (fstat(file->fd, &st) < 0) {
            tell_unread(f, file->path, errno, pass->log);
            (void)close(file->fd); /* of a network that has gone */
            file->fd = -1;
            f->failed++;
            continue;
        }
        errno = 0;
        if ((uint64_t)st.st_size < file->position || !file_has_tail(file->fd, file)) {
            if (errno == 0) {
                begin_anew(f, i--, &st, pass->log);
            } else {
                f->failed++;
                tell_unread(f, file->path, errno, pass->log);
            }
            continue;
        }
        if (was_copied(f, i, &st, pass->log)) {
            i--;
            continue;
        }
        if (file->copy && (uint64_t)st.st_size > file->position) {
            file->copy = is_copy(f, file, &st);
            if (file->copy)
                continue;
        }
        end = end_of(file, &st, pass);
        if (!file->present && !file->moved && follow_has_successor(f, file->path)) {
            find_between(f, i, pass->log);
            file = &f->files[i];
        }
        at_end = read_file(f, file, end, pass);
        if (at_end && file->ended && !file->present)
            drop_file(f, i--);
    }
}

/* ---- looking ---- */

static void take_note(struct follow *f, const char *path, const struct source_pass *pass)
{
    struct follow_file *file;
    struct stat st;
    int fd;

    if (stat(path, &st) == 0) {
        file = find_file(f, st.st_dev, st.st_ino);
        if (file) {
            file->present = f->seen = true;
            if (strcmp(file->path, path) != 0) {
                mem_free(file->before);
                file->before = file->path;
                file->path = mem_strdup(path);
            }
            return;
        }
        if (!S_ISREG(st.st_mode) || (f->by_pattern && rotation_is_packed(path)))
            return;
    }
    if (f->n >= FOLLOW_FILES_MAX) {
        f->counts.left_out_files++;
        if (!f->told_left_out)
            log_warn(pass->log, "logs", "%s: more than %d files; the others are not read", path,
                     FOLLOW_FILES_MAX);
        f->told_left_out = true;
        return;
    }
    fd = file_open(path, &st);
    if (fd < 0) {
        if (errno != ENOENT)
            tell_unread(f, path, errno, pass->log);
        return;
    }
    file = follow_add_file(f, path, &st, fd);
    file->present = f->seen = true;
    file->fresh = true;
}

static bool is_made_before(int fd, const struct timespec *at)
{
    struct statx st;

    return statx(fd, "", AT_EMPTY_PATH, STATX_BTIME, &st) == 0 && (st.stx_mask & STATX_BTIME) &&
           (st.stx_btime.tv_sec < at->tv_sec ||
            (st.stx_btime.tv_sec == at->tv_sec && st.stx_btime.tv_nsec < at->tv_nsec));
}

/* Whether what is left of `file` stands in `fresh` from there on. */
static bool has_rest(const struct follow_file *file, const struct stat *st,
                     const struct follow_file *fresh, const struct stat *fresh_st, uint64_t at)
{
    char a[FILE_TAIL_MAX], b[FILE_TAIL_MAX];
    uint64_t rest = (uint64_t)st->st_size - file->position;
    size_t n = rest < FILE_TAIL_MAX ? (size_t)rest : FILE_TAIL_MAX;

    return (uint64_t)fresh_st->st_size >= at + rest &&
           file_read(file->fd, a, n, (uint64_t)st->st_size - n) == n &&
           file_read(fresh->fd, b, n, at + rest - n) == n && memcmp(a, b, n) == 0;
}

/* What of a fresh file was read already as part of the one that it replaced: that is gone, and this
 * one was made before it went. Else they only say the same. What had not been read of the old one
 * is read here. */
static uint64_t read_before(struct follow *f, const struct follow_file *fresh,
                            const struct stat *fresh_st)
{
    struct stat st;

    for (size_t i = 0; i < f->n; i++) {
        struct follow_file *file = &f->files[i];
        uint64_t at;

        if (file->fresh || file->present || strcmp(file->path, fresh->path) != 0 ||
            fstat(file->fd, &st) < 0 || st.st_nlink > 0 || !is_made_before(fresh->fd, &st.st_ctim))
            continue;
        at = rotation_find_kept(file, fresh->fd);
        if (at && has_rest(file, &st, fresh, fresh_st, at)) {
            file->position = (uint64_t)st.st_size;
            file->splitter.skip = SPLITTER_WHOLE;
            file_note_tail(file);
            file->ended = true;
        }
        return at;
    }
    return 0;
}

/* A copy that is being made may have nothing yet. */
static void place_new(struct follow *f, size_t i, const struct stat *st)
{
    struct follow_file *file = &f->files[i];

    file->copy = f->looked && f->by_pattern && (st->st_size == 0 || is_copy(f, file, st));
    if (!file->copy)
        file->position = read_before(f, file, st);
}

/* Where the files that this pass found are read from. */
static void place_fresh(struct follow *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct follow_file *file = &f->files[i];
        struct stat st;

        if (!file->fresh || fstat(file->fd, &st) < 0)
            continue;
        file->changed_ns = file_changed_ns(&st);
        if (!f->looked && !f->settings.from_beginning)
            file->position = (uint64_t)st.st_size;
        else if (file->position == 0) /* it is not the copy of one that was emptied */
            place_new(f, i, &st);
        file_note_tail(file);
    }
    for (size_t i = 0; i < f->n; i++) {
        mem_free(f->files[i].before);
        f->files[i].before = NULL;
    }
}

static void look(struct follow *f, const struct source_pass *pass)
{
    f->seen = false;
    for (size_t i = 0; i < f->n; i++)
        f->files[i].present = false;
    for (size_t k = 0; k < f->paths_n; k++) {
        glob_t found = {0};

        if (glob(f->paths[k], 0, NULL, &found) == 0)
            for (size_t i = 0; i < found.gl_pathc; i++)
                take_note(f, found.gl_pathv[i], pass);
        globfree(&found);
    }
}

int follow_read(struct follow *f, const struct source_pass *pass, struct err *err)
{
    struct splitter need = {.line_max = f->settings.line_max};
    bool reads = f->started;

    err_clear(&f->why);
    f->failed = 0;
    f->buffer_bytes = splitter_need(&need);
    if (f->buffer_bytes < BUFFER_BYTES)
        f->buffer_bytes = BUFFER_BYTES;
    f->buffer = mem_realloc(NULL, f->buffer_bytes);
    open_known(f);
    look(f, pass);
    /* What was there before comes first: the new file beside it goes on where that ended. */
    read_known(f, pass);
    place_fresh(f);
    for (size_t i = 0; i < f->n; i++) {
        struct follow_file *file = &f->files[i];
        struct stat st;

        if (!file->fresh)
            continue;
        file->fresh = false;
        if (reads && !file->copy && fstat(file->fd, &st) == 0)
            (void)read_file(f, file, end_of(file, &st, pass), pass);
    }
    mem_free(f->buffer);
    f->buffer = NULL;
    unwrap_fini(&f->unwrap);
    f->looked = true;
    f->started |= f->n > 0;
    if (f->why.kind == ERR_NONE)
        f->told_unread = 0;
    if (f->n > f->failed || (f->started && f->why.kind == ERR_NONE))
        return 0;
    if (f->why.kind == ERR_NONE)
        return err_set(err, ERR_EVAL, "no file matches %s yet", f->paths_n ? f->paths[0] : "");
    *err = f->why;
    return -1;
}

struct source_counts follow_counts(const struct follow *f)
{
    return f->counts;
}
