#include "collect/celery/runs.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "collect/celery/event.h"
#include "model/clips.h"
#include "model/emit.h"

#define RETELL_MS    60000
#define SHOW_MS      10000 /* what is over before is told of once */
#define SHOWN_MAX    20
#define FORGET_MS    (24 * 3600000)
#define CLOCK_OFF_MS (5 * 60000)

struct run {
    ts_ms start;            /* as it is told */
    double started_s;       /* as the worker said it; 0: it did not */
    ts_ms told;             /* when it was last; 0: not yet */
    char *id, *name, *host; /* owned */
};

struct runs {
    struct clips *clips;
    struct map by_id;
    size_t shown; /* that were told of while under way */
};

static bool is_run(const void *item, const void *key)
{
    return str_eq(str_c(((const struct run *)item)->id), *(const struct str *)key);
}

static char *text_copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1); /* at most EVENT_TEXT_MAX */

    if (s.n)
        memcpy(p, s.p, s.n);
    return p;
}

struct runs *runs_new(struct clips *clips)
{
    struct runs *r = mem_new(struct runs);

    r->clips = clips;
    map_init(&r->by_id);
    return r;
}

static void run_free(struct run *run)
{
    mem_free(run->id);
    mem_free(run->name);
    mem_free(run->host);
    mem_free(run);
}

void runs_free(struct runs *r)
{
    struct run *run;
    size_t at = 0;

    if (!r)
        return;
    while ((run = map_next(&r->by_id, &at)))
        run_free(run);
    map_fini(&r->by_id);
    mem_free(r);
}

/* ---- events ---- */

static ts_ms moment(double seconds, ts_ms now)
{
    double ms = seconds * 1000;

    return ms > 0 && fabs(ms - (double)now) < CLOCK_OFF_MS ? (ts_ms)ms < now ? (ts_ms)ms : now
                                                           : now;
}

static struct run *find(struct runs *r, struct str id)
{
    return map_get(&r->by_id, hash_str(id), &id, is_run);
}

static struct run *take_out(struct runs *r, struct str id)
{
    struct run *run = map_remove(&r->by_id, hash_str(id), &id, is_run);

    if (run && run->told)
        r->shown--;
    return run;
}

static void see_start(struct runs *r, const struct event *e, struct str name, ts_ms now)
{
    struct run *run = find(r, e->uuid);

    if (run || r->by_id.n >= RUNS_MAX)
        return;
    run = mem_new(struct run);
    *run = (struct run){.start = moment(e->timestamp_s, now),
                        .started_s = e->timestamp_s,
                        .id = text_copy(e->uuid),
                        .name = text_copy(name),
                        .host = text_copy(e->host)};
    map_put(&r->by_id, hash_str(e->uuid), run);
}

static double length_s(const struct run *run, const struct event *e)
{
    double s = e->runtime_s >= 0 ? e->runtime_s : run ? e->timestamp_s - run->started_s : 0;

    return s > 0 && s < FORGET_MS / 1000. ? s : 0;
}

static void see_end(struct runs *r, const struct event *e, struct str name, ts_ms now,
                    const char *status)
{
    struct run *run = take_out(r, e->uuid);
    ts_ms end = moment(e->timestamp_s, now);

    /* A task that was revoked before it began, or whose beginning was not heard, has no length. */
    clips_add(r->clips,
              &(struct emit_clip){.id = e->uuid,
                                  .name = run && !name.n ? str_c(run->name) : name,
                                  .worker = e->host,
                                  .status = str_c(status),
                                  .start = end - (ts_ms)(length_s(run, e) * 1000),
                                  .end = end,
                                  .again = run && run->told},
              e->type == EVENT_TASK_FAILED);
    if (run)
        run_free(run);
}

void runs_see(struct runs *r, const struct event *event, struct str name, ts_ms now)
{
    if (!event->uuid.n || event->uuid.n > EVENT_TEXT_MAX)
        return;
    switch (event->type) {
    case EVENT_TASK_STARTED:
        see_start(r, event, name, now);
        break;
    case EVENT_TASK_SUCCEEDED:
        see_end(r, event, name, now, "succeeded");
        break;
    case EVENT_TASK_FAILED:
        see_end(r, event, name, now, "failed");
        break;
    case EVENT_TASK_RETRIED:
        if (find(r, event->uuid))
            see_end(r, event, name, now, "retried");
        break;
    case EVENT_TASK_REVOKED:
        if (find(r, event->uuid))
            see_end(r, event, name, now, "revoked");
        break;
    default:
        break;
    }
}

/* ---- telling ---- */

static void tell(struct runs *r, const struct run *run, bool lost, ts_ms now)
{
    clips_add(r->clips,
              &(struct emit_clip){.id = str_c(run->id),
                                  .name = str_c(run->name),
                                  .worker = str_c(run->host),
                                  .status = lost ? STR("lost") : STR("started"),
                                  .start = run->start,
                                  .end = now,
                                  .open = !lost,
                                  .again = run->told},
              lost);
}

static bool is_due(const struct runs *r, const struct run *run, ts_ms now)
{
    if (run->told)
        return now - run->told >= RETELL_MS || now < run->told;
    return now - run->start >= SHOW_MS && r->shown < SHOWN_MAX;
}

void runs_tell(struct runs *r, bool (*is_up)(void *arg, struct str host), void *arg, ts_ms now)
{
    struct run *run;
    size_t at = 0;

    while ((run = map_next(&r->by_id, &at))) {
        bool lost = !is_up(arg, str_c(run->host)) || now - run->start > FORGET_MS;

        if (!lost && !is_due(r, run, now))
            continue;
        tell(r, run, lost, now);
        if (lost) {
            run_free(take_out(r, str_c(run->id)));
            at = 0;
            continue;
        }
        r->shown += !run->told;
        run->told = now;
    }
}
