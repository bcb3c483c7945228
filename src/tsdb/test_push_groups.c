/* What timestamps cost when they come by remote write. A made-up Prometheus scrapes targets and
 * sends by shards: a series always goes by the same shard, a request holds what its shard has of
 * several targets and times, and one shard may run behind another. */
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"
#include "model/labels.h"
#include "sys/fs.h"
#include "tsdb/db_fixture.h"
#include "tsdb/inspect.h"

#define INTERVAL_MS   15000
#define TARGETS_MAX   8u
#define SHARDS_MAX    4u
#define BATCH_MAX     500u
#define COLUMN_BUDGET .05 /* bytes a sample */

struct sender {
    size_t targets, series, steps; /* series of each target */
    size_t shards, batch;
    int64_t jitter_ms;
    size_t own_ts;     /* of each target so many series bring times of their own */
    size_t late_born;  /* each so many steps one series more a target; 0: none */
    size_t resend;     /* each so many requests one is sent again; 0: none */
    size_t restart_at; /* step; 0: never */
    bool rules;        /* no job and instance: all targets are one to the store */
};

struct queue {
    struct sink_row *rows; /* ref.id: our number of the series */
    size_t n, cap, sent;
};

struct sending {
    const struct sender *s;
    struct db_fixture *f;
    struct rng rng;
    const struct labels **labels;
    struct sink_ref *refs;
    size_t series_n;
    struct queue queues[SHARDS_MAX];
    uint64_t taken, duplicates;
    size_t requests;
};

static void name_series(struct sending *x, size_t per_target)
{
    x->series_n = x->s->targets * per_target;
    x->labels = mem_new_array(const struct labels *, x->series_n);
    x->refs = mem_new_array(struct sink_ref, x->series_n);
    for (size_t i = 0; i < x->series_n; i++) {
        char text[120];

        (void)snprintf(text, sizeof text,
                       x->s->rules ? "m%zu{rule=\"%zu\"}" : "m%zu{instance=\"host%zu\",job=\"j\"}",
                       i % per_target, i / per_target);
        x->labels[i] = db_fixture_labels(x->f, text);
    }
}

static void resolve(struct sending *x)
{
    struct sink *sink = db_sink(x->f->db);
    struct err err;

    assert_ok(sink->resolve(sink, NULL, x->labels, x->series_n, x->refs, &err), err);
}

static void send(struct sending *x, const struct sink_row *rows, size_t n)
{
    struct sink_row out[BATCH_MAX];
    struct sink_batch b = {.rows = out, .rows_n = n};

    do {
        for (size_t i = 0; i < n; i++) {
            out[i] = rows[i];
            out[i].ref = x->refs[rows[i].ref.id];
        }
        b.generation = x->refs[0].generation;
        db_fixture_commit(x->f, &b);
        if (b.verdict == SINK_STALE)
            resolve(x);
    } while (b.verdict == SINK_STALE);
    assert_int_equal(b.verdict, SINK_WRITTEN);
    assert_int_equal(b.outcomes[SINK_OK] + b.outcomes[SINK_DUPLICATE], n);
    x->taken += b.outcomes[SINK_OK];
    x->duplicates += b.outcomes[SINK_DUPLICATE];
}

/* One request of a shard, when it holds a whole one or `rest` may go. */
static bool send_one(struct sending *x, struct queue *q, bool rest)
{
    size_t left = q->n - q->sent, n = left < x->s->batch ? left : x->s->batch;

    if (!n || (n < x->s->batch && !rest))
        return false;
    send(x, q->rows + q->sent, n);
    if (x->s->resend && ++x->requests % x->s->resend == 0)
        send(x, q->rows + q->sent, n);
    q->sent += n;
    return true;
}

static void enqueue(struct sending *x, size_t series, ts_ms ts, double value)
{
    struct queue *q = &x->queues[(series * UINT64_C(0x9e3779b97f4a7c15) >> 32) % x->s->shards];

    q->rows = mem_grow(q->rows, &q->cap, q->n + 1, sizeof *q->rows);
    q->rows[q->n++] = (struct sink_row){.ref.id = (uint32_t)series, .ts = ts, .value = value};
}

static void scrape(struct sending *x, size_t step, size_t target, size_t per_target)
{
    const struct sender *s = x->s;
    ts_ms ts = FIXTURE_T0 + (ts_ms)(step * INTERVAL_MS) + (ts_ms)(target * 1777 % INTERVAL_MS) +
               (ts_ms)rng_below(&x->rng, (uint64_t)(2 * s->jitter_ms + 1)) - s->jitter_ms;
    size_t n = s->series + (s->late_born ? step / s->late_born : 0);

    for (size_t i = 0; i < n && i < per_target; i++) {
        bool own = i < s->own_ts;

        enqueue(x, target * per_target + i, own ? ts - 50 - (ts_ms)rng_below(&x->rng, 9000) : ts,
                (double)(step * (i % 7)));
    }
}

/* Runs the sender against a new store, seals it and returns the block's bytes of timestamps a
 * sample. */
static double column_bytes(const struct sender *s)
{
    struct db_fixture f = {0};
    struct sending x = {.s = s, .f = &f};
    size_t per_target = s->series + (s->late_born ? s->steps / s->late_born : 0);
    struct inspect_report report;
    struct err err = {0};
    uint64_t columns = 0, samples = 0, groups = 0, dir = 0;

    rng_seed(&x.rng, 7);
    db_fixture_open(&f, NULL);
    name_series(&x, per_target);
    resolve(&x);
    for (size_t step = 0; step < s->steps; step++) {
        for (size_t t = 0; t < s->targets; t++)
            scrape(&x, step, t, per_target);
        if (step && step == s->restart_at) {
            db_fixture_restart(&f);
            resolve(&x);
        }
        /* A busy shard rests for some steps. */
        for (size_t turn = 0; turn < s->shards; turn++) {
            struct queue *q = &x.queues[rng_below(&x.rng, s->shards)];

            while (send_one(&x, q, rng_below(&x.rng, 4) == 0))
                ;
        }
    }
    for (size_t shard = 0; shard < s->shards; shard++)
        while (send_one(&x, &x.queues[shard], true))
            ;
    if (s->restart_at) {
        db_fixture_restart(&f);
        resolve(&x);
    }
    assert_ok(db_compact(f.db, NULL, &err), err);
    assert_ok(inspect_stat(f.fs, &f.a, &report, &err), err);
    for (size_t i = 0; i < report.blocks_n; i++) {
        columns += report.blocks[i].section_bytes[0];
        dir += report.blocks[i].section_bytes[5];
        samples += report.blocks[i].samples;
        groups += report.blocks[i].groups;
    }
    assert_int_equal(samples, x.taken);
    print_message("%zu targets x %zu series x %zu steps: %llu samples, %llu duplicates, "
                  "%llu groups, %.4f bytes a sample of timestamps, %.4f of directory\n",
                  s->targets, s->series, s->steps, (unsigned long long)samples,
                  (unsigned long long)x.duplicates, (unsigned long long)groups,
                  (double)columns / (double)samples, (double)dir / (double)samples);
    for (size_t i = 0; i < SHARDS_MAX; i++)
        mem_free(x.queues[i].rows);
    mem_free(x.labels);
    mem_free(x.refs);
    db_fixture_close(&f);
    return (double)columns / (double)samples;
}

static void shards_that_run_apart_share_the_times_of_their_targets(void **state)
{
    (void)state;
    assert_true(
        column_bytes(&(struct sender){
            .targets = 5, .series = 60, .steps = 240, .shards = 4, .batch = 100, .jitter_ms = 3}) <=
        COLUMN_BUDGET);
}

static void requests_that_are_sent_again_and_restarts_do_not_spread_the_times(void **state)
{
    (void)state;
    assert_true(column_bytes(&(struct sender){.targets = 5,
                                              .series = 60,
                                              .steps = 240,
                                              .shards = 4,
                                              .batch = 100,
                                              .jitter_ms = 3,
                                              .resend = 5,
                                              .restart_at = 100}) <= COLUMN_BUDGET);
}

static void series_that_are_born_later_join_the_times_of_their_target(void **state)
{
    (void)state;
    assert_true(column_bytes(&(struct sender){.targets = 5,
                                              .series = 60,
                                              .steps = 240,
                                              .shards = 4,
                                              .batch = 100,
                                              .jitter_ms = 3,
                                              .late_born = 10}) <= COLUMN_BUDGET);
}

static void rules_of_several_groups_find_their_own_times(void **state)
{
    (void)state;
    assert_true(column_bytes(&(struct sender){.targets = 5,
                                              .series = 60,
                                              .steps = 240,
                                              .shards = 4,
                                              .batch = 100,
                                              .jitter_ms = 3,
                                              .rules = true}) <= COLUMN_BUDGET);
}

/* A few series with explicit times cost what their own times cost, not the others'. */
static void series_with_times_of_their_own_leave_the_others_alone(void **state)
{
    const struct sender alone = {.targets = 5,
                                 .series = 3,
                                 .own_ts = 3,
                                 .steps = 240,
                                 .shards = 4,
                                 .batch = 100,
                                 .jitter_ms = 3},
                        mixed = {.targets = 5,
                                 .series = 103,
                                 .own_ts = 3,
                                 .steps = 240,
                                 .shards = 4,
                                 .batch = 100,
                                 .jitter_ms = 3};
    double own = column_bytes(&alone);

    (void)state;
    assert_true(column_bytes(&mixed) <= own * 3 / 103 + COLUMN_BUDGET);
}

/* Events written as series, in no order of time: each has one sample at a time of its own. */
static void series_of_one_sample_do_not_make_a_group_each(void **state)
{
    struct sender s = {.targets = 1, .series = 5000, .steps = 1, .shards = 1, .batch = 500};
    struct db_fixture f = {0};
    struct sending x = {.s = &s, .f = &f};
    struct inspect_report report;
    struct err err = {0};

    (void)state;
    rng_seed(&x.rng, 7);
    db_fixture_open(&f, NULL);
    name_series(&x, s.series);
    resolve(&x);
    for (size_t i = 0; i < s.series; i++)
        enqueue(&x, i, FIXTURE_T0 + (ts_ms)rng_below(&x.rng, 3000000), (double)i);
    while (send_one(&x, &x.queues[0], true))
        ;
    assert_ok(db_compact(f.db, NULL, &err), err);
    assert_ok(inspect_stat(f.fs, &f.a, &report, &err), err);
    print_message("%llu samples in %llu groups, %.2f bytes a sample of timestamps\n",
                  (unsigned long long)report.samples, (unsigned long long)report.blocks[0].groups,
                  (double)report.timestamp_bytes / (double)report.samples);
    assert_int_equal(report.samples, x.taken);
    assert_in_range(report.blocks[0].groups, 1, 50);
    assert_true(report.timestamp_bytes < report.samples * 3);
    mem_free(x.queues[0].rows);
    mem_free(x.labels);
    mem_free(x.refs);
    db_fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_that_run_apart_share_the_times_of_their_targets),
        cmocka_unit_test(requests_that_are_sent_again_and_restarts_do_not_spread_the_times),
        cmocka_unit_test(series_that_are_born_later_join_the_times_of_their_target),
        cmocka_unit_test(rules_of_several_groups_find_their_own_times),
        cmocka_unit_test(series_with_times_of_their_own_leave_the_others_alone),
        cmocka_unit_test(series_of_one_sample_do_not_make_a_group_each),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
