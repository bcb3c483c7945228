#include "base/test.h"

#include <jansson.h>
#include <math.h>

#include "base/err.h"
#include "text/json.h"

static void commas_and_colons_are_where_they_belong(void **state)
{
    struct json_writer w;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    json_begin(&w, &out);
    json_begin_object(&w);
    json_key(&w, "a");
    json_begin_array(&w);
    json_i64(&w, -1);
    json_double(&w, 0.5);
    json_begin_object(&w);
    json_end_object(&w);
    json_begin_array(&w);
    json_end_array(&w);
    json_bool(&w, true);
    json_put_null(&w);
    json_end_array(&w);
    json_key(&w, "b");
    json_double(&w, (double)NAN);
    json_key(&w, "c");
    json_raw(&w, STR("{\"x\":1}"));
    json_key(&w, "d");
    json_cstr(&w, "e");
    json_end_object(&w);
    assert_string_equal(out.p,
                        "{\"a\":[-1,0.5,{},[],true,null],\"b\":null,\"c\":{\"x\":1},\"d\":\"e\"}");
    buf_fini(&out);
}

static void assert_escapes(struct str s, const char *expected)
{
    struct buf out;

    buf_init(&out, 0);
    json_escape(&out, s);
    assert_string_equal(out.p, expected);
    buf_fini(&out);
}

static void strings_are_escaped(void **state)
{
    (void)state;
    assert_escapes(STR("plain <b>"), "plain <b>");
    assert_escapes(STR("a\"b\\c"), "a\\\"b\\\\c");
    assert_escapes(STR("\b\t\n\f\r"), "\\b\\t\\n\\f\\r");
    assert_escapes(STR("\0\x01\x1f\x7f"), "\\u0000\\u0001\\u001f\\u007f");
    assert_escapes(STR("\xc3\xa9\xe6\xb8\xac\xf0\x9f\x8e\xb5"),
                   "\xc3\xa9\xe6\xb8\xac\xf0\x9f\x8e\xb5");
}

static void bytes_that_are_not_utf8_become_the_replacement_character(void **state)
{
    (void)state;
    assert_escapes(STR("a\xff"
                       "b"),
                   "a\xef\xbf\xbd"
                   "b");
    assert_escapes(STR("\xc3"), "\xef\xbf\xbd");
    assert_escapes(STR("\xc0\x80"), "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong */
    assert_escapes(STR("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
    assert_escapes(STR("\xf4\x90\x80\x80"),
                   "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* past U+10FFFF */
}

static void json_is_read_and_mistakes_have_a_place(void **state)
{
    struct json_t *root = NULL;
    struct err err = {0};

    (void)state;
    assert_ok(json_read(STR("{\"a\": [1, \"[[[[\\\"\"]}"), &root, &err), err);
    assert_int_equal(json_array_size(json_object_get(root, "a")), 2);
    json_decref(root);
    root = NULL;
    assert_fails(json_read(STR("{\"a\":\n 1,}"), &root, &err), err, ERR_SYNTAX, "not JSON");
    assert_int_equal(err.at.line, 2);
    assert_fails(json_read(STR("{\"a\":1,\"a\":2}"), &root, &err), err, ERR_SYNTAX, "duplicate");
    assert_fails(json_read(STR("1 2"), &root, &err), err, ERR_SYNTAX, "end of file");
    assert_fails(json_read(STR(""), &root, &err), err, ERR_SYNTAX, "not JSON");
    assert_fails(json_read(STR("\"\xff\""), &root, &err), err, ERR_SYNTAX, "0xff");
    assert_null(root);
}

static void integers_past_64_bits_zero_bytes_and_a_byte_order_mark_are_read(void **state)
{
    struct json_t *root = NULL;
    struct err err = {0};

    (void)state;
    assert_ok(json_read(STR("\xef\xbb\xbf{\"a\": 18446744073709551615, \"b\": "
                            "-9223372036854775809, \"c\": 9223372036854775807, \"d\": "
                            "\"\\\"18446744073709551615\"}"),
                        &root, &err),
              err);
    assert_true(json_real_value(json_object_get(root, "a")) == 18446744073709551615.0);
    assert_true(json_real_value(json_object_get(root, "b")) == -9223372036854775809.0);
    assert_int_equal(json_integer_value(json_object_get(root, "c")), INT64_MAX);
    assert_string_equal(json_string_value(json_object_get(root, "d")), "\"18446744073709551615");
    json_decref(root);
    root = NULL;
    assert_ok(json_read(STR("{\"a\": \"x\\u0000\\\\u0000\\u00001\", \"\\u0000\": 1}"), &root, &err),
              err);
    assert_string_equal(json_string_value(json_object_get(root, "a")),
                        "x\xef\xbf\xbd\\u0000\xef\xbf\xbd"
                        "1");
    assert_int_equal(json_integer_value(json_object_get(root, "\xef\xbf\xbd")), 1);
    json_decref(root);
    root = NULL;
    assert_fails(json_read(STR("18446744073709551615 x"), &root, &err), err, ERR_SYNTAX,
                 "not JSON");
    assert_fails(json_read(STR("1e999"), &root, &err), err, ERR_SYNTAX, "overflow");
    assert_null(root);
}

static void what_others_wrote_may_hold_nul_and_a_name_twice(void **state)
{
    const struct str text = STR("{\"a\": 1, \"a\": \"x\\u0000y\"}");
    struct json_t *root = NULL;
    struct err err = {0};

    (void)state;
    assert_fails(json_read(text, &root, &err), err, ERR_SYNTAX, "duplicate");
    assert_ok(json_read_foreign(text, &root, &err), err);
    assert_int_equal(json_string_length(json_object_get(root, "a")), 3);
    json_decref(root);
}

static void deep_json_is_refused_before_it_is_read(void **state)
{
    struct json_t *root = NULL;
    struct err err = {0};
    char text[200];

    (void)state;
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    assert_fails(json_read((struct str){text, sizeof text}, &root, &err), err, ERR_LIMIT, "64");
    assert_ok(json_read((struct str){text + 36, 128}, &root, &err), err);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_and_colons_are_where_they_belong),
        cmocka_unit_test(strings_are_escaped),
        cmocka_unit_test(bytes_that_are_not_utf8_become_the_replacement_character),
        cmocka_unit_test(json_is_read_and_mistakes_have_a_place),
        cmocka_unit_test(integers_past_64_bits_zero_bytes_and_a_byte_order_mark_are_read),
        cmocka_unit_test(what_others_wrote_may_hold_nul_and_a_name_twice),
        cmocka_unit_test(deep_json_is_refused_before_it_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
