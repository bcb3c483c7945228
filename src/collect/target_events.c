#include "collect/target_events.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/target.h"
#include "model/emit.h"
#include "state/events.h"

static int on_job(struct emit *e, const struct emit_job *job, struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    (void)err;
    t->has_jobs = true;
    if (job->id.n)
        jobs_note(&t->jobs, job);
    return 0;
}

static bool copy_text(struct arena *a, struct str *text, struct err *err)
{
    *text = arena_str(a, text->n ? *text : STR(""), err);
    return text->p != NULL;
}

static int on_clips(struct emit *e, const struct emit_clip clips[], size_t n, uint64_t left_out,
                    struct err *err)
{
    struct target *t = CONTAINER_OF(e, struct target, emit);

    t->clips_left_out += left_out;
    if (arena_grow(&t->arena, (void **)&t->clips, &t->clips_cap, t->clips_n + n, sizeof *clips,
                   err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct emit_clip *copy = &t->clips[t->clips_n];

        *copy = clips[i];
        if (!copy_text(&t->arena, &copy->id, err) || !copy_text(&t->arena, &copy->model, err) ||
            !copy_text(&t->arena, &copy->name, err) || !copy_text(&t->arena, &copy->worker, err) ||
            !copy_text(&t->arena, &copy->status, err))
            return -1;
        t->clips_n++;
    }
    return 0;
}

void target_hear_events(struct target *t)
{
    t->emit.job = on_job;
    t->emit.clips = on_clips;
}

void target_begin_events(struct target *t)
{
    t->has_jobs = false;
    t->clips = NULL;
    t->clips_n = t->clips_cap = 0;
    t->clips_left_out = 0;
}

static void tell_clips(struct target *t)
{
    struct err err;

    for (size_t i = 0; i < t->clips_n; i++)
        if (jobs_tell(&t->clips[i], &t->watch, t->settings.sample_labels, t->batch.ts, &err) < 0)
            events_drop_busy(t->watch.events, 1);
    events_drop_busy(t->watch.events, t->clips_left_out);
}

void target_end_events(struct target *t, bool ok)
{
    struct err err;

    if (!ok) {
        jobs_discard(&t->jobs);
        return;
    }
    watch_look(&t->watch, t->batch.ts, t->values, t->present);
    if (t->has_jobs &&
        jobs_end(&t->jobs, &t->watch, t->settings.sample_labels, t->batch.ts, &err) < 0)
        events_drop_busy(t->watch.events, 1);
    tell_clips(t);
}
