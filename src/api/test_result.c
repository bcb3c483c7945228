#include "api/result.h"

#include "api/internal.h"
#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"

static void assert_json(struct result_writer w, const char *wanted)
{
    struct buf out;

    buf_init(&out, 0);
    while (result_writer_next(&w, &out))
        ;
    assert_string_equal(out.p, wanted);
    buf_fini(&out);
}

static const struct labels *up(struct arena *a)
{
    struct label pairs[] = {{STR(LABEL_NAME), STR("up")}, {STR("job"), STR("a\"b")}};
    const struct labels *ls = NULL;
    struct err err;

    assert_ok(labels_build(a, pairs, 2, &ls, &err), err);
    return ls;
}

static void a_scalar_and_a_string_stand_alone(void **state)
{
    struct promql_result scalar = {.type = PROMQL_SCALAR, .scalar = 2.5};
    struct promql_result string = {.type = PROMQL_STRING, .string = STR("a\"")};

    (void)state;
    assert_json((struct result_writer){.result = &scalar, .at_ms = 4000},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":"
                "[4,\"2.5\"]}}");
    assert_json((struct result_writer){.result = &string, .at_ms = -500},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":"
                "[-0.5,\"a\\\"\"]}}");
    scalar.scalar = 1e21;
    assert_json((struct result_writer){.result = &scalar, .at_ms = 10250},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":"
                "[10.25,\"1000000000000000000000\"]}}");
}

static void a_vector_has_one_value_a_series_and_says_what_was_left_out(void **state)
{
    static const ts_ms ts[] = {1435781451781};
    static const double values[] = {1};
    const char *warnings[] = {"half of it"};
    struct arena a;
    struct promql_series series[2];
    struct promql_result r = {.type = PROMQL_VECTOR,
                              .series = series,
                              .series_n = 2,
                              .warnings = warnings,
                              .warnings_n = 1};

    (void)state;
    arena_init(&a, NULL);
    series[0] = series[1] = (struct promql_series){up(&a), ts, values, 1};
    assert_json((struct result_writer){.result = &r, .limit = 1},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":["
                "{\"metric\":{\"__name__\":\"up\",\"job\":\"a\\\"b\"},"
                "\"value\":[1435781451.781,\"1\"]}]},"
                "\"warnings\":[\"half of it\",\"results truncated due to limit\"]}");
    arena_fini(&a);
}

static void a_warning_of_the_parameters_is_the_last(void **state)
{
    struct promql_result r = {.type = PROMQL_VECTOR};

    (void)state;
    assert_json((struct result_writer){.result = &r, .warning = "too old"},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]},"
                "\"warnings\":[\"too old\"]}");
}

static void an_empty_vector_is_an_empty_list(void **state)
{
    struct promql_result r = {.type = PROMQL_VECTOR};

    (void)state;
    assert_json((struct result_writer){.result = &r},
                "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
}

static void a_long_series_comes_in_pieces_without_a_sample_lost(void **state)
{
    enum { N = 1500 };
    static ts_ms ts[N];
    static double values[N];
    struct promql_series series = {&labels_empty, ts, values, N};
    struct promql_result r = {.type = PROMQL_MATRIX, .series = &series, .series_n = 1};
    struct result_writer w = {.result = &r};
    struct buf out;
    size_t pieces = 0, samples = 0;

    (void)state;
    for (size_t i = 0; i < N; i++) {
        ts[i] = (ts_ms)i * 1000;
        values[i] = (double)i;
    }
    buf_init(&out, 0);
    while (result_writer_next(&w, &out))
        pieces++;
    for (size_t i = 0; i < out.n; i++)
        samples += out.p[i] == '[';
    assert_int_equal(samples, N + 2); /* and the lists of series and of values */
    assert_true(pieces > 4);
    assert_non_null(strstr(out.p, "[511,\"511\"],[512,\"512\"]")); /* over the edge of a piece */
    assert_non_null(strstr(out.p, "[1499,\"1499\"]]}]}}"));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scalar_and_a_string_stand_alone),
        cmocka_unit_test(a_vector_has_one_value_a_series_and_says_what_was_left_out),
        cmocka_unit_test(a_warning_of_the_parameters_is_the_last),
        cmocka_unit_test(an_empty_vector_is_an_empty_list),
        cmocka_unit_test(a_long_series_comes_in_pieces_without_a_sample_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
