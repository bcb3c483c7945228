#include "base/str.h"

#include "base/test.h"

static void splitting_gives_each_part_once(void **state)
{
    struct str rest = STR("a,,b");

    (void)state;
    assert_true(str_eq(str_split(&rest, ','), STR("a")));
    assert_true(str_eq(str_split(&rest, ','), STR("")));
    assert_true(str_eq(str_split(&rest, ','), STR("b")));
    assert_null(rest.p);
}

static void utf8_is_told_from_other_bytes(void **state)
{
    (void)state;
    assert_true(str_is_utf8(STR("")));
    assert_true(str_is_utf8(STR("p\xc3\xa4gel \xf0\x9f\x8e\xb5")));
    assert_false(str_is_utf8(STR("\xff")));
    assert_true(str_is_utf8(STR("sixteen bytes ..\xc3\xa4 and as many more")));
    for (size_t i = 0; i < 24; i++) {
        char text[] = "twenty-four bytes of it.";

        text[i] = '\xc3';
        assert_false(str_is_utf8((struct str){text, 24}));
    }
    assert_false(str_is_utf8(STR("\xc3")));             /* cut short */
    assert_false(str_is_utf8(STR("\xc0\xaf")));         /* overlong */
    assert_false(str_is_utf8(STR("\xed\xa0\x80")));     /* a surrogate */
    assert_false(str_is_utf8(STR("\xf4\x90\x80\x80"))); /* past U+10FFFF */
}

static void a_near_name_is_suggested_and_a_far_one_is_not(void **state)
{
    const char *const names[] = {"increase", "irate", "rate"};

    (void)state;
    assert_string_equal(str_nearest(STR("increse"), names, 3), "increase");
    assert_null(str_nearest(STR("quantile"), names, 3));
}

static void a_bounded_buffer_drops_what_does_not_fit_and_says_so(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 8);
    buf_adds(&b, "12345");
    buf_adds(&b, "6789");
    assert_true(b.overflowed);
    assert_string_equal(b.p, "12345");
    buf_reset(&b);
    buf_addf(&b, "%d", 12345678);
    assert_false(b.overflowed);
    assert_int_equal(b.n, 8);
    buf_fini(&b);
}

static void trimming_takes_blanks_at_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t x y\r\n")), STR("x y")));
    assert_true(str_eq(str_trim(STR("  ")), STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splitting_gives_each_part_once),
        cmocka_unit_test(utf8_is_told_from_other_bytes),
        cmocka_unit_test(a_near_name_is_suggested_and_a_far_one_is_not),
        cmocka_unit_test(a_bounded_buffer_drops_what_does_not_fit_and_says_so),
        cmocka_unit_test(trimming_takes_blanks_at_both_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
