#include "base/test.h"

#include <math.h>

#include "base/arena.h"
#include "collect/logs/quantity.h"
#include "collect/logs/record.h"
#include "collect/logs/splitter.h"

static void a_time_and_a_level_are_no_part_of_the_message(void **state)
{
    static const struct {
        const char *line, *message;
        enum severity level;
    } cases[] = {
        {"2025-03-04 08:00:01,204 INFO     w[1]: ready", "w[1]: ready", SEVERITY_INFO},
        {"[09:14:33] worker EXCEPTION MemoryError", "MemoryError", SEVERITY_ERROR},
        {"21:04:00 | INFO | reporter - Metrics", "reporter - Metrics", SEVERITY_INFO},
        {"[2025-03-04 08:00:01,204: ERROR/Pool-1] Task", "Pool-1] Task", SEVERITY_ERROR},
        {"[2025-03-04T08:00:01Z WARN  db] slow", "db] slow", SEVERITY_WARNING},
        {"2025-03-04 08:00:01.204 UTC [12] ERROR:  no", "no", SEVERITY_ERROR},
        {"[Tue Mar 04 08:00:01.204 2025] [error] x", "x", SEVERITY_ERROR},
        {"2025-03-04 08:00:01 [error    ] no  a=1", "no  a=1", SEVERITY_ERROR},
        {"[2025-03-04T08:00:01,204][WARN ][o.e.x] slow", "[o.e.x] slow", SEVERITY_WARNING},
        {"[Tue Mar 04 08:00:01 2025] [core:error] [pid 1] x", "[pid 1] x", SEVERITY_ERROR},
        {"\033[2m2025-03-04T08:00:01Z\033[0m \033[33m WARN\033[0m x: slow", "x: slow",
         SEVERITY_WARNING},
        {"\033[1;31mERROR\033[0m: no \033[K", "no \033[K", SEVERITY_ERROR},
        {"(EngineCore_0 pid=12) WARNING 03-04 08:00:01 [core.py:1] slow",
         "(EngineCore_0 pid=12) WARNING 03-04 08:00:01 [core.py:1] slow", SEVERITY_WARNING},
        {"(see ERROR) INFO x", "(see ERROR) INFO x", SEVERITY_NONE},
        {"E0304 08:00:01.204123       1 main.go:12] no", "no", SEVERITY_ERROR},
        {"[W304 08:00:01 1 a.cpp:1] slow", "[W304 08:00:01 1 a.cpp:1] slow", SEVERITY_NONE},
        {"[W0304 08:00:01.204 1 a.cpp:1] slow", "slow", SEVERITY_WARNING},
        {"{\"level\":50,\"msg\":\"a\"}", "a", SEVERITY_ERROR},
        {"{\"level\":70,\"msg\":\"a\"}", "a", SEVERITY_NONE},
        {"error opening file", "error opening file", SEVERITY_NONE},
        {"{\"level\":\"warn\",\"msg\":\"a\\nb\"}", "a\nb", SEVERITY_WARNING},
        {"{\"level\":\"warn\",\"msg\":", "{\"level\":\"warn\",\"msg\":", SEVERITY_NONE},
        {"level=ERROR msg=\"post \\\"x\\\"\"", "post \"x\"", SEVERITY_ERROR},
    };
    const struct log_reading reading = {.format = LOG_AUTO};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(arena_fini) struct arena a;
        struct log_record r;

        arena_init(&a, NULL);
        log_record_read(&reading, str_c(cases[i].line), &a, &r);
        assert_int_equal(r.level, cases[i].level);
        if (!str_eq(r.message, str_c(cases[i].message)))
            fail_msg("%s: \"%.*s\"", cases[i].line, STR_ARGS(r.message));
    }
}

static void a_time_is_found_further_on_too(void **state)
{
    static const struct {
        const char *line, *time;
    } cases[] = {
        {"::1 - a[b] [04/Mar/2025:08:00:01 +0000] \"GET / HTTP/1.1\" 200",
         "04/Mar/2025:08:00:01 +0000"},
        {"[GIN] 2025/03/04 - 08:00:01 | 200 |", "2025/03/04 - 08:00:01"},
        {"INFO:    2025-03-04 08:00:01,204 views ok", "2025-03-04 08:00:01,204"},
        {"INFO 03-04 08:00:01 [engine.py:12] x", "03-04 08:00:01"},
        {"I0304 08:00:01.204123 1 main.go:12] x", "0304 08:00:01.204123"},
        {"(APIServer pid=1) INFO 03-04 08:00:01 [a.py:1] x", "03-04 08:00:01"},
        {"Took 2025-03-04 08:00:01", ""},
        {"a [04/Mar/2025:08:00:01x] b", ""},
        {"INFO", ""},
        {"[", ""},
    };
    const struct log_reading reading = {.format = LOG_AUTO};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(arena_fini) struct arena a;
        struct log_record r;

        arena_init(&a, NULL);
        log_record_read(&reading, str_c(cases[i].line), &a, &r);
        if (!str_eq(r.time, str_c(cases[i].time)))
            fail_msg("%s: \"%.*s\"", cases[i].line, STR_ARGS(r.time));
    }
}

static void a_time_is_taken_from_the_field_that_is_given(void **state)
{
    static const struct {
        const char *line, *time;
    } cases[] = {
        {"{\"time\": 1, \"a\": {\"at\": 2}}", "2"},
        {"{\"time\": 1}", "1"},
        {"a.at=3 b=c", "3"},
        {"08:00:01 x", "08:00:01"},
    };
    const struct log_reading reading = {.format = LOG_AUTO, .time = STR("a.at")};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        SCOPED(arena_fini) struct arena a;
        struct log_record r;

        arena_init(&a, NULL);
        log_record_read(&reading, str_c(cases[i].line), &a, &r);
        if (!str_eq(r.time, str_c(cases[i].time)))
            fail_msg("%s: \"%.*s\"", cases[i].line, STR_ARGS(r.time));
    }
}

static void a_traceback_belongs_to_the_line_before_it(void **state)
{
    struct str text = STR("a ERROR x\nTraceback (most recent call last):\n  File\nx.Error: y\nb\n");
    struct splitter s = {.line_max = 256};
    struct str entry;
    size_t used;

    (void)state;
    assert_true(splitter_next(&s, text, SPLITTER_MORE, &entry, &used));
    assert_int_equal(used, text.n - 2);
    assert_false(splitter_next(&s, str_skip(text, used), SPLITTER_MORE, &entry, &used));
}

static void durations_are_read_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {{"12.3s", 12.3}, {"850ms", .85},       {"3m 12s", 192}, {"3m12s", 192},
                 {"2 min", 120},  {"0:03:12.5", 192.5}, {"7", 7}};
    double v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(quantity_read(str_c(cases[i].text), QUANTITY_DURATION, &v));
        assert_true(fabs(v - cases[i].seconds) < 1e-9);
    }
    assert_false(quantity_read(STR("AudioGen"), QUANTITY_DURATION, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_and_a_level_are_no_part_of_the_message),
        cmocka_unit_test(a_time_is_found_further_on_too),
        cmocka_unit_test(a_time_is_taken_from_the_field_that_is_given),
        cmocka_unit_test(a_traceback_belongs_to_the_line_before_it),
        cmocka_unit_test(durations_are_read_as_people_write_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
