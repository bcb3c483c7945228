#include "collect/celery/results.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/walk.h"

struct results {
    struct redis_asker asker;
    const struct redis_settings *settings;
    struct walks walks;
};

static int read_all(struct redis_run *r, void *arg, struct err *err)
{
    struct results *c = arg;

    r->settings = c->settings;
    return walks_run(&c->walks, r, c->asker.clock, walks_end(&c->asker, r->deadline_ns), err);
}

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    struct results *c = arg;

    return redis_asker_run(&c->asker, read_all, c, emit, scratch, err);
}

static void collector_free(void *arg)
{
    struct results *c = arg;

    walks_fini(&c->walks);
    mem_free(c);
}

int results_collector(const struct entry_settings *entry, const struct clock *clock,
                      struct log *log, struct collector *out, struct err *err)
{
    struct results *c = mem_new(struct results);

    (void)err; /* config has seen all that could be wrong */
    c->settings = entry->own;
    c->asker = (struct redis_asker){
        .entry = entry, .access = &c->settings->access, .clock = clock, .log = log};
    walks_init(&c->walks, c->settings);
    *out = (struct collector){.name = "results",
                              .collect = collect,
                              .free = collector_free,
                              .arg = c,
                              .hangs_on = "the Redis server with the results"};
    return 0;
}
