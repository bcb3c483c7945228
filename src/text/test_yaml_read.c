#include "base/test.h"

#include "base/arena.h"
#include "text/yaml.h"

static struct arena arena;
static struct yaml_errors errors;

static const struct yaml *value(const char *text)
{
    const struct yaml *root = NULL;
    struct err err = {0};

    assert_ok(yaml_parse(&arena, "t.yml", str_c(text), &root, &err), err);
    return yaml_get(root, "k");
}

/* The only mistake so far, then forgotten; NULL when there is none. */
static const char *mistake(void)
{
    static char out[512];

    if (errors.n == 0)
        return NULL;
    assert_int_equal(errors.n, 1);
    errors.n = 0;
    return err_format(&errors.items[0], out, sizeof out);
}

static void an_absent_key_leaves_the_default(void **state)
{
    struct str s = STR("default");
    bool b = true;
    int64_t i = 7, ms = 8;
    double d = 9;
    uint64_t bytes = 10;

    (void)state;
    for (int round = 0; round < 2; round++) {
        const struct yaml *node = round == 0 ? NULL : value("k:\n");

        yaml_read_str(node, "k", &s, &errors);
        yaml_read_bool(node, "k", &b, &errors);
        yaml_read_i64(node, "k", 0, 100, &i, &errors);
        yaml_read_double(node, "k", &d, &errors);
        yaml_read_duration(node, "k", &ms, &errors);
        yaml_read_size(node, "k", &bytes, &errors);
    }
    assert_null(mistake());
    assert_true(str_eq(s, STR("default")));
    assert_true(b && i == 7 && ms == 8 && d == 9 && bytes == 10);
}

static void values_are_read_by_the_type_of_the_key(void **state)
{
    struct str s = {0};
    bool b = true;
    int64_t i = 0, ms = 0;
    double d = 0;
    uint64_t bytes = 0;

    (void)state;
    yaml_read_str(value("k: 5"), "k", &s, &errors);
    yaml_read_bool(value("k: off"), "k", &b, &errors);
    yaml_read_i64(value("k: -12"), "k", -100, 100, &i, &errors);
    yaml_read_double(value("k: .5"), "k", &d, &errors);
    yaml_read_duration(value("k: '1m30s'"), "k", &ms, &errors);
    yaml_read_size(value("k: 2KB"), "k", &bytes, &errors);
    assert_null(mistake());
    assert_true(str_eq(s, STR("5")));
    assert_true(!b && i == -12 && d == 0.5 && ms == 90000 && bytes == 2048);
}

static void a_wrong_type_says_what_was_found_and_what_is_expected(void **state)
{
    struct str s = STR("x");
    bool b = true;
    int64_t i = 7;
    double d = 9;
    uint64_t bytes = 10;

    (void)state;
    yaml_read_str(value("k: [a]"), "k", &s, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: expected one text, found a list");
    yaml_read_bool(value("k: 'true'"), "k", &b, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: expected true or false, found the text \"true\"");
    yaml_read_i64(value("k: 1.5"), "k", 0, 100, &i, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: expected a whole number, found \"1.5\"");
    yaml_read_i64(value("k: 101"), "k", 0, 100, &i, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: 101 is out of range: 0 to 100");
    yaml_read_i64(value("k: -1"), "k", 0, INT64_MAX, &i, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: -1 is too small: at least 0");
    yaml_read_double(value("k: {a: 1}"), "k", &d, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: expected a number like 0.5, found a map");
    yaml_read_duration(value("k: 15"), "k", &i, &errors);
    assert_string_equal(mistake(), "t.yml:1:4: k: \"15\" has no unit (write 15s or 15m)");
    yaml_read_duration(value("k: []"), "k", &i, &errors);
    assert_string_equal(mistake(),
                        "t.yml:1:4: k: expected a duration like 30s or 1h30m, found a list");
    yaml_read_size(value("k: 15G"), "k", &bytes, &errors);
    assert_non_null(strstr(mistake(), "k: \"15G\" is not a size (write 512MB"));
    yaml_read_size(value("k: []"), "k", &bytes, &errors);
    assert_non_null(strstr(mistake(), "expected a size"));
    assert_true(str_eq(s, STR("x")));
    assert_true(b && i == 7 && d == 9 && bytes == 10);
}

static void unknown_keys_get_a_suggestion(void **state)
{
    static const char *const keys[] = {"listen", "data", "retention"};

    (void)state;
    assert_true(
        yaml_check_keys(value("k:\n  data: x\n  lisen: y\n"), "the file", keys, 3, &errors));
    assert_string_equal(mistake(),
                        "t.yml:3:3: unknown key \"lisen\" in the file (did you mean \"listen\"?)");
    assert_true(yaml_check_keys(value("k: {zzzzzzzz: 1}"), "the file", keys, 3, &errors));
    assert_string_equal(mistake(), "t.yml:1:5: unknown key \"zzzzzzzz\" in the file");
    assert_false(yaml_check_keys(value("k: [1]"), "the file", keys, 3, &errors));
    assert_string_equal(mistake(),
                        "t.yml:1:4: the file: expected a map of keys and values, found a list");
}

static void a_parsers_own_place_is_moved_into_the_file(void **state)
{
    struct err err;

    (void)state;
    (void)err_at(&err, ERR_SYNTAX, (struct span){1, 3, 1}, "no");
    yaml_error_from(&errors, value("k: abcdef"), &err);
    assert_string_equal(mistake(), "t.yml:1:6: no");
    yaml_error_from(&errors, value("k: 'abcdef'"), &err);
    assert_string_equal(mistake(), "t.yml:1:7: no");
    yaml_error_from(&errors, value("k: |\n  abc\n  def\n"), &err);
    assert_string_equal(mistake(), "t.yml:1:4: no");
}

static void past_a_hundred_mistakes_are_only_counted(void **state)
{
    const struct yaml *node = value("k: x");

    (void)state;
    for (int i = 0; i < 150; i++)
        yaml_error(&errors, node, "mistake %d", i);
    assert_int_equal(errors.n, 100);
    assert_int_equal(errors.dropped, 50);
    errors.n = errors.dropped = 0;
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
    errors.arena = &arena;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_key_leaves_the_default),
        cmocka_unit_test(values_are_read_by_the_type_of_the_key),
        cmocka_unit_test(a_wrong_type_says_what_was_found_and_what_is_expected),
        cmocka_unit_test(unknown_keys_get_a_suggestion),
        cmocka_unit_test(a_parsers_own_place_is_moved_into_the_file),
        cmocka_unit_test(past_a_hundred_mistakes_are_only_counted),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
