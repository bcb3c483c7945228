#include "cli/reload.h"

#include <inttypes.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/lanes.h"
#include "sys/loop.h"

#define HANG_MS 30000

struct waiter {
    void (*done)(void *arg, bool accepted, struct str text);
    void *arg;
};

struct waiters {
    struct waiter *items; /* owned; [n] */
    size_t n, cap;
};

struct reload {
    struct reload_context c;
    bool busy;  /* the lane reads */
    bool hangs; /* for too long */
    bool again; /* somebody has asked since it began */
    bool stopped;
    struct waiters now, next;
    struct loop_timer *patience;

    struct lane_job job;
    int rc; /* of read, as are these */
    void *loaded;
    struct err *errors; /* owned; [errors_n] */
    size_t errors_n;
};

struct reload *reload_new(const struct reload_context *context)
{
    struct reload *r = mem_new(struct reload);

    r->c = *context;
    if (!r->c.hang_ms)
        r->c.hang_ms = HANG_MS;
    return r;
}

static void tell(struct waiters *w, bool accepted, struct str text)
{
    struct waiters all = *w;

    *w = (struct waiters){NULL, 0, 0}; /* first: whom we tell may ask again */
    for (size_t i = 0; i < all.n; i++)
        all.items[i].done(all.items[i].arg, accepted, text);
    mem_free(all.items);
}

static void tell_refused(struct waiters *w, const struct err *errors, size_t n)
{
    SCOPED(buf_fini) struct buf text;

    buf_init(&text, 0);
    buf_adds(&text, "failed to reload config: ");
    for (size_t i = 0; i < n; i++) {
        char line[sizeof errors->text + sizeof errors->file + 32];

        buf_adds(&text, err_format(&errors[i], line, sizeof line));
        buf_addc(&text, '\n');
    }
    tell(w, false, buf_str(&text));
}

static void refuse_ending(struct waiters *w)
{
    struct err err;

    (void)err_set(&err, ERR_CANCELLED, "the server is shutting down");
    tell_refused(w, &err, 1);
}

static void refuse_hanging(struct reload *r, struct waiters *w)
{
    struct err err;

    (void)err_set(&err, ERR_TIMEOUT,
                  "reading the configuration hangs, for more than %" PRId64
                  " s: %s, or a file that it names, does not come (a dead network mount, a FIFO, a "
                  "failing disk?); the configuration in use stays, and nothing is loaded until it "
                  "has come",
                  r->c.hang_ms / 1000, r->c.what);
    r->c.refuse(r->c.arg, &err, 1);
    tell_refused(w, &err, 1);
}

static void too_long(void *arg)
{
    struct reload *r = arg;

    if (!r->busy || r->stopped)
        return;
    r->hangs = true;
    r->again = false;
    refuse_hanging(r, &r->now);
    if (r->next.n)
        refuse_hanging(r, &r->next);
}

static void start(struct reload *r);

static void finish(struct reload *r)
{
    loop_timer_free(take(r->patience));
    if (r->hangs) {
        if (r->loaded)
            r->c.discard(r->c.arg, r->loaded);
    } else if (r->stopped) {
        if (r->loaded)
            r->c.discard(r->c.arg, r->loaded);
        refuse_ending(&r->now);
        refuse_ending(&r->next);
    } else if (r->rc == 0) {
        r->c.accept(r->c.arg, r->loaded);
        tell(&r->now, true, STR(""));
    } else {
        r->c.refuse(r->c.arg, r->errors, r->errors_n);
        tell_refused(&r->now, r->errors, r->errors_n);
    }
    mem_free(r->errors);
    r->errors = NULL;
    r->loaded = NULL;
    r->busy = r->hangs = false;
    if (r->again && !r->stopped)
        start(r);
}

static void run(struct lane_job *job)
{
    struct reload *r = CONTAINER_OF(job, struct reload, job);

    r->rc = r->c.read(r->c.arg, &r->loaded, &r->errors, &r->errors_n);
}

static void fail(struct reload *r, const struct err *err)
{
    r->rc = -1;
    r->errors = mem_dup(err, sizeof *err);
    r->errors_n = 1;
}

static void done(struct lane_job *job)
{
    struct reload *r = CONTAINER_OF(job, struct reload, job);
    struct err err;

    if (!job->was_run) {
        (void)err_set(&err, ERR_CANCELLED, "the server is shutting down");
        fail(r, &err);
    }
    finish(r);
}

static void start(struct reload *r)
{
    struct err err;

    r->busy = true;
    r->again = false;
    r->now = r->next;
    r->next = (struct waiters){NULL, 0, 0};
    r->job = (struct lane_job){.run = run, .done = done};
    r->patience = loop_timer_new(r->c.loop, r->c.hang_ms, 0, too_long, r);
    /* Not a lane of queries or scrapes: the disk of the files may hang. */
    if (lanes_submit(r->c.lanes, LANE_SLOW, &r->job, &err) < 0) {
        fail(r, &err);
        finish(r);
    }
}

void reload_ask(struct reload *r, void (*then)(void *arg, bool accepted, struct str text),
                void *arg)
{
    struct waiters *w = &r->next;

    if (then) {
        w->items = mem_grow(w->items, &w->cap, w->n + 1, sizeof *w->items);
        w->items[w->n++] = (struct waiter){then, arg};
    }
    if (r->stopped)
        refuse_ending(w);
    else if (r->hangs)
        refuse_hanging(r, w);
    else if (r->busy)
        r->again = true;
    else
        start(r);
}

void reload_stop(struct reload *r)
{
    r->stopped = true;
}

void reload_free(struct reload *r)
{
    if (!r)
        return;
    loop_timer_free(r->patience);
    mem_free(r->now.items);
    mem_free(r->next.items);
    mem_free(r);
}
