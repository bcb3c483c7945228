#include "state/state.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "state/schema.h"
#include "sys/fs.h"
#include "sys/thread.h"

#define PART       "state"
#define FILE_NAME  "state.db"
#define NAME_BYTES 64
#define PATH_BYTES 1024
#define BATCH_MAX  256u /* works of one transaction */

struct state {
    struct state_settings settings;
    char path[PATH_BYTES];

    pthread_mutex_t lock; /* guards: first, last, ending, started, stats */
    pthread_cond_t wake;
    struct state_work *first, *last;
    bool ending, started;
    struct state_stats stats;
    pthread_t thread;

    /* The thread's. */
    sqlite3 *db;       /* owned; NULL: not opened yet, or found damaged */
    bool told_failure; /* of transactions, since the last that was stored */
};

/* ---- the file ---- */

static bool is_damage(int rc)
{
    int primary = rc & 0xff;

    return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

/* SQLite's own check; its first complaint is the error. */
static int check(sqlite3 *db, struct err *err)
{
    sqlite3_stmt *ask = NULL;
    const unsigned char *said = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &ask, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(ask);
    if (rc == SQLITE_ROW)
        said = sqlite3_column_text(ask, 0);
    if (!said)
        (void)err_set(err, is_damage(rc) ? ERR_CORRUPT : ERR_OS, "%s", sqlite3_errmsg(db));
    else if (strcmp((const char *)said, "ok") != 0)
        (void)err_set(err, ERR_CORRUPT, "%s", (const char *)said);
    else
        rc = SQLITE_OK;
    (void)sqlite3_finalize(ask);
    return rc == SQLITE_OK ? 0 : -1;
}

/* ERR_CORRUPT: the file is no good; ERR_OS: it cannot be had. */
static int open_at(const char *path, sqlite3 **out, struct err *err)
{
    /* Little is read twice, so the cache is small; auto_vacuum counts before there is a table. */
    static const char settings[] =
        "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
        "PRAGMA cache_size=-256;PRAGMA journal_size_limit=1048576;PRAGMA temp_store=MEMORY";
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(
        path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

    if (rc == SQLITE_OK) {
        (void)sqlite3_busy_timeout(db, 2000);
        rc = sqlite3_exec(db, settings, NULL, NULL, NULL);
    }
    if (rc != SQLITE_OK)
        (void)err_set(err, is_damage(rc) ? ERR_CORRUPT : ERR_OS, "%s",
                      db ? sqlite3_errmsg(db) : "no memory");
    else if (check(db, err) == 0 && schema_apply(db, err) == 0) {
        *out = db;
        return 0;
    }
    (void)sqlite3_close(db);
    return -1;
}

static int move_aside(struct state *s, struct err *err)
{
    static const char *const parts[] = {"", "-wal", "-shm"};
    struct fs *fs = s->settings.fs;
    long long now = s->settings.clock->wall_ms(s->settings.clock);
    int rc = 0;

    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        char from[NAME_BYTES], to[NAME_BYTES];
        struct err none;

        (void)snprintf(from, sizeof from, FILE_NAME "%s", parts[i]);
        (void)snprintf(to, sizeof to, FILE_NAME ".damaged-%lld%s", now, parts[i]);
        if (fs->ops->rename(fs, from, to, i ? &none : err) < 0 && !i)
            rc = -1; /* of the other two there may be none */
    }
    return rc;
}

static void count_moved(struct state *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->stats.moved_aside++;
    (void)pthread_mutex_unlock(&s->lock);
}

static void open_in_memory(struct state *s, const struct err *why)
{
    struct err err = {.kind = ERR_NONE};

    log_error(s->settings.log, PART,
              "%s cannot be used: %s. Events and whatever else is no sample live in memory until "
              "the next start; mend the data directory, then start again",
              s->path, why->text);
    if (open_at(":memory:", &s->db, &err) < 0)
        log_error(s->settings.log, PART, "nor is there memory for it: %s", err.text);
    (void)pthread_mutex_lock(&s->lock);
    s->stats.in_memory = true;
    (void)pthread_mutex_unlock(&s->lock);
}

static void open_database(struct state *s)
{
    struct err err = {.kind = ERR_NONE};
    int rc = open_at(s->path, &s->db, &err);

    if (rc < 0 && err.kind == ERR_CORRUPT) {
        log_error(s->settings.log, PART,
                  "%s is damaged (%s): it is moved aside as " FILE_NAME ".damaged-*, and a new one "
                  "begun",
                  s->path, err.text);
        count_moved(s);
        if (move_aside(s, &err) == 0)
            rc = open_at(s->path, &s->db, &err);
    }
    if (rc < 0)
        open_in_memory(s, &err);
}

/* ---- the thread ---- */

static uint64_t bytes_of(sqlite3 *db)
{
    sqlite3_stmt *ask = NULL;
    uint64_t bytes = 0;

    if (sqlite3_prepare_v2(db,
                           "SELECT page_count*page_size FROM pragma_page_count,pragma_page_size",
                           -1, &ask, NULL) == SQLITE_OK &&
        sqlite3_step(ask) == SQLITE_ROW)
        bytes = (uint64_t)sqlite3_column_int64(ask, 0);
    (void)sqlite3_finalize(ask);
    return bytes;
}

static void tell_failure(struct state *s, int rc)
{
    if (!s->told_failure)
        log_error(s->settings.log, PART,
                  "what was to be stored in %s is lost: %s. Further losses are counted in "
                  "earshot_state_failures_total",
                  s->path, s->db ? sqlite3_errmsg(s->db) : "there is no database");
    s->told_failure = true;
    if (is_damage(rc)) {
        (void)sqlite3_close_v2(s->db);
        s->db = NULL; /* opened anew with the next work, which checks it */
    }
}

/* One transaction. */
static bool run_all(struct state *s, struct state_work *works)
{
    bool good = true;
    int rc;

    if (!s->db)
        open_database(s);
    if (!s->db)
        return false;
    rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    for (struct state_work *w = works; w && rc == SQLITE_OK && good; w = w->next)
        good = w->run(w, s->db);
    if (rc == SQLITE_OK && good)
        rc = sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL);
    else if (rc == SQLITE_OK)
        rc = sqlite3_errcode(s->db);
    if (rc == SQLITE_OK && good) {
        s->told_failure = false;
        return true;
    }
    tell_failure(s, rc);
    if (s->db && !sqlite3_get_autocommit(s->db))
        (void)sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static void do_batch(struct state *s, struct state_work *works)
{
    bool stored = run_all(s, works);
    uint64_t bytes = s->db ? bytes_of(s->db) : 0;

    (void)pthread_mutex_lock(&s->lock);
    s->stats.failures += !stored;
    s->stats.bytes = bytes;
    (void)pthread_mutex_unlock(&s->lock);
    for (struct state_work *w = works, *next; w; w = next) {
        next = w->next;
        w->done(w, stored);
    }
}

/* Up to BATCH_MAX works, cut off the queue; with the lock. */
static struct state_work *take_batch(struct state *s)
{
    struct state_work *works = s->first, *last = works;

    for (unsigned n = 1; last && last->next && n < BATCH_MAX; n++)
        last = last->next;
    s->first = last ? last->next : NULL;
    if (last)
        last->next = NULL;
    if (!s->first)
        s->last = NULL;
    return works;
}

static void *run_thread(void *arg)
{
    struct state *s = arg;

    for (;;) {
        struct state_work *works;

        (void)pthread_mutex_lock(&s->lock);
        while (!s->first && !s->ending)
            (void)pthread_cond_wait(&s->wake, &s->lock);
        works = take_batch(s);
        (void)pthread_mutex_unlock(&s->lock);
        if (!works)
            break;
        do_batch(s, works);
    }
    (void)sqlite3_close_v2(s->db);
    return NULL;
}

struct state *state_new(const struct state_settings *settings)
{
    struct state *s = mem_new(struct state);

    s->settings = *settings;
    (void)snprintf(s->path, sizeof s->path, "%s/" FILE_NAME, settings->folder);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_cond_init(&s->wake, NULL);
    return s;
}

void state_free(struct state *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->ending = true;
    (void)pthread_cond_signal(&s->wake);
    (void)pthread_mutex_unlock(&s->lock);
    if (s->started)
        (void)pthread_join(s->thread, NULL);
    (void)pthread_cond_destroy(&s->wake);
    (void)pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

/* With the lock. */
static bool start_thread(struct state *s)
{
    struct err err = {.kind = ERR_NONE};

    if (s->started)
        return true;
    s->started = thread_start(&s->thread, PART, run_thread, s, &err) == 0;
    if (!s->started) {
        s->stats.failures++;
        log_error(s->settings.log, PART, "%s", err.text);
    }
    return s->started;
}

void state_submit(struct state *s, struct state_work *work)
{
    bool taken;

    work->next = NULL;
    (void)pthread_mutex_lock(&s->lock);
    taken = start_thread(s);
    if (taken) {
        if (s->last)
            s->last->next = work;
        else
            s->first = work;
        s->last = work;
        (void)pthread_cond_signal(&s->wake);
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (!taken)
        work->done(work, false);
}

struct state_stats state_stats(struct state *s)
{
    struct state_stats stats;

    (void)pthread_mutex_lock(&s->lock);
    stats = s->stats;
    (void)pthread_mutex_unlock(&s->lock);
    return stats;
}
