#include "collect/push/pings.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/push/push_settings.h"
#include "model/emit.h"

#define RHYTHM_ENDS    4 /* so many make a rhythm */
#define ENDS_KEPT      8
#define GRACE_MS       300000 /* of names that the configuration does not know */
#define READ_NAMES_MAX 100000

struct ping {
    struct str name;                      /* owned */
    const struct ping_settings *settings; /* NULL: not in the configuration */
    ts_ms since;                          /* it is waited for */
    ts_ms ok, failed, started;            /* the last of each; 0: never */
    bool is_running, is_failed;           /* which came last: two may come in one millisecond */
    int64_t took_ms;                      /* -1: not known */
    uint64_t count[3];                    /* by ping_kind */
    ts_ms ends[ENDS_KEPT];                /* good or bad, the newest last */
    size_t ends_n;
    ts_ms expected; /* the next end, grace included; 0: not known */
};

struct pings {
    pthread_mutex_t lock; /* guards: all below */
    struct map by_name;   /* struct ping, owned */
    size_t unknown;       /* of them: not in the configuration */
    uint64_t version;
};

struct pings *pings_new(void)
{
    struct pings *p = mem_new(struct pings);

    (void)pthread_mutex_init(&p->lock, NULL);
    map_init(&p->by_name);
    return p;
}

static void free_ping(struct ping *ping)
{
    mem_free((char *)(uintptr_t)ping->name.p);
    mem_free(ping);
}

void pings_free(struct pings *p)
{
    struct ping *ping;
    size_t at = 0;

    if (!p)
        return;
    while ((ping = map_next(&p->by_name, &at)))
        free_ping(ping);
    map_fini(&p->by_name);
    (void)pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

/* ---- when the next end is due, grace included; 0: not known ---- */

static ts_ms expected_by_rhythm(const struct ping *ping)
{
    int64_t shortest = INT64_MAX, longest = 0;

    if (ping->ends_n < RHYTHM_ENDS)
        return 0;
    for (size_t i = 1; i < ping->ends_n; i++) {
        int64_t gap = ping->ends[i] - ping->ends[i - 1];

        shortest = gap < shortest ? gap : shortest;
        longest = gap > longest ? gap : longest;
    }
    if (shortest <= 0 || longest >= 2 * shortest)
        return 0;
    return ping->ends[ping->ends_n - 1] + longest + longest / 2 + GRACE_MS;
}

static ts_ms expected_by(const struct ping *ping)
{
    const struct ping_settings *s = ping->settings;
    ts_ms last = ping->ends_n ? ping->ends[ping->ends_n - 1] : ping->since;
    int64_t next_s;

    if (!s)
        return expected_by_rhythm(ping);
    if (s->every_ms)
        return last + s->every_ms + s->grace_ms;
    next_s = cron_next(&s->cron, last / 1000);
    return next_s < 0 ? 0 : next_s * 1000 + s->grace_ms;
}

/* After each change of what it depends on: counting a cron's lines is no work for each cycle. */
static void judge(struct ping *ping)
{
    ping->expected = expected_by(ping);
}

/* ---- names; under the lock ---- */

static bool has_name(const void *item, const void *key)
{
    return str_eq(((const struct ping *)item)->name, *(const struct str *)key);
}

static struct ping *find(const struct pings *p, struct str name)
{
    return map_get(&p->by_name, hash_str(name), &name, has_name);
}

static struct ping *add(struct pings *p, struct str name, ts_ms now)
{
    struct ping *ping = mem_new(struct ping);

    ping->name = (struct str){mem_dup(name.p, name.n), name.n};
    ping->since = now;
    ping->took_ms = -1;
    map_put(&p->by_name, hash_str(name), ping);
    p->unknown++;
    p->version++;
    return ping;
}

static void take_out(struct pings *p, struct ping *ping)
{
    (void)map_remove(&p->by_name, hash_str(ping->name), &ping->name, has_name);
    p->unknown -= ping->settings == NULL;
    p->version++;
    free_ping(ping);
}

bool pings_is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '.' || c == '_' || c == '-';

        if (!fits)
            return false;
    }
    return name.n > 0 && name.n <= PINGS_NAME_MAX;
}

/* One that was configured and never came is nobody's any more. */
static void drop_strangers(struct pings *p)
{
    struct ping **gone = mem_new_array(struct ping *, p->by_name.n + 1), *ping;
    size_t at = 0, n = 0;

    while ((ping = map_next(&p->by_name, &at)))
        if (!ping->settings && !ping->count[0] && !ping->count[1] && !ping->count[2])
            gone[n++] = ping;
    while (n > 0)
        take_out(p, gone[--n]);
    mem_free(gone);
}

void pings_configure(struct pings *p, const struct ping_settings *settings, size_t n, ts_ms now)
{
    struct ping *ping;
    size_t at = 0;

    (void)pthread_mutex_lock(&p->lock);
    while ((ping = map_next(&p->by_name, &at))) {
        ping->settings = NULL;
        judge(ping);
    }
    p->unknown = p->by_name.n;
    for (size_t i = 0; i < n; i++) {
        ping = find(p, str_c(settings[i].name));
        if (!ping)
            ping = add(p, str_c(settings[i].name), now);
        ping->settings = &settings[i];
        p->unknown--;
        judge(ping);
    }
    drop_strangers(p);
    (void)pthread_mutex_unlock(&p->lock);
}

/* ---- pings ---- */

static void note_end(struct ping *ping, ts_ms now)
{
    ping->took_ms = ping->is_running && ping->started <= now ? now - ping->started : -1;
    ping->is_running = false;
    if (ping->ends_n == ENDS_KEPT)
        memmove(ping->ends, ping->ends + 1, sizeof ping->ends[0] * --ping->ends_n);
    ping->ends[ping->ends_n++] = now;
}

static void note(struct ping *ping, enum ping_kind kind, ts_ms now)
{
    ping->count[kind]++;
    switch (kind) {
    case PING_START:
        ping->started = now;
        ping->is_running = true;
        break;
    case PING_END:
        note_end(ping, now);
        ping->ok = now;
        ping->is_failed = false;
        break;
    case PING_FAIL:
        note_end(ping, now);
        ping->failed = now;
        ping->is_failed = true;
        break;
    }
}

bool pings_take(struct pings *p, struct str name, enum ping_kind kind, ts_ms now)
{
    struct ping *ping;

    (void)pthread_mutex_lock(&p->lock);
    ping = find(p, name);
    if (!ping && p->unknown < PINGS_MAX)
        ping = add(p, name, now);
    if (ping) {
        note(ping, kind, now);
        judge(ping);
        p->version++;
    }
    (void)pthread_mutex_unlock(&p->lock);
    return ping != NULL;
}

bool pings_forget(struct pings *p, struct str name, ts_ms now)
{
    const struct ping_settings *settings;
    struct ping *ping;
    bool found;

    (void)pthread_mutex_lock(&p->lock);
    ping = find(p, name);
    found = ping != NULL;
    settings = ping ? ping->settings : NULL;
    if (ping)
        take_out(p, ping);
    if (settings) {
        ping = add(p, name, now);
        ping->settings = settings;
        p->unknown--;
        judge(ping);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return found;
}

struct pings_counts pings_count(struct pings *p)
{
    struct pings_counts counts;

    (void)pthread_mutex_lock(&p->lock);
    counts = (struct pings_counts){p->by_name.n, p->version};
    (void)pthread_mutex_unlock(&p->lock);
    return counts;
}

/* ---- exposing ---- */

/* What there is to say of one; false: nothing. */
struct column {
    const char *name, *help;
    enum metric_type type;
    bool (*value)(const struct ping *ping, ts_ms now, double *out);
};

static bool time_of(ts_ms t, double *out)
{
    *out = (double)t / 1000;
    return t > 0;
}

static bool get_ok(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    return time_of(ping->ok, out);
}

static bool get_failed_at(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    return time_of(ping->failed, out);
}

static bool get_started(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    return time_of(ping->started, out);
}

static bool get_expected(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    return time_of(ping->expected, out);
}

static bool get_late(const struct ping *ping, ts_ms now, double *out)
{
    *out = now > ping->expected;
    return ping->expected > 0;
}

static bool get_failed(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    *out = ping->is_failed;
    return true;
}

static bool get_running(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    *out = ping->is_running;
    return true;
}

static bool get_took(const struct ping *ping, ts_ms now, double *out)
{
    (void)now;
    *out = (double)ping->took_ms / 1000;
    return ping->took_ms >= 0;
}

static const struct column columns[] = {
    {"earshot_ping_late", "1 when the job did not end in time, grace included.", METRIC_GAUGE,
     get_late},
    {"earshot_ping_failed", "1 when the last end was a failure.", METRIC_GAUGE, get_failed},
    {"earshot_ping_running", "1 between a start and an end.", METRIC_GAUGE, get_running},
    {"earshot_ping_expected_timestamp_seconds",
     "By when the next end must have come, grace included, Unix time.", METRIC_GAUGE, get_expected},
    {"earshot_ping_last_timestamp_seconds", "The last good end, Unix time.", METRIC_GAUGE, get_ok},
    {"earshot_ping_start_timestamp_seconds", "The last start, Unix time.", METRIC_GAUGE,
     get_started},
    {"earshot_ping_fail_timestamp_seconds", "The last failure, Unix time.", METRIC_GAUGE,
     get_failed_at},
    {"earshot_ping_duration_seconds", "From the last start to its end.", METRIC_GAUGE, get_took},
};

static int emit_one(const struct ping *ping, const char *name, const char *kind, double value,
                    struct emit *emit, struct err *err)
{
    const struct label labels[] = {
        {STR("instance"), ping->name}, {STR("job"), STR("ping")}, {STR("kind"), str_c(kind)}};
    const struct emit_sample sample = {
        .name = str_c(name), .labels = labels, .labels_n = kind ? 3 : 2, .value = value};

    return emit->sample(emit, &sample, err);
}

static int emit_column(const struct pings *p, const struct column *c, ts_ms now, struct emit *emit,
                       struct err *err)
{
    const struct metadata family = {
        .family = str_c(c->name), .type = c->type, .help = str_c(c->help)};
    struct ping *ping;
    size_t at = 0;
    double value;

    if (emit->family(emit, &family, err) < 0)
        return -1;
    while ((ping = map_next(&p->by_name, &at)))
        if (c->value(ping, now, &value) && emit_one(ping, c->name, NULL, value, emit, err) < 0)
            return -1;
    return 0;
}

static int emit_counts(const struct pings *p, struct emit *emit, struct err *err)
{
    static const char *const kinds[] = {"end", "start", "fail"};
    const struct metadata family = {.family = STR("earshot_ping_received_total"),
                                    .type = METRIC_COUNTER,
                                    .help = STR("Pings that came, by kind.")};
    struct ping *ping;
    size_t at = 0;

    if (emit->family(emit, &family, err) < 0)
        return -1;
    while ((ping = map_next(&p->by_name, &at)))
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            if (emit_one(ping, family.family.p, kinds[i], (double)ping->count[i], emit, err) < 0)
                return -1;
    return 0;
}

int pings_emit(struct pings *p, ts_ms now, struct emit *emit, struct err *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; rc == 0 && p->by_name.n > 0 && i < ARRAY_LEN(columns); i++)
        rc = emit_column(p, &columns[i], now, emit, err);
    if (rc == 0 && p->by_name.n > 0)
        rc = emit_counts(p, emit, err);
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}

/* ---- as bytes: a count, then each: name, since, ok, failed, started, flags, took, counts, ends
 * ---- */

void pings_write(struct pings *p, struct buf *out)
{
    struct ping *ping;
    size_t at = 0;

    (void)pthread_mutex_lock(&p->lock);
    put_uvarint(out, p->by_name.n);
    while ((ping = map_next(&p->by_name, &at))) {
        put_vstr(out, ping->name);
        put_svarint(out, ping->since);
        put_svarint(out, ping->ok);
        put_svarint(out, ping->failed);
        put_svarint(out, ping->started);
        put_u8(out, (uint8_t)(ping->is_running | ping->is_failed << 1));
        put_svarint(out, ping->took_ms);
        for (size_t i = 0; i < ARRAY_LEN(ping->count); i++)
            put_uvarint(out, ping->count[i]);
        put_uvarint(out, ping->ends_n);
        for (size_t i = 0; i < ping->ends_n; i++)
            put_svarint(out, ping->ends[i]);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

static ts_ms read_time(struct cursor *c, int64_t least)
{
    ts_ms t = cursor_svarint(c);

    c->failed |= t < least || t > TS_MS_MAX;
    return c->failed ? 0 : t;
}

static int read_one(struct pings *p, struct cursor *c, struct err *err)
{
    struct str name = cursor_vstr(c);
    struct ping *ping;
    unsigned flags;
    uint64_t n;

    if (c->failed || !pings_is_name(name) || find(p, name))
        return err_set(err, ERR_CORRUPT, "a name in it is none, or there twice");
    ping = add(p, name, read_time(c, 0));
    ping->ok = read_time(c, 0);
    ping->failed = read_time(c, 0);
    ping->started = read_time(c, 0);
    flags = cursor_u8(c);
    ping->is_running = flags & 1;
    ping->is_failed = flags & 2;
    ping->took_ms = read_time(c, -1);
    for (size_t i = 0; i < ARRAY_LEN(ping->count); i++)
        ping->count[i] = cursor_uvarint(c);
    n = cursor_uvarint(c);
    if (c->failed || n > ENDS_KEPT)
        return err_set(err, ERR_CORRUPT, "it ends early, or remembers too much");
    for (; ping->ends_n < n; ping->ends_n++)
        ping->ends[ping->ends_n] = read_time(c, 0);
    judge(ping);
    return 0;
}

int pings_read(struct pings *p, struct str bytes, struct err *err)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);
    uint64_t n = cursor_uvarint(&c);
    int rc = 0;

    (void)pthread_mutex_lock(&p->lock);
    if (n > READ_NAMES_MAX)
        rc = err_set(err, ERR_CORRUPT, "it has too many names");
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        rc = read_one(p, &c, err);
    if (rc == 0 && (c.failed || cursor_left(&c)))
        rc = err_set(err, ERR_CORRUPT, "bytes are left over, or missing");
    (void)pthread_mutex_unlock(&p->lock);
    return rc;
}
