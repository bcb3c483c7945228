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
#include "collect/redis/fake_redis.h"
#include "collect/redis/findings.h"
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
    struct collector collector;
    struct buf out;
    struct err err;
    char url[100], logged[2000];
};

static ts_ms wall_ms(const struct clock *c)
{
    (void)c;
    return 1731900400000;
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

    f = (struct fixture){.clock = {.clock = {wall_ms, mono_ns}}, .log = {.write = write_log}};
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
    f->entry = (struct entry_settings){.name = "test", .own = &f->settings};
    f->entry.job.interval_ms = 20000;
    f->entry.job.timeout_ms = 5000;
    assert_ok(redis_collector(&f->entry, &f->clock.clock, &f->log, &f->collector, &f->err), f->err);
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
    assert_told(f, "redis_up 1\n");
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
        TEST(a_connection_that_is_cut_is_told_so),
        TEST(a_cursor_that_is_none_fails_the_cycle),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
