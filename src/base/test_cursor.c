#include "base/cursor.h"

#include "base/test.h"

static void what_is_put_is_read_back(void **state)
{
    struct buf b;
    struct cursor c;

    (void)state;
    buf_init(&b, 0);
    put_u8(&b, 0xfe);
    put_u16(&b, 0xfedc);
    put_u32(&b, 0xfedcba98u);
    put_u64(&b, UINT64_C(0xfedcba9876543210));
    put_f64(&b, -0.1);
    put_uvarint(&b, UINT64_MAX);
    put_svarint(&b, INT64_MIN);
    put_vstr(&b, STR("earshot"));
    put_u32_at(&b, 3, 7);
    c = cursor_of(b.p, b.n);
    assert_int_equal(cursor_u8(&c), 0xfe);
    assert_int_equal(cursor_u16(&c), 0xfedc);
    assert_int_equal(cursor_u32(&c), 7);
    assert_true(cursor_u64(&c) == UINT64_C(0xfedcba9876543210));
    assert_true(cursor_f64(&c) == -0.1);
    assert_true(cursor_uvarint(&c) == UINT64_MAX);
    assert_true(cursor_svarint(&c) == INT64_MIN);
    assert_true(str_eq(cursor_vstr(&c), STR("earshot")));
    assert_int_equal(cursor_left(&c), 0);
    assert_false(c.failed);
    buf_fini(&b);
}

static void numbers_are_little_endian(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    put_u32(&b, 0x04030201u);
    assert_memory_equal(b.p, "\1\2\3\4", 4);
    buf_fini(&b);
}

static void a_read_past_the_end_fails_for_good(void **state)
{
    struct cursor c = cursor_of("\1\2\3", 3);

    (void)state;
    assert_int_equal(cursor_u32(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_offset(&c), 0);
}

static void a_varint_that_is_too_long_or_claims_too_much_fails(void **state)
{
    struct cursor endless = cursor_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11);
    struct cursor too_large = cursor_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    struct cursor liar = cursor_of("\x7f"
                                   "ab",
                                   3);

    (void)state;
    (void)cursor_uvarint(&endless);
    assert_true(endless.failed);
    (void)cursor_uvarint(&too_large);
    assert_true(too_large.failed);
    assert_null(cursor_vstr(&liar).p);
    assert_true(liar.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_read_back),
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(a_read_past_the_end_fails_for_good),
        cmocka_unit_test(a_varint_that_is_too_long_or_claims_too_much_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
