#include "collect/recognise/recognise.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "collect/host/files.h"
#include "collect/recognise/draft.h"
#include "collect/recognise/spot.h"
#include "collect/recognise/survey.h"
#include "collect/ssh/look.h"
#include "collect/ssh/tree.h"
#include "http/bodies.h"

#define LOOK_MS    1300 /* for what runs on other machines */
#define SCAN_MS    2500 /* for all questions together */
#define ROUNDS_MAX 6

/* One that is looked at. */
struct machine {
    const struct recognise_far *far;  /* NULL: this one */
    struct recognise_context context; /* with its name and user */
    struct look look;                 /* of another */
    struct survey survey;
    struct spots spots;
    struct scan scan;
    size_t open; /* places that would have been asked more */
    bool whole;  /* it could be read */
};

struct scanning {
    const struct recognise_context *context;
    struct machine *machines; /* [n] */
    struct spots **spots;     /* [spots_n] of those that could be read */
    size_t n, spots_n;
    struct arena *arena;
    struct scan *out;
    struct err *err;
};

static int leave_out(const struct scanning *s, const char *host, const char *why)
{
    struct unreached *u = &s->out->unreached[s->out->unreached_n];

    u->host = arena_cstr(s->arena, str_c(host), s->err);
    u->why = arena_cstr(s->arena, str_c(why), s->err);
    s->out->unreached_n++;
    return u->host && u->why ? 0 : -1;
}

/* ---- who there is ---- */

static int add_machine(struct scanning *s, const struct recognise_far *far)
{
    struct machine *m = &s->machines[s->n];

    if (far && far->why)
        return leave_out(s, far->host, far->why);
    *m = (struct machine){.far = far, .context = *s->context};
    if (far) {
        m->context.host_name = far->host;
        if (far->user)
            m->context.user = far->user;
        if (look_init(&m->look, far->shell_path, LOOK_MS, s->err) < 0)
            return -1;
    }
    m->spots = (struct spots){.survey = &m->survey,
                              .user = m->context.user,
                              .arena = s->arena,
                              .signs_n = m->context.recognisers_n,
                              .bodies = bodies_new()};
    s->n++;
    m->spots.signs = arena_new_array(s->arena, struct sign, m->spots.signs_n, s->err);
    if (!m->spots.signs)
        return -1;
    for (size_t i = 0; i < m->spots.signs_n; i++)
        m->spots.signs[i].of = &m->context.recognisers[i];
    return 0;
}

static int add_machines(struct scanning *s)
{
    size_t most = 1 + s->context->far_n;

    s->machines = arena_new_array(s->arena, struct machine, most, s->err);
    s->spots = arena_new_array(s->arena, struct spots *, most, s->err);
    s->out->unreached = arena_new_array(s->arena, struct unreached, most, s->err);
    if (!s->machines || !s->spots || !s->out->unreached || add_machine(s, NULL) < 0)
        return -1;
    for (size_t i = 0; i < s->context->far_n; i++)
        if (add_machine(s, &s->context->far[i]) < 0)
            return -1;
    return 0;
}

static void free_machines(struct scanning *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct machine *m = &s->machines[i];

        if (m->spots.signs)
            spots_fini(&m->spots);
        bodies_unref(m->spots.bodies);
        if (m->far)
            look_fini(&m->look);
    }
}

/* ---- what runs there ---- */

/* All other machines at once. */
static int look_far(const struct scanning *s, int64_t deadline_ns)
{
    struct ask **asks = arena_new_array(s->arena, struct ask *, s->n, s->err);
    size_t n = 0;

    if (!asks)
        return -1;
    for (size_t i = 0; i < s->n; i++)
        if (s->machines[i].far)
            asks[n++] = &s->machines[i].look.ask;
    ask_all(asks, n, s->context->clock, deadline_ns);
    return 0;
}

static int read_files(struct machine *m, const char *proc, const char *sys, struct arena *a,
                      struct err *err)
{
    struct files *files = NULL;
    int result;

    if (files_new(proc, sys, "/", &files, err) < 0)
        return -1;
    result = survey_read(files, m->far ? m->far->loopback_path : NULL, a, &m->survey, err);
    files_free(files);
    return result;
}

static int read_machine(const struct scanning *s, struct machine *m)
{
    struct tree *tree;
    struct err err;
    int result;

    m->whole = true;
    if (!m->far)
        return read_files(m, m->context.proc, m->context.sys, s->arena, s->err);
    m->whole = look_tree(&m->look, &tree, &err) == 0;
    if (!m->whole)
        return leave_out(s, m->far->host, err.text);
    result = read_files(m, tree_proc(tree), tree_sys(tree), s->arena, s->err);
    tree_free(tree);
    return result;
}

static int read_all(struct scanning *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct machine *m = &s->machines[i];

        if (read_machine(s, m) < 0)
            return -1;
        if (!m->whole)
            continue;
        if (spots_list(&m->spots, s->err) < 0)
            return -1;
        s->spots[s->spots_n++] = &m->spots;
    }
    return 0;
}

static int count_open(const struct scanning *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct machine *m = &s->machines[i];

        if (m->whole && spots_count_open(&m->spots, &m->open, s->err) < 0)
            return -1;
    }
    return 0;
}

static int ask(const struct scanning *s, int64_t deadline_ns)
{
    const struct clock *clock = s->context->clock;
    bool asked = true;

    for (unsigned i = 0; i < ROUNDS_MAX && asked && clock->mono_ns(clock) < deadline_ns; i++)
        if (spots_ask(s->spots, s->spots_n, clock, deadline_ns, &asked, s->err) < 0)
            return -1;
    return asked ? count_open(s) : 0;
}

/* ---- what it means ---- */

static int draft(const struct scanning *s, struct machine *m)
{
    struct scan *out = s->out;

    if (draft_all(&m->context, &m->spots, m->far ? m->far->host : NULL, s->arena, &m->scan,
                  s->err) < 0)
        return -1;
    out->n += m->scan.n;
    out->unknown_ports += m->scan.unknown_ports;
    out->ports += m->survey.ports;
    out->processes += m->survey.processes_n;
    out->units += m->survey.units;
    out->cut.tables += m->survey.tables_cut;
    out->cut.sockets += m->survey.sockets_cut;
    out->cut.processes += m->survey.processes_cut;
    out->cut.places += m->open;
    return 0;
}

static int draft_machines(const struct scanning *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++)
        if (s->machines[i].whole && draft(s, &s->machines[i]) < 0)
            return -1;
    s->out->items = arena_new_array(s->arena, struct found, s->out->n, s->err);
    if (!s->out->items)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        const struct scan *of = &s->machines[i].scan;

        if (of->n)
            memcpy(&s->out->items[n], of->items, of->n * sizeof *of->items);
        n += of->n;
    }
    return 0;
}

int recognise_scan(const struct recognise_context *context, struct arena *a, struct scan *out,
                   struct err *err)
{
    const struct clock *clock = context->clock;
    int64_t start_ns = clock->mono_ns(clock);
    struct scanning s = {.context = context, .arena = a, .out = out, .err = err};
    int result = -1;

    *out = (struct scan){.n = 0};
    if (add_machines(&s) == 0 && look_far(&s, start_ns + LOOK_MS * INT64_C(1000000)) == 0 &&
        read_all(&s) == 0 && ask(&s, start_ns + SCAN_MS * INT64_C(1000000)) == 0)
        result = draft_machines(&s);
    free_machines(&s);
    out->seconds = (double)(clock->mono_ns(clock) - start_ns) / 1e9;
    return result;
}
