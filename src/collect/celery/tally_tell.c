/* What a tally comes to, as samples. */
#include <stdio.h>

#include "collect/celery/tally.h"
#include "collect/celery/tally_impl.h"
#include "collect/findings.h"

#define USUAL_MIN 20 /* tasks before it is known what is usual */

#define FAMILY(variable, kind, family, words)                                                      \
    static const struct finding_family variable = {                                                \
        .name = STR(family), .type = METRIC_##kind, .help = STR(words)}

/* ---- workers ---- */

/* p99 of a worker's tasks in seconds, straight between two bounds; 0: not known yet. */
static double usual_s(const struct runtimes *r)
{
    double rank = .99 * (double)r->n, seen = 0;

    if (r->n < USUAL_MIN)
        return 0;
    for (size_t i = 0; i < TALLY_BOUNDS; i++) {
        double in = (double)r->buckets[i], low = i ? tally_bounds[i - 1] : 0;

        if (in > 0 && seen + in >= rank)
            return low + (tally_bounds[i] - low) * (rank - seen) / in;
        seen += in;
    }
    return tally_bounds[TALLY_BOUNDS - 1];
}

static void tell_worker(const struct tally *t, const struct worker *w, struct findings *f,
                        const struct tally_how *how)
{
    FAMILY(up, GAUGE, "celery_worker_up", "1 while a worker is heard.");
    FAMILY(active, GAUGE, "celery_worker_tasks_active", "Tasks that a worker works on.");
    FAMILY(waits, GAUGE, "earshot_celery_worker_no_progress_seconds",
           "How long a worker has had tasks under way and ended none; 0: it has none.");
    FAMILY(stuck, GAUGE, "earshot_celery_worker_stuck",
           "1 when that is longer than stuck_after, and than three times its usual p99.");
    FAMILY(online, GAUGE, "flower_worker_online", "1 while a worker is heard.");
    FAMILY(executing, GAUGE, "flower_worker_number_of_currently_executing_tasks",
           "Tasks that a worker works on.");
    const struct label host = {STR("hostname"), str_c(w->host)};
    const struct label worker = {STR("worker"), str_c(w->host)};
    bool is_up = tally_is_up(t, w, how->now_ns);
    double n = is_up ? w->active : 0;
    double seconds = n > 0 ? tally_seconds(w->progress_ns, how->now_ns) : 0;
    bool is_stuck = n > 0 && seconds * 1000 >= (double)how->stuck_after_ms &&
                    seconds > 3 * usual_s(&w->runtimes);

    findings_add(f, &up, is_up, &host, 1);
    findings_add(f, &waits, seconds, &host, 1);
    findings_add(f, &stuck, is_stuck, &host, 1);
    if (w->active_known)
        findings_add(f, &active, n, &host, 1);
    if (how->flower)
        findings_add(f, &online, is_up, &worker, 1);
    if (how->flower && w->active_known)
        findings_add(f, &executing, n, &worker, 1);
}

/* ---- tasks ---- */

static void tell_runtimes(const struct task *task, struct findings *f)
{
    FAMILY(runtime, HISTOGRAM, "celery_task_runtime", "Seconds that tasks took which succeeded.");
    const struct runtimes *r = &task->runtimes;
    const struct label name = {STR("name"), str_c(task->name)};
    uint64_t sum = 0;

    for (size_t i = 0; i <= TALLY_BOUNDS; i++) {
        char bound[32] = "+Inf";
        struct label labels[2] = {name, {STR("le"), {NULL, 0}}};

        if (i < TALLY_BOUNDS)
            (void)snprintf(bound, sizeof bound, "%g", tally_bounds[i]);
        labels[1].value = str_c(bound);
        sum += r->buckets[i];
        findings_add_part(f, &runtime, "_bucket", (double)sum, labels, 2);
    }
    findings_add_part(f, &runtime, "_sum", r->sum_s, &name, 1);
    findings_add_part(f, &runtime, "_count", (double)r->n, &name, 1);
}

/* One that is new is told as 0 first, so that an increase has it. */
static double count(uint64_t n, bool told)
{
    return told ? (double)n : 0;
}

static void tell_task(struct task *task, struct findings *f)
{
    FAMILY(received, COUNTER, "celery_task_received_total", "Tasks that workers received.");
    FAMILY(succeeded, COUNTER, "celery_task_succeeded_total", "Tasks that succeeded.");
    FAMILY(failed, COUNTER, "celery_task_failed_total", "Tasks that failed.");
    FAMILY(retried, COUNTER, "celery_task_retried_total", "Tasks that are tried again.");
    FAMILY(revoked, COUNTER, "celery_task_revoked_total", "Tasks that were revoked.");
    const struct {
        const struct finding_family *family;
        enum event_type type;
    } all[] = {{&received, EVENT_TASK_RECEIVED},
               {&succeeded, EVENT_TASK_SUCCEEDED},
               {&failed, EVENT_TASK_FAILED},
               {&retried, EVENT_TASK_RETRIED},
               {&revoked, EVENT_TASK_REVOKED}};
    const struct label name = {STR("name"), str_c(task->name)};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        findings_add(f, all[i].family, count(task->events[all[i].type], task->told), &name, 1);
    tell_runtimes(task, f);
    task->told = true;
}

static void tell_combined(struct combined *c, struct findings *f)
{
    FAMILY(events, COUNTER, "flower_events_total", "Events that were heard.");
    struct label labels[] = {{STR("type"), event_type_name(c->type)},
                             {STR("worker"), str_c(c->worker ? c->worker->host : "")},
                             {STR("task"), str_c(c->task ? c->task->name : "")}};

    findings_add(f, &events, count(c->events, c->told), labels, 3);
    c->told = true;
}

void tally_tell(struct tally *t, struct findings *f, const struct tally_how *how)
{
    const struct worker *w;
    struct combined *c;
    struct task *task;
    size_t at = 0;

    tally_forget(t, how->now_ns);
    while (how->hears && (w = map_next(&t->workers, &at)))
        tell_worker(t, w, f, how);
    for (at = 0; (task = map_next(&t->tasks, &at));)
        tell_task(task, f);
    for (at = 0; how->flower && (c = map_next(&t->combined, &at));)
        tell_combined(c, f);
}
