/* /api/earshot/v1/discover: what runs on this machine (GET), and the file that says to watch it
 * (POST, and POST .../undo). What was found is kept: a plan is accepted as it was shown. */
#include <stdio.h>

#include "api/internal.h"
#include "api/job.h"
#include "api/plan.h"
#include "base/clock.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "config/config.h"

#define FRESH_MS   5000   /* so long one scan is good for all who look */
#define SHOWN_MS   900000 /* so long it may be accepted */
#define MEMORY_MAX (64u << 20)
#define TAKEN_MAX  256

/* One scan. Its memory is its own: it outlives the request. */
struct discovery {
    unsigned refs; /* the loop's */
    struct budget budget;
    struct arena arena;
    struct plan_far far; /* until it was looked at */
    struct scan scan;
    int64_t at_ns;
};

static struct discovery *discovery_new(struct api *api)
{
    struct discovery *d = mem_new(struct discovery);
    struct err err;

    d->refs = 1;
    budget_init(&d->budget, "the memory of a scan", MEMORY_MAX, api->c.budget);
    arena_init(&d->arena, &d->budget);
    if (plan_far_open(api->c.config, collect_context_of(api->c.collect)->vias, &d->arena, &d->far,
                      &err) < 0)
        d->far.n = 0; /* no memory: looking tells */
    return d;
}

void discovery_unref(struct discovery *d)
{
    if (!d || --d->refs > 0)
        return;
    plan_far_close(&d->far);
    arena_fini(&d->arena);
    mem_free(d);
}

/* One that is not older than that, with a reference; NULL: there is none. */
static struct discovery *recent(struct api *api, int64_t ms)
{
    struct discovery *d = api->found;

    if (!d || api->c.clock->mono_ns(api->c.clock) - d->at_ns > ms * 1000000)
        return NULL;
    d->refs++;
    return d;
}

static int look(struct api *api, struct discovery *d, struct err *err)
{
    if (d->at_ns)
        return 0;
    if (plan_scan(&d->arena, api->c.host_name, &d->far, api->c.clock, &d->scan, err) < 0)
        return -1;
    d->at_ns = api->c.clock->mono_ns(api->c.clock);
    return 0;
}

/* The plan; the first mistake of a file that cannot be read. */
static int make_plan(struct api *api, const struct discovery *d, struct arena *a, struct plan *out,
                     struct err *err)
{
    struct err *errors;
    size_t n;
    int result =
        plan_make(a, &d->scan, api->c.config_file, api->c.host_name, out, &errors, &n, err);

    if (result < 0 && n > 0)
        *err = errors[0];
    mem_free(errors);
    return result;
}

/* Puts it in the place of the one before, unless that is newer. Ends the caller's reference. */
static void keep(struct api *api, struct discovery *d)
{
    plan_far_close(&d->far); /* it was looked at, or cannot be */
    if (!d->at_ns || (api->found && api->found->at_ns >= d->at_ns)) {
        discovery_unref(d);
        return;
    }
    api->stats.cut_tables += d->scan.cut.tables;
    api->stats.cut_sockets += d->scan.cut.sockets;
    api->stats.cut_processes += d->scan.cut.processes;
    api->stats.cut_places += d->scan.cut.places;
    discovery_unref(api->found);
    api->found = d;
}

/* ---- GET ---- */

struct show_state {
    struct discovery *found;
    struct api_params params; /* `take`: what is ticked; none: all that are new */
};

static bool is_ticked(void *arg, const char *id)
{
    const struct api_params *p = arg;
    bool any = false;

    for (size_t i = 0; i < p->n; i++) {
        if (!str_eq(p->items[i].name, STR("take")))
            continue;
        any = true;
        if (str_eq(p->items[i].value, str_c(id)))
            return true;
    }
    return !any;
}

static int show(struct api_job *job, struct err *err)
{
    struct show_state *s = job->state;
    SCOPED(buf_fini) struct buf text;
    struct err refusal = {.kind = ERR_NONE};
    struct plan plan;
    char *shown, words[600];
    size_t added;

    buf_init(&text, 0);
    if (look(job->api, s->found, err) < 0 ||
        make_plan(job->api, s->found, &job->arena, &plan, err) < 0)
        return -1;
    if (plan_text(&plan, is_ticked, &s->params, &text, &added, &refusal) < 0) {
        plan_json(&plan, NULL, err_format(&refusal, words, sizeof words), &job->out);
        return 0;
    }
    shown = arena_cstr(&job->arena, buf_str(&text), err);
    if (!shown)
        return -1;
    plan_json(&plan, shown, NULL, &job->out);
    return 0;
}

static void shown(struct api_job *job)
{
    keep(job->api, ((struct show_state *)job->state)->found);
}

/* Answered already, when it says false. */
static bool has_file(struct http_request *r, const struct api *api)
{
    if (api->c.config_file)
        return true;
    api_reply_status(r, 422, "execution",
                     "this earshot was started with --prometheus-config alone, which is not ours "
                     "to add to; start it with --config earshot.yml too");
    return false;
}

/* Only where it would be written: whether it makes sense to ask. */
static void reply_file(struct http_request *r, const struct api *api)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 0);
    json_begin(&w, &out);
    json_begin_object(&w);
    json_key(&w, "host");
    json_cstr(&w, api->c.host_name);
    json_key(&w, "file");
    json_cstr(&w, api->c.config_file);
    json_end_object(&w);
    api_reply_data(r, &out);
}

static void handle_show(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_params params;
    struct show_state *s;
    struct api_job *job;
    bool scan = true;

    if (api_params_read(r, &params) < 0 || !has_file(r, api))
        return;
    if (api_param(&params, "scan").p && api_param_flag(api_param(&params, "scan"), &scan) &&
        !scan) {
        reply_file(r, api);
        return;
    }
    job = api_job_new(api, r, sizeof *s, show);
    if (!job)
        return;
    s = job->state;
    s->params = params; /* in the memory of the request, which the job holds */
    s->found = recent(api, FRESH_MS);
    if (!s->found)
        s->found = discovery_new(api);
    job->over = shown;
    api_job_start(job, LANE_SLOW);
}

/* ---- POST: a file is written on a lane, then the configuration is loaded again ---- */

struct change {
    struct lane_job lane;
    struct api *api;
    struct http_request *request;
    struct discovery *found; /* NULL: it is an undo */
    char *taken[TAKEN_MAX];  /* owned ids; none: all that are new */
    size_t taken_n;
    size_t added;              /* entries that were written */
    struct plan_undone undone; /* of an undo */
    struct buf told;           /* what it takes out, a line each */
    bool only_tells;           /* and changes nothing */
    bool failed;
    struct err err;
};

static void change_free(struct change *c)
{
    if (c->found)
        keep(c->api, c->found);
    for (size_t i = 0; i < c->taken_n; i++)
        mem_free(c->taken[i]);
    buf_fini(&c->told);
    http_release(c->request);
    mem_free(c);
}

static bool is_taken(void *arg, const char *id)
{
    const struct change *c = arg;

    for (size_t i = 0; i < c->taken_n; i++)
        if (strcmp(c->taken[i], id) == 0)
            return true;
    return c->taken_n == 0;
}

static int write_plan(struct change *c, struct err *err)
{
    SCOPED(buf_fini) struct buf text;
    struct budget budget;
    struct plan plan;
    struct arena a;
    int result = -1;

    budget_init(&budget, "the memory of a plan", MEMORY_MAX, c->api->c.budget);
    arena_init(&a, &budget);
    buf_init(&text, 0);
    if (look(c->api, c->found, err) == 0 && make_plan(c->api, c->found, &a, &plan, err) == 0 &&
        plan_text(&plan, is_taken, c, &text, &c->added, err) == 0)
        result = c->added ? plan_write(c->api->c.config_file, buf_str(&text), err) : 0;
    arena_fini(&a);
    return result;
}

static void run_change(struct lane_job *lane)
{
    struct change *c = CONTAINER_OF(lane, struct change, lane);

    c->failed = c->found ? write_plan(c, &c->err) < 0
                         : plan_undo(c->api->c.config_file, c->only_tells, &c->undone, &c->told,
                                     &c->err) < 0;
}

static void write_entries(struct json_writer *w, struct str told)
{
    json_key(w, "entries");
    json_begin_array(w);
    while (told.n)
        json_str(w, str_split(&told, '\n'));
    json_end_array(w);
}

/* {"file", "added" or "taken", "changed", "removed" and "entries", "loaded", "error"} */
static void answer(struct change *c, bool loaded, struct str why)
{
    struct json_writer w;
    struct buf out;

    buf_init(&out, 0);
    json_begin(&w, &out);
    json_begin_object(&w);
    json_key(&w, "file");
    json_cstr(&w, c->api->c.config_file);
    if (c->found) {
        json_key(&w, "added");
        json_i64(&w, (int64_t)c->added);
    } else {
        json_key(&w, "taken");
        json_i64(&w, (int64_t)c->undone.taken);
        json_key(&w, "changed");
        json_i64(&w, (int64_t)c->undone.changed);
        json_key(&w, "removed");
        json_bool(&w, c->undone.removed);
        write_entries(&w, buf_str(&c->told));
    }
    json_key(&w, "loaded");
    json_bool(&w, loaded);
    if (!loaded && why.n) {
        json_key(&w, "error");
        json_str(&w, str_trim(why));
    }
    json_end_object(&w);
    api_reply_data(c->request, &out);
}

static void reloaded(void *arg, bool accepted, struct str text)
{
    struct change *c = arg;

    answer(c, accepted, text);
    change_free(c);
}

static void change_done(struct lane_job *lane)
{
    struct change *c = CONTAINER_OF(lane, struct change, lane);

    if (!lane->was_run)
        c->failed = err_set(&c->err, ERR_CANCELLED, "the server is shutting down") < 0;
    if (c->failed) {
        api_reply_err(c->request, &c->err);
    } else if (c->added || (c->undone.taken && !c->only_tells)) {
        c->api->c.reload(c->api->c.life_arg, reloaded, c);
        return;
    } else {
        answer(c, false, STR(""));
    }
    change_free(c);
}

static void start_change(struct change *c)
{
    struct err err;

    c->lane.run = run_change;
    c->lane.done = change_done;
    http_hold(c->request);
    if (lanes_submit(c->api->c.lanes, LANE_SLOW, &c->lane, &err) == 0)
        return;
    api_reply_status(c->request, 503, "unavailable", err.text);
    change_free(c);
}

static void handle_accept(struct http_request *r, void *arg)
{
    struct api *api = arg;
    struct api_params params;
    struct change *c;

    if (api_params_read(r, &params) < 0 || !has_file(r, api))
        return;
    c = mem_new(struct change);
    c->api = api;
    c->request = r;
    c->found = recent(api, SHOWN_MS);
    if (!c->found)
        c->found = discovery_new(api);
    for (size_t i = 0; i < params.n && c->taken_n < TAKEN_MAX; i++)
        if (str_eq(params.items[i].name, STR("take"))) {
            char *id = mem_zalloc(params.items[i].value.n + 1);

            memcpy(id, params.items[i].value.p, params.items[i].value.n);
            c->taken[c->taken_n++] = id;
        }
    start_change(c);
}

static void start_undo(struct http_request *r, void *arg, bool only_tells)
{
    struct api *api = arg;
    struct change *c;

    if (!has_file(r, api))
        return;
    c = mem_new(struct change);
    c->api = api;
    c->request = r;
    c->only_tells = only_tells;
    start_change(c);
}

static void handle_undo(struct http_request *r, void *arg)
{
    start_undo(r, arg, false);
}

/* What undoing would take out. */
static void handle_undo_plan(struct http_request *r, void *arg)
{
    start_undo(r, arg, true);
}

void api_discover_routes(struct api *api)
{
    api_route(api, "/api/earshot/v1/discover", HTTP_GET, handle_show);
    api_route(api, "/api/earshot/v1/discover", HTTP_POST, handle_accept);
    api_route(api, "/api/earshot/v1/discover/undo", HTTP_GET, handle_undo_plan);
    api_route(api, "/api/earshot/v1/discover/undo", HTTP_POST, handle_undo);
}
