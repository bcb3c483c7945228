/* The collector against a Redis to order. */
#include "collect/celery/celery.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/celery/celery_settings.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/redis/fake_redis.h"
#include "model/expo.h"
#include "sys/clock.h"

#define P(n) "\x06\x16" #n

/* The real clock, moved. */
struct moved_clock {
    struct clock clock;
    int64_t by_ns;
};

struct fixture {
    struct fake_redis *fake;
    struct celery_settings settings;
    struct entry_settings entry;
    struct moved_clock clock;
    struct collector collector;
    struct buf out;
    struct err err;
    char url[100];
};

static ts_ms wall_ms(const struct clock *c)
{
    (void)c;
    return 1731900442910;
}

static int64_t mono_ns(const struct clock *c)
{
    return clock_real()->mono_ns(clock_real()) + CONTAINER_OF(c, struct moved_clock, clock)->by_ns;
}

static int setup(void **state)
{
    static const char *const queues[] = {"celery", "transcribe"};
    static struct fixture f;

    f = (struct fixture){.clock = {.clock = {wall_ms, mono_ns}}};
    f.settings.queues = queues;
    f.settings.queues_n = ARRAY_LEN(queues);
    buf_init(&f.out, 1u << 20);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->collector.free(f->collector.arg);
    fake_redis_free(f->fake);
    buf_fini(&f->out);
    return 0;
}

static void start(struct fixture *f, const struct fake_answer answers[], unsigned n)
{
    f->fake = fake_redis_new(answers, n);
    (void)snprintf(f->url, sizeof f->url, "redis://127.0.0.1:%u", fake_redis_port(f->fake));
    f->settings.broker.url.text = f->url;
    f->entry = (struct entry_settings){.kind = "celery", .name = "test", .own = &f->settings};
    f->entry.job.interval_ms = 20000;
    f->entry.job.timeout_ms = 5000;
    assert_ok(celery_collector(&f->entry, &f->clock.clock, NULL, &f->collector, &f->err), f->err);
}

static int collect(struct fixture *f)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer writer;

    arena_init(&scratch, NULL);
    buf_reset(&f->out);
    buf_adds(&f->out, "\n");
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    err_clear(&f->err);
    return f->collector.collect(f->collector.arg, &writer.emit, &scratch, &f->err);
}

static void assert_told(const struct fixture *f, const char *line)
{
    if (!strstr(f->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, f->out.p);
}

/* The value behind `name`, which may hold labels. */
static double value_of(const struct fixture *f, const char *name)
{
    assert_told(f, name);
    return strtod(strstr(f->out.p, name) + strlen(name), NULL);
}

static const struct fake_answer empty[] = {{"LLEN", ":0\r\n", FAKE_PLAIN},
                                           {"HLEN", ":0\r\n", FAKE_PLAIN},
                                           {"ZRANGE", "*0\r\n", FAKE_PLAIN}};

#define UNACKED                                                                                    \
    {"HLEN unacked", ":4\r\n", FAKE_PLAIN},                                                        \
    {                                                                                              \
        "ZRANGE unacked_index 0 0 WITHSCORES", "*2\r\n$1\r\na\r\n$13\r\n1731900412.91\r\n",        \
            FAKE_PLAIN                                                                             \
    }

static void the_lists_of_all_priorities_are_one_queue(void **state)
{
    static const struct fake_answer answers[] = {
        {"LLEN celery", ":0\r\n", FAKE_PLAIN},
        {"LLEN transcribe" P(3), ":2\r\n", FAKE_PLAIN},
        {"LLEN transcribe" P(6), ":0\r\n", FAKE_PLAIN},
        {"LLEN transcribe" P(9), ":0\r\n", FAKE_PLAIN},
        {"LLEN transcribe", ":3\r\n", FAKE_PLAIN},
        {"LINDEX", "$2\r\n{}\r\n", FAKE_PLAIN},
        UNACKED,
    };
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_told(f, "\ncelery_queue_length{queue_name=\"celery\"} 0\n"
                   "celery_queue_length{queue_name=\"transcribe\"} 5\n");
    assert_told(f, "\ncelery_queue_oldest_age_seconds{queue_name=\"celery\"} 0\n");
    assert_told(f, "\ncelery_queue_unacked 4\n");
    assert_float_equal(value_of(f, "\ncelery_queue_oldest_unacked_seconds "), 30, 1e-3);
}

static void the_oldest_ages_while_it_is_the_same_task(void **state)
{
    static const struct fake_answer first[] = {{"LLEN celery" P(3), ":0\r\n", FAKE_PLAIN},
                                               {"LLEN celery" P(6), ":0\r\n", FAKE_PLAIN},
                                               {"LLEN celery" P(9), ":0\r\n", FAKE_PLAIN},
                                               {"LLEN celery", ":2\r\n", FAKE_PLAIN},
                                               {"LLEN", ":0\r\n", FAKE_PLAIN},
                                               {"LINDEX celery -1", "$1\r\na\r\n", FAKE_PLAIN},
                                               UNACKED};
    static const struct fake_answer second[] = {{"LLEN celery" P(3), ":0\r\n", FAKE_PLAIN},
                                                {"LLEN celery" P(6), ":0\r\n", FAKE_PLAIN},
                                                {"LLEN celery" P(9), ":0\r\n", FAKE_PLAIN},
                                                {"LLEN celery", ":1\r\n", FAKE_PLAIN},
                                                {"LLEN", ":0\r\n", FAKE_PLAIN},
                                                {"LINDEX celery -1", "$1\r\nb\r\n", FAKE_PLAIN},
                                                UNACKED};
    static const char name[] = "\ncelery_queue_oldest_age_seconds{queue_name=\"celery\"} ";
    struct fixture *f = *state;

    start(f, first, ARRAY_LEN(first));
    assert_ok(collect(f), f->err);
    assert_true(value_of(f, name) < 5);
    f->clock.by_ns += INT64_C(600000000000);
    assert_ok(collect(f), f->err);
    assert_float_equal(value_of(f, name), 600, 5);
    fake_redis_answer(f->fake, second, ARRAY_LEN(second));
    assert_ok(collect(f), f->err);
    assert_true(value_of(f, name) < 5);
    f->clock.by_ns += INT64_C(60000000000);
    fake_redis_answer(f->fake, empty, ARRAY_LEN(empty));
    assert_ok(collect(f), f->err);
    assert_told(f, "\ncelery_queue_oldest_age_seconds{queue_name=\"celery\"} 0\n");
    assert_told(f, "\ncelery_queue_oldest_unacked_seconds 0\n");
    fake_redis_answer(f->fake, second, ARRAY_LEN(second));
    assert_ok(collect(f), f->err);
    assert_true(value_of(f, name) < 5); /* it was gone in between */
}

static void a_queue_that_is_no_list_is_left_out_and_the_rest_told(void **state)
{
    static const struct fake_answer answers[] = {
        {"LLEN celery", "-WRONGTYPE no list\r\n", FAKE_PLAIN},
        {"LLEN", ":1\r\n", FAKE_PLAIN},
        {"LINDEX", "$2\r\n{}\r\n", FAKE_PLAIN},
        UNACKED,
    };
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_told(f, "\ncelery_queue_length{queue_name=\"transcribe\"} 4\n");
    assert_null(strstr(f->out.p, "\"celery\""));
    assert_told(f, "\nearshot_redis_commands_refused 4\n");
}

static void a_broker_that_tells_nothing_is_down(void **state)
{
    static const struct fake_answer answers[] = {
        {"LLEN", "-NOPERM no permissions\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_EVAL, "no queue's length: LLEN: NOPERM no permissions");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_lists_of_all_priorities_are_one_queue),
        TEST(the_oldest_ages_while_it_is_the_same_task),
        TEST(a_queue_that_is_no_list_is_left_out_and_the_rest_told),
        TEST(a_broker_that_tells_nothing_is_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
