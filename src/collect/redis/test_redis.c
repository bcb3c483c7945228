/* The collector against a Redis to order. */
#include "collect/redis/redis.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/test.h"
#include "collect/collect.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/fake_redis.h"
#include "collect/redis/first.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "collect/redis/walk.h"
#include "model/expo.h"
#include "sys/clock.h"
#include "sys/talk.h"

#define INFO "INFO ALL"
/* A Redis that says its version, its role and one number. */
#define INFO_BYTES                                                                                 \
    "$86\r\n# Server\r\nredis_version:7.0.15\r\nrun_id:a\r\n# Memory\r\nused_memory:1163880\r\n"   \
    "role:master\r\n\r\n"

/* The real clock, moved. */
struct moved_clock {
    struct clock clock;
    int64_t by_ns;
};

struct fixture {
    struct fake_redis *fake;
    struct redis_settings settings;
    struct entry_settings entry;
    struct moved_clock clock;
    struct log log;
    struct redis_firsts firsts;
    struct collector collector;
    struct buf out;
    struct err err;
    char url[100], logged[2000];
};

static ts_ms wall_ms(const struct clock *c)
{
    return 1731900400000 + CONTAINER_OF(c, struct moved_clock, clock)->by_ns / 1000000;
}

static int64_t mono_ns(const struct clock *c)
{
    return clock_real()->mono_ns(clock_real()) + CONTAINER_OF(c, struct moved_clock, clock)->by_ns;
}

static void write_log(struct log *log, enum log_level level, const char *part, const char *text)
{
    struct fixture *f = CONTAINER_OF(log, struct fixture, log);
    size_t n = strlen(f->logged);

    (void)level;
    (void)part;
    (void)snprintf(f->logged + n, sizeof f->logged - n, "%s\n", text);
}

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.clock = {.clock = {wall_ms, mono_ns}},
                         .log = {.write = write_log},
                         .firsts = {.lock = PTHREAD_MUTEX_INITIALIZER}};
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

/* Settings are as the test has left them. */
static void start(struct fixture *f, const struct fake_answer answers[], unsigned n)
{
    f->fake = fake_redis_new(answers, n);
    (void)snprintf(f->url, sizeof f->url, "redis://127.0.0.1:%u", fake_redis_port(f->fake));
    f->settings.access.url.text = f->url;
    f->entry =
        (struct entry_settings){.name = "test", .own = &f->settings, .labels = &labels_empty};
    f->entry.job.interval_ms = 20000;
    f->entry.job.timeout_ms = 5000;
    assert_ok(
        redis_collector(&f->entry, &f->clock.clock, &f->log, &f->firsts, &f->collector, &f->err),
        f->err);
}

static int collect(struct fixture *f)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer writer;
    struct budget budget;

    budget_init(&budget, "one cycle", 240u << 20, NULL);
    arena_init(&scratch, &budget);
    buf_reset(&f->out);
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    err_clear(&f->err);
    return f->collector.collect(f->collector.arg, &writer.emit, &scratch, &f->err);
}

static void assert_told(const struct fixture *f, const char *line)
{
    if (!f->out.p || !strstr(f->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, f->out.p ? f->out.p : "");
}

static void assert_untold(const struct fixture *f, const char *word)
{
    if (f->out.p && strstr(f->out.p, word))
        fail_msg("\"%s\" is in:\n%s", word, f->out.p);
}

/* ---- what is told ---- */

static void a_redis_is_told_under_the_exporters_names(void **state)
{
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"CONFIG GET maxclients", "*2\r\n$10\r\nmaxclients\r\n$5\r\n10000\r\n", FAKE_PLAIN},
        {"CONFIG GET client-output", "*2\r\n$1\r\nx\r\n$23\r\nnormal 1 2 3 pubsub 4 x\r\n",
         FAKE_PLAIN},
        {"CONFIG GET databases", "*2\r\n$9\r\ndatabases\r\n$1\r\n2\r\n", FAKE_PLAIN},
        {"SLOWLOG LEN", ":3\r\n", FAKE_PLAIN},
        {"SLOWLOG GET", "*1\r\n*4\r\n:7\r\n:1731900000\r\n:1500000\r\n*0\r\n", FAKE_PLAIN},
        {"LATENCY LATEST", "*1\r\n*4\r\n$7\r\ncommand\r\n:1731900001\r\n:250\r\n:300\r\n",
         FAKE_PLAIN},
    };
    struct fixture *f = *state;

    f->settings.latency = true;
    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_told(f, "# TYPE redis_memory_used_bytes gauge\nredis_memory_used_bytes 1.16388e+06\n");
    assert_told(f, "redis_config_maxclients 10000\n");
    assert_told(f,
                "redis_config_client_output_buffer_limit_bytes{class=\"normal\",limit=\"hard\"} 1");
    assert_told(f, "redis_config_client_output_buffer_limit_overcome_seconds{class=\"normal\","
                   "limit=\"soft\"} 3\n");
    assert_told(f, "redis_db_keys{db=\"db0\"} 0\nredis_db_keys{db=\"db1\"} 0\n# ");
    assert_told(f, "redis_slowlog_length 3\n");
    assert_told(f, "redis_slowlog_last_id 7\n");
    assert_told(f, "redis_last_slow_execution_duration_seconds 1.5\n");
    assert_told(f, "redis_latency_spike_last{event_name=\"command\"} 1.731900001e+09\n");
    assert_told(f, "redis_latency_spike_duration_seconds{event_name=\"command\"} 0.25\n");
    assert_told(f, "earshot_redis_commands_refused 0\n");
    assert_string_equal(f->logged, "");
}

static void sizes_are_asked_by_type_and_a_key_that_is_gone_is_0(void **state)
{
    static const struct redis_key keys[] = {
        {0, "llm_tasks"}, {0, "llm_tasks:processing"}, {0, "gone"}, {3, "jobs"}, {3, "odd"}};
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"TYPE llm_tasks:processing", "+set\r\n", FAKE_PLAIN},
        {"TYPE llm_tasks", "+zset\r\n", FAKE_PLAIN},
        {"TYPE gone", "+none\r\n", FAKE_PLAIN},
        {"TYPE jobs", "+list\r\n", FAKE_PLAIN},
        {"TYPE odd", "+ReJSON-RL\r\n", FAKE_PLAIN},
        {"ZCARD llm_tasks", ":17\r\n", FAKE_PLAIN},
        {"SCARD llm_tasks:processing", ":2\r\n", FAKE_PLAIN},
        {"LLEN jobs", ":5\r\n", FAKE_PLAIN},
    };
    struct fixture *f = *state;

    f->settings.keys = keys;
    f->settings.keys_n = ARRAY_LEN(keys);
    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_told(f, "redis_key_size{db=\"db0\",key=\"llm_tasks\"} 17\n"
                   "redis_key_size{db=\"db0\",key=\"llm_tasks:processing\"} 2\n"
                   "redis_key_size{db=\"db0\",key=\"gone\"} 0\n"
                   "redis_key_size{db=\"db3\",key=\"jobs\"} 5\n");
    assert_untold(f, "odd");
    assert_non_null(strstr(fake_redis_log(f->fake), "SELECT 3\nTYPE jobs\n"));
}

/* ---- the first entries of queues ---- */

/* "db0 llm_tasks zset 17: a/1 score 1731900100 by score 300 s; ..." */
static const char *firsts_text(struct fixture *f)
{
    static const char *const by[] = {"seen", "score", "id"};
    static char text[4000];
    SCOPED(arena_fini) struct arena a;
    struct first_queue *queues;
    size_t n, at = 0;

    arena_init(&a, NULL);
    assert_ok(redis_firsts_copy(&f->firsts, &a, &queues, &n, &f->err), f->err);
    *text = '\0';
    for (size_t i = 0; i < n; i++) {
        const struct first_queue *q = &queues[i];

        at += (size_t)snprintf(text + at, sizeof text - at, "db%u %s %s %g%s%s:", q->db, q->key,
                               q->type, q->size, q->error ? " " : "", q->error ? q->error : "");
        for (size_t k = 0; k < q->n; k++)
            at += (size_t)snprintf(text + at, sizeof text - at, " %.*s%s %g %s %g s;",
                                   STR_ARGS(q->entries[k].value), q->entries[k].cut ? "..." : "",
                                   q->entries[k].score, by[q->entries[k].by],
                                   (double)(q->at - q->entries[k].since) / 1000);
        at += (size_t)snprintf(text + at, sizeof text - at, "\n");
    }
    return text;
}

static const struct redis_first firsts[] = {{{0, "tasks"}, 2}, {{0, "jobs"}, 2}, {{0, "log"}, 1}};
#define FIRST_ANSWERS                                                                              \
    {INFO, INFO_BYTES, FAKE_PLAIN}, {"TYPE tasks", "+zset\r\n", FAKE_PLAIN},                       \
        {"TYPE log", "+stream\r\n", FAKE_PLAIN}, {"ZCARD tasks", ":17\r\n", FAKE_PLAIN},           \
        {"ZRANGE tasks 0 1 WITHSCORES",                                                            \
         "*4\r\n$1\r\na\r\n$10\r\n1731900100\r\n$1\r\nb\r\n$1\r\n5\r\n", FAKE_PLAIN},              \
        {"XLEN log", ":1\r\n", FAKE_PLAIN},                                                        \
    {                                                                                              \
        "XRANGE log - + COUNT 1",                                                                  \
            "*1\r\n*2\r\n$15\r\n1731900390000-0\r\n*2\r\n$1\r\nk\r\n$1\r\nv\r\n", FAKE_PLAIN       \
    }

static void the_first_entries_of_queues_are_kept_with_their_ages(void **state)
{
    static const struct fake_answer before[] = {
        FIRST_ANSWERS,
        {"TYPE jobs", "+list\r\n", FAKE_PLAIN},
        {"LLEN jobs", ":2\r\n", FAKE_PLAIN},
        {"LRANGE jobs 0 1", "*2\r\n$1\r\nx\r\n$1\r\ny\r\n", FAKE_PLAIN}};
    static const struct fake_answer after[] = {
        FIRST_ANSWERS,
        {"TYPE jobs", "+list\r\n", FAKE_PLAIN},
        {"LLEN jobs", ":2\r\n", FAKE_PLAIN},
        {"LRANGE jobs 0 1", "*2\r\n$1\r\ny\r\n$1\r\nz\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    f->settings.first = firsts;
    f->settings.first_n = ARRAY_LEN(firsts);
    start(f, before, ARRAY_LEN(before));
    assert_ok(collect(f), f->err);
    assert_string_equal(firsts_text(f),
                        "db0 tasks zset 17: a 1.7319e+09 score 300 s; b 5 seen 0 s;\n"
                        "db0 jobs list 2: x 0 seen 0 s; y 0 seen 0 s;\n"
                        "db0 log stream 1: k=v 0 id 10 s;\n");
    f->clock.by_ns = INT64_C(30000000000);
    fake_redis_answer(f->fake, after, ARRAY_LEN(after));
    assert_ok(collect(f), f->err);
    assert_string_equal(firsts_text(f),
                        "db0 tasks zset 17: a 1.7319e+09 score 330 s; b 5 seen 30 s;\n"
                        "db0 jobs list 2: y 0 seen 30 s; z 0 seen 0 s;\n"
                        "db0 log stream 1: k=v 0 id 40 s;\n");
    assert_untold(f, "tasks"); /* no series comes of them */
}

static void entries_that_cannot_be_had_fail_no_cycle(void **state)
{
    static const struct redis_first asked[] = {{{0, "set"}, 1}, {{0, "gone"}, 1}, {{0, "big"}, 1}};
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},         {"TYPE set", "+set\r\n", FAKE_PLAIN},
        {"TYPE gone", "+none\r\n", FAKE_PLAIN}, {"TYPE big", "+list\r\n", FAKE_PLAIN},
        {"LLEN big", ":1\r\n", FAKE_PLAIN},     {"LRANGE big", "", FAKE_CLOSES}};
    struct fixture *f = *state;
    size_t asked_once;

    f->settings.first = asked;
    f->settings.first_n = ARRAY_LEN(asked);
    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_non_null(strstr(firsts_text(f),
                           "db0 set set 0 it has no first entry: neither a list, nor "
                           "a sorted set, nor a stream:\ndb0 gone none 0:\n"
                           "db0 big  0 "));
    asked_once = strlen(fake_redis_log(f->fake));
    assert_ok(collect(f), f->err); /* not asked again so soon */
    assert_null(strstr(fake_redis_log(f->fake) + asked_once, "LRANGE"));
}

static void an_entry_is_cut_between_characters(void **state)
{
    static const struct redis_first asked[] = {{{0, "jobs"}, 2}};
    char range[700];
    struct fake_answer answers[] = {{INFO, INFO_BYTES, FAKE_PLAIN},
                                    {"TYPE jobs", "+list\r\n", FAKE_PLAIN},
                                    {"LLEN jobs", ":2\r\n", FAKE_PLAIN},
                                    {"LRANGE jobs", range, FAKE_PLAIN}};
    struct fixture *f = *state;
    int n = snprintf(range, sizeof range, "*2\r\n$301\r\n");

    for (int i = 0; i < 100; i++)
        n += snprintf(range + n, sizeof range - (size_t)n, "€");
    (void)snprintf(range + n, sizeof range - (size_t)n, "!\r\n$2\r\n\xff\xfe\r\n");
    f->settings.first = asked;
    f->settings.first_n = ARRAY_LEN(asked);
    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_non_null(strstr(firsts_text(f), "€... 0 seen 0 s; (2 bytes that are no text) 0"));
}

static void patterns_are_counted_with_scan_once_a_minute(void **state)
{
    static const struct redis_key patterns[] = {{0, "llm_results:*"}, {0, "none:*"}};
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"SCAN 0 MATCH llm_results:*", "*2\r\n$2\r\n17\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
         FAKE_PLAIN},
        {"SCAN 17 MATCH llm_results:*", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nc\r\n", FAKE_PLAIN},
        {"SCAN 0 MATCH none:*", "*2\r\n$1\r\n0\r\n*0\r\n", FAKE_PLAIN},
    };
    static const struct fake_answer more[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"SCAN", "*2\r\n$1\r\n0\r\n*1\r\n$1\r\na\r\n", FAKE_PLAIN},
    };
    struct fixture *f = *state;

    f->settings.patterns = patterns;
    f->settings.patterns_n = ARRAY_LEN(patterns);
    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_told(f, "redis_keys_count{db=\"db0\",key=\"llm_results:*\"} 3\n"
                   "redis_keys_count{db=\"db0\",key=\"none:*\"} 0\n");
    assert_told(f, "earshot_redis_scan_finished{db=\"db0\",key=\"llm_results:*\"} 1\n");
    fake_redis_answer(f->fake, more, ARRAY_LEN(more));
    f->clock.by_ns += INT64_C(59) * 1000000000;
    assert_ok(collect(f), f->err);
    assert_told(f, "redis_keys_count{db=\"db0\",key=\"llm_results:*\"} 3\n");
    f->clock.by_ns += INT64_C(2) * 1000000000;
    assert_ok(collect(f), f->err);
    assert_told(f, "redis_keys_count{db=\"db0\",key=\"llm_results:*\"} 1\n");
    assert_null(strstr(fake_redis_log(f->fake), "KEYS"));
}

/* What a cycle of walks alone tells, after n steps at most. */
static void walk(struct fixture *f, struct walks *w, int64_t until_ns)
{
    const struct talk_place place = {.host = "127.0.0.1", .port = fake_redis_port(f->fake)};
    struct session_settings settings = {.place = &place, .clock = &f->clock.clock};
    struct findings findings;
    struct redis_run run = {.findings = &findings, .settings = &f->settings};
    struct expo_writer writer;
    struct arena a;

    arena_init(&a, NULL);
    findings_init(&findings, &a);
    settings.deadline_ns = mono_ns(&f->clock.clock) + INT64_C(5000000000);
    assert_ok(session_open(&settings, &run.session, &f->err), f->err);
    assert_ok(walks_run(w, &run, &f->clock.clock, until_ns, &f->err), f->err);
    session_close(run.session);
    buf_reset(&f->out);
    expo_writer_init(&writer, EXPO_TEXT, &f->out);
    assert_ok(findings_emit(&findings, &writer.emit, &f->err), f->err);
    arena_fini(&a);
}

static void a_walk_goes_on_in_the_next_cycle_and_is_given_up_in_the_end(void **state)
{
    static const struct redis_key patterns[] = {{0, "*"}};
    static const struct fake_answer answers[] = {
        {"SCAN", "*2\r\n$1\r\n5\r\n*1\r\n$1\r\na\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;
    struct walks w;

    f->settings.patterns = patterns;
    f->settings.patterns_n = 1;
    start(f, answers, ARRAY_LEN(answers));
    walks_init(&w, &f->settings);
    w.steps_max = 3;
    walk(f, &w, 0); /* no time: one step */
    assert_untold(f, "redis");
    walk(f, &w, 0);
    assert_untold(f, "redis");
    assert_string_equal(fake_redis_log(f->fake),
                        "SCAN 0 MATCH * COUNT 1000\nSCAN 5 MATCH * COUNT 1000\n");
    walk(f, &w, INT64_MAX);
    assert_told(f, "earshot_redis_scan_finished{db=\"db0\",key=\"*\"} 0\n");
    assert_untold(f, "redis_keys_count");
    walks_fini(&w);
}

/* ---- what is refused ---- */

static void a_refused_command_is_counted_and_logged_once(void **state)
{
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"CONFIG", "-NOPERM this user has no permissions\r\n", FAKE_PLAIN},
    };
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_ok(collect(f), f->err);
    assert_ok(collect(f), f->err);
    assert_told(f, "earshot_redis_commands_refused 5\n");
    assert_told(f, "redis_memory_used_bytes 1.16388e+06\n");
    assert_non_null(strstr(f->logged, "CONFIG GET: NOPERM this user has no permissions"));
    assert_ptr_equal(strchr(f->logged, '\n'), strrchr(f->logged, '\n')); /* one line */
}

static void a_wrong_password_is_down_with_the_keys_to_mend(void **state)
{
    static const struct fake_answer answers[] = {
        {"AUTH", "-WRONGPASS invalid username-password pair\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    f->settings.access.username.text = "me";
    f->settings.access.password.text = "hunter2";
    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_EVAL, "Redis refuses the password (WRONGPASS");
    assert_non_null(strstr(f->err.text, "127.0.0.1:"));
    assert_null(strstr(f->err.text, "hunter2"));
    assert_string_equal(fake_redis_log(f->fake), "AUTH me hunter2\n");
}

static void a_missing_password_is_asked_for(void **state)
{
    static const struct fake_answer answers[] = {
        {"", "-NOAUTH Authentication required.\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_EVAL, "Redis wants a password; set it in the URL");
}

static void what_tells_no_version_is_no_redis(void **state)
{
    static const struct fake_answer answers[] = {{INFO, "$5\r\nhello\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_SYNTAX, "there is no Redis");
}

/* ---- what is hostile or ill ---- */

static void what_speaks_no_resp_is_told_so(void **state)
{
    static const struct fake_answer answers[] = {
        {"PING", "HTTP/1.1 400 Bad Request\r\n\r\n", FAKE_PLAIN}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_SYNTAX, "does not speak Redis' protocol");
}

static void an_endless_answer_ends_at_its_bound(void **state)
{
    static const struct fake_answer answers[] = {{INFO, "$1000000000\r\n", FAKE_ENDLESS}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_LIMIT, "INFO: an answer of more than 16 MiB");
}

static void a_list_of_millions_ends_at_its_bound(void **state)
{
    static const struct fake_answer answers[] = {{INFO, "*2000000000\r\n", FAKE_ENDLESS}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_LIMIT, "a list of more than 1000000 elements");
}

static void silence_is_down_at_the_timeout(void **state)
{
    static const struct fake_answer answers[] = {{"PING", "", FAKE_PLAIN}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    f->entry.job.timeout_ms = 100;
    assert_fails(collect(f), f->err, ERR_TIMEOUT, "PING: no answer in time (waited 0.1 s)");
}

static void a_line_without_an_end_is_down_at_the_timeout(void **state)
{
    static const struct fake_answer answers[] = {{"PING", "+", FAKE_ENDLESS}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    f->entry.job.timeout_ms = 50;
    assert_fails(collect(f), f->err, ERR_TIMEOUT, "PING: no answer in time (waited 0.05 s)");
}

static void a_connection_that_is_cut_is_told_so(void **state)
{
    static const struct fake_answer answers[] = {{INFO, "$100\r\nredis", FAKE_CLOSES}};
    struct fixture *f = *state;

    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_EVAL, "INFO: the other side has closed the connection");
}

static void a_cursor_that_is_none_fails_the_cycle(void **state)
{
    static const struct redis_key patterns[] = {{0, "*"}};
    static const struct fake_answer answers[] = {
        {INFO, INFO_BYTES, FAKE_PLAIN},
        {"SCAN", "*2\r\n$3\r\n1;2\r\n*0\r\n", FAKE_PLAIN},
    };
    struct fixture *f = *state;

    f->settings.patterns = patterns;
    f->settings.patterns_n = 1;
    start(f, answers, ARRAY_LEN(answers));
    assert_fails(collect(f), f->err, ERR_SYNTAX, "not a cursor and a list of keys");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_redis_is_told_under_the_exporters_names),
        TEST(sizes_are_asked_by_type_and_a_key_that_is_gone_is_0),
        TEST(the_first_entries_of_queues_are_kept_with_their_ages),
        TEST(entries_that_cannot_be_had_fail_no_cycle),
        TEST(an_entry_is_cut_between_characters),
        TEST(patterns_are_counted_with_scan_once_a_minute),
        TEST(a_walk_goes_on_in_the_next_cycle_and_is_given_up_in_the_end),
        TEST(a_refused_command_is_counted_and_logged_once),
        TEST(a_wrong_password_is_down_with_the_keys_to_mend),
        TEST(a_missing_password_is_asked_for),
        TEST(what_tells_no_version_is_no_redis),
        TEST(what_speaks_no_resp_is_told_so),
        TEST(an_endless_answer_ends_at_its_bound),
        TEST(a_list_of_millions_ends_at_its_bound),
        TEST(silence_is_down_at_the_timeout),
        TEST(a_line_without_an_end_is_down_at_the_timeout),
        TEST(a_connection_that_is_cut_is_told_so),
        TEST(a_cursor_that_is_none_fails_the_cycle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
