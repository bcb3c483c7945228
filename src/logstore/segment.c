#include "logstore/segment.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "logstore/batch.h"
#include "logstore/tokens.h"

#define VERSION             1
#define PAGE_BYTES          16384 /* of new files: FTS5 writes and reads in long runs */
#define CACHE_KB            8192
#define WAL_PAGES           500 /* then what stands in it goes into the file */
#define TRIES_MAX           64
#define BUSY_MS             2000
#define NAMES_MAX           100000 /* of events in one file; further ones are stored without */
#define PRAGMA(name, value) "PRAGMA " name "=" STRINGIFY(value) ";"

struct name {
    char *text; /* owned */
    int64_t id;
    uint64_t lines;
    int64_t first_ms, last_ms;
    bool changed;
};

struct names {
    struct name *items; /* owned; id is the position + 1 */
    size_t n, cap, last;
};

struct segment {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *add, *index, *add_source, *add_event, *mark;
    struct names sources, events;
    struct segment_info committed, now;
    struct buf text; /* of the line being indexed */
};

/* ---- errors ---- */

void segment_put_err(struct sqlite3 *db, int rc, const char *what, struct err *err)
{
    const char *file = db ? sqlite3_db_filename(db, NULL) : NULL;
    int os = db ? sqlite3_system_errno(db) : 0, kind = rc & 0xff;

    if (kind == SQLITE_FULL || kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ||
        kind == SQLITE_READONLY)
        (void)err_os(err,
                     kind == SQLITE_FULL ? ENOSPC
                     : os                ? os
                                         : EIO,
                     "%s %s", what, file ? file : "");
    else if (kind == SQLITE_INTERRUPT)
        (void)err_set(err, ERR_CANCELLED, "the search was ended");
    else if (kind == SQLITE_NOMEM)
        (void)err_set(err, ERR_NOMEM, "%s: out of memory", what);
    else if (kind == SQLITE_BUSY || kind == SQLITE_LOCKED)
        (void)err_set(err, ERR_BUSY, "%s %s: %s", what, file ? file : "", sqlite3_errmsg(db));
    else
        (void)err_set(err, ERR_CORRUPT, "%s %s: %s", what, file ? file : "",
                      db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}

static int run(struct segment *s, sqlite3_stmt *statement, const char *what, struct err *err)
{
    int rc = sqlite3_step(statement);

    (void)sqlite3_reset(statement);
    return rc == SQLITE_DONE || rc == SQLITE_ROW ? 0 : segment_failed(s->db, rc, what, err);
}

/* ---- names ---- */

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->n; i++)
        mem_free(names->items[i].text);
    mem_free(names->items);
}

static struct name *add_name(struct names *names, struct str text)
{
    struct name *name;

    names->items = mem_grow(names->items, &names->cap, names->n + 1, sizeof *names->items);
    name = &names->items[names->n++];
    *name = (struct name){.text = mem_realloc(NULL, text.n + 1),
                          .id = (int64_t)names->n,
                          .first_ms = INT64_MAX,
                          .last_ms = INT64_MIN};
    if (text.n)
        memcpy(name->text, text.p, text.n);
    name->text[text.n] = '\0';
    return name;
}

/* Lines of one source and event stand together mostly. */
static struct name *find_name(struct names *names, struct str text)
{
    if (names->last < names->n && str_eq(str_c(names->items[names->last].text), text))
        return &names->items[names->last];
    for (size_t i = 0; i < names->n; i++) {
        if (str_eq(str_c(names->items[i].text), text)) {
            names->last = i;
            return &names->items[i];
        }
    }
    return NULL;
}

static int read_names(struct segment *s, const char *sql, struct names *names, struct err *err)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(q, 1);
        struct name *name = add_name(names, str_c(text ? text : ""));

        if (sqlite3_column_int64(q, 0) != name->id) {
            rc = SQLITE_CORRUPT; /* they are numbered from 1 */
            break;
        }
        name->lines = (uint64_t)sqlite3_column_int64(q, 2);
        name->first_ms = sqlite3_column_int64(q, 3);
        name->last_ms = sqlite3_column_int64(q, 4);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(q);
    return rc == SQLITE_DONE ? 0 : segment_failed(s->db, rc, "cannot read the names of", err);
}

/* ---- opening ---- */

static const char schema[] =
    "CREATE TABLE lines(id INTEGER PRIMARY KEY, source INTEGER NOT NULL, level INTEGER NOT NULL,"
    " event INTEGER, message TEXT NOT NULL, fields BLOB);"
    "CREATE VIRTUAL TABLE words USING fts5(text, content='', columnsize=0, detail=none,"
    " tokenize='earshot');"
    "CREATE TABLE sources(id INTEGER PRIMARY KEY, name TEXT NOT NULL, lines INTEGER NOT NULL,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL);"
    "CREATE TABLE events(id INTEGER PRIMARY KEY, name TEXT NOT NULL);"
    "CREATE TABLE marks(source TEXT PRIMARY KEY, serial INTEGER NOT NULL, state BLOB NOT NULL)"
    " WITHOUT ROWID;";

static int connect(const char *path, int flags, sqlite3 **out, struct err *err)
{
    int rc;

    /* SQLite would say of a missing file that it cannot be opened, and of nothing else why. */
    if (!(flags & SQLITE_OPEN_CREATE) && access(path, F_OK) < 0)
        return err_os(err, errno, "%s", path);
    rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_extended_result_codes(*out, 1);
        (void)sqlite3_busy_timeout(*out, BUSY_MS);
        rc = tokens_register(*out);
    }
    if (rc == SQLITE_OK)
        return 0;
    (void)segment_failed(*out, rc, "cannot open", err);
    (void)sqlite3_close(*out);
    *out = NULL;
    return -1;
}

/* The first value of a statement's first row; -1 when there is none. */
static int64_t ask(sqlite3 *db, const char *sql, int *rc)
{
    sqlite3_stmt *q = NULL;
    int64_t v = -1;

    *rc = sqlite3_prepare_v2(db, sql, -1, &q, NULL);
    if (*rc == SQLITE_OK)
        *rc = sqlite3_step(q);
    if (*rc == SQLITE_ROW) {
        v = sqlite3_column_int64(q, 0);
        *rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(q);
    return v;
}

static int check(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &q, NULL);
    const char *said = NULL;

    if (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW)
        said = (const char *)sqlite3_column_text(q, 0);
    if (rc == SQLITE_ROW && said && strcmp(said, "ok") == 0) {
        (void)sqlite3_finalize(q);
        return 0;
    }
    if (rc == SQLITE_ROW)
        (void)err_set(err, ERR_CORRUPT, "%s: %.200s", sqlite3_db_filename(db, NULL),
                      said ? said : "it fails its check");
    else
        (void)segment_failed(db, rc, "cannot check", err);
    (void)sqlite3_finalize(q);
    return -1;
}

/* Tables in a file that has none; in another it checks them. */
static int make_tables(struct segment *s, struct err *err)
{
    int rc, version = (int)ask(s->db, "PRAGMA user_version", &rc);

    if (rc != SQLITE_OK)
        return segment_failed(s->db, rc, "cannot read", err);
    if (version == VERSION)
        return check(s->db, err);
    if (version != 0)
        return err_set(err, ERR_CORRUPT, "%s: another version wrote it",
                       sqlite3_db_filename(s->db, NULL));
    rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(s->db, "PRAGMA user_version=" STRINGIFY(VERSION) "; COMMIT", NULL, NULL,
                          NULL);
    return rc == SQLITE_OK ? 0 : segment_failed(s->db, rc, "cannot make tables in", err);
}

static int prepare(struct segment *s, struct err *err)
{
    const struct {
        sqlite3_stmt **at;
        const char *sql;
    } all[] = {
        {&s->begin, "BEGIN IMMEDIATE"},
        {&s->commit, "COMMIT"},
        {&s->add, "INSERT INTO lines VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
        {&s->index, "INSERT INTO words(rowid, text) VALUES(?1, ?2)"},
        {&s->add_source, "INSERT OR REPLACE INTO sources VALUES(?1, ?2, ?3, ?4, ?5)"},
        {&s->add_event, "INSERT INTO events VALUES(?1, ?2)"},
        {&s->mark, "INSERT OR REPLACE INTO marks VALUES(?1, ?2, ?3)"},
    };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        int rc =
            sqlite3_prepare_v3(s->db, all[i].sql, -1, SQLITE_PREPARE_PERSISTENT, all[i].at, NULL);

        if (rc != SQLITE_OK)
            return segment_failed(s->db, rc, "cannot write", err);
    }
    return 0;
}

static int load(struct segment *s, struct err *err)
{
    if (read_names(s, "SELECT id, name, lines, first_ms, last_ms FROM sources ORDER BY id",
                   &s->sources, err) < 0 ||
        read_names(s, "SELECT id, name, 0, 0, 0 FROM events ORDER BY id", &s->events, err) < 0 ||
        segment_read_info(s->db, &s->committed, err) < 0)
        return -1;
    s->now = s->committed;
    return 0;
}

static int set_up(struct segment *s, struct err *err)
{
    static const char pragmas[] = PRAGMA("page_size", PAGE_BYTES) PRAGMA("journal_mode", WAL)
        PRAGMA("synchronous", FULL) PRAGMA("cache_size", -CACHE_KB)
            PRAGMA("wal_autocheckpoint", WAL_PAGES) PRAGMA("temp_store", MEMORY);
    int rc = sqlite3_exec(s->db, pragmas, NULL, NULL, NULL);

    if (rc != SQLITE_OK)
        return segment_failed(s->db, rc, "cannot open", err);
    if (make_tables(s, err) < 0 || prepare(s, err) < 0)
        return -1;
    return load(s, err);
}

int segment_open(const char *path, struct segment **out, struct err *err)
{
    struct segment *s = mem_new(struct segment);

    if (connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &s->db, err) < 0 ||
        set_up(s, err) < 0) {
        segment_close(s);
        return -1;
    }
    *out = s;
    return 0;
}

void segment_close(struct segment *s)
{
    sqlite3_stmt *all[7];

    if (!s)
        return;
    memcpy(all,
           (sqlite3_stmt *[]){s->begin, s->commit, s->add, s->index, s->add_source, s->add_event,
                              s->mark},
           sizeof all);
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        (void)sqlite3_finalize(all[i]);
    (void)sqlite3_close(s->db); /* the last connection takes the WAL in */
    free_names(&s->sources);
    free_names(&s->events);
    buf_fini(&s->text);
    mem_free(s);
}

struct segment_info segment_info(const struct segment *s)
{
    return s->committed;
}

/* ---- writing ---- */

int segment_begin(struct segment *s, struct err *err)
{
    s->now = s->committed;
    return run(s, s->begin, "cannot write", err);
}

/* 0: none. */
static int event_id(struct segment *s, struct str event, int64_t *id, struct err *err)
{
    struct name *name = event.n ? find_name(&s->events, event) : NULL;

    *id = name ? name->id : 0;
    if (name || !event.n || s->events.n >= NAMES_MAX)
        return 0;
    name = add_name(&s->events, event);
    *id = name->id;
    (void)sqlite3_bind_int64(s->add_event, 1, name->id);
    (void)sqlite3_bind_text(s->add_event, 2, name->text, (int)event.n, SQLITE_STATIC);
    return run(s, s->add_event, "cannot write", err);
}

static int add_row(struct segment *s, int64_t source, int64_t event, const struct packed_line *line,
                   int64_t *id, struct err *err)
{
    int rc = SQLITE_CONSTRAINT;

    (void)sqlite3_bind_int64(s->add, 2, source);
    (void)sqlite3_bind_int(s->add, 3, line->level);
    if (event)
        (void)sqlite3_bind_int64(s->add, 4, event);
    else
        (void)sqlite3_bind_null(s->add, 4);
    (void)sqlite3_bind_text(s->add, 5, line->message.p ? line->message.p : "", (int)line->message.n,
                            SQLITE_STATIC);
    if (line->fields.n)
        (void)sqlite3_bind_blob(s->add, 6, line->fields.p, (int)line->fields.n, SQLITE_STATIC);
    else
        (void)sqlite3_bind_null(s->add, 6);
    for (int i = 0; i < TRIES_MAX && (rc & 0xff) == SQLITE_CONSTRAINT; i++) {
        *id += i ? SEGMENT_SEQ_MASK + 1 : 0;
        (void)sqlite3_bind_int64(s->add, 1, *id);
        rc = sqlite3_step(s->add);
        (void)sqlite3_reset(s->add);
    }
    return rc == SQLITE_DONE ? 0 : segment_failed(s->db, rc, "cannot write", err);
}

static int add_words(struct segment *s, int64_t source, int64_t event,
                     const struct packed_line *line, int64_t id, struct err *err)
{
    struct cursor c = cursor_of(line->fields.p, line->fields.n);
    struct logstore_field field;

    buf_reset(&s->text);
    buf_add(&s->text, line->message);
    while (packed_field_next(&c, &field)) {
        buf_addc(&s->text, '\n');
        buf_add(&s->text, field.value);
    }
    buf_addf(&s->text, "%cs%lld", TOKEN_KEY, (long long)source);
    if (event)
        buf_addf(&s->text, "%ce%lld", TOKEN_KEY, (long long)event);
    if (line->level >= SEGMENT_LEVEL_INDEXED)
        buf_addf(&s->text, "%cl%u", TOKEN_KEY, line->level);
    (void)sqlite3_bind_int64(s->index, 1, id);
    (void)sqlite3_bind_text(s->index, 2, s->text.p, (int)s->text.n, SQLITE_STATIC);
    return run(s, s->index, "cannot write", err);
}

int segment_add(struct segment *s, const char *source, const struct packed_line *line, int64_t *id,
                struct err *err)
{
    struct name *name = find_name(&s->sources, str_c(source));
    int64_t event;

    if (!name)
        name = add_name(&s->sources, str_c(source));
    if (event_id(s, line->event, &event, err) < 0 ||
        add_row(s, name->id, event, line, id, err) < 0 ||
        add_words(s, name->id, event, line, *id, err) < 0)
        return -1;
    name->changed = true;
    name->lines++;
    if (line->time_ms < name->first_ms)
        name->first_ms = line->time_ms;
    if (line->time_ms > name->last_ms)
        name->last_ms = line->time_ms;
    s->now.lines++;
    if (*id < s->now.first_id)
        s->now.first_id = *id;
    if (*id > s->now.last_id)
        s->now.last_id = *id;
    return 0;
}

int segment_mark(struct segment *s, const char *source, uint64_t serial, struct str state,
                 struct err *err)
{
    (void)sqlite3_bind_text(s->mark, 1, source, -1, SQLITE_STATIC);
    (void)sqlite3_bind_int64(s->mark, 2, (int64_t)serial);
    (void)sqlite3_bind_blob(s->mark, 3, state.p, (int)state.n, SQLITE_STATIC);
    return run(s, s->mark, "cannot write", err);
}

static int save_sources(struct segment *s, struct err *err)
{
    for (size_t i = 0; i < s->sources.n; i++) {
        struct name *name = &s->sources.items[i];

        if (!name->changed)
            continue;
        (void)sqlite3_bind_int64(s->add_source, 1, name->id);
        (void)sqlite3_bind_text(s->add_source, 2, name->text, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(s->add_source, 3, (int64_t)name->lines);
        (void)sqlite3_bind_int64(s->add_source, 4, name->first_ms);
        (void)sqlite3_bind_int64(s->add_source, 5, name->last_ms);
        if (run(s, s->add_source, "cannot write", err) < 0)
            return -1;
        name->changed = false;
    }
    return 0;
}

/* What is in memory of the names may never have got onto the disk. */
int segment_rollback(struct segment *s, struct err *err)
{
    (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    free_names(&s->sources);
    free_names(&s->events);
    s->sources = s->events = (struct names){NULL, 0, 0, 0};
    return load(s, err);
}

int segment_commit(struct segment *s, struct err *err)
{
    if (save_sources(s, err) < 0 || run(s, s->commit, "cannot write", err) < 0)
        return -1;
    s->committed = s->now;
    return 0;
}

/* ---- reading ---- */

int segment_read(const char *path, struct sqlite3 **out, struct err *err)
{
    sqlite3 *db = NULL;
    int rc;

    if (connect(path, SQLITE_OPEN_READWRITE, &db, err) < 0)
        return -1;
    rc = sqlite3_exec(db, "PRAGMA query_only=1; PRAGMA cache_size=-1024", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        (void)segment_failed(db, rc, "cannot read", err);
        (void)sqlite3_close(db);
        return -1;
    }
    *out = db;
    return 0;
}

int segment_read_info(struct sqlite3 *db, struct segment_info *out, struct err *err)
{
    int rc[3];
    int64_t first = ask(db, "SELECT id FROM lines ORDER BY id LIMIT 1", &rc[0]);
    int64_t last = ask(db, "SELECT id FROM lines ORDER BY id DESC LIMIT 1", &rc[1]);
    int64_t lines = ask(db, "SELECT coalesce(sum(lines), 0) FROM sources", &rc[2]);

    for (size_t i = 0; i < ARRAY_LEN(rc); i++)
        if (rc[i] != SQLITE_OK && rc[i] != SQLITE_DONE)
            return segment_failed(db, rc[i], "cannot read", err);
    *out = (struct segment_info){lines > 0 ? first : INT64_MAX, lines > 0 ? last : INT64_MIN,
                                 lines > 0 ? (uint64_t)lines : 0};
    return 0;
}
