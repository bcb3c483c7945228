#include "collect/redis/walk.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"

struct walk {
    char cursor[WALK_CURSOR_MAX + 1];
    bool under_way, was_started;
    int64_t start_ns;
    size_t steps;
    double keys; /* so far */
    enum { UNKNOWN, COUNTED, GIVEN_UP } verdict;
    double count; /* COUNTED: of the last walk that has ended */
};

void walks_init(struct walks *w, const struct redis_settings *settings)
{
    *w = (struct walks){.n = settings->patterns_n, .steps_max = WALK_STEPS_MAX};
    w->items = mem_new_array(struct walk, w->n);
}

void walks_fini(struct walks *w)
{
    mem_free(w->items);
}

static void begin(struct walk *w, int64_t now_ns)
{
    (void)snprintf(w->cursor, sizeof w->cursor, "0");
    w->under_way = w->was_started = true;
    w->start_ns = now_ns;
    w->steps = 0;
    w->keys = 0;
}

static void end(struct walk *w, bool counted)
{
    w->under_way = false;
    w->verdict = counted ? COUNTED : GIVEN_UP;
    w->count = w->keys;
}

static bool is_cursor(struct str s)
{
    if (s.n == 0 || s.n > WALK_CURSOR_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

static int step(struct redis_run *r, struct walk *w, const struct redis_key *pattern,
                size_t steps_max, struct err *err)
{
    const struct resp *reply;

    if (session_say(r->session, err, "SCAN", w->cursor, "MATCH", pattern->name, "COUNT",
                    WALK_STEP_KEYS) < 0 ||
        redis_run_answer(r, "SCAN", &reply, err) < 0)
        return -1;
    w->steps++;
    if (!reply) { /* refused */
        end(w, false);
        return 0;
    }
    if (reply->kind != RESP_LIST || reply->n != 2 || reply->items[0]->kind != RESP_TEXT ||
        reply->items[1]->kind != RESP_LIST || !is_cursor(reply->items[0]->text))
        return err_set(err, ERR_SYNTAX, "SCAN: the answer is not a cursor and a list of keys");
    w->keys += (double)reply->items[1]->n;
    (void)snprintf(w->cursor, sizeof w->cursor, "%.*s", STR_ARGS(reply->items[0]->text));
    if (str_eq(reply->items[0]->text, STR("0")))
        end(w, true);
    else if (w->steps >= steps_max)
        end(w, false);
    session_forget(r->session);
    return 0;
}

static int go_on(struct walks *all, struct redis_run *r, size_t i, const struct clock *clock,
                 int64_t until_ns, struct err *err)
{
    const struct redis_key *pattern = &r->settings->patterns[i];
    struct walk *w = &all->items[i];
    bool ok;

    if (redis_run_select(r, pattern->db, &ok, err) < 0)
        return -1;
    if (!ok) {
        end(w, false);
        return 0;
    }
    do {
        if (step(r, w, pattern, all->steps_max, err) < 0)
            return -1;
    } while (w->under_way && clock->mono_ns(clock) < until_ns);
    return 0;
}

static void tell(struct redis_run *r, const struct walk *w, const struct redis_key *pattern)
{
    static const struct finding_family count = {.name = STR("redis_keys_count"),
                                                .type = METRIC_GAUGE,
                                                .help = STR("Keys that match a pattern.")};
    static const struct finding_family finished = {
        .name = STR("earshot_redis_scan_finished"),
        .type = METRIC_GAUGE,
        .help = STR("0 when the keys of a pattern could not be counted: too many, or refused.")};
    char db[16];
    struct label labels[] = {{STR("db"), {db, 0}}, {STR("key"), str_c(pattern->name)}};

    labels[0].value.n = (size_t)snprintf(db, sizeof db, "db%u", pattern->db);
    if (w->verdict == COUNTED)
        findings_add(r->findings, &count, w->count, labels, 2);
    if (w->verdict != UNKNOWN)
        findings_add(r->findings, &finished, w->verdict == COUNTED, labels, 2);
}

static void notice_restart(struct walks *w, struct str run_id)
{
    char now[WALK_RUN_ID_SIZE];

    (void)snprintf(now, sizeof now, "%.*s", STR_ARGS(run_id));
    if (strcmp(now, w->run_id) != 0)
        for (size_t i = 0; i < w->n; i++)
            w->items[i].under_way = false, w->items[i].was_started = false;
    memcpy(w->run_id, now, sizeof now);
}

int64_t walks_end(const struct redis_asker *a, int64_t deadline_ns)
{
    int64_t now = a->clock->mono_ns(a->clock);
    int64_t share = a->entry->job.interval_ms * 1000000 / 10, half = (deadline_ns - now) / 2;

    return now + (share < half ? share : half);
}

int walks_run(struct walks *w, struct redis_run *r, const struct clock *clock, int64_t until_ns,
              struct err *err)
{
    notice_restart(w, r->facts.run_id);
    for (size_t i = 0; i < w->n; i++) {
        struct walk *walk = &w->items[i];
        int64_t now = clock->mono_ns(clock);

        if (!walk->under_way &&
            (!walk->was_started || now - walk->start_ns >= WALK_EVERY_MS * INT64_C(1000000)))
            begin(walk, now);
        if (walk->under_way && go_on(w, r, i, clock, until_ns, err) < 0)
            return -1;
    }
    for (size_t i = 0; i < w->n; i++)
        tell(r, &w->items[i], &r->settings->patterns[i]);
    return 0;
}
