#include "collect/jobs.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/watch.h"
#include "model/emit.h"
#include "model/labels.h"
#include "state/events.h"

#define ID_MAX      100u /* bytes; what is longer is cut */
#define WORD_MAX    60u
#define SUBJECT_MAX 100u
#define RETELL_MS   60000 /* a kill takes no more than this of an open job's length */

enum stage { WAITS, RUNS, FAILED, DONE };

struct known_job {
    char id[ID_MAX + 1], model[WORD_MAX + 1], status[WORD_MAX + 1];
    enum stage stage;   /* as of the last whole list */
    ts_ms started;      /* 0: not yet */
    ts_ms told;         /* when it was last told while it ran */
    enum stage now;     /* of the list under way */
    bool is_new, is_in; /* in it */
};

/* How services word it. What is none of these is worked on. */
static enum stage stage_of(struct str status)
{
    static const struct {
        const char *word;
        enum stage stage;
    } words[] = {
        {"queued", WAITS},  {"pending", WAITS},   {"waiting", WAITS},  {"received", WAITS},
        {"created", WAITS}, {"scheduled", WAITS}, {"failed", FAILED},  {"failure", FAILED},
        {"error", FAILED},  {"errored", FAILED},  {"crashed", FAILED}, {"timeout", FAILED},
        {"done", DONE},     {"completed", DONE},  {"complete", DONE},  {"finished", DONE},
        {"success", DONE},  {"succeeded", DONE},  {"ready", DONE},     {"cancelled", DONE},
        {"canceled", DONE}, {"revoked", DONE},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (status.n == strlen(words[i].word) &&
            strncasecmp(status.p, words[i].word, status.n) == 0)
            return words[i].stage;
    return RUNS;
}

void jobs_fini(struct jobs *js)
{
    mem_free(js->items);
    *js = (struct jobs){.items = NULL};
}

static void put(char *to, size_t max, struct str from)
{
    from = str_take(from, max);
    if (from.n)
        memcpy(to, from.p, from.n);
    to[from.n] = '\0';
}

static struct known_job *find(struct jobs *js, struct str id)
{
    for (size_t i = 0; i < js->n; i++)
        if (str_eq(str_c(js->items[i].id), id))
            return &js->items[i];
    return NULL;
}

void jobs_note(struct jobs *js, const struct emit_job *job)
{
    struct str id = str_take(job->id, ID_MAX);
    struct known_job *known = find(js, id);

    if (!known && js->n == JOBS_MAX) {
        js->left_out++;
        return;
    }
    if (!known) {
        js->items = mem_grow(js->items, &js->cap, js->n + 1, sizeof *js->items);
        known = &js->items[js->n++];
        *known = (struct known_job){.is_new = true};
        put(known->id, ID_MAX, id);
    }
    put(known->model, WORD_MAX, job->model);
    put(known->status, WORD_MAX, job->status);
    known->now = stage_of(job->status);
    known->is_in = true;
}

void jobs_discard(struct jobs *js)
{
    size_t n = 0;

    for (size_t i = 0; i < js->n; i++) {
        js->items[i].is_in = false;
        if (!js->items[i].is_new)
            js->items[n++] = js->items[i];
    }
    js->n = n;
}

/* ---- telling ---- */

static int tell_clip(struct watch *w, const struct emit_clip *c, const struct labels *labels,
                     struct err *err)
{
    SCOPED(arena_fini) struct arena a;
    const struct labels *all = labels;
    struct str what = str_take(c->model.n ? c->model : c->name, SUBJECT_MAX);
    char text[EVENT_TEXT_MAX + 1], key[EVENT_TEXT_MAX + 1];
    struct label more[] = {{STR("id"), c->id},
                           {STR("model"), c->model},
                           {STR("name"), c->name},
                           {STR("status"), c->status},
                           {STR("worker"), c->worker}};

    arena_init(&a, NULL); /* a label set, which is bounded */
    for (size_t i = 0; i < ARRAY_LEN(more); i++)
        if (more[i].value.n && labels_with(&a, all, more[i].name, more[i].value, &all, err) < 0)
            return -1;
    if (c->id.n)
        (void)snprintf(key, sizeof key, "job %016" PRIx64 " %.*s", labels->hash, STR_ARGS(c->id));
    else
        (void)snprintf(key, sizeof key, "job %016" PRIx64 " at %" PRId64 " for %" PRId64 " %.*s",
                       labels->hash, c->end, c->end - c->start, STR_ARGS(what));
    (void)snprintf(text, sizeof text, "%.*s%sjob%s%.*s: %.*s", STR_ARGS(what), what.n ? " " : "",
                   c->id.n ? " " : "", STR_ARGS(c->id), STR_ARGS(c->status));
    events_tell(w->events,
                &(struct event_told){{"job", c->start, c->end, c->open, all, text}, key, 0});
    return 0;
}

int jobs_tell(const struct emit_clip *clip, struct watch *w, const struct labels *labels, ts_ms ts,
              struct err *err)
{
    return clip->again || watch_may_tell(w, ts) ? tell_clip(w, clip, labels, err) : 0;
}

static int tell(struct watch *w, const struct known_job *job, const struct labels *labels,
                ts_ms end, bool open, struct err *err)
{
    return tell_clip(w,
                     &(struct emit_clip){.id = str_c(job->id),
                                         .model = str_c(job->model),
                                         .status = str_c(job->status),
                                         .start = job->started,
                                         .end = end,
                                         .open = open},
                     labels, err);
}

/* What the list says of it now, beside what it said before. */
static int end_job(struct jobs *js, struct watch *w, struct known_job *job,
                   const struct labels *labels, ts_ms ts, struct err *err)
{
    bool began = job->now == RUNS && !job->started;
    bool ended = job->now > RUNS && (job->is_new || job->stage <= RUNS);

    if (began)
        job->started = ts;
    if (ended && !job->started) /* it ran between two looks; of the first list nothing is known */
        job->started = js->before;
    if (ended && job->started)
        return watch_may_tell(w, ts) ? tell(w, job, labels, ts, false, err) : 0;
    if (job->now == RUNS && (began || ts - job->told >= RETELL_MS)) {
        job->told = ts;
        return began && !watch_may_tell(w, ts) ? 0 : tell(w, job, labels, ts, true, err);
    }
    return 0;
}

int jobs_end(struct jobs *js, struct watch *w, const struct labels *labels, ts_ms ts,
             struct err *err)
{
    size_t n = 0;
    int rc = 0;

    for (size_t i = 0; i < js->n && rc == 0; i++) {
        struct known_job *job = &js->items[i];

        if (!job->is_in) {
            if (job->stage == RUNS) /* nothing says how it ended */
                rc = tell(w, job, labels, ts, false, err);
            continue;
        }
        rc = end_job(js, w, job, labels, ts, err);
        job->stage = job->now;
        job->is_in = job->is_new = false;
        js->items[n++] = *job;
    }
    js->n = n;
    js->before = ts;
    return rc;
}
