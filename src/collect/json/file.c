#include "collect/json/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/json/answer.h"
#include "collect/json/json_settings.h"
#include "collect/json/lines.h"
#include "collect/json/mapping.h"

#define PART           "collect.json"
#define DOCUMENT_BYTES (16u << 20)

struct json_file {
    const struct json_settings *settings;
    struct mapping *mapping; /* owned */
    const struct clock *clock;
    struct log *log;
    atomic_uint_fast64_t *invalid;
    bool told;
    struct lines lines;
    uint64_t too_long_before;
    struct buf last; /* without a time in the lines: the last one that was sound */

    /* Of the run. */
    struct emit *emit;
    struct budget *budget;
};

/* ---- one JSON value ---- */

/* At the time in it, or now. */
static int map_at(struct json_file *f, struct json_t *root, const ts_ms *at, struct err *err)
{
    SCOPED(arena_fini) struct arena scratch;
    const struct mapping_moment moment = {.now = at ? *at : f->clock->wall_ms(f->clock),
                                          .has_ts = at};

    arena_init(&scratch, f->budget);
    return mapping_apply(f->mapping, root, moment, f->emit, &scratch, err);
}

static int find_time(const struct json_file *f, struct json_t *root, ts_ms *at, struct err *err)
{
    const struct json_path *path = &f->settings->time;

    if (!f->settings->has_time || mapping_time(f->mapping, json_path_get(path, root), at))
        return 0;
    return err_set(err, ERR_EVAL, "there is no time at %.*s", STR_ARGS(str_take(path->text, 100)));
}

/* ---- lines ---- */

static void leave_out(struct json_file *f, uint64_t n, const char *why)
{
    atomic_fetch_add_explicit(f->invalid, n, memory_order_relaxed);
    if (n == 0 || f->told)
        return;
    f->told = true;
    log_warn(f->log, PART,
             "%s: a line of %s is left out: %s; further ones are counted in "
             "earshot_json_lines_invalid_total",
             f->settings->name, f->settings->file, why);
}

static int on_line(void *arg, struct str text, struct err *err)
{
    struct json_file *f = arg;
    struct answer answer;
    struct err why = {.kind = ERR_NONE};
    ts_ms at = 0;
    int rc = 0;

    if (str_trim(text).n == 0)
        return 0;
    if (answer_read(&answer, f->settings, text, f->budget, &why) < 0) {
        leave_out(f, 1, why.text);
        return 0;
    }
    if (find_time(f, answer.root, &at, &why) < 0) {
        leave_out(f, 1, why.text);
    } else if (f->settings->has_time) {
        rc = map_at(f, answer.root, &at, err);
    } else {
        buf_reset(&f->last);
        buf_add(&f->last, text);
    }
    answer_end(&answer);
    return rc;
}

static int map_last(struct json_file *f, struct err *err)
{
    struct answer answer;
    int rc;

    if (f->last.n == 0)
        return 0;
    if (answer_read(&answer, f->settings, buf_str(&f->last), f->budget, err) < 0)
        return -1;
    rc = map_at(f, answer.root, NULL, err);
    answer_end(&answer);
    return rc;
}

static int collect_lines(struct json_file *f, struct err *err)
{
    int rc = lines_read(&f->lines, on_line, f, err);

    leave_out(f, f->lines.too_long - f->too_long_before, "it is longer than 1 MB");
    f->too_long_before = f->lines.too_long;
    return rc < 0 ? -1 : map_last(f, err);
}

/* ---- a document ---- */

static int read_all(int fd, struct buf *out, struct err *err)
{
    ssize_t n = 1;

    while (n > 0) {
        char *room = buf_reserve(out, 65536);

        if (!room)
            return err_set(err, ERR_LIMIT, "it is larger than %u MB", DOCUMENT_BYTES >> 20);
        n = read(fd, room, 65536);
        if (n < 0)
            return err_os(err, errno, "cannot read it");
        out->n += (size_t)n;
    }
    return 0;
}

static int read_document(const char *path, struct buf *out, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    int rc;

    if (fd < 0)
        return err_os(err, errno, "cannot open %.200s", path);
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rc = err_set(err, ERR_TYPE, "it is no regular file");
    else
        rc = read_all(fd, out, err);
    (void)close(fd);
    return rc < 0 ? err_context(err, "%.200s", path) : 0;
}

static int map_document(struct json_file *f, struct str text, struct err *err)
{
    struct answer answer;
    ts_ms at = 0;
    int rc;

    if (answer_read(&answer, f->settings, text, f->budget, err) < 0)
        return -1;
    rc = find_time(f, answer.root, &at, err);
    if (rc == 0)
        rc = map_at(f, answer.root, f->settings->has_time ? &at : NULL, err);
    if (rc == 0)
        rc = mapping_expect(f->mapping, answer.root, err);
    answer_end(&answer);
    return rc;
}

static int collect_document(struct json_file *f, struct err *err)
{
    struct buf text;
    int rc;

    buf_init(&text, DOCUMENT_BYTES + 65536);
    rc = read_document(f->settings->file, &text, err);
    if (rc == 0)
        rc = map_document(f, buf_str(&text), err);
    buf_fini(&text);
    return rc;
}

/* ---- the collector ---- */

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct json_file *f = arg;

    f->emit = emit;
    f->budget = scratch->budget;
    return f->settings->follow ? collect_lines(f, err) : collect_document(f, err);
}

static void free_file(void *arg)
{
    struct json_file *f = arg;

    mapping_free(f->mapping);
    lines_fini(&f->lines);
    buf_fini(&f->last);
    mem_free(f);
}

struct collector json_file_collector(const struct json_settings *settings, struct mapping *mapping,
                                     const struct clock *clock, struct log *log,
                                     atomic_uint_fast64_t *lines_invalid)
{
    struct json_file *f = mem_new(struct json_file);

    f->settings = settings;
    f->mapping = mapping;
    f->clock = clock;
    f->log = log;
    f->invalid = lines_invalid;
    lines_init(&f->lines, settings->file);
    buf_init(&f->last, 0);
    return (struct collector){
        .name = settings->name,
        .collect = collect,
        .free = free_file,
        .arg = f,
        .any_age = settings->has_time,
        .hangs_on = "the file system of its file (a dead network mount, a sleeping disk)"};
}
