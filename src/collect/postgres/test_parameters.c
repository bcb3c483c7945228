#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/postgres/parameters.h"
#include "collect/postgres/tuples.h"
#include "model/expo.h"

/* The exposition of one setting, comments left out. */
static const char *expose(const char *name, const char *setting, const char *unit, const char *type)
{
    static char out[1000];
    SCOPED(arena_fini) struct arena a;
    SCOPED(buf_fini) struct buf text;
    struct tuples_column columns[PARAMETERS_COLUMNS] = {{"name", 25}};
    struct tuples rows = {.columns = columns, .columns_n = PARAMETERS_COLUMNS};
    struct str cells[] = {str_c(name), str_c(setting), str_c(unit), STR("Says it."), str_c(type)};
    struct expo_writer writer;
    struct err err;

    arena_init(&a, NULL);
    buf_init(&text, 0);
    assert_ok(tuples_add(&rows, &a, cells, &err), err);
    expo_writer_init(&writer, EXPO_TEXT, &text);
    assert_ok(parameters_emit(&rows, STR("h:1"), &writer.emit, &a, &err), err);
    (void)snprintf(out, sizeof out, "%.*s", STR_ARGS(buf_str(&text)));
    return out;
}

static void units_become_seconds_and_bytes(void **state)
{
    (void)state;
    assert_string_equal(expose("shared_buffers", "2048", "8kB", "integer"),
                        "# HELP pg_settings_shared_buffers_bytes Says it. In bytes.\n"
                        "# TYPE pg_settings_shared_buffers_bytes gauge\n"
                        "pg_settings_shared_buffers_bytes{server=\"h:1\"} 1.6777216e+07\n");
    assert_non_null(strstr(expose("x", "300", "ms", "integer"), "x_seconds{server=\"h:1\"} 0.3\n"));
    assert_non_null(strstr(expose("x", "5", "min", "integer"), "x_seconds{server=\"h:1\"} 300\n"));
    assert_non_null(strstr(expose("x", "2", "16MB", "integer"), "} 3.3554432e+07\n"));
    assert_non_null(strstr(expose("x", "7", "", "integer"), "pg_settings_x{server=\"h:1\"} 7\n"));
}

static void minus_one_is_no_time(void **state)
{
    (void)state;
    assert_non_null(strstr(expose("x", "-1", "ms", "integer"), "x_seconds{server=\"h:1\"} -1\n"));
}

static void switches_are_one_or_zero(void **state)
{
    (void)state;
    assert_non_null(strstr(expose("fsync", "on", NULL, "bool"), "fsync{server=\"h:1\"} 1\n"));
    assert_non_null(strstr(expose("fsync", "off", NULL, "bool"), "fsync{server=\"h:1\"} 0\n"));
}

static void names_of_extensions_become_sound(void **state)
{
    (void)state;
    assert_non_null(
        strstr(expose("a.b-c", "1", NULL, "real"), "pg_settings_a_b_c{server=\"h:1\"} 1\n"));
}

static void what_is_no_number_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(expose("x", "never", NULL, "integer"), "");
    assert_string_equal(expose("x", "1", "parsec", "integer"), "");
    assert_string_equal(expose("x", NULL, NULL, "integer"), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_become_seconds_and_bytes),
        cmocka_unit_test(minus_one_is_no_time),
        cmocka_unit_test(switches_are_one_or_zero),
        cmocka_unit_test(names_of_extensions_become_sound),
        cmocka_unit_test(what_is_no_number_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
