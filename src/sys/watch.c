#include "sys/watch.h"

#include <assert.h>
#include <uv.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/loop.h"

struct watch {
    uv_poll_t uv;
    unsigned events;
    void (*fire)(void *arg, unsigned events);
    void *arg;
};

_Static_assert((int)WATCH_READ == (int)UV_READABLE && (int)WATCH_WRITE == (int)UV_WRITABLE &&
                   (int)WATCH_GONE == (int)UV_DISCONNECT,
               "the bits are libuv's");

static void on_events(uv_poll_t *uv, int status, int events)
{
    struct watch *w = CONTAINER_OF(uv, struct watch, uv);

    if (status < 0) {
        /* libuv has stopped the handle. Whoever reads or writes next learns why. */
        w->events = 0;
        events = WATCH_READ | WATCH_WRITE;
    }
    w->fire(w->arg, (unsigned)events);
}

static void on_closed(uv_handle_t *h)
{
    mem_free(CONTAINER_OF((uv_poll_t *)h, struct watch, uv));
}

int watch_new(struct loop *l, int fd, void (*fire)(void *arg, unsigned events), void *arg,
              struct watch **out, struct err *err)
{
    struct watch *w = mem_new(struct watch);
    int rc = uv_poll_init(loop_uv(l), &w->uv, fd);

    if (rc < 0) {
        mem_free(w);
        return err_os(err, -rc, "cannot watch descriptor %d", fd);
    }
    w->fire = fire;
    w->arg = arg;
    *out = w;
    return 0;
}

void watch_set(struct watch *w, unsigned events)
{
    int rc;

    if (w->events == events)
        return;
    w->events = events;
    rc = events ? uv_poll_start(&w->uv, (int)events, on_events) : uv_poll_stop(&w->uv);
    assert(rc == 0); /* only a closing handle fails */
}

void watch_free(struct watch *w)
{
    if (w)
        uv_close((uv_handle_t *)&w->uv, on_closed);
}
