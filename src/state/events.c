#include "state/events.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/labels.h"
#include "model/matcher.h"
#include "text/json.h"

#define PART        "events"
#define UPKEEP_MS   (10 * 60000)
#define CROWD_PART  10 /* a tenth of the events goes at a time when there are too many bytes */
#define KEY_GAP_MS  (10 * 60000)
#define SCANNED_MAX 200000

struct events {
    struct events_settings settings;
    atomic_int_fast64_t keep_ms;
    atomic_uint_fast64_t bytes_max;
    atomic_size_t waiting;
    atomic_uint_fast64_t told, stored, dropped[EVENTS_DROPS], aged, crowded_out;
    atomic_bool told_drop;

    /* The state's thread. */
    bool opened;     /* those of a former run are closed */
    ts_ms upkeep_ms; /* when it was last done */
};

struct events *events_new(const struct events_settings *settings)
{
    struct events *e = mem_new(struct events);

    e->settings = *settings;
    return e;
}

void events_free(struct events *e)
{
    mem_free(e);
}

void events_set_retention(struct events *e, int64_t keep_ms, uint64_t bytes_max)
{
    atomic_store(&e->keep_ms, keep_ms);
    atomic_store(&e->bytes_max, bytes_max);
}

struct events_stats events_stats(struct events *e)
{
    struct events_stats s = {.told = atomic_load(&e->told),
                             .stored = atomic_load(&e->stored),
                             .aged = atomic_load(&e->aged),
                             .crowded_out = atomic_load(&e->crowded_out)};

    for (size_t i = 0; i < EVENTS_DROPS; i++)
        s.dropped[i] = atomic_load(&e->dropped[i]);
    return s;
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;

    return sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK ? s : NULL;
}

/* Steps a statement that gives no row, and ends it. */
static bool run_once(sqlite3_stmt *s)
{
    int rc = s ? sqlite3_step(s) : SQLITE_ERROR;

    (void)sqlite3_finalize(s);
    return rc == SQLITE_DONE;
}

static uint64_t one_number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = prepare(db, sql);
    uint64_t n = s && sqlite3_step(s) == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;

    (void)sqlite3_finalize(s);
    return n;
}

/* ---- upkeep ---- */

static bool remove_aged(struct events *e, sqlite3 *db, ts_ms now)
{
    int64_t keep_ms = atomic_load(&e->keep_ms);
    sqlite3_stmt *s;

    if (!keep_ms)
        return true;
    s = prepare(db, "DELETE FROM event WHERE ends < ?1");
    if (s)
        (void)sqlite3_bind_int64(s, 1, now - keep_ms);
    if (!run_once(s))
        return false;
    atomic_fetch_add(&e->aged, (uint64_t)sqlite3_changes(db));
    return true;
}

static uint64_t bytes_used(sqlite3 *db)
{
    return one_number(db, "SELECT (page_count-freelist_count)*page_size FROM pragma_page_count,"
                          "pragma_freelist_count,pragma_page_size");
}

static bool remove_crowd(struct events *e, sqlite3 *db)
{
    uint64_t bytes_max = atomic_load(&e->bytes_max), before = 0;
    uint64_t used = bytes_max ? bytes_used(db) : 0;

    while (used > bytes_max && used != before) {
        sqlite3_stmt *s =
            prepare(db, "DELETE FROM event WHERE id IN (SELECT id FROM event ORDER BY "
                        "ends LIMIT (SELECT count(*)/?1+1 FROM event))");

        if (s)
            (void)sqlite3_bind_int(s, 1, CROWD_PART);
        if (!run_once(s))
            return false;
        atomic_fetch_add(&e->crowded_out, (uint64_t)sqlite3_changes(db));
        before = used;
        used = bytes_used(db);
    }
    return true;
}

/* Within the transaction of the work that comes first after its time. */
static bool keep_up(struct events *e, sqlite3 *db)
{
    ts_ms now = e->settings.clock->wall_ms(e->settings.clock);

    if (!e->opened && !run_once(prepare(db, "UPDATE event SET open=0 WHERE open")))
        return false;
    e->opened = true;
    if (now >= e->upkeep_ms && now - e->upkeep_ms < UPKEEP_MS)
        return true;
    if (!remove_aged(e, db, now) || !remove_crowd(e, db))
        return false;
    (void)sqlite3_exec(db, "PRAGMA incremental_vacuum(1000)", NULL, NULL, NULL);
    e->upkeep_ms = now;
    return true;
}

/* ---- telling ---- */

struct telling {
    struct state_work work;
    struct events *events;
    ts_ms start, end;
    int64_t same_within_ms;
    bool open, is_new;
    const char *key, *kind, *labels, *text; /* owned; in `space` */
    char space[];
};

static bool is_there(const struct telling *t, sqlite3 *db)
{
    sqlite3_stmt *s = prepare(db, "SELECT 1 FROM event WHERE starts BETWEEN ?1 AND ?2 AND kind=?3 "
                                  "AND labels=?4 LIMIT 1");
    bool found;

    if (!s)
        return false;
    (void)sqlite3_bind_int64(s, 1, t->start - t->same_within_ms);
    (void)sqlite3_bind_int64(s, 2, t->start + t->same_within_ms);
    (void)sqlite3_bind_text(s, 3, t->kind, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 4, t->labels, -1, SQLITE_STATIC);
    found = sqlite3_step(s) == SQLITE_ROW;
    (void)sqlite3_finalize(s);
    return found;
}

static bool insert(const struct telling *t, sqlite3 *db)
{
    sqlite3_stmt *s = prepare(
        db, "INSERT INTO event(key,kind,starts,ends,open,labels,text) VALUES(?1,?2,?3,?4,?5,?6,?7) "
            "ON CONFLICT(key) DO UPDATE SET ends=excluded.ends,open=excluded.open,"
            "labels=excluded.labels,text=excluded.text");

    if (!s)
        return false;
    (void)sqlite3_bind_text(s, 1, t->key, -1, SQLITE_STATIC); /* NULL binds NULL */
    (void)sqlite3_bind_text(s, 2, t->kind, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 3, t->start);
    (void)sqlite3_bind_int64(s, 4, t->end);
    (void)sqlite3_bind_int(s, 5, t->open);
    (void)sqlite3_bind_text(s, 6, t->labels, -1, SQLITE_STATIC);
    (void)sqlite3_bind_text(s, 7, t->text, -1, SQLITE_STATIC);
    return run_once(s);
}

/* Ids begin anew with their service: what ended long ago is another's. */
static bool let_go_of_key(const struct telling *t, sqlite3 *db)
{
    sqlite3_stmt *s =
        prepare(db, "UPDATE event SET key=NULL WHERE key=?1 AND NOT open AND ends<?2");

    if (!s)
        return false;
    (void)sqlite3_bind_text(s, 1, t->key, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s, 2, t->start - KEY_GAP_MS);
    return run_once(s);
}

static bool tell_run(struct state_work *work, sqlite3 *db)
{
    struct telling *t = CONTAINER_OF(work, struct telling, work);

    if (!keep_up(t->events, db))
        return false;
    t->is_new = !(t->same_within_ms && is_there(t, db));
    if (t->key && !let_go_of_key(t, db))
        return false;
    return !t->is_new || insert(t, db);
}

static void count_drops(struct events *e, enum events_drop why, uint64_t n)
{
    atomic_fetch_add(&e->dropped[why], n);
    if (!atomic_exchange(&e->told_drop, true))
        log_warn(e->settings.log, PART,
                 "an event was dropped (%s); these are counted in earshot_events_dropped_total",
                 why == EVENTS_DROP_BUSY     ? "too many at once"
                 : why == EVENTS_DROP_LABELS ? "its labels are too long"
                                             : "it could not be stored");
}

static void count_drop(struct events *e, enum events_drop why)
{
    count_drops(e, why, 1);
}

void events_drop_busy(struct events *e, uint64_t n)
{
    if (n)
        count_drops(e, EVENTS_DROP_BUSY, n);
}

static void tell_done(struct state_work *work, bool stored)
{
    struct telling *t = CONTAINER_OF(work, struct telling, work);
    struct events *e = t->events;

    if (!stored)
        count_drop(e, EVENTS_DROP_STORE);
    else if (t->is_new)
        atomic_fetch_add(&e->stored, 1);
    atomic_fetch_sub(&e->waiting, 1);
    mem_free(t);
}

static void write_labels(const struct labels *ls, struct buf *out)
{
    struct json_writer w;

    json_begin(&w, out);
    json_begin_object(&w);
    for (size_t i = 0; i < ls->n; i++) {
        struct label l = labels_at(ls, i);

        json_key_str(&w, l.name);
        json_str(&w, l.value);
    }
    json_end_object(&w);
}

bool events_take_labels(const struct labels *labels)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = EVENT_LABELS_BYTES_MAX};

    write_labels(labels, &text);
    return !text.overflowed;
}

static const char *put(char **at, const char *text, size_t n)
{
    char *start = *at;

    memcpy(start, text, n);
    start[n] = '\0';
    *at += n + 1;
    return start;
}

/* Cut at a character's beginning. */
static size_t text_bytes(const char *text)
{
    size_t n = strnlen(text, EVENT_TEXT_MAX);

    while (n && ((unsigned char)text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static struct telling *copy(struct events *e, const struct event_told *told, struct str labels)
{
    size_t key_n = told->key ? strlen(told->key) : 0, kind_n = strlen(told->is.kind);
    size_t text_n = text_bytes(told->is.text);
    struct telling *t = mem_zalloc(sizeof *t + key_n + kind_n + text_n + labels.n + 4);
    char *at = t->space;

    t->work = (struct state_work){tell_run, tell_done, NULL};
    t->events = e;
    t->start = told->is.start;
    t->end = told->is.end;
    t->open = told->is.open;
    t->same_within_ms = told->same_within_ms;
    t->key = told->key ? put(&at, told->key, key_n) : NULL;
    t->kind = put(&at, told->is.kind, kind_n);
    t->labels = put(&at, labels.p, labels.n);
    t->text = put(&at, told->is.text, text_n);
    return t;
}

/* It would go with the next upkeep: a start that is read anew each time may be that old. */
bool events_is_past(const struct events *e, const struct event *is)
{
    int64_t keep_ms = atomic_load(&e->keep_ms);

    return keep_ms && !is->open &&
           is->end < e->settings.clock->wall_ms(e->settings.clock) - keep_ms;
}

void events_tell(struct events *e, const struct event_told *told)
{
    SCOPED(buf_fini) struct buf labels = {.max_bytes = EVENT_LABELS_BYTES_MAX};

    if (!e || events_is_past(e, &told->is))
        return;
    atomic_fetch_add(&e->told, 1);
    write_labels(told->is.labels, &labels);
    if (labels.overflowed || (told->key && strlen(told->key) > EVENT_LABELS_BYTES_MAX)) {
        count_drop(e, EVENTS_DROP_LABELS);
        return;
    }
    if (atomic_fetch_add(&e->waiting, 1) >= EVENTS_WAITING_MAX) {
        atomic_fetch_sub(&e->waiting, 1);
        count_drop(e, EVENTS_DROP_BUSY);
        return;
    }
    state_submit(e->settings.state, &copy(e, told, buf_str(&labels))->work);
}

/* ---- asking ---- */

static int read_labels(struct arena *a, const char *text, const struct labels **out,
                       struct err *err)
{
    struct json_t *object = NULL;
    struct label *pairs;
    const char *name;
    json_t *value;
    size_t n = 0;
    int rc = -1;

    if (json_read(str_c(text), &object, err) < 0)
        return -1;
    pairs = arena_new_array(a, struct label, json_object_size(object) + 1, err);
    if (pairs) {
        json_object_foreach(object, name, value) if (json_is_string(value)) pairs[n++] =
            (struct label){str_c(name), str_c(json_string_value(value))};
        rc = labels_build(a, pairs, n, out, err); /* copies */
    }
    json_decref(object);
    return rc;
}

static bool is_wanted(const struct events_query *q, const struct labels *ls)
{
    for (size_t i = 0; i < q->selectors_n; i++)
        if (matchers_match(q->selectors[i].matchers, q->selectors[i].n, ls))
            return true;
    return !q->selectors_n;
}

static const char *text_at(sqlite3_stmt *s, int column)
{
    const unsigned char *text = sqlite3_column_text(s, column);

    return text ? (const char *)text : "";
}

static int take_row(struct events_query *q, sqlite3_stmt *s, struct err *err)
{
    struct event_found f = {.id = sqlite3_column_int64(s, 0)};

    if (read_labels(q->arena, text_at(s, 5), &f.is.labels, err) < 0)
        return -1;
    if (!is_wanted(q, f.is.labels))
        return 0;
    if (q->n == q->limit) {
        q->more = true;
        return 0;
    }
    f.is.start = sqlite3_column_int64(s, 2);
    f.is.end = sqlite3_column_int64(s, 3);
    f.is.open = sqlite3_column_int(s, 4);
    f.is.kind = arena_cstr(q->arena, str_c(text_at(s, 1)), err);
    f.is.text = arena_cstr(q->arena, str_c(text_at(s, 6)), err);
    if (!f.is.kind || !f.is.text ||
        arena_grow(q->arena, (void **)&q->found, &q->cap, q->n + 1, sizeof *q->found, err) < 0)
        return -1;
    q->found[q->n++] = f;
    return 0;
}

static int find(struct events_query *q, sqlite3 *db, struct err *err)
{
    sqlite3_stmt *s =
        prepare(db, "SELECT id,kind,starts,ends,open,labels,text FROM event WHERE starts<=?1 AND "
                    "(ends>=?2 OR open) AND (?3='' OR kind=?3) AND kind<>?4 ORDER BY starts "
                    "DESC,id DESC LIMIT ?5");
    int rc = SQLITE_ERROR, good = 0;

    if (s) {
        (void)sqlite3_bind_int64(s, 1, q->end);
        (void)sqlite3_bind_int64(s, 2, q->start);
        (void)sqlite3_bind_text(s, 3, q->kind.n ? q->kind.p : "", (int)q->kind.n, SQLITE_STATIC);
        (void)sqlite3_bind_text(s, 4, q->except.n ? q->except.p : "", (int)q->except.n,
                                SQLITE_STATIC);
        (void)sqlite3_bind_int(s, 5, SCANNED_MAX);
        while (!q->more && good == 0 && (rc = sqlite3_step(s)) == SQLITE_ROW)
            good = take_row(q, s, err);
    }
    (void)sqlite3_finalize(s);
    if (good < 0)
        return -1;
    return rc == SQLITE_DONE || q->more ? 0 : err_set(err, ERR_OS, "%s", sqlite3_errmsg(db));
}

static int by_start(const void *a, const void *b)
{
    const struct event_found *x = a, *y = b;

    if (x->is.start != y->is.start)
        return x->is.start < y->is.start ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static bool find_run(struct state_work *work, sqlite3 *db)
{
    struct events_query *q = CONTAINER_OF(work, struct events_query, work);

    if (!keep_up(q->events, db))
        return false;
    q->rc = find(q, db, &q->err);
    if (q->rc == 0 && q->n)
        qsort(q->found, q->n, sizeof *q->found, by_start);
    return true;
}

static void find_done(struct state_work *work, bool stored)
{
    struct events_query *q = CONTAINER_OF(work, struct events_query, work);

    if (!stored && q->rc == 0)
        q->rc = err_set(&q->err, ERR_OS, "the events cannot be read: see the log");
    q->done(q);
}

void events_find(struct events *e, struct events_query *q)
{
    q->events = e;
    q->rc = 0;
    q->found = NULL;
    q->n = q->cap = 0;
    q->more = false;
    q->work = (struct state_work){find_run, find_done, NULL};
    state_submit(e->settings.state, &q->work);
}
