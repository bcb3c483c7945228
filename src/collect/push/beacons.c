#include "collect/push/beacons.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/cursor.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/push/beacon_body.h"
#include "collect/push/push_settings.h"
#include "model/emit.h"
#include "model/labels.h"

#define ASLEEP_MS 600000 /* a session that was silent for so long gives way to another */
#define LIVE_MS   60000  /* one that spoke within it counts for the gauges */
#define NAME_MAX_ 200

struct service {
    struct str name;                    /* owned */
    const struct beacon_source *source; /* NULL: no longer in the configuration */
    uint64_t totals[BEACON_COUNTERS];
    bool spoken_for;
    struct service *next;
};

struct session {
    struct service *service;
    struct str id; /* owned */
    uint64_t last[BEACON_COUNTERS];
    bool has_latency;
    double latency_ms;
    ts_ms seen;
};

struct session_key {
    const struct service *service;
    struct str id;
};

struct beacons {
    pthread_mutex_t lock; /* guards: all below */
    struct service *services;
    struct map sessions; /* owned */
    size_t sessions_max;
    uint64_t version;
};

struct beacons *beacons_new(void)
{
    struct beacons *b = mem_new(struct beacons);

    (void)pthread_mutex_init(&b->lock, NULL);
    map_init(&b->sessions);
    return b;
}

static void free_session(struct session *s)
{
    mem_free((char *)(uintptr_t)s->id.p);
    mem_free(s);
}

void beacons_free(struct beacons *b)
{
    struct session *s;
    size_t at = 0;

    if (!b)
        return;
    while ((s = map_next(&b->sessions, &at)))
        free_session(s);
    map_fini(&b->sessions);
    while (b->services) {
        struct service *service = b->services;

        b->services = service->next;
        mem_free((char *)(uintptr_t)service->name.p);
        mem_free(service);
    }
    (void)pthread_mutex_destroy(&b->lock);
    mem_free(b);
}

/* ---- services and sessions; under the lock ---- */

static struct service *find_service(const struct beacons *b, struct str name)
{
    struct service *s = b->services;

    while (s && !str_eq(s->name, name))
        s = s->next;
    return s;
}

static struct service *add_service(struct beacons *b, struct str name)
{
    struct service *s = mem_new(struct service);

    s->name = (struct str){mem_dup(name.p, name.n), name.n};
    s->next = b->services;
    b->services = s;
    return s;
}

void beacons_configure(struct beacons *b, const struct beacon_source *sources, size_t n,
                       size_t sessions_max)
{
    (void)pthread_mutex_lock(&b->lock);
    for (struct service *s = b->services; s; s = s->next)
        s->source = NULL;
    for (size_t i = 0; i < n; i++) {
        struct service *s = find_service(b, str_c(sources[i].name));

        if (!s)
            s = add_service(b, str_c(sources[i].name));
        s->source = &sources[i];
    }
    b->sessions_max = sessions_max;
    (void)pthread_mutex_unlock(&b->lock);
}

bool beacons_is_session(struct str session)
{
    for (size_t i = 0; i < session.n; i++) {
        char c = session.p[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '-' || c == '_';

        if (!fits)
            return false;
    }
    return session.n > 0 && session.n <= BEACONS_SESSION_MAX;
}

static bool has_key(const void *item, const void *key)
{
    const struct session *s = item;
    const struct session_key *k = key;

    return s->service == k->service && str_eq(s->id, k->id);
}

static uint64_t hash_of(const struct session_key *k)
{
    return hash_str(k->id) ^ hash_str(k->service->name) * 31;
}

static struct session *find_session(const struct beacons *b, struct session_key key)
{
    return map_get(&b->sessions, hash_of(&key), &key, has_key);
}

static struct session *add_session(struct beacons *b, struct session_key key)
{
    struct session *s = mem_new(struct session);

    s->service = (struct service *)(uintptr_t)key.service;
    s->id = (struct str){mem_dup(key.id.p, key.id.n), key.id.n};
    map_put(&b->sessions, hash_of(&key), s);
    return s;
}

/* The one that has been silent for longest goes, if that is long enough. */
static bool make_room(struct beacons *b, ts_ms now)
{
    struct session *oldest = NULL, *s;
    struct session_key key;
    size_t at = 0;

    while ((s = map_next(&b->sessions, &at)))
        if (!oldest || s->seen < oldest->seen)
            oldest = s;
    if (!oldest || now - oldest->seen < ASLEEP_MS)
        return false;
    key = (struct session_key){oldest->service, oldest->id};
    (void)map_remove(&b->sessions, hash_of(&key), &key, has_key);
    free_session(oldest);
    return true;
}

/* ---- what a browser says ---- */

static void add_up(struct session *s, const struct beacon_body *body, ts_ms now)
{
    for (int i = 0; i < BEACON_COUNTERS; i++) {
        uint64_t before = s->last[i], count = body->counts[i];

        if (!body->has[i])
            continue;
        s->service->totals[i] += count >= before ? count - before : count;
        s->last[i] = count;
    }
    s->has_latency = body->has_latency;
    s->latency_ms = body->latency_ms;
    s->seen = now;
    s->service->spoken_for = true;
}

static enum beacon_end take_in(struct beacons *b, struct str name, struct str id,
                               const struct beacon_body *body, ts_ms now)
{
    struct service *service = find_service(b, name);
    struct session *s;

    if (!service || !service->source)
        return BEACON_STRANGER;
    s = find_session(b, (struct session_key){service, id});
    if (!s) {
        while (b->sessions.n >= b->sessions_max)
            if (!make_room(b, now))
                return BEACON_CROWDED;
        s = add_session(b, (struct session_key){service, id});
    }
    add_up(s, body, now);
    b->version++;
    return BEACON_TAKEN;
}

enum beacon_end beacons_take(struct beacons *b, struct str service, struct str session,
                             const struct beacon_body *body, ts_ms now)
{
    enum beacon_end end;

    (void)pthread_mutex_lock(&b->lock);
    end = take_in(b, service, session, body, now);
    (void)pthread_mutex_unlock(&b->lock);
    return end;
}

static bool is_shown(const struct service *s)
{
    return s->source && (s->source->named || s->spoken_for);
}

struct beacons_counts beacons_count(struct beacons *b)
{
    struct beacons_counts counts;

    (void)pthread_mutex_lock(&b->lock);
    counts = (struct beacons_counts){.sessions = b->sessions.n, .version = b->version};
    for (const struct service *s = b->services; s; s = s->next)
        counts.any |= is_shown(s);
    (void)pthread_mutex_unlock(&b->lock);
    return counts;
}

/* ---- exposing ---- */

struct shown {
    const struct service *service;
    const char *instance;
    struct emit *emit;
    struct arena *scratch;
    struct err *err;
};

/* "auralis" + "_client_sessions", with what a metric's name cannot hold as '_'. */
static const char *name_of(const struct shown *s, const char *suffix)
{
    char *name =
        arena_printf(s->scratch, s->err, "%.*s_client_%s", STR_ARGS(s->service->name), suffix);

    for (char *p = name; p && *p; p++)
        if (*p == '-' || *p == '.')
            *p = '_';
    return name;
}

static int show(const struct shown *s, const char *suffix, enum metric_type type, const char *help,
                double value)
{
    const char *name = name_of(s, suffix);
    const struct metadata family = {.family = str_c(name), .type = type, .help = str_c(help)};
    const struct labels *more =
        s->service->source->labels ? s->service->source->labels : &labels_empty;
    struct label *labels = arena_new_array(s->scratch, struct label, more->n + 2, s->err);
    const struct emit_sample sample = {
        .name = family.family, .labels = labels, .labels_n = more->n + 2, .value = value};

    if (!labels || !name)
        return -1;
    labels[0] = (struct label){STR("instance"), str_c(s->instance)};
    labels[1] = (struct label){STR("job"), s->service->name};
    for (size_t i = 0; i < more->n; i++)
        labels[i + 2] = labels_at(more, i);
    if (s->emit->family(s->emit, &family, s->err) < 0)
        return -1;
    return s->emit->sample(s->emit, &sample, s->err);
}

static int show_counters(const struct shown *s)
{
    static const struct {
        const char *suffix, *help;
    } counters[] = {
        [BEACON_CHUNKS] = {"chunks_received_total", "Chunks that browsers received."},
        [BEACON_ERRORS] = {"chunk_errors_total", "Chunks that browsers could not use."},
        [BEACON_UNDERRUNS] = {"buffer_underruns_total", "Times that browsers ran out of sound."}};

    for (size_t i = 0; i < ARRAY_LEN(counters); i++)
        if (show(s, counters[i].suffix, METRIC_COUNTER, counters[i].help,
                 (double)s->service->totals[i]) < 0)
            return -1;
    return 0;
}

/* Of the sessions of the last minute. */
static int show_sessions(const struct shown *s, const struct beacons *b, ts_ms now)
{
    const struct session *session;
    size_t at = 0, live = 0, told = 0;
    double sum = 0;

    while ((session = map_next(&b->sessions, &at))) {
        if (session->service != s->service || now - session->seen > LIVE_MS)
            continue;
        live++;
        told += session->has_latency;
        sum += session->has_latency ? session->latency_ms : 0;
    }
    if (show(s, "sessions", METRIC_GAUGE, "Browsers that reported in the last minute.",
             (double)live) < 0)
        return -1;
    return told == 0 ? 0
                     : show(s, "latency_ms", METRIC_GAUGE,
                            "Mean latency of the browsers that reported in the last minute.",
                            sum / (double)told);
}

int beacons_emit(struct beacons *b, const char *host_name, ts_ms now, struct emit *emit,
                 struct arena *scratch, struct err *err)
{
    int rc = 0;

    (void)pthread_mutex_lock(&b->lock);
    for (const struct service *at = b->services; at && rc == 0; at = at->next) {
        struct shown s = {at, host_name, emit, scratch, err};

        if (!is_shown(at))
            continue;
        if (at->source->instance)
            s.instance = at->source->instance;
        rc = show_counters(&s) < 0 ? -1 : show_sessions(&s, b, now);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return rc;
}

/* ---- as bytes: services {name, totals}, then sessions {service, id, last, seen} ---- */

void beacons_write(struct beacons *b, struct buf *out)
{
    const struct session *s;
    size_t at = 0, n = 0;

    (void)pthread_mutex_lock(&b->lock);
    for (const struct service *x = b->services; x; x = x->next)
        n++;
    put_uvarint(out, n);
    for (const struct service *x = b->services; x; x = x->next) {
        put_vstr(out, x->name);
        put_u8(out, x->spoken_for);
        for (int i = 0; i < BEACON_COUNTERS; i++)
            put_uvarint(out, x->totals[i]);
    }
    put_uvarint(out, b->sessions.n);
    while ((s = map_next(&b->sessions, &at))) {
        put_vstr(out, s->service->name);
        put_vstr(out, s->id);
        for (int i = 0; i < BEACON_COUNTERS; i++)
            put_uvarint(out, s->last[i]);
        put_svarint(out, s->seen);
    }
    (void)pthread_mutex_unlock(&b->lock);
}

static int read_service(struct beacons *b, struct cursor *c, struct err *err)
{
    struct str name = cursor_vstr(c);
    struct service *s;

    if (c->failed || name.n == 0 || name.n > NAME_MAX_ || find_service(b, name))
        return err_set(err, ERR_CORRUPT, "a service in it is none, or there twice");
    s = add_service(b, name);
    s->spoken_for = cursor_u8(c) == 1;
    for (int i = 0; i < BEACON_COUNTERS; i++)
        s->totals[i] = cursor_uvarint(c);
    return 0;
}

static int read_session(struct beacons *b, struct cursor *c, struct err *err)
{
    struct service *service = find_service(b, cursor_vstr(c));
    struct str id = cursor_vstr(c);
    struct session *s;

    if (c->failed || !service || !beacons_is_session(id) ||
        find_session(b, (struct session_key){service, id}))
        return err_set(err, ERR_CORRUPT, "a session in it is none, or there twice");
    s = add_session(b, (struct session_key){service, id});
    for (int i = 0; i < BEACON_COUNTERS; i++)
        s->last[i] = cursor_uvarint(c);
    s->seen = cursor_svarint(c);
    if (s->seen < 0 || s->seen > TS_MS_MAX)
        return err_set(err, ERR_CORRUPT, "a time in it is none");
    return 0;
}

int beacons_read(struct beacons *b, struct str bytes, struct err *err)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);
    uint64_t n = cursor_uvarint(&c);
    int rc = 0;

    (void)pthread_mutex_lock(&b->lock);
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        rc = read_service(b, &c, err);
    n = rc == 0 ? cursor_uvarint(&c) : 0;
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        rc = read_session(b, &c, err);
    if (rc == 0 && (c.failed || cursor_left(&c)))
        rc = err_set(err, ERR_CORRUPT, "bytes are left over, or missing");
    (void)pthread_mutex_unlock(&b->lock);
    return rc;
}
