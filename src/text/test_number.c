#include "base/test.h"

#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "base/str.h"
#include "text/number.h"

static void assert_prints(size_t (*print)(double, char *), double v, const char *expected)
{
    char out[NUMBER_FIXED_MAX + 1];

    out[print(v, out)] = '\0';
    assert_string_equal(out, expected);
}

static void samples_print_as_prometheus_json(void **state)
{
    (void)state;
    assert_prints(number_print, 0, "0");
    assert_prints(number_print, -0.0, "-0");
    assert_prints(number_print, 1, "1");
    assert_prints(number_print, -1.5, "-1.5");
    assert_prints(number_print, 0.1 + 0.2, "0.30000000000000004");
    assert_prints(number_print, 123456789, "123456789");
    assert_prints(number_print, 1e20, "100000000000000000000");
    assert_prints(number_print, 123456789012345678901.0, "123456789012345680000");
    assert_prints(number_print, 1e21, "1e+21");
    assert_prints(number_print, 1e30, "1e+30");
    assert_prints(number_print, 0.000001, "0.000001");
    assert_prints(number_print, 1.5e-7, "1.5e-07");
    assert_prints(number_print, 5e-324, "5e-324");
    assert_prints(number_print, -1.7976931348623157e308, "-1.7976931348623157e+308");
    assert_prints(number_print, (double)NAN, "NaN");
    assert_prints(number_print, (double)INFINITY, "+Inf");
    assert_prints(number_print, -(double)INFINITY, "-Inf");
}

static void fixed_form_never_has_an_exponent(void **state)
{
    char out[NUMBER_FIXED_MAX];

    (void)state;
    assert_prints(number_print_f, 1e30, "1000000000000000000000000000000");
    assert_prints(number_print_f, 1e-7, "0.0000001");
    assert_prints(number_print_f, 1.5e-10, "0.00000000015");
    assert_prints(number_print_f, (double)NAN, "NaN");
    assert_prints(number_print_f, -(double)INFINITY, "-Inf");
    assert_int_equal(number_print_f(5e-324, out), 326);
    assert_int_equal(number_print_f(-1.7976931348623157e308, out), 310);
    assert_true(number_print_f(-2.2250738585072014e-308, out) <= sizeof out);
}

static void exposition_form_is_gos_g(void **state)
{
    (void)state;
    assert_prints(number_print_g, 0, "0");
    assert_prints(number_print_g, 100000, "100000");
    assert_prints(number_print_g, 1000000, "1e+06");
    assert_prints(number_print_g, 123456789, "1.23456789e+08");
    assert_prints(number_print_g, 123456.75, "123456.75");
    assert_prints(number_print_g, 0.0001, "0.0001");
    assert_prints(number_print_g, 0.00001, "1e-05");
    assert_prints(number_print_g, 1e100, "1e+100");
    assert_prints(number_print_g, (double)INFINITY, "+Inf");
}

static double parsed(const char *text)
{
    double v = 12345;

    if (!number_parse(str_c(text), &v))
        fail_msg("\"%s\" was refused", text);
    return v;
}

static void what_a_target_may_write_is_read(void **state)
{
    (void)state;
    assert_true(parsed("0") == 0);
    assert_true(signbit(parsed("-0")));
    assert_true(parsed("+1.5") == 1.5);
    assert_true(parsed(".5") == 0.5);
    assert_true(parsed("5.") == 5);
    assert_true(parsed("1e3") == 1000);
    assert_true(parsed("1E-3") == 0.001);
    assert_true(parsed("9007199254740993") == 9007199254740992.0);
    assert_true(parsed("123456789012345678901234567890") == 1.2345678901234568e29);
    assert_true(parsed("0.000000000000000000000000000001") == 1e-30);
    assert_true(parsed("1.7976931348623157e308") == 1.7976931348623157e308);
    assert_true(parsed("5e-324") == 5e-324);
    assert_true(parsed("1e-400") == 0);
    assert_true(signbit(parsed("-1e-400")));
    assert_true(parsed("0e9999999999") == 0);
    assert_true(parsed("inf") == (double)INFINITY);
    assert_true(parsed("+Inf") == (double)INFINITY);
    assert_true(parsed("-INFINITY") == -(double)INFINITY);
    assert_true(isnan(parsed("nAn")));
}

static void nan_is_the_ordinary_one(void **state)
{
    double v = parsed("NaN");
    uint64_t bits;

    (void)state;
    memcpy(&bits, &v, sizeof bits);
    assert_int_equal(bits, UINT64_C(0x7ff8000000000001));
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const bad[] = {"",      " 1",    "1 ",     "-",     "+",     ".",
                                      "e5",    "1e",    "1e+",    "1.2.3", "0x1p4", "0x10",
                                      "1_000", "1e400", "-1e400", "+nan",  "-NaN",  "infi",
                                      "nanx",  "--1",   "1f",     "0o17",  "1,5",   "1e5.0"};
    double v = 7;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (number_parse(str_c(bad[i]), &v))
            fail_msg("\"%s\" was taken as %g", bad[i], v);
    }
    assert_true(v == 7);
}

static void integers_are_read_in_range_only(void **state)
{
    int64_t v = 7;

    (void)state;
    assert_true(number_parse_i64(STR("-9223372036854775808"), &v));
    assert_true(v == INT64_MIN);
    assert_true(number_parse_i64(STR("+12"), &v));
    assert_int_equal(v, 12);
    assert_false(number_parse_i64(STR("9223372036854775808"), &v));
    assert_false(number_parse_i64(STR("+-1"), &v));
    assert_false(number_parse_i64(STR("1.0"), &v));
    assert_false(number_parse_i64(STR(""), &v));
    assert_int_equal(v, 12);
}

/* Every form reads back the same bits, and reading agrees with the C library's. */
static void random_values_survive_the_round_trip(void **state)
{
    struct rng r;
    char out[NUMBER_FIXED_MAX + 1], text[64];
    size_t (*const forms[])(double, char *) = {number_print, number_print_f, number_print_g};

    (void)state;
    rng_seed(&r, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rng_next(&r);
        double v, back;

        memcpy(&v, &bits, sizeof v);
        if (!isfinite(v))
            continue;
        for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
            size_t n = forms[f](v, out);

            assert_true(n <= (f == 1 ? NUMBER_FIXED_MAX : NUMBER_TEXT_MAX));
            assert_true(number_parse((struct str){out, n}, &back));
            assert_memory_equal(&v, &back, sizeof v);
        }
        /* Short decimals take the exact path. */
        (void)snprintf(text, sizeof text, "%d.%04de%d", (int)rng_below(&r, 1000000),
                       (int)rng_below(&r, 10000), (int)rng_below(&r, 60) - 30);
        assert_true(parsed(text) == strtod(text, NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(samples_print_as_prometheus_json),
        cmocka_unit_test(fixed_form_never_has_an_exponent),
        cmocka_unit_test(exposition_form_is_gos_g),
        cmocka_unit_test(what_a_target_may_write_is_read),
        cmocka_unit_test(nan_is_the_ordinary_one),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(integers_are_read_in_range_only),
        cmocka_unit_test(random_values_survive_the_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
