#include "collect/logs/collector.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/logs/counts.h"
#include "collect/logs/keep.h"
#include "collect/logs/logs_settings.h"
#include "collect/logs/patterns.h"
#include "collect/logs/source.h"
#include "collect/logs/when.h"
#include "logstore/logstore.h"
#include "model/clips.h"
#include "model/emit.h"
#include "sys/fs.h"
#include "text/json.h"
#include "text/regex.h"

#define STATE_BYTES_MAX (64u << 20)
#define JOB_MS_MAX      1e12 /* what says that it ran longer is no length */
#define STATE_VERSION   1
#define BATCH_BYTES     (1u << 20) /* of lines on their way into the store */
#define READ_MS         500        /* of a reading of the interval */
#define CATCH_UP_MS     1000       /* of one between them */

/* Who reads the state of one name, and whose it is as it stands on the disk. */
struct logs_turn {
    char *name;                         /* owned */
    pthread_mutex_t lock;               /* guards: owner, the file of the state */
    const struct logs_collector *owner; /* wrote it last; NULL: read it first */
    size_t refs;                        /* the shared lock guards it */
    struct logs_turn *next;
};

struct logs_collector {
    const struct logs_settings *settings;
    struct logs_shared *shared;
    const struct clock *clock;
    struct log *log;
    int64_t read_ns;
    struct regex *begins, *exclude; /* owned; NULL: none */
    struct patterns *patterns;      /* owned */
    struct log_reading reading;
    struct logs_turn *turn;
    struct receiver *receiver; /* a reference; NULL: of another kind */
    struct logs_collector *next_receiving;
    struct log_source source; /* owned; with counts NULL until the first turn */
    struct counts *counts;    /* owned */
    struct log_record record;
    struct patterns_found found;
    struct keep *keep;    /* owned; NULL: no line is kept */
    struct clips clips;   /* jobs that ended */
    struct when when;     /* of these */
    uint64_t serial;      /* of the state written last, to the file or into the store */
    struct arena scratch; /* of one entry */
    uint64_t entries;     /* in this pass */
    struct hash128 saved; /* of the state that stands on the disk; 0: not known */
    bool state_failed;
    bool behind; /* the last pass left a rest */
};

/* ---- turns ---- */

static struct logs_turn *turn_ref(struct logs_shared *shared, const char *name)
{
    struct logs_turn *t;

    (void)pthread_mutex_lock(&shared->lock);
    for (t = shared->turns; t && strcmp(t->name, name) != 0; t = t->next)
        ;
    if (!t) {
        t = mem_new(struct logs_turn);
        t->name = mem_strdup(name);
        (void)pthread_mutex_init(&t->lock, NULL);
        t->next = shared->turns;
        shared->turns = t;
    }
    t->refs++;
    (void)pthread_mutex_unlock(&shared->lock);
    return t;
}

static void turn_unref(struct logs_shared *shared, struct logs_turn *t)
{
    struct logs_turn **at = &shared->turns;

    (void)pthread_mutex_lock(&shared->lock);
    if (--t->refs == 0) {
        while (*at != t)
            at = &(*at)->next;
        *at = t->next;
    } else {
        t = NULL;
    }
    (void)pthread_mutex_unlock(&shared->lock);
    if (!t)
        return;
    (void)pthread_mutex_destroy(&t->lock);
    mem_free(t->name);
    mem_free(t);
}

/* ---- state ---- */

/* crc32c and not the hash of tables in memory: it names a file. */
static void state_name(const struct logs_collector *c, const char *end, char out[64])
{
    struct str name = str_c(c->settings->name);

    (void)snprintf(out, 64, "logs/%08x%08x.json%s", crc32c(0, name.p, name.n),
                   crc32c(1, name.p, name.n), end);
}

static int write_file(struct logs_collector *c, struct str text, struct err *err)
{
    struct fs *fs = c->shared->fs;
    struct fs_file *file = NULL;
    char name[64], fresh[64];
    int rc;

    state_name(c, "", name);
    state_name(c, ".new", fresh);
    if (fs->ops->mkdir(fs, "logs", err) < 0 || fs->ops->create(fs, fresh, &file, err) < 0)
        return -1;
    rc = fs->ops->append(file, text.p, text.n, err);
    if (rc == 0)
        rc = fs->ops->datasync(file, err);
    fs->ops->close(file);
    if (rc == 0)
        rc = fs->ops->rename(fs, fresh, name, err);
    return rc == 0 ? fs->ops->sync_dir(fs, "logs", err) : -1;
}

/* Without its end: what differs from one state to the next, though nothing happened, comes there.
 */
static void begin_state(const struct logs_collector *c, struct json_writer *w, struct buf *out)
{
    json_begin(w, out);
    json_begin_object(w);
    json_key(w, "version");
    json_i64(w, STATE_VERSION);
    json_key(w, "name");
    json_cstr(w, c->settings->name);
    if (c->source.write)
        c->source.write(c->source.arg, w);
    counts_write(c->counts, w);
}

static void end_state(struct logs_collector *c, struct json_writer *w)
{
    json_key(w, "serial");
    json_i64(w, (int64_t)++c->serial);
    json_end_object(w);
}

static void save(struct logs_collector *c)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = STATE_BYTES_MAX};
    struct json_writer w;
    struct hash128 now;
    struct err err;
    int rc;

    begin_state(c, &w, &text);
    now = hash_bytes128(text.p, text.n);
    if (now.low == c->saved.low && now.high == c->saved.high)
        return;
    end_state(c, &w);
    if (text.overflowed)
        rc = err_set(&err, ERR_LIMIT, "they take more than %u MB", STATE_BYTES_MAX >> 20);
    else
        rc = write_file(c, buf_str(&text), &err);
    c->saved = rc == 0 ? now : (struct hash128){0, 0};
    if (rc == 0) {
        c->state_failed = false;
        return;
    }
    c->shared->counts.state_failures++;
    if (!c->state_failed)
        log_warn(c->log, "logs", "%s: positions cannot be saved: %s; a restart would count again",
                 c->settings->name, err.text);
    c->state_failed = true;
}

/* The lines that have been read so far, and where they end. */
static void hand_over(struct logs_collector *c)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = STATE_BYTES_MAX};
    struct json_writer w;

    begin_state(c, &w, &text);
    end_state(c, &w);
    keep_hand_over(c->keep, c->serial, text.overflowed ? STR("") : buf_str(&text));
}

static int read_file(struct logs_collector *c, const char *name, struct buf *out, struct err *err)
{
    struct fs *fs = c->shared->fs;
    struct fs_file *file = NULL;
    uint64_t bytes = 0;
    size_t got = 0;
    char *p;
    int rc = -1;

    if (fs->ops->open_read(fs, name, &file, err) < 0)
        return -1;
    if (fs->ops->size(file, &bytes, err) == 0) {
        p = bytes <= STATE_BYTES_MAX ? buf_reserve(out, (size_t)bytes + 1) : NULL;
        if (!p)
            (void)err_set(err, ERR_LIMIT, "%s is too large", name);
        else
            rc = fs->ops->pread(file, 0, p, (size_t)bytes, &got, err);
        out->n = got;
    }
    fs->ops->close(file);
    return rc;
}

/* True: it is a state of this entry. */
static bool parse_state(struct str text, json_t **root, struct err *err)
{
    const char *is;

    if (json_read(text, root, err) < 0)
        return false;
    is = json_string_value(json_object_get(*root, "name"));
    if (json_integer_value(json_object_get(*root, "version")) == STATE_VERSION && is)
        return true;
    (void)err_set(err, ERR_CORRUPT, "another version wrote it");
    return false;
}

static uint64_t serial_of(const json_t *root)
{
    return (uint64_t)json_integer_value(json_object_get(root, "serial"));
}

/* The state that the store has, where it is the later one. */
static void load_mark(const struct logs_collector *c, json_t **root)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = STATE_BYTES_MAX};
    uint64_t serial = 0;
    json_t *later = NULL;
    struct err err;

    if (!c->keep)
        return;
    logstore_mark(c->shared->store, c->settings->name, &serial, &text);
    if (serial <= serial_of(*root))
        return;
    if (parse_state(buf_str(&text), &later, &err)) {
        json_decref(*root);
        *root = later;
    } else {
        json_decref(later);
    }
}

/* No state: the first start. One that cannot be read stops the entry: to begin at the end of the
 * files would lose lines, and to begin at their beginning would count some twice. */
static int load(struct logs_collector *c, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {.max_bytes = STATE_BYTES_MAX + 1};
    json_t *root = NULL;
    char name[64];
    struct err why = {.kind = ERR_NONE};

    /* After those of any life before, whose last one the store may still have. */
    c->serial = (uint64_t)c->clock->wall_ms(c->clock);
    state_name(c, "", name);
    if (read_file(c, name, &text, &why) < 0) {
        if (why.kind == ERR_OS && why.os == ENOENT)
            return 0;
        *err = why;
        return -1;
    }
    if (!parse_state(buf_str(&text), &root, &why)) {
        json_decref(root);
        return err_set(err, ERR_CORRUPT,
                       "%s/%s cannot be read: %s; delete it to go on at the end of the files",
                       c->shared->fs->root, name, why.text);
    }
    if (strcmp(json_string_value(json_object_get(root, "name")), c->settings->name) == 0) {
        load_mark(c, &root);
        if (c->source.load)
            c->source.load(c->source.arg, root);
        counts_read(c->counts, root);
        if (serial_of(root) > c->serial)
            c->serial = serial_of(root);
    }
    json_decref(root);
    return 0;
}

static void free_source(struct logs_collector *c)
{
    if (c->source.free)
        c->source.free(c->source.arg);
}

static int start(struct logs_collector *c, struct err *err)
{
    free_source(c);
    counts_free(c->counts);
    c->saved = (struct hash128){0, 0};
    source_make(c->settings, c->begins, c->receiver, &c->source);
    c->counts = counts_new(c->settings);
    return load(c, err);
}

/* ---- a pass ---- */

/* It has ended when the entry says that it is from. */
static void add_clip(struct logs_collector *c, int64_t time_ms)
{
    const struct patterns_found *found = &c->found;
    double ms = found->job_s * 1000;
    ts_ms end = when_of(&c->when, time_ms, c->record.time);

    clips_add(&c->clips,
              &(struct emit_clip){.id = found->job_id,
                                  .model = found->job_model,
                                  .status = found->job_failed ? STR("failed") : STR("completed"),
                                  .start = ms < JOB_MS_MAX ? end - (ts_ms)ms : end,
                                  .end = end},
              found->job_failed);
}

static void on_entry(void *arg, const struct log_entry *entry)
{
    struct logs_collector *c = arg;

    if (c->exclude && regex_matches(c->exclude, entry->text))
        return;
    if (c->scratch.total_bytes)
        arena_reset(&c->scratch);
    log_record_read(&c->reading, entry->text, &c->scratch, &c->record);
    if (c->record.level == SEVERITY_NONE)
        c->record.level = entry->level;
    for (size_t i = 0; i < entry->fields_n && c->record.fields_n < LOG_FIELDS_MAX; i++)
        c->record.fields[c->record.fields_n++] = entry->fields[i];
    patterns_apply(c->patterns, &c->record, c->counts, &c->found);
    if (c->found.job)
        add_clip(c, entry->time_ms);
    if (c->keep)
        keep_line(c->keep, &c->record, &c->found, entry->time_ms);
    c->entries++;
}

static void on_settled(void *arg)
{
    struct logs_collector *c = arg;

    if (c->keep && keep_bytes(c->keep) >= BATCH_BYTES)
        hand_over(c);
}

static void add_counts(struct logs_collector *c, const struct source_counts *before)
{
    struct source_counts now = c->source.counts(c->source.arg);

    c->shared->counts.bytes += now.bytes - before->bytes;
    c->shared->counts.entries += c->entries;
    c->shared->counts.cut += now.cut - before->cut;
    c->shared->counts.lost_files += now.lost_files - before->lost_files;
    c->shared->counts.left_out_files += now.left_out_files - before->left_out_files;
    c->shared->counts.unread_files += now.unread_files - before->unread_files;
    c->shared->counts.lost_messages += now.lost_messages - before->lost_messages;
    c->shared->counts.refused_connections += now.refused_connections - before->refused_connections;
}

static int read_source(struct logs_collector *c, int64_t ns, const atomic_bool *stop,
                       struct err *err)
{
    const struct source_pass pass = {.clock = c->clock,
                                     .log = c->log,
                                     .until_ns = c->clock->mono_ns(c->clock) + ns,
                                     .stop = stop,
                                     .entry = on_entry,
                                     .settled = on_settled,
                                     .arg = c};
    struct source_counts before = c->source.counts(c->source.arg);
    int rc;

    c->entries = 0;
    when_begin(&c->when, c->clock->wall_ms(c->clock));
    if (c->keep)
        keep_begin(c->keep);
    rc = c->source.read(c->source.arg, &pass, err);
    c->behind = rc == 0 && source_pass_is_over(&pass);
    add_counts(c, &before);
    if (c->keep && keep_bytes(c->keep))
        hand_over(c);
    return rc;
}

static int read_once(struct logs_collector *c, struct err *err)
{
    int rc;

    c->behind = false;
    if (c->turn->owner != c) {
        c->turn->owner = NULL;
        if (start(c, err) < 0)
            return -1;
        c->turn->owner = c;
    }
    rc = read_source(c, c->read_ns, NULL, err);
    if (c->keep)
        keep_wait(c->keep);
    save(c);
    return rc;
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct logs_collector *c = arg;
    int rc;

    (void)pthread_mutex_lock(&c->turn->lock);
    rc = read_once(c, err);
    (void)pthread_mutex_unlock(&c->turn->lock);
    if (rc < 0 || counts_emit(c->counts, emit, scratch, err) < 0)
        return -1;
    return clips_emit(&c->clips, emit, err);
}

static bool is_behind(void *arg)
{
    const struct logs_collector *c = arg;

    return c->behind;
}

/* Lines that are kept are not waited for: their state comes into the store with them, and the next
 * reading of the interval waits and saves. */
static void catch_up(void *arg, const atomic_bool *stop)
{
    struct logs_collector *c = arg;
    struct err told_later; /* by that reading */

    (void)pthread_mutex_lock(&c->turn->lock);
    if (c->turn->owner != c)
        c->behind = false;
    else if (read_source(c, CATCH_UP_MS * INT64_C(1000000), stop, &told_later) == 0 && !c->keep)
        save(c);
    (void)pthread_mutex_unlock(&c->turn->lock);
}

/* ---- syslog ---- */

static void begin_receiving(struct logs_collector *c)
{
    const struct logs_settings *s = c->settings;

    if (s->kind != LOGS_SYSLOG)
        return;
    c->receiver = receiver_ref(&c->shared->receivers, s->place, s->line_max, c->clock);
    (void)pthread_mutex_lock(&c->shared->lock);
    c->next_receiving = c->shared->receiving;
    c->shared->receiving = c;
    (void)pthread_mutex_unlock(&c->shared->lock);
}

static void end_receiving(struct logs_collector *c)
{
    struct logs_collector **at = &c->shared->receiving;
    size_t left;

    if (!c->receiver)
        return;
    (void)pthread_mutex_lock(&c->shared->lock);
    while (*at != c)
        at = &(*at)->next_receiving;
    *at = c->next_receiving;
    (void)pthread_mutex_unlock(&c->shared->lock);
    left = receiver_unref(&c->shared->receivers, c->receiver);
    if (!left)
        return;
    c->shared->counts.lost_messages += left;
    log_warn(c->log, "logs",
             "%s: %zu messages of syslog came that the entry had not read when it went",
             c->settings->name, left);
}

static void prepare(void *arg)
{
    const struct logs_collector *c = arg;

    receiver_open(c->receiver);
}

void logs_finish(struct logs_shared *shared)
{
    struct err told; /* nobody asks any more */

    for (struct logs_collector *c = shared->receiving; c; c = c->next_receiving) {
        receiver_finish(c->receiver);
        (void)pthread_mutex_lock(&c->turn->lock);
        do
            (void)read_once(c, &told);
        while (c->behind);
        (void)pthread_mutex_unlock(&c->turn->lock);
    }
}

/* ---- making ---- */

static void free_collector(void *arg)
{
    struct logs_collector *c = arg;

    (void)pthread_mutex_lock(&c->turn->lock);
    if (c->turn->owner == c)
        c->turn->owner = NULL;
    (void)pthread_mutex_unlock(&c->turn->lock);
    turn_unref(c->shared, c->turn);
    end_receiving(c);
    free_source(c);
    counts_free(c->counts);
    patterns_free(c->patterns);
    keep_free(c->keep);
    clips_fini(&c->clips);
    regex_free(c->begins);
    regex_free(c->exclude);
    arena_fini(&c->scratch);
    mem_free(c);
}

static int compile(struct logs_collector *c, struct err *err)
{
    const struct logs_settings *s = c->settings;

    if (s->multiline.n && regex_new(s->multiline, false, &c->begins, err) < 0)
        return err_context(err, "multiline");
    if (s->exclude.n && regex_new(s->exclude, false, &c->exclude, err) < 0)
        return err_context(err, "exclude");
    return patterns_new(s, &c->patterns, err);
}

int logs_collector_make(const struct logs_settings *settings, int64_t timeout_ms,
                        struct logs_shared *shared, const struct clock *clock, struct log *log,
                        struct collector *out, struct err *err)
{
    struct logs_collector *c = mem_new(struct logs_collector);

    c->settings = settings;
    c->shared = shared;
    c->clock = clock;
    c->log = log;
    c->when.zone = settings->zone;
    c->read_ns = (timeout_ms / 2 < READ_MS ? timeout_ms / 2 : READ_MS) * 1000000;
    c->reading = (struct log_reading){settings->format, settings->levels, settings->levels_n,
                                      settings->time};
    c->turn = turn_ref(shared, settings->name);
    if (settings->store && shared->store)
        c->keep = keep_new(shared->store, settings, clock);
    arena_init(&c->scratch, NULL); /* an entry's size bounds it */
    if (compile(c, err) < 0) {
        free_collector(c);
        return -1;
    }
    begin_receiving(c);
    *out = (struct collector){
        .name = settings->name,
        .collect = collect,
        .catch_up = catch_up,
        .is_behind = is_behind,
        .prepare = c->receiver ? prepare : NULL,
        .free = free_collector,
        .arg = c,
        .hangs_on =
            "a log file, the journal, or the store of its lines (a dead network mount, a sleeping "
            "or busy disk)"};
    return 0;
}
