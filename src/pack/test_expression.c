#include "base/test.h"
#include "pack/expression.h"

static struct buf out;

static int set_up(void **state)
{
    (void)state;
    buf_init(&out, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&out);
    return 0;
}

static void assert_text(struct str found, const char *expected)
{
    if (!str_eq(found, str_c(expected)))
        fail_msg("expected \"%s\", found \"%.*s\"", expected, STR_ARGS(found));
}

static void the_threshold_is_the_number_behind_the_first_comparison(void **state)
{
    static const struct {
        const char *expr, *threshold;
        bool is_bound;
    } cases[] = {
        {"a > 5", "5", true},
        {"100 * sum(a{x=\"<7\"}) / b >= 0.5 and c > 9", "0.5", true},
        {"(a - b) / 60 > 900 / 60", "900", true},
        {"a < -1e-3", "-1e-3", true},
        {"up{job=\"a\"} == 0", "0", false},
        {"a * (b == bool 0) > 85 and c", "85", true},
        {"a < on (x) max by (x) (b) / 2", "", false},
        {"a{v=~\"b|c\",w!=\"d\"}[5m]", "", false},
        {"a{v=\"\\\"}>3\"} > 4", "4", true},
        {"", "", false},
        {"a >", "", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_text(expression_threshold(str_c(cases[i].expr)), cases[i].threshold);
        assert_int_equal(expression_is_bound(str_c(cases[i].expr)), cases[i].is_bound);
    }
}

static void the_window_is_the_range_of_rates_alone(void **state)
{
    (void)state;
    expression_put_window(STR("sum(rate(a{x=\"[1m]\"}[5m]) + rate (b[1m])) > max_over_time(c[1h]) "
                              "or increase(d[10m])"),
                          STR("30m"), &out);
    assert_text(buf_str(&out), "sum(rate(a{x=\"[1m]\"}[30m]) + rate (b[1m])) > "
                               "max_over_time(c[1h]) or increase(d[30m])");
    assert_true(expression_has_window(STR("irate(a[1m]) or rate(b[1m])")));
    assert_false(
        expression_has_window(STR("irate(a[1m]) or avg_over_time(b[1m]) or resets(c[1h:1m])")));
}

static void only_selectors_of_the_job_are_narrowed(void **state)
{
    (void)state;
    expression_narrow(
        STR("a{job=\"x\"} / b{job=\"xy\"} or up{k=\"1\",job=\"x\"} or c{job=~\"x|y\"}"), "x",
        STR(",i=\"1\""), &out);
    assert_text(buf_str(&out),
                "a{job=\"x\",i=\"1\"} / b{job=\"xy\"} or up{k=\"1\",job=\"x\",i=\"1\"} "
                "or c{job=~\"x|y\"}");
    buf_reset(&out);
    expression_narrow(STR("a{job=\"x\"} or c{job=~\"x|y\"}"), NULL, STR(",i=\"1\""), &out);
    assert_text(buf_str(&out), "a{job=\"x\"} or c{job=~\"x|y\",i=\"1\"}");
}

static void a_value_is_itself_wherever_it_is_put(void **state)
{
    (void)state;
    expression_put_value(STR("a{b=\""), STR("x\"y\\.z"), false, &out);
    assert_text(buf_str(&out), "x\\\"y\\\\.z");
    buf_reset(&out);
    expression_put_value(STR("a{c=\"d\",b!~\"|"), STR("x.y(\\"), false, &out);
    assert_text(buf_str(&out), "x\\\\.y\\\\(\\\\\\\\");
    buf_reset(&out);
    expression_put_value(STR("a{b=~\""), STR("5.."), true, &out);
    assert_text(buf_str(&out), "5..");
    buf_reset(&out);
    expression_put_value(STR("a > "), STR("1.5"), false, &out);
    assert_text(buf_str(&out), "1.5");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_threshold_is_the_number_behind_the_first_comparison),
        TEST(the_window_is_the_range_of_rates_alone),
        TEST(only_selectors_of_the_job_are_narrowed),
        TEST(a_value_is_itself_wherever_it_is_put),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
