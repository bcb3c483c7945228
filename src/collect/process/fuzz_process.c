/* Every parser of collect.process over a machine that the fuzzer writes (host/fixture.h). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/host/fixture.h"
#include "collect/process/process.h"
#include "collect/process/process_settings.h"
#include "model/expo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void pass(struct collector *c, struct buf *out)
{
    struct arena scratch;
    struct expo_writer writer;
    struct err err;

    buf_reset(out);
    arena_init(&scratch, NULL);
    expo_writer_init(&writer, EXPO_TEXT, out);
    if (c->collect(c->arg, &writer.emit, &scratch, &err) < 0)
        buf_reset(out); /* a machine without /proc/uptime */
    arena_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct process_group_settings items[] = {
        {.name = "match", .match = "python.*worker", .children = true},
        {.name = "exe", .exe = "ffmpeg"},
        {.name = "unit", .unit = "redis-server"},
        {.name = "container", .container = "web"},
        {.name = "user", .user = "postgres"},
        {.name = "pid", .pid_file = "/run/daemon.pid"},
    };
    const struct process_groups groups = {items, ARRAY_LEN(items), ARRAY_LEN(items)};
    const struct process_settings settings = {&groups, 0};
    struct collector collector;
    struct fixture f;
    struct buf out;
    struct err err;

    buf_init(&out, 4u << 20);
    fixture_open(&f, (struct str){(const char *)data, size});

    const struct process_context context = {
        .proc = f.proc, .sys = f.sys, .root = f.dir, .clock = &f.clock.clock};

    if (process_collector(&settings, &context, &collector, &err) < 0)
        abort();
    pass(&collector, &out);
    manual_clock_advance(&f.clock, 5000);
    fixture_remove(&f, "proc/100/stat");
    pass(&collector, &out); /* with what the first pass has left behind */
    collector.free(collector.arg);
    fixture_close(&f);
    buf_fini(&out);
    return 0;
}
