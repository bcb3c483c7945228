#include "logstore/search.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "logstore/batch.h"
#include "logstore/files.h"
#include "logstore/internal.h"
#include "logstore/segment.h"

#define TIME_MAX  ((INT64_C(1) << 43) - 1)
#define LEVELS    8
#define LOOK_EACH 20000 /* steps of SQLite's machine between looks at the clock */
#define NAMES_MAX 64    /* that a source stands for, to be looked up by the index */

struct search {
    struct logstore *store;
    const struct logstore_query *query;
    const struct logstore_bounds *bounds;
    struct logstore_at *at;
};

/* The lines of one file that fit. */
struct stream {
    struct file file;
    sqlite3 *db; /* NULL: not opened yet, or at its end */
    sqlite3_stmt *rows;
    struct logstore_source *sources; /* owned; [sources_n]; id is the position + 1 */
    bool *wanted;                    /* owned; [sources_n] */
    char **events;                   /* owned; [events_n] */
    size_t sources_n, events_n;
    bool opened, has_row;
    struct logstore_row row; /* of the statement, until the next step */
    int64_t id;
};

/* ---- names in a file ---- */

static struct str column(sqlite3_stmt *q, int i)
{
    const char *p = sqlite3_column_blob(q, i);

    return p ? (struct str){p, (size_t)sqlite3_column_bytes(q, i)} : STR("");
}

static char *copy(struct str s)
{
    char *p = mem_realloc(NULL, s.n + 1);

    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

static int read_sources(sqlite3 *db, struct logstore_source **out, size_t *n, struct err *err)
{
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    int rc = sqlite3_prepare_v2(
        db, "SELECT name, lines, first_ms, last_ms FROM sources ORDER BY id", -1, &q, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        *out = mem_grow(*out, &cap, *n + 1, sizeof **out);
        (*out)[(*n)++] =
            (struct logstore_source){copy(column(q, 0)), (uint64_t)sqlite3_column_int64(q, 1),
                                     sqlite3_column_int64(q, 2), sqlite3_column_int64(q, 3)};
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(q);
    return rc == SQLITE_DONE ? 0 : segment_failed(db, rc, "cannot read", err);
}

static int read_events(struct stream *s, struct err *err)
{
    sqlite3_stmt *q = NULL;
    size_t cap = 0;
    int rc = sqlite3_prepare_v2(s->db, "SELECT name FROM events ORDER BY id", -1, &q, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        s->events = mem_grow(s->events, &cap, s->events_n + 1, sizeof *s->events);
        s->events[s->events_n++] = copy(column(q, 0));
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(q);
    return rc == SQLITE_DONE ? 0 : segment_failed(s->db, rc, "cannot read", err);
}

bool logstore_is_source(struct str wanted, struct str name)
{
    return !wanted.n || str_eq(wanted, name) ||
           (str_starts(name, wanted) && (name.p[wanted.n] == '/' || name.p[wanted.n] == '@'));
}

/* ---- what the index is asked ---- */

static void put_any(struct buf *out, char kind, const size_t ids[], size_t n)
{
    buf_adds(out, out->n ? " AND (" : "(");
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s\"%c%c%zu\"", i ? " OR " : "", TOKEN_KEY, kind, ids[i]);
    buf_addc(out, ')');
}

/* False: no line of this file can fit. */
static bool put_names(const struct stream *s, const struct logstore_query *q, struct buf *out)
{
    size_t ids[NAMES_MAX], n = 0, event = 0;

    for (size_t i = 0; i < s->sources_n; i++) {
        if (s->wanted[i] && n < NAMES_MAX)
            ids[n] = i + 1;
        n += s->wanted[i];
    }
    if (n == 0)
        return false;
    if (n < s->sources_n && n <= NAMES_MAX)
        put_any(out, 's', ids, n);
    if (!q->event.n)
        return true;
    while (event < s->events_n && !str_eq(q->event, str_c(s->events[event])))
        event++;
    if (event == s->events_n)
        return false;
    put_any(out, 'e', &(size_t){event + 1}, 1);
    return true;
}

/* The words of values that a field must have. Names of the line itself are not in the index. */
static void put_where(const struct logstore_query *q, struct buf *out)
{
    for (size_t i = 0; i < q->where_n; i++) {
        struct words words;

        if (str_eq(q->where[i].name, STR("event")) || str_eq(q->where[i].name, STR("source")))
            continue;
        words.n = 0;
        for (size_t at = 0;
             words.n < WORDS_MAX && token_next(q->where[i].value, &at, &words.items[words.n]);)
            words.begins[words.n++] = false;
        words_put_query(&words, out);
    }
}

static bool put_query(const struct stream *s, const struct logstore_query *q, struct buf *out)
{
    size_t levels[LEVELS], n = 0;

    if (!put_names(s, q, out))
        return false;
    if (q->level_min >= SEGMENT_LEVEL_INDEXED) {
        for (size_t level = q->level_min; level < LEVELS; level++)
            levels[n++] = level;
        put_any(out, 'l', levels, n);
    }
    words_put_query(&q->words, out);
    put_where(q, out);
    return true;
}

/* ---- whether a line fits ---- */

static bool phrase_in(const struct logstore_query *q, size_t at, const struct logstore_row *row)
{
    struct cursor c = cursor_of(row->fields.p, row->fields.n);
    struct logstore_field field;

    if (words_phrase_in(&q->words, at, row->message))
        return true;
    while (packed_field_next(&c, &field))
        if (words_phrase_in(&q->words, at, field.value))
            return true;
    return false;
}

static bool has_phrases(const struct logstore_query *q, const struct logstore_row *row)
{
    for (size_t i = 0; q->words.phrases && i + 1 < q->words.n; i++)
        if (!q->words.follows[i] && q->words.follows[i + 1] && !phrase_in(q, i, row))
            return false;
    return true;
}

static bool has_own(const struct logstore_where *w, const struct logstore_row *row)
{
    if (str_eq(w->name, STR("source")))
        return str_eq(w->value, row->source);
    if (str_eq(w->name, STR("event")))
        return str_eq(w->value, row->event);
    return str_eq(w->name, STR("message")) && str_eq(w->value, row->message);
}

static bool has_field(const struct logstore_where *w, const struct logstore_row *row)
{
    struct cursor c = cursor_of(row->fields.p, row->fields.n);
    struct logstore_field field;

    while (packed_field_next(&c, &field))
        if (str_eq(field.name, w->name))
            return str_eq(field.value, w->value);
    return has_own(w, row);
}

static bool fits(const struct stream *s, const struct logstore_query *q,
                 const struct logstore_row *row, int64_t source)
{
    if ((q->arrived && !logstore_has_arrived(q->arrived, row->id)) || row->level < q->level_min ||
        !s->wanted[source - 1] || (q->event.n && !str_eq(q->event, row->event)))
        return false;
    for (size_t i = 0; i < q->where_n; i++)
        if (!has_field(&q->where[i], row))
            return false;
    return has_phrases(q, row);
}

/* ---- one file ---- */

static void close_stream(struct stream *s)
{
    (void)sqlite3_finalize(s->rows);
    (void)sqlite3_close(s->db);
    logstore_sources_free(s->sources, s->sources_n);
    for (size_t i = 0; i < s->events_n; i++)
        mem_free(s->events[i]);
    mem_free(s->events);
    mem_free(s->wanted);
    s->rows = NULL;
    s->db = NULL;
    s->sources = NULL;
    s->wanted = NULL;
    s->events = NULL;
    s->sources_n = s->events_n = 0;
    s->has_row = false;
}

/* On the way, from within SQLite: true ends the statement. */
static int look(void *arg)
{
    const struct logstore_bounds *b = arg;

    return (b->cancelled && atomic_load(b->cancelled)) ||
           (b->deadline_ns && b->clock->mono_ns(b->clock) > b->deadline_ns);
}

/* Retention may take a file apart while it is being opened. */
static bool is_gone(const struct search *s, const struct stream *stream)
{
    char path[FILE_PATH_BYTES];

    file_path(logstore_folder(s->store), stream->file.begun_ms, path);
    return access(path, F_OK) < 0;
}

static int search_failed(const struct search *s, struct stream *stream, int rc, struct err *err)
{
    (void)segment_failed(stream->db, rc, "cannot read", err);
    if (err->kind == ERR_CANCELLED && !(s->bounds->cancelled && atomic_load(s->bounds->cancelled)))
        return err_set(err, ERR_TIMEOUT,
                       "the search took too long; ask for less time, or for words");
    if (err->kind == ERR_CORRUPT && is_gone(s, stream)) {
        close_stream(stream);
        return 0;
    }
    if (err->kind == ERR_CORRUPT)
        logstore_suspect(s->store, &stream->file);
    return -1;
}

/* Ids from..to of the file that are asked for, without those that were told already. */
static void range(const struct search *s, const struct file *file, int64_t *from, int64_t *to)
{
    const struct logstore_query *q = s->query;
    int64_t start = q->start_ms < 0 ? 0 : q->start_ms,
            end = q->end_ms > TIME_MAX ? TIME_MAX : q->end_ms;
    const struct logstore_at *at = s->at;

    *from = start > TIME_MAX ? INT64_MAX : start << SEGMENT_SEQ_BITS;
    *to = end < 0 ? -1 : (end << SEGMENT_SEQ_BITS) | SEGMENT_SEQ_MASK;
    if (q->arrived && q->arrived->first_id > *from)
        *from = q->arrived->first_id;
    if (q->arrived && q->arrived->last_id < *to)
        *to = q->arrived->last_id;
    if (at->set && q->forward && at->id + (file->begun_ms <= at->file) > *from)
        *from = at->id + (file->begun_ms <= at->file);
    if (at->set && !q->forward && at->id - (file->begun_ms >= at->file) < *to)
        *to = at->id - (file->begun_ms >= at->file);
}

static int prepare(const struct search *s, struct stream *stream, struct err *err)
{
    static const char *const texts[2][2] = {
        {"SELECT id, source, level, event, message, fields FROM lines"
         " WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC",
         "SELECT id, source, level, event, message, fields FROM lines"
         " WHERE id BETWEEN ?1 AND ?2 ORDER BY id"},
        {"SELECT l.id, source, level, event, message, fields FROM words CROSS JOIN lines l"
         " ON l.id = words.rowid WHERE words MATCH ?3 AND words.rowid BETWEEN ?1 AND ?2"
         " ORDER BY words.rowid DESC",
         "SELECT l.id, source, level, event, message, fields FROM words CROSS JOIN lines l"
         " ON l.id = words.rowid WHERE words MATCH ?3 AND words.rowid BETWEEN ?1 AND ?2"
         " ORDER BY words.rowid"}};
    SCOPED(buf_fini) struct buf match = {0};
    int64_t from, to;
    int rc;

    if (!put_query(stream, s->query, &match))
        return 0;
    range(s, &stream->file, &from, &to);
    rc = sqlite3_prepare_v2(stream->db, texts[match.n > 0][s->query->forward], -1, &stream->rows,
                            NULL);
    if (rc != SQLITE_OK)
        return search_failed(s, stream, rc, err);
    (void)sqlite3_bind_int64(stream->rows, 1, from);
    (void)sqlite3_bind_int64(stream->rows, 2, to);
    if (match.n)
        (void)sqlite3_bind_text(stream->rows, 3, match.p, (int)match.n, SQLITE_TRANSIENT);
    return 0;
}

static int open_stream(const struct search *s, struct stream *stream, struct err *err)
{
    char path[FILE_PATH_BYTES];

    stream->opened = true;
    file_path(logstore_folder(s->store), stream->file.begun_ms, path);
    if (segment_read(path, &stream->db, err) < 0) {
        if (err->kind == ERR_OS && err->os == ENOENT)
            return 0; /* retention was faster */
        if (is_gone(s, stream))
            return 0;
        if (err->kind == ERR_CORRUPT)
            logstore_suspect(s->store, &stream->file);
        return -1;
    }
    sqlite3_progress_handler(stream->db, LOOK_EACH, look, (void *)s->bounds);
    if (read_sources(stream->db, &stream->sources, &stream->sources_n, err) < 0 ||
        read_events(stream, err) < 0)
        return search_failed(s, stream, sqlite3_extended_errcode(stream->db), err);
    stream->wanted = mem_new_array(bool, stream->sources_n + 1);
    for (size_t i = 0; i < stream->sources_n; i++)
        stream->wanted[i] = logstore_is_source(s->query->source, str_c(stream->sources[i].name));
    return prepare(s, stream, err);
}

/* To the next line that fits; has_row false: there is none. */
static int step(const struct search *s, struct stream *stream, struct err *err)
{
    int rc = stream->rows ? SQLITE_ROW : SQLITE_DONE;

    stream->has_row = false;
    while (stream->rows && (rc = sqlite3_step(stream->rows)) == SQLITE_ROW) {
        int64_t source = sqlite3_column_int64(stream->rows, 1);
        int64_t event = sqlite3_column_int64(stream->rows, 3);
        struct logstore_row *row = &stream->row;

        if (source < 1 || (uint64_t)source > stream->sources_n || event < 0 ||
            (uint64_t)event > stream->events_n)
            continue; /* of a source that came after its names were read: the next search has it */
        stream->id = sqlite3_column_int64(stream->rows, 0);
        *row = (struct logstore_row){
            .id = stream->id,
            .time_ms = stream->id >> SEGMENT_SEQ_BITS,
            .level = (uint8_t)(sqlite3_column_int(stream->rows, 2) & (LEVELS - 1)),
            .source = str_c(stream->sources[source - 1].name),
            .event = event ? str_c(stream->events[event - 1]) : STR(""),
            .message = column(stream->rows, 4),
            .fields = column(stream->rows, 5)};
        stream->has_row = fits(stream, s->query, row, source);
        if (stream->has_row)
            return 0;
    }
    if (rc != SQLITE_DONE)
        return search_failed(s, stream, rc, err);
    close_stream(stream);
    return 0;
}

/* ---- all files ---- */

/* Nearest first. */
static int by_last(const void *a, const void *b)
{
    const struct stream *x = a, *y = b;

    return (x->file.info.last_id < y->file.info.last_id) -
           (x->file.info.last_id > y->file.info.last_id);
}

static int by_first(const void *a, const void *b)
{
    const struct stream *x = a, *y = b;

    return (x->file.info.first_id > y->file.info.first_id) -
           (x->file.info.first_id < y->file.info.first_id);
}

static bool is_nearer(const struct logstore_query *q, const struct stream *a,
                      const struct stream *b)
{
    if (a->id != b->id)
        return q->forward ? a->id < b->id : a->id > b->id;
    return q->forward ? a->file.begun_ms < b->file.begun_ms : a->file.begun_ms > b->file.begun_ms;
}

/* Whether a file that is not open yet may have a line nearer than, or as near as, `id`. */
static bool may_precede(const struct logstore_query *q, const struct stream *s, int64_t id)
{
    return q->forward ? s->file.info.first_id <= id : s->file.info.last_id >= id;
}

/* The stream with the nearest line; files are opened as it comes to them. */
static int nearest(const struct search *s, struct stream streams[], size_t n, struct stream **out,
                   struct err *err)
{
    struct stream *best = NULL;

    for (size_t i = 0; i < n; i++) {
        struct stream *stream = &streams[i];

        if (!stream->opened) {
            if (best && !may_precede(s->query, stream, best->id))
                break;
            if (open_stream(s, stream, err) < 0 || step(s, stream, err) < 0)
                return -1;
        }
        if (stream->has_row && (!best || is_nearer(s->query, stream, best)))
            best = stream;
    }
    *out = best;
    return 0;
}

static int walk(const struct search *s, struct stream streams[], size_t n,
                bool (*row)(void *arg, const struct logstore_row *row), void *arg, struct err *err)
{
    struct stream *stream;

    for (;;) {
        bool more;

        if (nearest(s, streams, n, &stream, err) < 0)
            return -1;
        if (!stream) {
            s->at->ended = true;
            return 0;
        }
        more = row(arg, &stream->row);
        s->at->id = stream->id;
        s->at->file = stream->file.begun_ms;
        s->at->set = true;
        if (!more)
            return 0;
        if (step(s, stream, err) < 0)
            return -1;
    }
}

int logstore_search(struct logstore *store, const struct logstore_query *query,
                    const struct logstore_bounds *bounds, struct logstore_at *at,
                    bool (*row)(void *arg, const struct logstore_row *row), void *arg,
                    struct err *err)
{
    const struct search s = {store, query, bounds, at};
    size_t files_n, n = 0;
    struct file *files = logstore_files(store, &files_n);
    struct stream *streams = mem_new_array(struct stream, files_n + 1);
    int rc;

    for (size_t i = 0; i < files_n; i++) {
        int64_t from, to;

        range(&s, &files[i], &from, &to);
        if (files[i].info.last_id >= from && files[i].info.first_id <= to)
            streams[n++].file = files[i];
    }
    if (n)
        qsort(streams, n, sizeof *streams, query->forward ? by_first : by_last);
    rc = walk(&s, streams, n, row, arg, err);
    for (size_t i = 0; i < n; i++)
        close_stream(&streams[i]);
    mem_free(streams);
    mem_free(files);
    return rc;
}

/* ---- arrivals ---- */

bool logstore_has_arrived(const struct logstore_arrivals *a, int64_t id)
{
    uint64_t number = ((uint64_t)id - a->from) & (uint64_t)SEGMENT_SEQ_MASK;

    return id >= a->first_id && id <= a->last_id && number < a->to - a->from;
}

/* ---- sources ---- */

static int by_name(const void *a, const void *b)
{
    const struct logstore_source *x = a, *y = b;

    return strcmp(x->name, y->name);
}

/* Those of one name become one; sorted. */
static size_t join(struct logstore_source *all, size_t n)
{
    size_t kept = 0;

    if (n)
        qsort(all, n, sizeof *all, by_name);
    for (size_t i = 0; i < n; i++) {
        struct logstore_source *last = kept ? &all[kept - 1] : NULL;

        if (!last || strcmp(last->name, all[i].name) != 0) {
            all[kept++] = all[i];
            continue;
        }
        last->lines += all[i].lines;
        if (all[i].first_ms < last->first_ms)
            last->first_ms = all[i].first_ms;
        if (all[i].last_ms > last->last_ms)
            last->last_ms = all[i].last_ms;
        mem_free(all[i].name);
    }
    return kept;
}

int logstore_sources(struct logstore *store, struct logstore_source **out, size_t *n,
                     struct err *err)
{
    size_t files_n, all_n = 0, cap = 0;
    struct file *files = logstore_files(store, &files_n);
    struct logstore_source *all = NULL;
    int rc = 0;

    for (size_t i = 0; i < files_n && rc == 0; i++) {
        struct logstore_source *some = NULL;
        char path[FILE_PATH_BYTES];
        struct sqlite3 *db = NULL;
        size_t some_n = 0;

        file_path(logstore_folder(store), files[i].begun_ms, path);
        if (segment_read(path, &db, err) < 0) {
            rc = err->kind == ERR_OS && err->os == ENOENT ? 0 : -1;
            continue;
        }
        rc = read_sources(db, &some, &some_n, err);
        (void)sqlite3_close(db);
        all = mem_grow(all, &cap, all_n + some_n + 1, sizeof *all);
        if (some_n)
            memcpy(all + all_n, some, some_n * sizeof *some);
        all_n += some_n;
        mem_free(some);
    }
    mem_free(files);
    if (rc < 0) {
        logstore_sources_free(all, all_n);
        return -1;
    }
    *n = join(all, all_n);
    *out = all;
    return 0;
}

void logstore_sources_free(struct logstore_source *sources, size_t n)
{
    for (size_t i = 0; i < n; i++)
        mem_free(sources[i].name);
    mem_free(sources);
}
