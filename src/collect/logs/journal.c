#include "collect/logs/journal.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/logs/journal_lib.h"
#include "collect/logs/splitter.h"
#include "text/json.h"

#define SETTLED_MS  1000
#define BATCH_BYTES (256u << 10)
#define KEPT_BYTES_MAX                                                                             \
    (8u << 20) /* after a pass that read more, the pages of its files are let go */
#define MATCH_MAX 300

/* A line that has been read and not told. */
struct line {
    size_t end;   /* in `text`, behind its newline */
    char *cursor; /* malloc, owned */
    int64_t time_ms;
    enum severity level;
    bool cut;
};

struct journal {
    struct journal_settings settings;
    struct journal_lib lib;
    struct sd_journal *open; /* NULL: not */
    char *cursor;            /* malloc, owned; of the last line told; NULL: none yet */
    int64_t told_ms;         /* that line's time */
    bool looked;             /* what comes from now on was written later */
    bool started;            /* there has been a line: its events count from 0 */
    int64_t at_end_ms;       /* wall clock, when there was no more to read; 0: not yet */
    uint64_t tail;           /* hash of the last line's cursor, which has been last since: */
    int64_t tail_since_ns;
    struct splitter splitter;
    struct buf text; /* of the lines; only during a pass */
    struct line *lines;
    size_t n, cap;
    bool cut_line; /* the one behind them, whose parts come */
    struct source_counts counts;
};

struct journal *journal_new(const struct journal_settings *settings)
{
    struct journal *j = mem_new(struct journal);

    j->settings = *settings;
    j->splitter = (struct splitter){.begins = settings->begins, .line_max = settings->line_max};
    return j;
}

static void close_journal(struct journal *j)
{
    if (j->open)
        j->lib.close(j->open);
    j->open = NULL;
}

static void drop_lines(struct journal *j)
{
    for (size_t i = 0; i < j->n; i++)
        free(j->lines[i].cursor);
    j->n = 0;
    j->cut_line = false;
    buf_fini(&j->text);
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    close_journal(j);
    journal_lib_close(&j->lib);
    drop_lines(j);
    mem_free(j->lines);
    free(j->cursor);
    mem_free(j);
}

/* ---- opening ---- */

/* Fails with a negative errno, as libsystemd does. */
static int add_match(struct journal *j, const char *field, const char *value)
{
    char match[MATCH_MAX];
    int n = snprintf(match, sizeof match, "%s=%s", field, value);

    if (n < 0 || (size_t)n >= sizeof match)
        return -ENAMETOOLONG;
    return j->lib.add_match(j->open, match, (size_t)n);
}

static bool has_ending(struct str unit)
{
    static const char *const endings[] = {".service", ".scope",  ".slice",     ".socket",
                                          ".timer",   ".mount",  ".automount", ".swap",
                                          ".path",    ".target", ".device"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends(unit, str_c(endings[i])))
            return true;
    return false;
}

/* What the unit wrote, what systemd says about it, and what a user's systemd calls so. */
static int add_unit(struct journal *j, const char *unit)
{
    static const char *const fields[] = {"_SYSTEMD_UNIT", "_SYSTEMD_USER_UNIT", "UNIT"};
    char name[MATCH_MAX];
    int rc = 0;

    if (snprintf(name, sizeof name, "%s%s", unit, has_ending(str_c(unit)) ? "" : ".service") >=
        (int)sizeof name)
        return -ENAMETOOLONG;
    for (size_t i = 0; i < ARRAY_LEN(fields) && rc >= 0; i++) {
        rc = add_match(j, fields[i], name);
        /* Any program may send a UNIT=; only process 1 is believed. */
        if (rc >= 0 && strcmp(fields[i], "UNIT") == 0)
            rc = add_match(j, "_PID", "1");
        if (rc >= 0)
            rc = j->lib.add_disjunction(j->open);
    }
    return rc;
}

static int add_matches(struct journal *j)
{
    const struct journal_settings *s = &j->settings;

    if (s->container)
        return add_match(j, "CONTAINER_NAME", s->container);
    if (strcmp(s->unit, "kernel") == 0)
        return add_match(j, "_TRANSPORT", "kernel");
    return add_unit(j, s->unit);
}

static const char *what(const struct journal *j)
{
    return j->settings.folder ? j->settings.folder : "the journal";
}

static int fail(struct journal *j, int rc, struct err *err)
{
    close_journal(j);
    return err_os(err, -rc, "cannot read %s", what(j));
}

static int open_journal(struct journal *j, struct err *err)
{
    const char *folder = j->settings.folder;
    int rc;

    if (j->open)
        return 0;
    if (!j->lib.handle && journal_lib_open(&j->lib, err) < 0)
        return -1;
    rc = folder ? j->lib.open_directory(&j->open, folder, 0)
                : j->lib.open(&j->open, JOURNAL_LOCAL_ONLY);
    if (rc < 0) {
        j->open = NULL;
        return fail(j, rc, err);
    }
    if (!folder && j->lib.has_persistent_files(j->open) <= 0 &&
        j->lib.has_runtime_files(j->open) <= 0) {
        close_journal(j);
        return err_set(err, ERR_EVAL,
                       "there is no journal that may be read: journald does not run, or this user "
                       "is not in the group systemd-journal");
    }
    rc = add_matches(j);
    if (rc >= 0) /* one byte more shows that it was cut */
        rc = j->lib.set_data_threshold(j->open, strlen("MESSAGE=") + j->settings.line_max + 1);
    if (rc >= 0)
        rc = j->lib.get_fd(j->open); /* from here on `process` sees what is added */
    return rc < 0 ? fail(j, rc, err) : 0;
}

/* ---- where to begin ---- */

static void move_cursor(struct journal *j, char *cursor, int64_t time_ms)
{
    free(j->cursor);
    j->cursor = cursor;
    j->told_ms = time_ms;
}

static int64_t time_of(struct journal *j)
{
    uint64_t us = 0;

    return j->lib.get_realtime_usec(j->open, &us) < 0 ? 0 : (int64_t)(us / 1000);
}

/* Takes note of the last line. 0: there is none. */
static int note_last(struct journal *j)
{
    char *cursor = NULL;
    int rc = j->lib.seek_tail(j->open);

    if (rc >= 0)
        rc = j->lib.previous(j->open);
    if (rc > 0 && !j->looked && !j->settings.from_beginning) {
        rc = j->lib.get_cursor(j->open, &cursor);
        if (rc >= 0)
            move_cursor(j, cursor, time_of(j));
        rc = rc < 0 ? rc : 1;
    }
    return rc;
}

static void tell_lost(struct journal *j, struct log *log)
{
    uint64_t from = 0, to;
    int64_t since = j->at_end_ms > j->told_ms ? j->at_end_ms : j->told_ms;

    if (j->lib.get_cutoff_realtime_usec(j->open, &from, &to) <= 0 ||
        (int64_t)(from / 1000) <= since)
        return;
    j->counts.lost_files++;
    log_warn(log, "logs", "%s no longer has what it had when it was last read: lines may be lost",
             what(j));
}

/* Stands behind the last line told; > 0: on a line already. */
static int seek(struct journal *j, struct log *log)
{
    int rc;

    if (!j->cursor)
        return j->lib.seek_head(j->open);
    rc = j->lib.seek_cursor(j->open, j->cursor);
    if (rc >= 0)
        rc = j->lib.next(j->open);
    if (rc <= 0)
        return rc;
    if (j->lib.test_cursor(j->open, j->cursor) > 0)
        return 0;
    tell_lost(j, log);
    return 1;
}

/* ---- lines ---- */

/* Empty: it has none, or an empty one. */
static struct str field_of(struct journal *j, const char *name)
{
    const void *data;
    size_t n, skip = strlen(name) + 1;

    if (j->lib.get_data(j->open, name, &data, &n) < 0 || n < skip)
        return STR("");
    return (struct str){(const char *)data + skip, n - skip};
}

static enum severity level_of(struct journal *j)
{
    struct str text;

    /* Engines give 3 to all of stderr and 6 to all of stdout. */
    if (j->settings.container)
        return SEVERITY_NONE;
    text = field_of(j, "PRIORITY");
    if (text.n != 1 || text.p[0] < '0' || text.p[0] > '7' ||
        (text.p[0] == '6' && str_eq(field_of(j, "_TRANSPORT"), STR("stdout"))))
        return SEVERITY_NONE;
    return severity_of_priority((unsigned)(text.p[0] - '0'));
}

static void tell(const struct line *first, struct str text, const struct source_pass *pass)
{
    const struct log_entry entry = {.text = text, .time_ms = first->time_ms, .level = first->level};

    if (text.n)
        pass->entry(pass->arg, &entry);
}

/* Tells the entries among the lines, and forgets those told. */
static void tell_lines(struct journal *j, enum splitter_end end, const struct source_pass *pass)
{
    uint64_t cut = j->splitter.cut;
    size_t done = 0, told = 0, used;
    struct str entry;
    bool more = j->n > 0;

    while (more) {
        more = splitter_next(&j->splitter, str_skip(buf_str(&j->text), done), end, &entry, &used);
        if (more && entry.n) {
            size_t start = (size_t)(entry.p - j->text.p), at = told;

            while (j->lines[at].end <= start)
                at++;
            tell(&j->lines[at], entry, pass);
        }
        done += used;
        while (told < j->n && j->lines[told].end <= done) {
            move_cursor(j, j->lines[told].cursor, j->lines[told].time_ms);
            j->counts.cut += j->lines[told].cut;
            told++;
        }
    }
    j->counts.cut += j->splitter.cut - cut;
    for (size_t i = told; i < j->n; i++) {
        j->lines[i - told] = j->lines[i];
        j->lines[i - told].end -= done;
    }
    j->n -= told;
    if (told && pass->settled)
        pass->settled(pass->arg);
    if (done) {
        memmove(j->text.p, j->text.p + done, j->text.n - done);
        j->text.n -= done;
    }
}

/* A message of several lines. */
static void take_entry(struct journal *j, struct line *line, struct str message,
                       const struct source_pass *pass)
{
    SCOPED(buf_fini) struct buf text = {0};

    buf_add(&text, message); /* what it points to is gone with the next field */
    tell_lines(j, SPLITTER_SETTLED, pass);
    line->level = level_of(j);
    tell(line, str_trim(buf_str(&text)), pass);
    move_cursor(j, line->cursor, line->time_ms);
    if (pass->settled)
        pass->settled(pass->arg);
}

/* How much of a message still fits into the line that it is, or is a part of. */
static struct str fitting(struct journal *j, struct str message)
{
    size_t line = j->n ? j->lines[j->n - 1].end : 0, room = j->settings.line_max;

    room -= j->text.n - line < room ? j->text.n - line : room;
    if (message.n > room)
        j->cut_line = true;
    return str_take(message, room);
}

/* Adds the line at hand. */
static int take_line(struct journal *j, const struct source_pass *pass)
{
    struct str message = field_of(j, "MESSAGE");
    struct line line = {.time_ms = time_of(j)};
    int rc = j->lib.get_cursor(j->open, &line.cursor);

    if (rc < 0)
        return rc;
    j->counts.bytes += message.n;
    message = fitting(j, message);
    if (message.n && memchr(message.p, '\n', message.n)) {
        take_entry(j, &line, message, pass);
        return 0;
    }
    buf_add(&j->text, message);
    /* Engines cut what is longer than 16 KB. */
    if (j->settings.container && field_of(j, "CONTAINER_PARTIAL_MESSAGE").n) {
        free(line.cursor);
        return 0;
    }
    buf_addc(&j->text, '\n');
    line.end = j->text.n;
    line.level = level_of(j);
    line.cut = j->cut_line;
    j->cut_line = false;
    j->lines = mem_grow(j->lines, &j->cap, j->n + 1, sizeof *j->lines);
    j->lines[j->n++] = line;
    return 0;
}

/* Whether the last line has been the last for a while. */
static bool is_settled(struct journal *j, const struct source_pass *pass)
{
    int64_t now_ns = pass->clock->mono_ns(pass->clock);
    const struct line *last = &j->lines[j->n - 1];
    uint64_t tail = hash_str(str_c(last->cursor));

    if (tail != j->tail || j->tail_since_ns == 0) {
        j->tail = tail;
        j->tail_since_ns = now_ns;
    }
    return now_ns - j->tail_since_ns >= SETTLED_MS * INT64_C(1000000) ||
           pass->clock->wall_ms(pass->clock) - last->time_ms >= SETTLED_MS;
}

static int read_lines(struct journal *j, const struct source_pass *pass)
{
    int rc = seek(j, pass->log);

    if (rc == 0)
        rc = j->lib.next(j->open);
    for (; rc > 0; rc = j->lib.next(j->open)) {
        rc = take_line(j, pass);
        if (rc < 0)
            return rc;
        if (j->text.n >= BATCH_BYTES && j->text.n >= splitter_need(&j->splitter))
            tell_lines(j, SPLITTER_MORE, pass);
        if (source_pass_is_over(pass))
            break;
    }
    if (rc == 0)
        j->at_end_ms = pass->clock->wall_ms(pass->clock);
    if (j->n)
        tell_lines(j, rc == 0 && is_settled(j, pass) ? SPLITTER_SETTLED : SPLITTER_MORE, pass);
    return rc;
}

int journal_read(struct journal *j, const struct source_pass *pass, struct err *err)
{
    uint64_t before = j->counts.bytes;
    int rc;

    if (open_journal(j, err) < 0)
        return -1;
    rc = j->lib.process(j->open);
    if (rc >= 0 && !j->started) {
        rc = note_last(j);
        j->started = rc > 0;
        j->looked = true;
        if (rc == 0)
            return err_set(err, ERR_EVAL, "%s has no line of %s %s yet", what(j),
                           j->settings.container ? "container" : "unit",
                           j->settings.container ? j->settings.container : j->settings.unit);
    } else if (rc >= 0) {
        rc = read_lines(j, pass);
    }
    drop_lines(j);
    if (rc < 0)
        return fail(j, rc, err);
    if (j->counts.bytes - before > KEPT_BYTES_MAX)
        close_journal(j);
    return 0;
}

struct source_counts journal_counts(const struct journal *j)
{
    return j->counts;
}

/* ---- kept over restarts ---- */

void journal_write(const struct journal *j, struct json_writer *w)
{
    json_key(w, "journal");
    json_begin_object(w);
    json_key(w, "started");
    json_bool(w, j->started);
    json_key(w, "skip");
    json_i64(w, j->splitter.skip);
    if (j->cursor) {
        json_key(w, "cursor");
        json_cstr(w, j->cursor);
        json_key(w, "time");
        json_i64(w, j->told_ms);
    }
    json_end_object(w);
}

void journal_load(struct journal *j, const struct json_t *root)
{
    const json_t *o = json_object_get(root, "journal");
    const char *cursor = json_string_value(json_object_get(o, "cursor"));
    json_int_t skip = json_integer_value(json_object_get(o, "skip"));

    j->looked = true;
    j->started = json_is_true(json_object_get(o, "started"));
    j->splitter.skip = skip == SPLITTER_REST_OF_ENTRY ? SPLITTER_REST_OF_ENTRY : SPLITTER_WHOLE;
    move_cursor(j, cursor ? strdup(cursor) : NULL, json_integer_value(json_object_get(o, "time")));
}
