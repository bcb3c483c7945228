#include "api/internal.h"
#include "base/test.h"

static struct api_params one(struct http_param *p, const char *value)
{
    *p = (struct http_param){STR("t"), str_c(value)};
    return (struct api_params){p, 1};
}

static struct api_params limit(struct http_param *p, const char *value)
{
    *p = (struct http_param){STR("limit"), str_c(value)};
    return (struct api_params){p, 1};
}

static void times_are_seconds_or_rfc_3339(void **state)
{
    static const struct {
        const char *text;
        ts_ms wanted;
    } cases[] = {
        {"1435781451.781", 1435781451781},
        {"-0.5", -500},
        {"2015-07-01T20:10:51.781Z", 1435781451781},
        {"2015-07-01T22:10:51.781+02:00", 1435781451781},
        {"2015-07-01t20:10:51z", 1435781451000},
        {"2015-07-01T20:10:51.7819Z", 1435781451781},
        {"2016-02-29T00:00:00Z", 1456704000000},
        {"1700000000.0005", 1700000000000}, /* a little below, as a double */
        {"0.0005", 1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_param p;
        struct api_params params = one(&p, cases[i].text);
        struct err err;
        ts_ms t = 0;

        assert_ok(api_param_time(&params, "t", &t, &err), err);
        if (t != cases[i].wanted)
            fail_msg("%s: %lld", cases[i].text, (long long)t);
    }
}

static void what_is_no_time_is_refused_by_the_parameters_name(void **state)
{
    static const char *const bad[] = {"yesterday",
                                      "2015-13-01T00:00:00Z",
                                      "2015-07-01T20:10:51",
                                      "2015-02-29T00:00:00Z",
                                      "2015-07-01T20:10:60Z",
                                      "2015-07-01T20:10:51.Z",
                                      "1m"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_param p;
        struct api_params params = one(&p, bad[i]);
        struct err err;
        ts_ms t = 7;

        assert_fails(api_param_time(&params, "t", &t, &err), err, ERR_SYNTAX,
                     "invalid parameter \"t\"");
        assert_int_equal(t, 7);
        assert_fails(api_param_bound(&params, "t", &t, &err), err, ERR_SYNTAX,
                     "invalid parameter \"t\": invalid time value for 't': cannot parse");
    }
}

static void a_time_past_all_times_is_the_bound(void **state)
{
    static const struct {
        const char *text;
        ts_ms wanted;
    } cases[] = {
        {"NaN", -TS_MS_MAX},
        {"-Inf", -TS_MS_MAX},
        {"1e30", TS_MS_MAX},
        {"-292273086-05-16T16:47:06Z", -TS_MS_MAX},
        {"292277025-08-18T07:12:54.999999999Z", TS_MS_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct http_param p;
        struct api_params params = one(&p, cases[i].text);
        struct err err;
        ts_ms t = 0;

        assert_ok(api_param_time(&params, "t", &t, &err), err);
        if (t != cases[i].wanted)
            fail_msg("%s: %lld", cases[i].text, (long long)t);
    }
}

static void counts_have_either_sign_and_flags_are_go_s(void **state)
{
    struct http_param p;
    struct api_params params = one(&p, "-1");
    struct err err;
    int64_t n = 0;
    bool flag = false;

    (void)state;
    assert_ok(api_param_count(&params, "t", &n, &err), err);
    assert_int_equal(n, -1);
    params = one(&p, "x");
    assert_fails(api_param_count(&params, "t", &n, &err), err, ERR_SYNTAX, "t must be a number");
    assert_true(api_param_flag(STR("True"), &flag));
    assert_true(flag);
    assert_true(api_param_flag(STR("0"), &flag));
    assert_false(flag);
    assert_false(api_param_flag(STR("yes"), &flag));
}

static void an_absent_parameter_keeps_the_default(void **state)
{
    struct api_params none = {NULL, 0};
    int64_t ms = 5;
    size_t n = 6;

    (void)state;
    assert_int_equal(api_param_duration(&none, "step", &ms, NULL), 0);
    assert_int_equal(api_param_limit(&none, &n, NULL), 0);
    assert_int_equal(ms, 5);
    assert_int_equal(n, 6);
}

static void durations_are_seconds_or_prometheus_own(void **state)
{
    struct http_param p;
    struct api_params params;
    struct err err;
    int64_t ms;

    (void)state;
    params = one(&p, "0.25");
    assert_ok(api_param_duration(&params, "t", &ms, &err), err);
    assert_int_equal(ms, 250);
    params = one(&p, "2.9999");
    assert_ok(api_param_duration(&params, "t", &ms, &err), err);
    assert_int_equal(ms, 2999);
    params = one(&p, "1m0s");
    assert_ok(api_param_duration(&params, "t", &ms, &err), err);
    assert_int_equal(ms, 60000);
    params = one(&p, "1e300");
    assert_fails(api_param_duration(&params, "t", &ms, &err), err, ERR_SYNTAX, "overflows");
    params = one(&p, "soon");
    assert_fails(api_param_duration(&params, "t", &ms, &err), err, ERR_SYNTAX, "\"soon\"");
}

static void a_limit_is_a_whole_number(void **state)
{
    struct http_param p;
    struct api_params params = limit(&p, "40000");
    struct err err;
    size_t n;

    (void)state;
    assert_ok(api_param_limit(&params, &n, &err), err);
    assert_int_equal(n, 40000);
    params = limit(&p, "-1");
    assert_fails(api_param_limit(&params, &n, &err), err, ERR_SYNTAX,
                 "invalid parameter \"limit\": limit must be non-negative");
    params = limit(&p, "1.5");
    assert_fails(api_param_limit(&params, &n, &err), err, ERR_SYNTAX,
                 "strconv.Atoi: parsing \"1.5\": invalid syntax");
    params = limit(&p, "99999999999999999999");
    assert_fails(api_param_limit(&params, &n, &err), err, ERR_SYNTAX,
                 "strconv.Atoi: parsing \"99999999999999999999\": value out of range");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_seconds_or_rfc_3339),
        cmocka_unit_test(what_is_no_time_is_refused_by_the_parameters_name),
        cmocka_unit_test(a_time_past_all_times_is_the_bound),
        cmocka_unit_test(counts_have_either_sign_and_flags_are_go_s),
        cmocka_unit_test(an_absent_parameter_keeps_the_default),
        cmocka_unit_test(durations_are_seconds_or_prometheus_own),
        cmocka_unit_test(a_limit_is_a_whole_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
