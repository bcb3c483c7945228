#include "logstore/logstore.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "logstore/files.h"
#include "logstore/internal.h"
#include "logstore/search.h"
#include "logstore/segment.h"
#include "sys/thread.h"

#define PART         "logs"
#define ROUND_BYTES  (4u << 20) /* of batches in one transaction */
#define PARTS        16         /* of the room that there is, a file takes one */
#define FILE_MIN     (1u << 20)
#define FILE_MAX     (256u << 20)
#define DAY_MS       INT64_C(86400000)
#define UPKEEP_S     30
#define SUSPECTS_MAX 8
#define ARRIVALS     256 /* that are remembered */

/* The lines of one transaction. */
struct arrival {
    uint64_t to; /* the number behind its last line */
    int64_t first_id, last_id;
};

struct logstore {
    struct logstore_context c;
    char *folder; /* owned */
    pthread_t thread;
    pthread_mutex_t lock; /* guards: what follows, up to the writer's own */
    pthread_cond_t work, room, done;
    bool started, ready, ending, asked;
    struct logstore_batch *first, **last;
    size_t queued_bytes;
    uint64_t appended, written; /* batches */
    struct files files;
    int64_t suspects[SUSPECTS_MAX]; /* begun_ms; 0: none */
    struct logstore_stats stats;
    struct arrival arrivals[ARRIVALS]; /* the newest is at (rounds - 1) % ARRIVALS */
    size_t rounds;
    /* the writer's own */
    struct segment *segment; /* of the newest file; NULL: none is open */
    uint64_t seq, first_seq;
    int64_t time_ms; /* of the last line */
    uint64_t turn;   /* of the numbers when the first of that time came */
    bool refused;    /* the disk does, and that has been said */
};

/* ---- the files, on the writer ---- */

static struct file *newest(struct logstore *s)
{
    return s->files.n ? &s->files.items[s->files.n - 1] : NULL;
}

static void close_segment(struct logstore *s)
{
    segment_close(s->segment);
    s->segment = NULL;
}

static void forget_file(struct logstore *s, int64_t begun_ms)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->files.n; i++) {
        if (s->files.items[i].begun_ms == begun_ms) {
            files_forget(&s->files, i);
            break;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

static void move_aside(struct logstore *s, int64_t begun_ms, const struct err *why)
{
    struct err err;

    log_error(s->c.log, PART,
              "%s; the file is moved aside (.damaged), its lines cannot be searched", why->text);
    if (file_move_aside(s->folder, begun_ms, &err) < 0)
        log_error(s->c.log, PART, "%s", err.text);
    forget_file(s, begun_ms);
    (void)pthread_mutex_lock(&s->lock);
    s->stats.damaged_files++;
    (void)pthread_mutex_unlock(&s->lock);
}

/* What is in a file. */
static int look_into(struct logstore *s, struct file *file, struct err *err)
{
    char path[FILE_PATH_BYTES];
    struct sqlite3 *db = NULL;
    int rc;

    file_path(s->folder, file->begun_ms, path);
    if (segment_read(path, &db, err) < 0)
        return -1;
    rc = segment_read_info(db, &file->info, err);
    (void)sqlite3_close(db);
    return rc;
}

/* The same, after all of it was checked; the segment is open then. */
static int check_whole(struct logstore *s, struct file *file, struct segment **out, struct err *err)
{
    char path[FILE_PATH_BYTES];

    file_path(s->folder, file->begun_ms, path);
    if (segment_open(path, out, err) < 0)
        return -1;
    file->info = segment_info(*out);
    file_look(s->folder, file);
    return 0;
}

/* At the start: only the writer has the list. The last one was written when the program ended,
 * maybe not of its own will. */
static void look_at_all(struct logstore *s)
{
    struct files found = {.folder = s->folder};
    struct err err;

    if (files_scan(&found, &err) < 0)
        log_error(s->c.log, PART, "%s", err.text);
    for (size_t i = 0; i < found.n; i++) {
        bool last = i + 1 == found.n;

        if ((last ? check_whole(s, &found.items[i], &s->segment, &err)
                  : look_into(s, &found.items[i], &err)) == 0)
            continue;
        if (err.kind == ERR_CORRUPT)
            move_aside(s, found.items[i].begun_ms, &err);
        else
            log_error(s->c.log, PART, "%s; its lines cannot be searched", err.text);
        files_forget(&found, i--);
    }
    (void)pthread_mutex_lock(&s->lock);
    s->files = found;
    s->ready = true;
    (void)pthread_cond_broadcast(&s->done);
    (void)pthread_mutex_unlock(&s->lock);
}

static uint64_t file_bytes_max(struct logstore *s)
{
    uint64_t part;

    (void)pthread_mutex_lock(&s->lock);
    part = s->c.retention_bytes / PARTS;
    (void)pthread_mutex_unlock(&s->lock);
    return part == 0 || part > FILE_MAX ? FILE_MAX : part < FILE_MIN ? FILE_MIN : part;
}

/* The one above it is that of the positions, which may not be there yet. */
static int make_folder(const char *folder, struct err *err)
{
    char *above = mem_strdup(folder), *slash = strrchr(above, '/');

    if (slash && slash > above) {
        *slash = '\0';
        (void)mkdir(above, 0700); /* what fails here, the next says */
    }
    mem_free(above);
    if (mkdir(folder, 0700) < 0 && errno != EEXIST)
        return err_os(err, errno, "cannot make %s", folder);
    return 0;
}

static int open_newest(struct logstore *s, struct err *err)
{
    struct file *file = newest(s);
    int64_t now_ms = s->c.clock->wall_ms(s->c.clock);
    char path[FILE_PATH_BYTES];

    if (!file || file->bytes >= file_bytes_max(s) ||
        (file->info.lines && file->begun_ms / DAY_MS != now_ms / DAY_MS)) {
        if (make_folder(s->folder, err) < 0)
            return -1;
        now_ms = file && now_ms <= file->begun_ms ? file->begun_ms + 1 : now_ms;
        file_path(s->folder, now_ms, path);
        if (segment_open(path, &s->segment, err) < 0)
            return -1;
        (void)pthread_mutex_lock(&s->lock);
        (void)files_add(&s->files, now_ms);
        (void)pthread_mutex_unlock(&s->lock);
        return 0;
    }
    file_path(s->folder, file->begun_ms, path);
    return segment_open(path, &s->segment, err);
}

/* The file that is written is closed when it is full or of another day. */
static void turn_over(struct logstore *s)
{
    const struct file *file = newest(s);

    if (s->segment && file &&
        (file->bytes >= file_bytes_max(s) ||
         (file->info.lines && file->begun_ms / DAY_MS != s->c.clock->wall_ms(s->c.clock) / DAY_MS)))
        close_segment(s);
}

/* ---- retention, on the writer ---- */

/* The oldest one when it has to go: begun_ms, else 0. */
static int64_t must_go(struct logstore *s)
{
    int64_t now_ms = s->c.clock->wall_ms(s->c.clock), oldest = 0;
    uint64_t bytes = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->files.n; i++)
        bytes += s->files.items[i].bytes;
    if (s->files.n > 0) {
        const struct file *file = &s->files.items[0];

        if ((s->files.n > 1 && s->c.retention_bytes && bytes > s->c.retention_bytes) ||
            (s->c.retention_ms && file->written_ms < now_ms - s->c.retention_ms))
            oldest = file->begun_ms;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return oldest;
}

static void keep_bounds(struct logstore *s)
{
    int64_t begun_ms;
    struct err err;

    while ((begun_ms = must_go(s)) != 0) {
        if (newest(s)->begun_ms == begun_ms)
            close_segment(s);
        if (file_delete(s->folder, begun_ms, &err) < 0) {
            log_error(s->c.log, PART, "%s", err.text);
            return;
        }
        forget_file(s, begun_ms);
        (void)pthread_mutex_lock(&s->lock);
        s->stats.deleted_files++;
        (void)pthread_mutex_unlock(&s->lock);
    }
}

/* ---- what searches found ---- */

static int64_t take_suspect(struct logstore *s)
{
    int64_t begun_ms = 0;

    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < SUSPECTS_MAX && !begun_ms; i++) {
        begun_ms = s->suspects[i];
        s->suspects[i] = 0;
    }
    (void)pthread_mutex_unlock(&s->lock);
    return begun_ms;
}

static void look_at_suspects(struct logstore *s)
{
    struct segment *segment = NULL;
    int64_t begun_ms;
    struct err err;

    while ((begun_ms = take_suspect(s)) != 0) {
        for (size_t i = 0; i < s->files.n; i++) {
            struct file copy = s->files.items[i];

            if (copy.begun_ms != begun_ms)
                continue;
            if (&s->files.items[i] == newest(s))
                close_segment(s);
            if (check_whole(s, &copy, &segment, &err) == 0)
                segment_close(segment);
            else if (err.kind == ERR_CORRUPT)
                move_aside(s, begun_ms, &err);
            break;
        }
    }
}

/* ---- a round: what has come, in one transaction ---- */

struct place {
    int64_t time_ms;
    const struct logstore_batch *batch;
    size_t line, order;
};

struct round {
    struct logstore_batch *first;
    struct place *places; /* owned; [n] */
    size_t n;
    int64_t first_id, last_id; /* of what was written */
};

static int by_time(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    if (x->time_ms != y->time_ms)
        return x->time_ms < y->time_ms ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* Sorted, since FTS5 writes out what it holds when a row comes before the last. */
static void arrange(struct round *r)
{
    bool sorted = true;
    size_t cap = 0;

    for (struct logstore_batch *b = r->first; b; b = *batch_next(b)) {
        size_t n = logstore_batch_lines(b);

        r->places = mem_grow(r->places, &cap, r->n + n + 1, sizeof *r->places);
        for (size_t i = 0; i < n; i++) {
            int64_t time_ms = batch_time(b, i);

            sorted &= r->n == 0 || r->places[r->n - 1].time_ms <= time_ms;
            r->places[r->n] = (struct place){time_ms, b, i, r->n};
            r->n++;
        }
    }
    if (!sorted)
        qsort(r->places, r->n, sizeof *r->places, by_time);
}

/* Of several marks of one source the last. */
static bool is_superseded(const struct logstore_batch *b)
{
    uint64_t serial;
    struct str state;

    for (struct logstore_batch *later = *batch_next((struct logstore_batch *)b); later;
         later = *batch_next(later))
        if (strcmp(batch_source(later), batch_source(b)) == 0 && batch_mark(later, &serial, &state))
            return true;
    return false;
}

/* A line's time, and behind it the number of its arrival. Where the numbers begin anew between
 * lines of one time, those that follow are a millisecond later: they stay behind. */
static int64_t id_of(struct logstore *s, int64_t time_ms, uint64_t seq)
{
    uint64_t turn = seq >> SEGMENT_SEQ_BITS;

    if (time_ms != s->time_ms) {
        s->time_ms = time_ms;
        s->turn = turn;
    }
    return (time_ms + (int64_t)(turn - s->turn)) << SEGMENT_SEQ_BITS |
           (int64_t)(seq & SEGMENT_SEQ_MASK);
}

static int write_round(struct logstore *s, struct round *r, struct err *err)
{
    uint64_t seq = s->seq;

    r->first_id = INT64_MAX;
    r->last_id = INT64_MIN;
    if (segment_begin(s->segment, err) < 0)
        return -1;
    for (size_t i = 0; i < r->n; i++) {
        const struct place *place = &r->places[i];
        struct packed_line line;
        int64_t id = id_of(s, place->time_ms, seq++);

        batch_line(place->batch, place->line, &line);
        if (segment_add(s->segment, batch_source(place->batch), &line, &id, err) < 0)
            return -1;
        if (id < r->first_id)
            r->first_id = id;
        if (id > r->last_id)
            r->last_id = id;
    }
    for (const struct logstore_batch *b = r->first; b;
         b = *batch_next((struct logstore_batch *)b)) {
        uint64_t serial;
        struct str state;

        if (batch_mark(b, &serial, &state) && !is_superseded(b) &&
            segment_mark(s->segment, batch_source(b), serial, state, err) < 0)
            return -1;
    }
    if (segment_commit(s->segment, err) < 0)
        return -1;
    s->seq = seq;
    return 0;
}

/* The segment is left as it was, or closed. */
static void take_back(struct logstore *s, const struct err *why)
{
    struct err err;
    int64_t begun_ms;

    if (why->kind != ERR_CORRUPT) {
        if (segment_rollback(s->segment, &err) < 0)
            close_segment(s);
        return;
    }
    begun_ms = newest(s)->begun_ms;
    close_segment(s);
    move_aside(s, begun_ms, why);
}

static int try_round(struct logstore *s, struct round *r, struct err *err)
{
    turn_over(s);
    if (!s->segment && open_newest(s, err) < 0) {
        if (err->kind == ERR_CORRUPT && newest(s))
            move_aside(s, newest(s)->begun_ms, err);
        return -1;
    }
    if (write_round(s, r, err) == 0)
        return 0;
    take_back(s, err);
    return -1;
}

static void note_round(struct logstore *s, const struct round *r)
{
    struct file *file = newest(s), now = *file;

    now.info = segment_info(s->segment);
    now.written_ms = s->c.clock->wall_ms(s->c.clock);
    file_look(s->folder, &now);
    (void)pthread_mutex_lock(&s->lock);
    *file = now;
    s->stats.stored_lines += r->n;
    if (r->n)
        s->arrivals[s->rounds++ % ARRIVALS] = (struct arrival){s->seq, r->first_id, r->last_id};
    (void)pthread_mutex_unlock(&s->lock);
}

static void drop_round(struct logstore *s, const struct round *r, const struct err *why)
{
    if (!s->refused)
        log_error(s->c.log, PART, "%s; lines of logs are dropped until it is mended", why->text);
    s->refused = true;
    (void)pthread_mutex_lock(&s->lock);
    s->stats.dropped_lines += r->n;
    (void)pthread_mutex_unlock(&s->lock);
}

static void store(struct logstore *s, struct logstore_batch *first)
{
    struct round r = {.first = first};
    struct err err;
    int rc;

    arrange(&r);
    rc = try_round(s, &r, &err);
    if (rc < 0 && err.kind == ERR_CORRUPT)
        rc = try_round(s, &r, &err); /* into another file */
    if (rc == 0) {
        if (s->refused)
            log_info(s->c.log, PART, "lines of logs are stored again");
        s->refused = false;
        note_round(s, &r);
    } else {
        drop_round(s, &r, &err);
    }
    mem_free(r.places);
    while (first) {
        struct logstore_batch *next = *batch_next(first);

        logstore_batch_free(first);
        first = next;
    }
}

/* ---- the thread ---- */

/* Locked. What has come, up to a round's worth; *n batches. */
static struct logstore_batch *take_round(struct logstore *s, uint64_t *n)
{
    struct logstore_batch *first = s->first, **end = &s->first;
    size_t bytes = 0;

    *n = 0;
    while (*end && (bytes == 0 || bytes < ROUND_BYTES)) {
        bytes += logstore_batch_bytes(*end);
        end = batch_next(*end);
        (*n)++;
    }
    s->first = *end;
    *end = NULL;
    if (!s->first)
        s->last = &s->first;
    s->queued_bytes -= bytes;
    (void)pthread_cond_broadcast(&s->room);
    return first;
}

/* Locked. */
static void wait_for_work(struct logstore *s)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += UPKEEP_S;
    while (!s->first && !s->ending && !s->asked)
        if (pthread_cond_timedwait(&s->work, &s->lock, &until) == ETIMEDOUT)
            break;
    s->asked = false;
}

static void *run(void *arg)
{
    struct logstore *s = arg;
    bool more = true;

    look_at_all(s);
    while (more) {
        struct logstore_batch *first;
        uint64_t n;

        (void)pthread_mutex_lock(&s->lock);
        wait_for_work(s);
        first = take_round(s, &n);
        more = n > 0 || !s->ending;
        (void)pthread_mutex_unlock(&s->lock);
        if (first) {
            store(s, first);
            (void)pthread_mutex_lock(&s->lock);
            s->written += n;
            (void)pthread_cond_broadcast(&s->done);
            (void)pthread_mutex_unlock(&s->lock);
            if (s->c.on_commit)
                s->c.on_commit(s->c.on_commit_arg);
        } else {
            turn_over(s);
        }
        look_at_suspects(s);
        keep_bounds(s);
    }
    close_segment(s);
    return NULL;
}

/* Locked. */
static void start(struct logstore *s)
{
    struct err err;

    if (s->started)
        return;
    s->started = true;
    if (thread_start(&s->thread, "logs", run, s, &err) == 0)
        return;
    log_error(s->c.log, PART, "%s; no lines of logs are stored", err.text);
    s->started = false;
}

/* ---- for others ---- */

struct logstore *logstore_new(const struct logstore_context *context)
{
    struct logstore *s = mem_new(struct logstore);
    pthread_condattr_t monotonic;

    s->c = *context;
    s->folder = mem_strdup(context->folder);
    s->files.folder = s->folder;
    s->last = &s->first;
    s->seq = s->first_seq = (uint64_t)context->clock->wall_ms(context->clock);
    (void)pthread_mutex_init(&s->lock, NULL);
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&s->work, &monotonic);
    (void)pthread_cond_init(&s->room, NULL);
    (void)pthread_cond_init(&s->done, NULL);
    (void)pthread_condattr_destroy(&monotonic);
    /* What there is has its bounds, also when nothing comes to it. */
    if (access(s->folder, F_OK) == 0) {
        (void)pthread_mutex_lock(&s->lock);
        start(s);
        (void)pthread_mutex_unlock(&s->lock);
    }
    return s;
}

void logstore_close(struct logstore *s)
{
    bool started;

    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->ending = true;
    started = s->started;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
    if (started)
        (void)pthread_join(s->thread, NULL);
    files_fini(&s->files);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_cond_destroy(&s->work);
    (void)pthread_cond_destroy(&s->room);
    (void)pthread_cond_destroy(&s->done);
    mem_free(s->folder);
    mem_free(s);
}

void logstore_set_retention(struct logstore *s, int64_t ms, uint64_t bytes)
{
    (void)pthread_mutex_lock(&s->lock);
    s->c.retention_ms = ms;
    s->c.retention_bytes = bytes;
    s->asked = true;
    (void)pthread_cond_signal(&s->work);
    (void)pthread_mutex_unlock(&s->lock);
}

struct logstore_stats logstore_stats(struct logstore *s)
{
    struct logstore_stats out;
    int64_t oldest = INT64_MAX;

    (void)pthread_mutex_lock(&s->lock);
    out = s->stats;
    out.files = s->files.n;
    for (size_t i = 0; i < s->files.n; i++) {
        const struct file *file = &s->files.items[i];

        out.lines += file->info.lines;
        out.bytes += file->bytes;
        if (file->info.lines && file->info.first_id < oldest)
            oldest = file->info.first_id;
    }
    (void)pthread_mutex_unlock(&s->lock);
    if (out.lines)
        out.oldest_seconds = (double)(oldest >> SEGMENT_SEQ_BITS) / 1000;
    return out;
}

uint64_t logstore_append(struct logstore *s, struct logstore_batch *b)
{
    uint64_t number;

    (void)pthread_mutex_lock(&s->lock);
    start(s);
    while (s->started && s->queued_bytes > LOGSTORE_QUEUE_BYTES)
        (void)pthread_cond_wait(&s->room, &s->lock);
    number = ++s->appended;
    if (s->started) {
        *s->last = b;
        s->last = batch_next(b);
        s->queued_bytes += logstore_batch_bytes(b);
        (void)pthread_cond_signal(&s->work);
    } else { /* no thread is to be had */
        s->stats.dropped_lines += logstore_batch_lines(b);
        s->written = number;
        logstore_batch_free(b);
    }
    (void)pthread_mutex_unlock(&s->lock);
    return number;
}

void logstore_wait(struct logstore *s, uint64_t number)
{
    (void)pthread_mutex_lock(&s->lock);
    while (s->written < number)
        (void)pthread_cond_wait(&s->done, &s->lock);
    (void)pthread_mutex_unlock(&s->lock);
}

/* Locked. Back to where all is remembered, and numbers in ids tell lines apart. */
static void bound_arrivals(const struct logstore *s, struct logstore_arrivals *out)
{
    uint64_t oldest = s->first_seq, half = (uint64_t)SEGMENT_SEQ_MASK / 2;

    if (s->rounds > ARRIVALS)
        oldest = s->arrivals[s->rounds % ARRIVALS].to;
    if (out->to - oldest > half)
        oldest = out->to - half;
    if (out->from < oldest) {
        out->missed = oldest - out->from;
        out->from = oldest;
    }
}

void logstore_arrivals(struct logstore *s, uint64_t from, struct logstore_arrivals *out)
{
    (void)pthread_mutex_lock(&s->lock);
    *out = (struct logstore_arrivals){.first_id = INT64_MAX, .last_id = INT64_MIN};
    out->to = s->rounds ? s->arrivals[(s->rounds - 1) % ARRIVALS].to : s->first_seq;
    out->from = from < out->to ? from : out->to;
    bound_arrivals(s, out);
    for (size_t i = 0; i < ARRIVALS && i < s->rounds; i++) {
        const struct arrival *a = &s->arrivals[(s->rounds - 1 - i) % ARRIVALS];

        if (a->to <= out->from)
            break;
        if (a->first_id < out->first_id)
            out->first_id = a->first_id;
        if (a->last_id > out->last_id)
            out->last_id = a->last_id;
    }
    (void)pthread_mutex_unlock(&s->lock);
}

struct file *logstore_files(struct logstore *s, size_t *n)
{
    struct file *out;

    (void)pthread_mutex_lock(&s->lock);
    start(s);
    while (s->started && !s->ready)
        (void)pthread_cond_wait(&s->done, &s->lock);
    *n = s->files.n;
    out = mem_new_array(struct file, s->files.n + 1);
    if (*n)
        memcpy(out, s->files.items, *n * sizeof *out);
    (void)pthread_mutex_unlock(&s->lock);
    return out;
}

const char *logstore_folder(const struct logstore *s)
{
    return s->folder;
}

void logstore_suspect(struct logstore *s, const struct file *file)
{
    (void)pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < SUSPECTS_MAX; i++) {
        if (s->suspects[i] == 0 || s->suspects[i] == file->begun_ms) {
            s->suspects[i] = file->begun_ms;
            s->asked = true;
            (void)pthread_cond_signal(&s->work);
            break;
        }
    }
    (void)pthread_mutex_unlock(&s->lock);
}

/* False: this file has none. */
static bool read_mark(const char *path, const char *source, uint64_t *serial, struct buf *state)
{
    struct sqlite3 *db = NULL;
    sqlite3_stmt *q = NULL;
    struct err err;
    bool found = false;

    if (segment_read(path, &db, &err) < 0)
        return false;
    if (sqlite3_prepare_v2(db, "SELECT serial, state FROM marks WHERE source = ?1", -1, &q, NULL) ==
            SQLITE_OK &&
        sqlite3_bind_text(q, 1, source, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(q) == SQLITE_ROW) {
        const char *p = sqlite3_column_blob(q, 1);

        *serial = (uint64_t)sqlite3_column_int64(q, 0);
        if (p)
            buf_add(state, (struct str){p, (size_t)sqlite3_column_bytes(q, 1)});
        found = true;
    }
    (void)sqlite3_finalize(q);
    (void)sqlite3_close(db);
    return found;
}

void logstore_mark(struct logstore *s, const char *source, uint64_t *serial, struct buf *state)
{
    char path[FILE_PATH_BYTES];
    struct file *files;
    uint64_t appended;
    size_t n;

    (void)pthread_mutex_lock(&s->lock);
    appended = s->appended;
    (void)pthread_mutex_unlock(&s->lock);
    logstore_wait(s, appended);
    files = logstore_files(s, &n);
    *serial = 0;
    while (n-- > 0) {
        file_path(s->folder, files[n].begun_ms, path);
        if (read_mark(path, source, serial, state))
            break;
    }
    mem_free(files);
}
