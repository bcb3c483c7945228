#include "collect/logs/follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/logs/splitter.h"
#include "text/json.h"

#define BUFFER_BYTES (256u << 10)
#define TAIL_MAX     512 /* bytes before the position that tell whether the file is the same */
#define SETTLED_MS   1000
#define GONE_MS      60000 /* a file that is no longer at its path is let go when it rests so long */

struct file {
    char *path; /* owned; where it was last seen */
    uint64_t device, inode, position;
    uint32_t tail_bytes, tail_crc; /* of what stands before the position */
    int fd;                        /* -1: not opened since the state was read */
    bool present;                  /* the path still leads to it */
    bool ended;                    /* a copy of one that was emptied: nothing more comes */
    bool copy;                     /* of another that is read: what they share is read there */
    bool fresh;                    /* found by this pass, which only takes note of it */
    int64_t quiet_since_ns;        /* its size has not changed since; 0: not looked at yet */
    uint64_t size;                 /* when last looked at */
    struct splitter splitter;
};

struct follow {
    struct follow_settings settings;
    struct file *files; /* owned */
    size_t n, cap;
    bool looked;  /* what is found from now on was made later */
    bool started; /* there has been a file: its events count from 0 */
    char *buffer; /* owned; only during a pass */
    size_t buffer_bytes;
    bool told_left_out;
    int told_open; /* errno of the last one told; 0: none */
    struct follow_counts counts;
};

struct follow *follow_new(const struct follow_settings *settings)
{
    struct follow *f = mem_new(struct follow);

    f->settings = *settings;
    return f;
}

static void free_file(struct file *file)
{
    if (file->fd >= 0)
        (void)close(file->fd);
    mem_free(file->path);
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        free_file(&f->files[i]);
    mem_free(f->files);
    mem_free(f->buffer);
    mem_free(f);
}

static struct file *find_file(const struct follow *f, uint64_t device, uint64_t inode)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->files[i].device == device && f->files[i].inode == inode)
            return &f->files[i];
    return NULL;
}

/* Pointers to files are worthless after this. */
static struct file *add_file(struct follow *f, const char *path, const struct stat *st, int fd)
{
    struct file *file;

    f->files = mem_grow(f->files, &f->cap, f->n + 1, sizeof *f->files);
    file = &f->files[f->n++];
    *file =
        (struct file){.path = mem_strdup(path),
                      .device = st->st_dev,
                      .inode = st->st_ino,
                      .fd = fd,
                      .splitter = {.begins = f->settings.begins, .line_max = f->settings.line_max}};
    return file;
}

static int open_regular(const char *path, struct stat *st)
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

static void *read_all(int fd, void *p, size_t n, uint64_t at, size_t *got)
{
    *got = 0;
    while (*got < n) {
        ssize_t r = pread(fd, (char *)p + *got, n - *got, (off_t)(at + *got));

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            break;
        *got += (size_t)r;
    }
    return p;
}

/* ---- whether it is the same file ---- */

static void note_tail(struct file *file)
{
    char tail[TAIL_MAX];
    size_t n = file->position < TAIL_MAX ? (size_t)file->position : TAIL_MAX, got;

    (void)read_all(file->fd, tail, n, file->position - n, &got);
    file->tail_bytes = (uint32_t)got;
    file->tail_crc = crc32c(0, tail, got);
}

/* The bytes before this position are those that stand before the position of `file`. */
static bool has_tail(int fd, const struct file *file)
{
    char tail[TAIL_MAX];
    size_t got;

    if (file->tail_bytes > TAIL_MAX || file->tail_bytes > file->position)
        return false;
    (void)read_all(fd, tail, file->tail_bytes, file->position - file->tail_bytes, &got);
    return got == file->tail_bytes && crc32c(0, tail, got) == file->tail_crc;
}

/* Whether all that `fd` ends with stands at the same place in a file that has been read so far. */
static bool is_read_elsewhere(const struct follow *f, int fd, const struct stat *st)
{
    size_t n = st->st_size < TAIL_MAX ? (size_t)st->st_size : TAIL_MAX, got;
    uint64_t at = (uint64_t)st->st_size - n;
    char tail[TAIL_MAX], other[TAIL_MAX];

    if (n == 0)
        return false;
    (void)read_all(fd, tail, n, at, &got);
    for (size_t i = 0; got == n && i < f->n; i++) {
        const struct file *file = &f->files[i];

        if (file->fd < 0 || file->copy || file->inode == st->st_ino ||
            file->position < (uint64_t)st->st_size)
            continue;
        (void)read_all(file->fd, other, n, at, &got);
        if (got == n && memcmp(tail, other, n) == 0)
            return true;
        got = n;
    }
    return false;
}

/* ---- rotation ---- */

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Opens what stands beside `file` and passes `fits`; -1: nothing does. */
static int find_beside(const struct file *file,
                       bool (*fits)(const struct file *file, const char *name, int fd,
                                    const struct stat *st),
                       char found[PATH_MAX], struct stat *st)
{
    int folder_bytes = (int)(base_of(file->path) - file->path), fd = -1;
    char folder[PATH_MAX];
    struct dirent *e;
    DIR *dir;

    (void)snprintf(folder, sizeof folder, "%.*s", folder_bytes, file->path);
    dir = opendir(folder[0] ? folder : ".");
    while (dir && fd < 0 && (e = readdir(dir))) {
        if (e->d_type != DT_REG && e->d_type != DT_UNKNOWN)
            continue;
        if (snprintf(found, PATH_MAX, "%s%s", folder, e->d_name) >= PATH_MAX)
            continue;
        fd = open_regular(found, st);
        if (fd >= 0 && !fits(file, e->d_name, fd, st)) {
            (void)close(fd);
            fd = -1;
        }
    }
    if (dir)
        (void)closedir(dir);
    return fd;
}

static bool is_itself(const struct file *file, const char *name, int fd, const struct stat *st)
{
    (void)name;
    return st->st_dev == file->device && st->st_ino == file->inode && has_tail(fd, file);
}

/* x.log-20250304, x.log.1 of x.log, with all that it had. */
static bool is_its_copy(const struct file *file, const char *name, int fd, const struct stat *st)
{
    return st->st_ino != file->inode && (uint64_t)st->st_size >= file->position &&
           str_starts(str_c(name), str_c(base_of(file->path))) && has_tail(fd, file);
}

static void tell_lost(struct follow *f, const struct file *file, struct log *log)
{
    f->counts.lost_files++;
    log_warn(log, "logs", "%s is gone: what was written behind byte %llu has not been read",
             file->path, (unsigned long long)file->position);
}

/* The file at `i` was emptied or written anew: goes on from its beginning, and with what its copy
 * has behind the position. */
static void begin_anew(struct follow *f, size_t i, const struct stat *now, struct log *log)
{
    struct file *file = &f->files[i], old = *file, *copy;
    char path[PATH_MAX];
    struct stat st;
    int fd = old.tail_bytes ? find_beside(&old, is_its_copy, path, &st) : -1;

    file->position = 0;
    file->tail_bytes = file->tail_crc = 0;
    file->splitter.skip = SPLITTER_WHOLE;
    file->device = now->st_dev;
    file->inode = now->st_ino;
    if (fd < 0) {
        if (old.tail_bytes)
            tell_lost(f, &old, log);
        return;
    }
    copy = find_file(f, st.st_dev, st.st_ino);
    if (copy)
        (void)close(fd);
    else
        copy = add_file(f, path, &st, fd);
    copy->position = old.position;
    copy->tail_bytes = old.tail_bytes;
    copy->tail_crc = old.tail_crc;
    copy->splitter.skip = old.splitter.skip;
    copy->ended = true;
    copy->copy = false;
}

/* Opens a file that the state names; false: it is not to be found any more. */
static bool reopen(struct follow *f, size_t i, struct log *log)
{
    struct file *file = &f->files[i];
    char path[PATH_MAX];
    struct stat st;

    file->fd = open_regular(file->path, &st);
    if (file->fd >= 0 && st.st_dev == file->device && st.st_ino == file->inode)
        return true;
    if (file->fd >= 0)
        (void)close(file->fd);
    file->fd = find_beside(file, is_itself, path, &st);
    if (file->fd < 0)
        file->fd = find_beside(file, is_its_copy, path, &st);
    if (file->fd < 0) {
        tell_lost(f, file, log);
        return false;
    }
    mem_free(file->path);
    file->path = mem_strdup(path);
    file->device = st.st_dev;
    file->inode = st.st_ino;
    return true;
}

/* ---- reading ---- */

/* What its bytes end with. */
static enum splitter_end end_of(struct file *file, const struct stat *st,
                                const struct follow_pass *pass)
{
    int64_t now_ns = pass->clock->mono_ns(pass->clock);
    int64_t changed_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    int64_t quiet_ms;

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
static size_t take_entries(struct file *file, struct str bytes, enum splitter_end end,
                           const struct follow_pass *pass)
{
    size_t done = 0, used;
    struct str entry;
    bool more = true;

    while (more) {
        more = splitter_next(&file->splitter, str_skip(bytes, done), end, &entry, &used);
        done += used;
        if (more && entry.n)
            pass->entry(pass->arg, entry);
    }
    return done;
}

/* True: all that there is has been read. */
static bool read_file(struct follow *f, struct file *file, enum splitter_end end,
                      const struct follow_pass *pass)
{
    uint64_t before = file->position, cut = file->splitter.cut;
    bool at_end = false;

    while (!at_end && pass->clock->mono_ns(pass->clock) < pass->until_ns) {
        size_t got, done;

        (void)read_all(file->fd, f->buffer, f->buffer_bytes, file->position, &got);
        at_end = got < f->buffer_bytes;
        done = take_entries(file, (struct str){f->buffer, got}, at_end ? end : SPLITTER_MORE, pass);
        file->position += done;
        if (pass->settled && done) {
            note_tail(file);
            pass->settled(pass->arg);
        }
    }
    f->counts.bytes += file->position - before;
    f->counts.cut += file->splitter.cut - cut;
    if (file->position != before)
        note_tail(file);
    return at_end;
}

static void drop_file(struct follow *f, size_t i)
{
    free_file(&f->files[i]);
    memmove(&f->files[i], &f->files[i + 1], (f->n - i - 1) * sizeof *f->files);
    f->n--;
}

/* Each known file; those that begin_anew adds come last. */
static void read_known(struct follow *f, const struct follow_pass *pass)
{
    for (size_t i = 0; i < f->n; i++) {
        struct file *file = &f->files[i];
        enum splitter_end end;
        struct stat st;
        bool at_end;

        if (file->fresh)
            continue;
        if ((file->fd < 0 && !reopen(f, i, pass->log)) || fstat(file->fd, &st) < 0) {
            drop_file(f, i--);
            continue;
        }
        if ((uint64_t)st.st_size < file->position || !has_tail(file->fd, file)) {
            begin_anew(f, i, &st, pass->log);
            file = &f->files[i];
        }
        if (file->copy && (uint64_t)st.st_size > file->position &&
            is_read_elsewhere(f, file->fd, &st)) {
            file->position = (uint64_t)st.st_size;
            note_tail(file);
        }
        end = end_of(file, &st, pass);
        at_end = read_file(f, file, end, pass);
        if (at_end && file->ended && !file->present)
            drop_file(f, i--);
    }
}

/* ---- looking ---- */

static void tell_open(struct follow *f, const char *path, int os, struct log *log, struct err *why)
{
    (void)err_os(why, os, "cannot read %s", path);
    if (f->told_open != os)
        log_warn(log, "logs", "%s", why->text);
    f->told_open = os;
}

static void take_note(struct follow *f, const char *path, const struct follow_pass *pass,
                      struct err *why)
{
    struct file *file;
    struct stat st;
    int fd;

    if (stat(path, &st) == 0) {
        file = find_file(f, st.st_dev, st.st_ino);
        if (file) {
            file->present = true;
            if (strcmp(file->path, path) != 0) {
                mem_free(file->path);
                file->path = mem_strdup(path);
            }
            return;
        }
        if (!S_ISREG(st.st_mode))
            return;
    }
    if (f->n >= FOLLOW_FILES_MAX) {
        f->counts.left_out_files++;
        if (!f->told_left_out)
            log_warn(pass->log, "logs", "%s: more than %d files; the others are not read",
                     f->settings.path, FOLLOW_FILES_MAX);
        f->told_left_out = true;
        return;
    }
    fd = open_regular(path, &st);
    if (fd < 0) {
        if (errno != ENOENT)
            tell_open(f, path, errno, pass->log, why);
        return;
    }
    file = add_file(f, path, &st, fd);
    file->present = true;
    file->fresh = true;
}

/* Where the files that this pass found are read from. */
static void place_fresh(struct follow *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct file *file = &f->files[i];
        struct stat st;

        if (!file->fresh || fstat(file->fd, &st) < 0)
            continue;
        file->copy = f->looked && is_read_elsewhere(f, file->fd, &st);
        if (file->copy || (!f->looked && !f->settings.from_beginning))
            file->position = (uint64_t)st.st_size;
        note_tail(file);
    }
}

static void look(struct follow *f, const struct follow_pass *pass, struct err *why)
{
    glob_t found = {0};

    for (size_t i = 0; i < f->n; i++)
        f->files[i].present = false;
    if (glob(f->settings.path, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            take_note(f, found.gl_pathv[i], pass, why);
    globfree(&found);
}

int follow_read(struct follow *f, const struct follow_pass *pass, struct err *err)
{
    struct splitter need = {.line_max = f->settings.line_max};
    struct err why = {.kind = ERR_NONE};
    bool reads = f->started;

    f->buffer_bytes = splitter_need(&need) > BUFFER_BYTES ? splitter_need(&need) : BUFFER_BYTES;
    f->buffer = mem_realloc(NULL, f->buffer_bytes);
    look(f, pass, &why);
    /* What was there before comes first: the new file beside it goes on where that ended. */
    read_known(f, pass);
    place_fresh(f);
    for (size_t i = 0; i < f->n; i++) {
        struct file *file = &f->files[i];
        struct stat st;

        if (!file->fresh)
            continue;
        file->fresh = false;
        if (reads && fstat(file->fd, &st) == 0)
            (void)read_file(f, file, end_of(file, &st, pass), pass);
    }
    mem_free(f->buffer);
    f->buffer = NULL;
    f->looked = true;
    f->started |= f->n > 0;
    if (f->n > 0 || (f->started && why.kind == ERR_NONE))
        return 0;
    if (why.kind == ERR_NONE)
        return err_set(err, ERR_EVAL, "no file matches %s yet", f->settings.path);
    *err = why;
    return -1;
}

struct follow_counts follow_counts(const struct follow *f)
{
    return f->counts;
}

/* ---- kept over restarts ---- */

static void write_number(struct json_writer *w, const char *key, uint64_t v)
{
    json_key(w, key);
    json_i64(w, (int64_t)v);
}

void follow_write(const struct follow *f, struct json_writer *w)
{
    json_key(w, "started");
    json_bool(w, f->started);
    json_key(w, "files");
    json_begin_array(w);
    for (size_t i = 0; i < f->n; i++) {
        const struct file *file = &f->files[i];

        if (file->fresh)
            continue; /* found anew after a restart */
        json_begin_object(w);
        json_key(w, "path");
        json_cstr(w, file->path);
        write_number(w, "device", file->device);
        write_number(w, "inode", file->inode);
        write_number(w, "position", file->position);
        write_number(w, "tail_bytes", file->tail_bytes);
        write_number(w, "tail_crc", file->tail_crc);
        write_number(w, "skip", file->splitter.skip);
        json_key(w, "copy");
        json_bool(w, file->copy);
        json_key(w, "ended");
        json_bool(w, file->ended);
        json_end_object(w);
    }
    json_end_array(w);
}

static uint64_t number_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

void follow_load(struct follow *f, const struct json_t *root)
{
    const json_t *item;
    size_t i;

    f->looked = true;
    f->started = json_is_true(json_object_get(root, "started"));
    json_array_foreach(json_object_get(root, "files"), i, item)
    {
        const char *path = json_string_value(json_object_get(item, "path"));
        uint64_t skip = number_of(item, "skip");
        struct stat st = {.st_dev = number_of(item, "device"), .st_ino = number_of(item, "inode")};
        struct file *file;

        if (!path || f->n >= FOLLOW_FILES_MAX || number_of(item, "position") > INT64_MAX)
            continue;
        file = add_file(f, path, &st, -1);
        file->position = number_of(item, "position");
        file->tail_bytes = (uint32_t)number_of(item, "tail_bytes");
        file->tail_crc = (uint32_t)number_of(item, "tail_crc");
        file->copy = json_is_true(json_object_get(item, "copy"));
        file->ended = json_is_true(json_object_get(item, "ended"));
        if (skip <= SPLITTER_REST_OF_ENTRY)
            file->splitter.skip = (enum splitter_skip)skip;
    }
}
