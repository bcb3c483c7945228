#include "base/test.h"
#include "collect/host/scan.h"

static void a_line_counts_only_with_its_newline(void **state)
{
    struct str text = STR("one\n\nthr"), line;

    (void)state;
    assert_true(scan_line(&text, &line));
    assert_true(str_eq(line, STR("one")));
    assert_true(scan_line(&text, &line));
    assert_int_equal(line.n, 0);
    assert_false(scan_line(&text, &line));
    assert_true(scan_cut(text));
    text = STR("");
    assert_false(scan_line(&text, &line));
    assert_false(scan_cut(text));
}

static void words_are_parted_by_blanks_and_tabs(void **state)
{
    struct str line = STR("  a\t bc  "), word;

    (void)state;
    assert_true(scan_word(&line, &word));
    assert_true(str_eq(word, STR("a")));
    assert_true(scan_word(&line, &word));
    assert_true(str_eq(word, STR("bc")));
    assert_false(scan_word(&line, &word));
}

static void whole_numbers_are_read_up_to_the_last_one_that_fits(void **state)
{
    uint64_t v;
    int64_t i;

    (void)state;
    assert_true(scan_u64(STR("18446744073709551615"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(scan_u64(STR("18446744073709551616"), &v));
    assert_false(scan_u64(STR(""), &v));
    assert_false(scan_u64(STR("12x"), &v));
    assert_false(scan_u64(STR("-1"), &v));
    assert_true(scan_hex(STR("fFffffffFFFFFFFF"), &v));
    assert_true(v == UINT64_MAX);
    assert_false(scan_hex(STR("10000000000000000"), &v));
    assert_false(scan_hex(STR("g"), &v));
    assert_true(scan_i64(STR("-12"), &i));
    assert_int_equal(i, -12);
    assert_true(scan_i64(STR("0x1003"), &i));
    assert_int_equal(i, 4099);
    assert_false(scan_i64(STR("9223372036854775808"), &i));
}

static void fractions_read_as_the_nearest_double(void **state)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0.72", 0.72}, {"22.04", 22.04}, {"-1.5", -1.5},
                {"7", 7},       {"0.1", 0.1},     {"5000.00", 5000}};
    static const char *const bad[] = {
        "", ".", ".5", "1.", "1.2.3", "1e3", "-", "nan", "1234567890123456789"};
    double v;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(scan_decimal(str_c(good[i].text), &v));
        assert_true(v == good[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(scan_decimal(str_c(bad[i]), &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_counts_only_with_its_newline),
        cmocka_unit_test(words_are_parted_by_blanks_and_tabs),
        cmocka_unit_test(whole_numbers_are_read_up_to_the_last_one_that_fits),
        cmocka_unit_test(fractions_read_as_the_nearest_double),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
