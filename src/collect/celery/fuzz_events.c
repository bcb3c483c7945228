/* Any bytes as what a Redis pushes to a listener, until they are samples. The first byte says in
 * which pieces they come. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/celery/event.h"
#include "collect/celery/pushes.h"
#include "collect/celery/tally.h"
#include "collect/findings.h"
#include "model/expo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct tally *tally;
    int64_t now_ns;
};

static void see(void *arg, const struct event *event)
{
    struct run *r = arg;

    r->now_ns += 1000000000;
    tally_see(r->tally, event, r->now_ns);
}

static void read_parts(struct run *r, const struct push *push)
{
    struct err err;

    for (size_t i = 0; i < push->n; i++) {
        (void)tally_sent_s(r->tally, event_task_id(push->parts[i]));
        if (event_read(push->parts[i], see, r, &err) < 0 && err.kind == ERR_NONE)
            abort();
    }
}

static void read_all(struct run *r, const uint8_t *data, size_t size, size_t piece)
{
    struct pushes p;
    struct push push;
    struct err err;
    bool there = true;

    pushes_init(&p);
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece, cap;
        char *room = pushes_room(&p, &cap);

        if (!room || n > cap)
            abort();
        memcpy(room, data + at, n);
        pushes_fed(&p, n);
        do {
            if (pushes_next(&p, &push, &there, &err) < 0) {
                pushes_fini(&p);
                return;
            }
            if (there)
                read_parts(r, &push);
        } while (there);
    }
    pushes_fini(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run r = {.tally = NULL};
    struct findings findings;
    struct expo_writer writer;
    struct arena arena;
    struct buf out;
    struct err err;

    if (size == 0 || size > 16384)
        return 0;
    r.tally = tally_new();
    read_all(&r, data + 1, size - 1, data[0] % 64 ? data[0] % 64 : 4096);
    arena_init(&arena, NULL);
    findings_init(&findings, &arena);
    tally_tell(r.tally, &findings,
               &(struct tally_how){
                   .now_ns = r.now_ns, .stuck_after_ms = 1000, .hears = true, .flower = true});
    buf_init(&out, 64u << 20);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    if (findings_emit(&findings, &writer.emit, &err) < 0)
        abort(); /* names are bounded, so samples are */
    buf_fini(&out);
    arena_fini(&arena);
    tally_free(r.tally);
    return 0;
}
