#include "collect/celery/tally.h"

#include "base/hash.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/celery/event.h"
#include "collect/celery/tally_impl.h"

#define UP_MIN_S     10.0
#define FREQ_MAX_S   600.0
#define FORGET_S     86400.0
#define COMBINES_MAX 20000

const double tally_bounds[TALLY_BOUNDS] = {.01, .05, .1,  .5,  1,   5,    10,
                                           30,  60,  120, 300, 600, 1800, 3600};

/* ---- tables ---- */

static bool is_task(const void *item, const void *key)
{
    return str_eq(str_c(((const struct task *)item)->name), *(const struct str *)key);
}

static bool is_worker(const void *item, const void *key)
{
    return str_eq(str_c(((const struct worker *)item)->host), *(const struct str *)key);
}

static bool is_combined(const void *item, const void *key)
{
    const struct combined *a = item, *b = key;

    return a->worker == b->worker && a->task == b->task && a->type == b->type;
}

static bool is_recent(const void *item, const void *key)
{
    return ((const struct recent *)item)->uuid == *(const uint64_t *)key;
}

static char *text_copy(struct str s)
{
    char *p = mem_zalloc(s.n + 1); /* at most EVENT_TEXT_MAX */

    memcpy(p, s.p, s.n);
    return p;
}

static struct task *task_of(struct tally *t, struct str name)
{
    struct task *task = map_get(&t->tasks, hash_str(name), &name, is_task);

    if (task)
        return task;
    if (t->tasks.n >= TALLY_NAMES_MAX && !str_eq(name, STR("other")))
        return task_of(t, STR("other"));
    task = mem_new(struct task);
    task->name = text_copy(name);
    map_put(&t->tasks, hash_str(name), task);
    return task;
}

static struct worker *worker_of(struct tally *t, struct str host, int64_t now_ns)
{
    struct worker *w = map_get(&t->workers, hash_str(host), &host, is_worker);

    if (w)
        return w;
    if (t->workers.n >= TALLY_WORKERS_MAX && !str_eq(host, STR("other")))
        return worker_of(t, STR("other"), now_ns);
    w = mem_new(struct worker);
    w->host = text_copy(host);
    w->progress_ns = now_ns;
    map_put(&t->workers, hash_str(host), w);
    return w;
}

static void count_combined(struct tally *t, struct worker *worker, const struct task *task,
                           enum event_type type)
{
    struct combined key = {.worker = worker, .task = task, .type = type}, *c;
    uint64_t hash = hash_mix(hash_mix((uintptr_t)worker, (uintptr_t)task), type);

    c = map_get(&t->combined, hash, &key, is_combined);
    if (!c && t->combined.n >= COMBINES_MAX && task && !str_eq(str_c(task->name), STR("other"))) {
        count_combined(t, worker, task_of(t, STR("other")), type);
        return;
    }
    if (!c) {
        c = mem_dup(&key, sizeof key);
        map_put(&t->combined, hash, c);
    }
    c->events++;
}

/* ---- names of tasks by id ---- */

static void remember(struct tally *t, uint64_t uuid, struct task *task, double sent_s)
{
    struct recent *r = map_get(&t->recent_by_uuid, uuid, &uuid, is_recent);

    if (r) { /* again: a retry, or a worker has it */
        r->task = task;
        r->sent_s = sent_s;
        return;
    }
    if (t->recent_n < TALLY_UUIDS_MAX && t->recent_at == t->recent_n) {
        t->recent = mem_grow(t->recent, &t->recent_cap, t->recent_n + 1, sizeof(struct recent *));
        t->recent[t->recent_n++] = mem_new(struct recent);
    }
    r = t->recent[t->recent_at];
    t->recent_at = (t->recent_at + 1) % TALLY_UUIDS_MAX;
    if (r->task)
        (void)map_remove(&t->recent_by_uuid, r->uuid, &r->uuid, is_recent);
    *r = (struct recent){uuid, task, sent_s};
    map_put(&t->recent_by_uuid, uuid, r);
}

/* `forgets`: the task has ended. */
static struct task *recall(struct tally *t, uint64_t uuid, bool forgets)
{
    struct recent *r = map_get(&t->recent_by_uuid, uuid, &uuid, is_recent);
    struct task *task = r ? r->task : NULL;

    if (r && forgets) {
        (void)map_remove(&t->recent_by_uuid, uuid, &uuid, is_recent);
        r->task = NULL;
    }
    return task;
}

/* ---- events ---- */

static bool ends_task(enum event_type type)
{
    return type == EVENT_TASK_SUCCEEDED || type == EVENT_TASK_FAILED ||
           type == EVENT_TASK_REJECTED || type == EVENT_TASK_REVOKED;
}

static void count_runtime(struct runtimes *r, double seconds)
{
    size_t i = 0;

    while (i < TALLY_BOUNDS && seconds > tally_bounds[i])
        i++;
    r->buckets[i]++;
    r->n++;
    r->sum_s += seconds;
}

static struct task *see_task(struct tally *t, const struct event *e)
{
    uint64_t uuid = hash_str(e->uuid);
    struct task *task;

    if (e->name.n) {
        task = task_of(t, e->name);
        if (e->uuid.n && !ends_task(e->type))
            remember(t, uuid, task, e->type == EVENT_TASK_SENT ? e->timestamp_s : -1);
    } else {
        task = e->uuid.n ? recall(t, uuid, ends_task(e->type)) : NULL;
    }
    if (!task)
        task = task_of(t, STR("unknown"));
    task->events[e->type]++;
    if (e->type == EVENT_TASK_SUCCEEDED && e->runtime_s >= 0)
        count_runtime(&task->runtimes, e->runtime_s);
    return task;
}

/* Of one that goes or is busy. */
static void see_worker(struct worker *w, const struct event *e, int64_t now_ns)
{
    w->heard_ns = now_ns;
    w->up = e->type != EVENT_WORKER_OFFLINE;
    if (e->freq_s > 0)
        w->freq_s = e->freq_s < FREQ_MAX_S ? e->freq_s : FREQ_MAX_S;
    if (e->type == EVENT_WORKER_ONLINE)
        w->progress_ns = now_ns;
    if (e->active >= 0) {
        if (w->active <= 0)
            w->progress_ns = now_ns;
        w->active = e->active;
        w->active_known = true;
    }
    if (!w->up)
        w->active = 0;
    if (ends_task(e->type) || e->type == EVENT_TASK_RETRIED)
        w->progress_ns = now_ns;
    if (e->type == EVENT_TASK_SUCCEEDED && e->runtime_s >= 0)
        count_runtime(&w->runtimes, e->runtime_s);
}

void tally_listens(struct tally *t, int64_t now_ns)
{
    t->listens_ns = now_ns;
}

void tally_see(struct tally *t, const struct event *e, int64_t now_ns)
{
    bool is_of_task = e->type >= EVENT_TASK_SENT && e->type < EVENT_TYPES;
    struct worker *worker = NULL;
    struct task *task = NULL;

    if (e->type == EVENT_TYPES)
        return;
    if (is_of_task)
        task = see_task(t, e);
    if (e->host.n && e->type != EVENT_TASK_SENT) { /* that is from who wants it done */
        worker = worker_of(t, e->host, now_ns);
        see_worker(worker, e, now_ns);
    }
    count_combined(t, worker, task, e->type);
}

struct str tally_name(const struct tally *t, const struct event *e)
{
    uint64_t uuid = hash_str(e->uuid);
    const struct recent *r;

    if (e->name.n || !e->uuid.n)
        return e->name;
    r = map_get(&t->recent_by_uuid, uuid, &uuid, is_recent);
    return r && r->task ? str_c(r->task->name) : (struct str){"", 0};
}

double tally_sent_s(const struct tally *t, uint64_t task)
{
    const struct recent *r = map_get(&t->recent_by_uuid, task, &task, is_recent);

    return r && r->task ? r->sent_s : -1;
}

bool tally_hears(const struct tally *t, struct str host, int64_t now_ns)
{
    const struct worker *w = map_get(&t->workers, hash_str(host), &host, is_worker);

    return w && tally_is_up(t, w, now_ns);
}

/* ---- life ---- */

double tally_seconds(int64_t from_ns, int64_t to_ns)
{
    return (double)(to_ns - from_ns) / 1e9;
}

bool tally_is_up(const struct tally *t, const struct worker *w, int64_t now_ns)
{
    double limit_s = 3 * w->freq_s > UP_MIN_S ? 3 * w->freq_s : UP_MIN_S;
    int64_t heard_ns = w->heard_ns > t->listens_ns ? w->heard_ns : t->listens_ns;

    return w->up && tally_seconds(heard_ns, now_ns) <= limit_s;
}

static void worker_free(struct worker *w)
{
    mem_free(w->host);
    mem_free(w);
}

static void forget_worker(struct tally *t, struct worker *w)
{
    struct str host = str_c(w->host);
    size_t at = 0;
    struct combined *c;

    (void)map_remove(&t->workers, hash_str(host), &host, is_worker);
    while ((c = map_next(&t->combined, &at))) {
        if (c->worker != w)
            continue;
        (void)map_remove(&t->combined,
                         hash_mix(hash_mix((uintptr_t)w, (uintptr_t)c->task), c->type), c,
                         is_combined);
        mem_free(c);
        at = 0;
    }
    worker_free(w);
}

void tally_forget(struct tally *t, int64_t now_ns)
{
    struct worker *w;
    size_t at = 0;

    while ((w = map_next(&t->workers, &at)) && t->workers.n > 1) {
        if (tally_is_up(t, w, now_ns) || tally_seconds(w->heard_ns, now_ns) < FORGET_S)
            continue;
        forget_worker(t, w);
        at = 0;
    }
}

struct tally *tally_new(void)
{
    struct tally *t = mem_new(struct tally);

    map_init(&t->tasks);
    map_init(&t->workers);
    map_init(&t->combined);
    map_init(&t->recent_by_uuid);
    return t;
}

void tally_free(struct tally *t)
{
    struct combined *c;
    struct worker *w;
    struct task *task;
    size_t at = 0;

    if (!t)
        return;
    while ((c = map_next(&t->combined, &at)))
        mem_free(c);
    for (at = 0; (w = map_next(&t->workers, &at));)
        worker_free(w);
    for (at = 0; (task = map_next(&t->tasks, &at));) {
        mem_free(task->name);
        mem_free(task);
    }
    for (size_t i = 0; i < t->recent_n; i++)
        mem_free(t->recent[i]);
    mem_free(t->recent);
    map_fini(&t->tasks);
    map_fini(&t->workers);
    map_fini(&t->combined);
    map_fini(&t->recent_by_uuid);
    mem_free(t);
}
