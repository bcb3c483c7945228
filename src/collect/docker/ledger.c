#include "collect/docker/ledger.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"

static void member_free(struct member *m)
{
    mem_free(m->name);
    mem_free(m);
}

void ledger_init(struct ledger *r)
{
    *r = (struct ledger){.primed = false};
    map_init(&r->members);
}

void ledger_fini(struct ledger *r)
{
    struct member *m;
    size_t at = 0;

    while ((m = map_next(&r->members, &at)))
        member_free(m);
    map_fini(&r->members);
}

/* ---- who is known ---- */

static bool has_name(const void *item, const void *key)
{
    const struct member *m = item;
    const struct str *name = key;

    return str_eq(str_c(m->name), *name);
}

static uint64_t hash_of(const char *name)
{
    return hash_str(str_c(name));
}

/* Those that were last seen before `since_ns`. */
static void forget(struct ledger *r, int64_t since_ns)
{
    struct map kept;
    struct member *m;
    size_t at = 0;

    map_init(&kept);
    while ((m = map_next(&r->members, &at)))
        if (m->seen_ns >= since_ns)
            map_put(&kept, hash_of(m->name), m);
        else
            member_free(m);
    map_fini(&r->members);
    r->members = kept;
}

void ledger_begin(struct ledger *r, int64_t now_ns)
{
    if (r->members.n + LEDGER_LISTED_MAX > LEDGER_MAX)
        forget(r, r->now_ns); /* all that are not there now */
    else
        forget(r, now_ns - LEDGER_GONE_S * INT64_C(1000000000));
    r->now_ns = now_ns;
}

void ledger_end(struct ledger *r)
{
    r->primed = true;
}

static void show_due(struct count *c)
{
    c->shown += c->due;
    c->due = 0;
}

struct member *ledger_find(struct ledger *r, const struct container_line *line)
{
    uint64_t hash = hash_str(line->name);
    struct member *m = map_get(&r->members, hash, &line->name, has_name);

    if (m && m->seen_ns == r->now_ns)
        return m;
    if (m) {
        m->fresh = false;
        show_due(&m->restarts);
        show_due(&m->kills);
    } else {
        m = mem_new(struct member);
        m->name = mem_zalloc(line->name.n + 1);
        memcpy(m->name, line->name.p, line->name.n);
        m->fresh = true;
        map_put(&r->members, hash, m);
    }
    m->seen_ns = r->now_ns;
    return m;
}

/* ---- what is counted ---- */

static void add(const struct ledger *r, const struct member *m, struct count *count, uint64_t n)
{
    if (m->fresh && r->primed)
        count->due += n;
    else
        count->shown += n;
}

static uint64_t hash_line(const struct container_line *line)
{
    return hash_mix(hash_mix(hash_str(line->id), hash_str(line->status)), (uint64_t)line->state);
}

bool ledger_is_news(const struct member *m, const struct container_line *line)
{
    return !m->known || m->line != hash_line(line);
}

/* Starts since the engine was asked last. */
static uint64_t starts_of(const struct member *m, bool same, const struct container_facts *facts)
{
    bool started = facts->started_s > 0 && facts->started_s != m->last_start_s;

    if (!m->id[0])
        return facts->restarts;
    if (same && facts->restarts >= m->facts.restarts) {
        uint64_t more = facts->restarts - m->facts.restarts;

        return more > 0 ? more : started && m->last_start_s > 0;
    }
    return (m->last_start_s > 0 && started) + facts->restarts; /* it counts anew */
}

void ledger_learn(struct ledger *r, struct member *m, const struct container_line *line,
                  const struct container_facts *facts)
{
    bool same = str_eq(str_c(m->id), line->id);

    add(r, m, &m->restarts, starts_of(m, same, facts));
    if (!same || (facts->started_s > 0 && facts->started_s != m->last_start_s)) {
        m->last_kills = 0;
        m->kill_told = false;
    }
    if (facts->started_s > 0)
        m->last_start_s = facts->started_s;
    (void)snprintf(m->id, sizeof m->id, "%.*s", STR_ARGS(line->id));
    m->line = hash_line(line);
    m->facts = *facts;
    m->known = true;
}

void ledger_see_kills(struct ledger *r, struct member *m, uint64_t kills)
{
    if (kills > m->last_kills) {
        add(r, m, &m->kills, kills - m->last_kills);
        m->kill_told = true;
    }
    m->last_kills = kills;
}

void ledger_settle(struct ledger *r, struct member *m)
{
    if (!m->facts.oom_killed || m->kill_told)
        return;
    add(r, m, &m->kills, 1);
    m->kill_told = true;
}
