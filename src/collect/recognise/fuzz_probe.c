/* Any bytes as the answer of a Redis, a PostgreSQL or a /metrics. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/recognise/probe.h"
#include "collect/recognise/tally.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct probe p = {.kind = PROBE_REDIS};
    struct redis_answer redis;
    struct postgres_answer postgres;
    struct tally tally;
    struct budget budget;
    struct arena a;
    struct err err;

    budget_init(&budget, "an answer", 64u << 20, NULL);
    arena_init(&a, &budget);
    buf_init(&p.bytes, 0);
    buf_add(&p.bytes, (struct str){(const char *)data, size});
    if (probe_read_redis(&p, &a, &redis, &err) == 0) {
        assert(redis.queues_n <= PROBE_QUEUES_MAX && redis.queues_db < 16);
        assert(redis.queues_n == 0 || redis.queues_db >= 0);
    }
    probe_read_postgres(&p, &postgres);
    assert(postgres.why.n <= 160);
    if (tally_read(buf_str(&p.bytes), STR(""), true, NULL, 0, &tally))
        assert(tally.samples > 0);
    (void)tally_read(buf_str(&p.bytes), STR(""), false, NULL, 0, &tally);
    buf_fini(&p.bytes);
    arena_fini(&a);
    return 0;
}
