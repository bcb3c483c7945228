#include "base/test.h"

#include <jansson.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/json.h"
#include "text/json_path.h"

/* All places a path leads to, as "took,took=value " ("-" where it goes no further). */
struct list {
    struct buf text;
    int left; /* places until it fails; negative: never */
};

static int note(void *arg, const struct json_place *place)
{
    struct list *l = arg;
    char space[JSON_TEXT_MAX];
    struct str text = json_scalar_text(place->value, space);

    for (size_t i = 0; i < place->took_n; i++) {
        buf_addc(&l->text, i ? ',' : '$');
        buf_add(&l->text, place->took[i]);
    }
    buf_addc(&l->text, '=');
    buf_add(&l->text, text.p ? text : place->value ? STR("?") : STR("-"));
    buf_addc(&l->text, ' ');
    return l->left-- == 0 ? -1 : 0;
}

static void assert_walk(const char *path_text, const char *json, const char *expected, bool there)
{
    SCOPED(arena_fini) struct arena a;
    struct list l = {.left = -1};
    struct json_path path;
    struct err err = {0};
    json_t *root;
    bool is_there;

    arena_init(&a, NULL);
    assert_ok(json_path_parse(&a, str_c(path_text), &path, &err), err);
    assert_ok(json_read(str_c(json), &root, &err), err);
    assert_int_equal(json_path_walk(&path, root, note, &l, &is_there), 0);
    assert_string_equal(l.text.n ? l.text.p : "", expected);
    assert_int_equal(is_there, there);
    buf_fini(&l.text);
    json_decref(root);
}

static void members_and_elements_are_followed(void **state)
{
    (void)state;
    assert_walk("a.b", "{\"a\": {\"b\": 7}}", "=7 ", true);
    assert_walk("a[1]", "{\"a\": [1, 2.5]}", "=2.5 ", true);
    assert_walk("[0].b", "[{\"b\": \"x\"}]", "=x ", true);
    assert_walk("a.\"x.y\".\"q\\\"\\\\\"", "{\"a\": {\"x.y\": {\"q\\\"\\\\\": true}}}", "=true ",
                true);
    assert_walk("a[0][1]", "{\"a\": [[1, false]]}", "=false ", true);
}

static void a_star_takes_each_and_says_which(void **state)
{
    (void)state;
    assert_walk("a.*", "{\"a\": {\"x\": 1, \"y\": 2}}", "$x=1 $y=2 ", true);
    assert_walk("a.*.b", "{\"a\": [{\"b\": 1}, {}, {\"b\": 3}]}", "$0=1 $1=- $2=3 ", true);
    assert_walk("*.*", "{\"a\": [7], \"b\": {\"c\": 8}}", "$a,0=7 $b,c=8 ", true);
    assert_walk("*[0]", "[[5], [], 3]", "$0=5 $1=- $2=- ", true);
}

static void what_is_not_there_is_told_from_what_is_empty(void **state)
{
    (void)state;
    assert_walk("a.b", "{\"a\": 5}", "=- ", false);
    assert_walk("a.b", "{\"a\": {\"b\": null}}", "=? ", true);
    assert_walk("a.*", "{\"a\": []}", "", true);
    assert_walk("a.*", "{\"a\": null}", "", false);
    assert_walk("a.*", "{\"a\": 5}", "", false);
    assert_walk("a.*.c", "{}", "", false);
    assert_walk("a[3]", "{\"a\": [1]}", "=- ", false);
    assert_walk("a.*.b.*", "{\"a\": [{\"b\": []}, {}]}", "", true);
}

static void a_place_knows_its_element(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct json_path field;
    struct err err = {0};
    json_t *root;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(json_path_parse(&a, STR(".b.c"), &field, &err), err);
    assert_true(field.relative);
    assert_ok(json_read(STR("{\"b\": {\"c\": 4}}"), &root, &err), err);
    assert_int_equal(json_integer_value(json_path_get(&field, root)), 4);
    assert_ok(json_path_parse(&a, STR("."), &field, &err), err);
    assert_ptr_equal(json_path_get(&field, root), root);
    json_decref(root);
}

static void a_walk_ends_where_it_is_told_to(void **state)
{
    SCOPED(arena_fini) struct arena a;
    struct list l = {.left = 1};
    struct json_path path;
    struct err err = {0};
    json_t *root;
    bool there;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(json_path_parse(&a, STR("*"), &path, &err), err);
    assert_ok(json_read(STR("[1, 2, 3]"), &root, &err), err);
    assert_int_equal(json_path_walk(&path, root, note, &l, &there), -1);
    assert_string_equal(l.text.p, "$0=1 $1=2 ");
    buf_fini(&l.text);
    json_decref(root);
}

static void a_mistake_says_what_and_in_which_column(void **state)
{
    static const struct {
        const char *path, *words;
        unsigned column;
    } bad[] = {
        {"", "it is empty", 1},
        {"a..b", "expected a name", 3},
        {"a.", "expected a name", 3},
        {"a[", "expected an index", 3},
        {"a[*]", "written a.*", 3},
        {"a[1", "expected ]", 4},
        {"a[-1]", "expected an index", 3},
        {"a[99999999999]", "too large", 12},
        {"a b", "stands in quotes", 2},
        {"a.\"b", "not closed", 5},
        {"a.\"b\\n\"", "comes \" or \\", 6},
        {"a*", "expected . or [", 2},
        {"a]", "expected . or [", 2},
        {"*.*.*.*.*.*.*.*.*.*", "more than 9", 20},
        {"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "32 parts", 66}};
    SCOPED(arena_fini) struct arena a;
    struct json_path path;

    (void)state;
    arena_init(&a, NULL);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err err = {0};

        assert_fails(json_path_parse(&a, str_c(bad[i].path), &path, &err), err, ERR_SYNTAX,
                     bad[i].words);
        assert_int_equal(err.at.column, bad[i].column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_and_elements_are_followed),
        cmocka_unit_test(a_star_takes_each_and_says_which),
        cmocka_unit_test(what_is_not_there_is_told_from_what_is_empty),
        cmocka_unit_test(a_place_knows_its_element),
        cmocka_unit_test(a_walk_ends_where_it_is_told_to),
        cmocka_unit_test(a_mistake_says_what_and_in_which_column),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
