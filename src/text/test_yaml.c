#include "base/test.h"

#include <stdio.h>

#include "base/arena.h"
#include "text/yaml.h"

static struct arena arena;

static const struct yaml *parsed(const char *text)
{
    const struct yaml *root = NULL;
    struct err err = {0};
    char out[512];

    if (yaml_parse(&arena, "t.yml", str_c(text), &root, &err) < 0)
        fail_msg("%s", err_format(&err, out, sizeof out));
    return root;
}

/* The mistake in `text`, as a person sees it. */
static const char *mistake(struct str text)
{
    static char out[512];
    const struct yaml *root = NULL;
    struct err err = {0};

    assert_int_equal(yaml_parse(&arena, "t.yml", text, &root, &err), -1);
    assert_null(root);
    return err_format(&err, out, sizeof out);
}

static void assert_mistake(const char *text, const char *expected)
{
    const char *found = mistake(str_c(text));

    if (!strstr(found, expected))
        fail_msg("expected \"%s\", found \"%s\"", expected, found);
}

static void block_and_flow_give_the_same_tree(void **state)
{
    static const char *const texts[] = {"a:\n  b: [1, 2]\n  c: x\n", "{a: {b: [1, 2], c: x}}",
                                        "{\"a\": {\"b\": [1, 2], \"c\": \"x\"}}",
                                        "a: &m {b: [1, 2], c: x}\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const struct yaml *a = yaml_get(parsed(texts[i]), "a"), *b = yaml_get(a, "b");

        assert_int_equal(a->kind, YAML_MAP);
        assert_int_equal(b->kind, YAML_LIST);
        assert_int_equal(b->n, 2);
        assert_true(str_eq(b->items[1].text, STR("2")));
        assert_true(str_eq(yaml_get(a, "c")->text, STR("x")));
        assert_null(yaml_get(a, "d"));
        assert_null(yaml_get(b, "x"));
    }
}

static void every_node_knows_its_place(void **state)
{
    const struct yaml *root = parsed("# first\na: 1\nb:\n  - \xc3\xa9: 'x y'\n");
    const struct yaml *item = &yaml_get(root, "b")->items[0];

    (void)state;
    assert_int_equal(yaml_get(root, "a")->at.line, 2);
    assert_int_equal(yaml_get(root, "a")->at.column, 4);
    assert_int_equal(item->pairs[0].key.at.line, 4);
    assert_int_equal(item->pairs[0].key.at.column, 5);
    assert_int_equal(item->pairs[0].value.at.column, 8); /* characters, not bytes */
    assert_int_equal(item->pairs[0].value.at.length, 5);
    assert_string_equal(item->file, "t.yml");
}

static void nothing_null_and_quoted_are_told_apart(void **state)
{
    const struct yaml *root = parsed("a:\nb: ~\nc: null\nd: ''\ne: 'null'\nf: !!str 5\nnull: x\n");

    (void)state;
    assert_int_equal(yaml_get(root, "a")->kind, YAML_NULL);
    assert_int_equal(yaml_get(root, "b")->kind, YAML_NULL);
    assert_int_equal(yaml_get(root, "c")->kind, YAML_NULL);
    assert_int_equal(yaml_get(root, "d")->kind, YAML_SCALAR);
    assert_int_equal(yaml_get(root, "e")->kind, YAML_SCALAR);
    assert_true(yaml_get(root, "f")->quoted);
    assert_true(str_eq(yaml_get(root, "null")->text, STR("x")));
    assert_int_equal(parsed("")->kind, YAML_NULL);
    assert_int_equal(parsed("---\n# nothing\n")->kind, YAML_NULL);
}

static void aliases_and_merge_keys_are_followed(void **state)
{
    const struct yaml *root = parsed("base: &b {x: 1, y: 2}\n"
                                     "other: &o {y: 3, z: 4}\n"
                                     "copy: *b\n"
                                     "merged: {<<: [*b, *o], x: 9}\n"
                                     "one:\n  <<: *o\n"
                                     "text: {'<<': 5}\n");
    const struct yaml *merged = yaml_get(root, "merged");

    (void)state;
    assert_true(str_eq(yaml_get(yaml_get(root, "copy"), "x")->text, STR("1")));
    assert_int_equal(yaml_get(root, "copy")->at.line, 3);
    assert_int_equal(merged->n, 3);
    assert_true(str_eq(yaml_get(merged, "x")->text, STR("9")));
    assert_true(str_eq(yaml_get(merged, "y")->text, STR("2")));
    assert_true(str_eq(yaml_get(merged, "z")->text, STR("4")));
    assert_true(str_eq(yaml_get(yaml_get(root, "one"), "z")->text, STR("4")));
    assert_true(str_eq(yaml_get(yaml_get(root, "text"), "<<")->text, STR("5")));
}

static void mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    assert_mistake("a: 1\nb: 2\na: 3\n", "t.yml:3:1: key \"a\" is given twice, first in line 1");
    assert_mistake("a:\n\tb: 1\n", "t.yml:2:1: a tab cannot indent");
    assert_mistake("a: 1\n---\nb: 2\n", "t.yml:2:1: a second document");
    assert_mistake("a: [1, 2\n", "t.yml:2:1:");
    assert_mistake("a: 'x\n", "that begins in line 1");
    assert_mistake("a: *nowhere\n", "t.yml:1:4: alias *nowhere: there is no anchor");
    assert_mistake("a: &x [*x]\n", "an alias inside of what it stands for");
    assert_mistake("? [1]\n: 2\n", "t.yml:1:3: a key must be a word");
    assert_mistake("'': 2\n", "t.yml:1:1: a key must not be empty");
    assert_mistake("a: !!binary aGk=\n", "t.yml:1:4: tag tag:yaml.org,2002:binary is not read");
    assert_mistake("a: !mine [1]\n", "tag !mine is not read");
    assert_mistake("a: !mine {b: 1}\n", "tag !mine is not read");
    assert_mistake("{<<: 5}\n", "<< wants a map");
    assert_mistake("{<<: [5]}\n", "<< wants a map");
    assert_mistake("ok: 1\n  bad: 2\n", "t.yml:2:6:");
    assert_mistake("a: \xff\n", "t.yml:1:4:");
    assert_mistake("a: %x\n", "t.yml:1:4:");
}

static void a_nul_byte_is_no_text(void **state)
{
    (void)state;
    assert_non_null(strstr(mistake(STR("a: 1\nb: x\0y\n")), "t.yml:2:5: a NUL byte"));
}

static void depth_is_bounded(void **state)
{
    char text[256];

    (void)state;
    memset(text, '[', sizeof text);
    assert_non_null(strstr(mistake((struct str){text, 100}), "nested deeper than 64"));
    memset(text + 64, ']', 64);
    {
        const struct yaml *root;
        struct err err = {0};

        assert_ok(yaml_parse(&arena, "t.yml", (struct str){text, 128}, &root, &err), err);
    }
}

static void an_alias_bomb_is_refused(void **state)
{
    char text[2048];
    size_t n = 0;

    (void)state;
    n += (size_t)snprintf(text, sizeof text, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        n += (size_t)snprintf(text + n, sizeof text - n, "a%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            n += (size_t)snprintf(text + n, sizeof text - n, "*a%d,", i - 1);
        n += (size_t)snprintf(text + n, sizeof text - n, "]\n");
    }
    assert_non_null(strstr(mistake((struct str){text, n}), "aliases stand for more"));
}

static void the_arenas_budget_bounds_a_large_file(void **state)
{
    struct budget budget;
    struct arena small;
    const struct yaml *root;
    struct err err = {0};
    char text[4000];

    (void)state;
    memset(text, ',', sizeof text);
    for (size_t i = 1; i < sizeof text; i += 2)
        text[i] = 'a';
    text[0] = '[';
    text[sizeof text - 1] = ']';
    budget_init(&budget, "configuration memory", 20000, NULL);
    arena_init(&small, &budget);
    assert_fails(yaml_parse(&small, "t.yml", (struct str){text, sizeof text}, &root, &err), err,
                 ERR_LIMIT, "configuration memory");
    arena_fini(&small);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, NULL);
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
        cmocka_unit_test(block_and_flow_give_the_same_tree),
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(nothing_null_and_quoted_are_told_apart),
        cmocka_unit_test(aliases_and_merge_keys_are_followed),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(a_nul_byte_is_no_text),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(an_alias_bomb_is_refused),
        cmocka_unit_test(the_arenas_budget_bounds_a_large_file),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
