/* Messages as Celery sends them, until they are samples. */
#include "collect/celery/tally.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/celery/event.h"
#include "collect/celery/pushes.h"
#include "collect/findings.h"
#include "model/expo.h"

#define SECOND INT64_C(1000000000)

struct fixture {
    struct tally *tally;
    int64_t now_ns;
    struct buf out;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.tally = tally_new(), .now_ns = 1000 * SECOND};
    buf_init(&f.out, 64u << 20);
    tally_listens(f.tally, f.now_ns);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    tally_free(f->tally);
    buf_fini(&f->out);
    return 0;
}

static void see(void *arg, const struct event *event)
{
    struct fixture *f = arg;

    tally_see(f->tally, event, f->now_ns);
}

static void say(struct fixture *f, const char *message)
{
    struct err err;

    assert_ok(event_read(str_c(message), see, f, &err), err);
}

static void tell(struct fixture *f, bool hears, bool flower)
{
    SCOPED(arena_fini) struct arena a;
    struct findings findings;
    struct expo_writer writer;
    struct err err;

    arena_init(&a, NULL);
    findings_init(&findings, &a);
    tally_tell(f->tally, &findings,
               &(struct tally_how){
                   .now_ns = f->now_ns, .stuck_after_ms = 60000, .hears = hears, .flower = flower});
    buf_reset(&f->out);
    buf_adds(&f->out, "\n");
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_ok(findings_emit(&findings, &writer.emit, &err), err);
}

static void assert_told(const struct fixture *f, const char *line)
{
    if (!strstr(f->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, f->out.p);
}

static void assert_not_told(const struct fixture *f, const char *part)
{
    if (strstr(f->out.p, part))
        fail_msg("\"%s\" is in:\n%s", part, f->out.p);
}

/* ---- messages ---- */

#define RECEIVED(id, task)                                                                         \
    "{\"type\": \"task-received\", \"uuid\": \"" id "\", \"name\": \"" task "\", \"hostname\": "   \
    "\"celery@gpu-1\", \"args\": \"('secret.wav',)\", \"retries\": 0, \"timestamp\": 1.5}"
#define ENDED(what, id)                                                                            \
    "{\"type\": \"task-" what "\", \"uuid\": \"" id "\", \"runtime\": 28.4, \"hostname\": "        \
    "\"celery@gpu-1\", \"timestamp\": 1.5}"
#define HEARTBEAT(active)                                                                          \
    "{\"type\": \"worker-heartbeat\", \"hostname\": \"celery@gpu-1\", \"active\": " active         \
    ", \"freq\": 2.0, \"loadavg\": [0.4, 0.3, 0.2]}"

static void the_end_of_a_task_is_counted_under_the_name_it_was_received_with(void **state)
{
    struct fixture *f = *state;

    say(f, RECEIVED("a", "pipeline.transcribe"));
    say(f, ENDED("succeeded", "a"));
    say(f, ENDED("failed", "never-seen"));
    tell(f, true, true);
    assert_told(f, "\ncelery_task_succeeded_total{name=\"pipeline.transcribe\"} 0\n");
    tell(f, true, true);
    assert_told(f, "\ncelery_task_received_total{name=\"pipeline.transcribe\"} 1\n");
    assert_told(f, "\ncelery_task_succeeded_total{name=\"pipeline.transcribe\"} 1\n");
    assert_told(f, "\ncelery_task_failed_total{name=\"pipeline.transcribe\"} 0\n");
    assert_told(f, "\ncelery_task_failed_total{name=\"unknown\"} 1\n");
    assert_told(f, "celery_task_runtime_bucket{name=\"pipeline.transcribe\",le=\"10\"} 0\n");
    assert_told(f, "celery_task_runtime_bucket{name=\"pipeline.transcribe\",le=\"30\"} 1\n");
    assert_told(f, "celery_task_runtime_sum{name=\"pipeline.transcribe\"} 28.4\n");
    assert_told(f, "\nflower_events_total{type=\"task-succeeded\",worker=\"celery@gpu-1\",task="
                   "\"pipeline.transcribe\"} 1\n");
    assert_not_told(f, "secret.wav");
    tell(f, true, false);
    assert_not_told(f, "flower_");
}

/* What Celery writes into a queue; the second as it did before version 4. */
#define TASK(id)                                                                                   \
    "{\"body\": \"W10=\", \"headers\": {\"task\": \"t\", \"id\": \"" id                            \
    "\"}, \"properties\": {\"correlation_id\": \"x\"}}"
#define OLD_TASK(id)                                                                               \
    "{\"body\": \"W10=\", \"headers\": {}, \"properties\": {\"correlation_id\": \"" id "\"}}"

static void a_task_in_a_queue_is_known_by_when_it_was_sent_until_a_worker_has_it(void **state)
{
    static const char sent[] = "{\"type\": \"task-sent\", \"uuid\": \"a\", \"name\": \"t\", "
                               "\"queue\": \"celery\", \"timestamp\": 1731900000.5}";
    struct fixture *f = *state;
    uint64_t id = event_task_id(STR(TASK("a")));

    assert_true(tally_sent_s(f->tally, id) < 0);
    say(f, sent);
    assert_float_equal(tally_sent_s(f->tally, id), 1731900000.5, 1e-3);
    assert_true(event_task_id(STR(OLD_TASK("a"))) == id);
    assert_true(tally_sent_s(f->tally, event_task_id(STR(TASK("b")))) < 0);
    assert_true(event_task_id(STR("{\"headers\": {\"id\": 1}}")) == 0);
    assert_true(event_task_id(STR("no JSON")) == 0);
    say(f, RECEIVED("a", "t"));
    assert_true(tally_sent_s(f->tally, id) < 0); /* back in the queue it waits anew */
    say(f, sent);
    say(f, ENDED("succeeded", "a"));
    assert_true(tally_sent_s(f->tally, id) < 0);
}

static void bodies_in_an_envelope_and_lists_of_events_are_read(void **state)
{
    struct fixture *f = *state;

    say(f,
        "{\"body\": \"eyJ0eXBlIjogIndvcmtlci1vbmxpbmUiLCAiaG9zdG5hbWUiOiAiYSJ9\", \"properties\": "
        "{\"body_encoding\": \"base64\"}}");
    say(f, "{\"body\": \"["
           "{\\\"type\\\": \\\"worker-online\\\", \\\"hostname\\\": \\\"b\\\"}, "
           "{\\\"type\\\": \\\"made-up\\\", \\\"hostname\\\": \\\"c\\\"}]\"}");
    tell(f, true, true);
    assert_told(f, "celery_worker_up{hostname=\"a\"} 1\n");
    assert_told(f, "celery_worker_up{hostname=\"b\"} 1\n");
    assert_not_told(f, "\"c\"");
}

static void what_is_no_event_is_an_error(void **state)
{
    static const char *const bad[] = {
        "",
        "7",
        "[1]",
        "{}",
        "{\"body\": 1}",
        "{\"body\": \"?\", \"properties\": {\"body_encoding\": \"base64\"}}",
        "{\"body\": \"{\"}",
        "{\"type\": 1}",
        "[{\"type\": \"worker-online\"}, {}]"};
    struct fixture *f = *state;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(event_read(str_c(bad[i]), see, f, &err), -1);
}

/* ---- workers ---- */

static void a_worker_is_up_for_three_heartbeats_and_down_at_once_when_it_says_so(void **state)
{
    struct fixture *f = *state;

    say(f, HEARTBEAT("2"));
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"celery@gpu-1\"} 1\n");
    assert_told(f, "\ncelery_worker_tasks_active{hostname=\"celery@gpu-1\"} 2\n");
    f->now_ns += 9 * SECOND;
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"celery@gpu-1\"} 1\n");
    f->now_ns += 2 * SECOND;
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"celery@gpu-1\"} 0\n");
    assert_told(f, "\ncelery_worker_tasks_active{hostname=\"celery@gpu-1\"} 0\n");
    assert_told(f, "\nflower_worker_online{worker=\"celery@gpu-1\"} 0\n");
    say(f, HEARTBEAT("2"));
    say(f, "{\"type\": \"worker-offline\", \"hostname\": \"celery@gpu-1\"}");
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"celery@gpu-1\"} 0\n");
}

static void nothing_is_said_of_workers_while_nobody_listens(void **state)
{
    struct fixture *f = *state;

    say(f, HEARTBEAT("2"));
    say(f, RECEIVED("a", "t"));
    f->now_ns += 100 * SECOND;
    tell(f, false, true);
    assert_not_told(f, "celery_worker_up");
    assert_told(f, "celery_task_received_total");
    tally_listens(f->tally, f->now_ns);
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"celery@gpu-1\"} 1\n"); /* until it had its time */
}

static void the_last_worker_is_never_forgotten(void **state)
{
    struct fixture *f = *state;

    say(f, HEARTBEAT("0"));
    f->now_ns += 90000 * SECOND;
    say(f, "{\"type\": \"worker-online\", \"hostname\": \"new\"}");
    tell(f, true, true);
    assert_not_told(f, "gpu-1");
    f->now_ns += 900000 * SECOND;
    tell(f, true, true);
    assert_told(f, "\ncelery_worker_up{hostname=\"new\"} 0\n");
}

static void a_worker_is_stuck_when_nothing_ends_for_longer_than_usual(void **state)
{
    struct fixture *f = *state;

    say(f, HEARTBEAT("1"));
    for (int i = 0; i < 61; i += 5, f->now_ns += 5 * SECOND)
        say(f, HEARTBEAT("1"));
    tell(f, true, true);
    assert_told(f, "\nearshot_celery_worker_stuck{hostname=\"celery@gpu-1\"} 1\n");
    assert_told(f, "\nearshot_celery_worker_no_progress_seconds{hostname=\"celery@gpu-1\"} 65\n");
    say(f, ENDED("failed", "x"));
    tell(f, true, true);
    assert_told(f, "\nearshot_celery_worker_stuck{hostname=\"celery@gpu-1\"} 0\n");
    for (int i = 0; i < 20; i++)
        say(f, ENDED("succeeded", "x")); /* 28.4 s are usual: p99 is near 30 s */
    for (int i = 0; i < 85; i += 5, f->now_ns += 5 * SECOND)
        say(f, HEARTBEAT("1"));
    tell(f, true, true);
    assert_told(f, "\nearshot_celery_worker_stuck{hostname=\"celery@gpu-1\"} 0\n");
    for (int i = 0; i < 10; i += 5, f->now_ns += 5 * SECOND)
        say(f, HEARTBEAT("1"));
    tell(f, true, true);
    assert_told(f, "\nearshot_celery_worker_stuck{hostname=\"celery@gpu-1\"} 1\n");
    say(f, HEARTBEAT("0"));
    tell(f, true, true);
    assert_told(f, "\nearshot_celery_worker_no_progress_seconds{hostname=\"celery@gpu-1\"} 0\n");
}

static void names_without_end_become_other(void **state)
{
    struct fixture *f = *state;
    char message[200];

    for (int i = 0; i < 3000; i++) {
        (void)snprintf(message, sizeof message,
                       "{\"type\": \"task-received\", \"uuid\": \"%d\", \"name\": \"t%d\", "
                       "\"hostname\": \"w%d\"}",
                       i, i, i);
        say(f, message);
    }
    tell(f, true, true);
    tell(f, true, true);
    assert_told(f, "\ncelery_task_received_total{name=\"other\"} 2500\n");
    assert_told(
        f, "\nflower_events_total{type=\"task-received\",worker=\"other\",task=\"other\"} 2500\n");
}

static void ids_without_end_forget_the_oldest(void **state)
{
    struct fixture *f = *state;
    char message[200];

    for (int i = 0; i < TALLY_UUIDS_MAX + 1; i++) {
        (void)snprintf(message, sizeof message,
                       "{\"type\": \"task-received\", \"uuid\": \"%d\", \"name\": \"t\", "
                       "\"hostname\": \"w\"}",
                       i);
        say(f, message);
    }
    say(f, "{\"type\": \"task-failed\", \"uuid\": \"0\", \"hostname\": \"w\"}");
    say(f, "{\"type\": \"task-failed\", \"uuid\": \"1\", \"hostname\": \"w\"}");
    tell(f, true, true);
    tell(f, true, true);
    assert_told(f, "\ncelery_task_failed_total{name=\"unknown\"} 1\n");
    assert_told(f, "celery_task_failed_total{name=\"t\"} 1\n");
}

/* ---- pushes ---- */

static void feed(struct pushes *p, const char *bytes, size_t n)
{
    size_t cap;
    char *room = pushes_room(p, &cap);

    assert_non_null(room);
    assert_true(n <= cap);
    memcpy(room, bytes, n);
    pushes_fed(p, n);
}

static void messages_are_taken_out_of_bytes_in_any_pieces(void **state)
{
    static const char bytes[] = "*3\r\n$10\r\npsubscribe\r\n$3\r\n/0.\r\n:1\r\n"
                                "*4\r\n$8\r\npmessage\r\n$2\r\np*\r\n$2\r\npq\r\n$4\r\na\r\nb\r\n"
                                "*2\r\n$4\r\npong\r\n$0\r\n\r\n-NOPERM no\r\n";
    static const char want[] = "psubscribe|/0.|1;pmessage|p*|pq|a\r\nb;pong|;!NOPERM no;";

    (void)state;
    for (size_t piece = 1; piece < sizeof bytes; piece++) {
        SCOPED(buf_fini) struct buf got;
        struct pushes p;
        struct push push;
        struct err err;
        bool there;

        buf_init(&got, 0);
        pushes_init(&p);
        for (size_t at = 0; at < sizeof bytes - 1; at += piece) {
            feed(&p, bytes + at, at + piece < sizeof bytes ? piece : sizeof bytes - 1 - at);
            for (;;) {
                assert_ok(pushes_next(&p, &push, &there, &err), err);
                if (!there)
                    break;
                buf_adds(&got, push.is_error ? "!" : "");
                for (size_t i = 0; i < push.n; i++)
                    buf_addf(&got, "%s%.*s", i ? "|" : "", STR_ARGS(push.parts[i]));
                buf_adds(&got, ";");
            }
        }
        assert_string_equal(got.p, want);
        pushes_fini(&p);
    }
}

static void what_redis_does_not_say_is_an_error(void **state)
{
    static const char *const bad[] = {"HTTP/1.1 400\r\n",
                                      "*5\r\n",
                                      "*x\r\n",
                                      "*1\r\n$5000000\r\n",
                                      "*1\r\n$-2\r\n",
                                      "*1\r\n$1\r\naXX",
                                      "*1\r\n*1\r\n",
                                      "\n",
                                      "\r\n",
                                      "*1\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct pushes p;
        struct push push;
        struct err err;
        bool there;

        pushes_init(&p);
        feed(&p, bad[i], strlen(bad[i]));
        if (pushes_next(&p, &push, &there, &err) == 0)
            fail_msg("taken: %s", bad[i]);
        pushes_fini(&p);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_end_of_a_task_is_counted_under_the_name_it_was_received_with),
        TEST(a_task_in_a_queue_is_known_by_when_it_was_sent_until_a_worker_has_it),
        TEST(bodies_in_an_envelope_and_lists_of_events_are_read),
        TEST(what_is_no_event_is_an_error),
        TEST(a_worker_is_up_for_three_heartbeats_and_down_at_once_when_it_says_so),
        TEST(nothing_is_said_of_workers_while_nobody_listens),
        TEST(the_last_worker_is_never_forgotten),
        TEST(a_worker_is_stuck_when_nothing_ends_for_longer_than_usual),
        TEST(names_without_end_become_other),
        TEST(ids_without_end_forget_the_oldest),
        cmocka_unit_test(messages_are_taken_out_of_bytes_in_any_pieces),
        cmocka_unit_test(what_redis_does_not_say_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
