#include "collect/discover/groups.h"

#include "base/err.h"
#include "base/test.h"

static const struct target_groups_origin origin = {"/f", {STR("__meta_filepath"), STR("/f")}};

/* The groups as text: {labels of the group} {labels of a target} ...; */
static const char *shown(const struct target_groups *g)
{
    static char text[2000];
    struct buf out;

    buf_init(&out, sizeof text);
    for (size_t i = 0; i < g->n; i++) {
        buf_addf(&out, "%s ", g->items[i].source);
        labels_print(g->items[i].labels, &out);
        for (size_t k = 0; k < g->items[i].targets_n; k++)
            labels_print(g->items[i].targets[k], &out);
        buf_addc(&out, '\n');
    }
    (void)memcpy(text, out.n ? out.p : "", out.n);
    text[out.n] = '\0';
    buf_fini(&out);
    return text;
}

static int read_text(struct target_groups *g, bool json, const char *text, struct err *err)
{
    *err = (struct err){.kind = ERR_NONE};
    return json ? target_groups_read_json(g, str_c(text), &origin, err)
                : target_groups_read_yaml(g, str_c(text), "/f", &origin, err);
}

static void assert_read(bool json, const char *text, const char *wanted)
{
    struct target_groups *g = target_groups_new(NULL);
    struct err err;

    assert_ok(read_text(g, json, text, &err), err);
    assert_string_equal(shown(g), wanted);
    target_groups_unref(g);
}

static void assert_refused(bool json, const char *text, const char *words)
{
    struct target_groups *g = target_groups_new(NULL);
    struct err err;

    assert_int_equal(read_text(g, json, text, &err), -1);
    if (!strstr(err.text, words))
        fail_msg("\"%s\" is not in \"%s\" for %s", words, err.text, text);
    target_groups_unref(g);
}

#define TWO                                                                                        \
    "/f:0 {__meta_filepath=\"/f\", env=\"x\"}{__address__=\"a:1\"}{__address__=\"b:2\"}\n"         \
    "/f:1 {__meta_filepath=\"/f\"}{__address__=\"c:3\"}\n"

static void groups_are_read_from_json_and_yaml_alike(void **state)
{
    (void)state;
    assert_read(true,
                "[{\"targets\":[\"a:1\",\"b:2\"],\"labels\":{\"env\":\"x\",\"none\":\"\"}},"
                "{\"targets\":[\"c:3\"]}]",
                TWO);
    assert_read(false,
                "- targets: ['a:1', 'b:2']\n  labels: {env: x, none: }\n- {targets: ['c:3']}\n",
                TWO);
    assert_read(true, "[]", "");
    assert_read(false, "", "");
    assert_read(true, "[{}]", "/f:0 {__meta_filepath=\"/f\"}\n");
    assert_read(true, "[{\"targets\":null,\"labels\":null}]", "/f:0 {__meta_filepath=\"/f\"}\n");
    assert_read(false, "- labels: {a: 1}\n", "/f:0 {__meta_filepath=\"/f\", a=\"1\"}\n");
}

static void where_a_group_is_from_cannot_be_forged(void **state)
{
    (void)state;
    assert_read(true, "[{\"labels\":{\"__meta_filepath\":\"forged\"}}]",
                "/f:0 {__meta_filepath=\"/f\"}\n");
}

static void what_is_no_group_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused(true, "{}", "expected a list");
    assert_refused(true, "", "not JSON");
    assert_refused(true, "[null]", "group 1: expected");
    assert_refused(true, "[{},{\"target\":[]}]", "group 2: unknown key \"target\"");
    assert_refused(true, "[{\"targets\":[1]}]", "entry 1 is not a text");
    assert_refused(true, "[{\"targets\":{}}]", "targets is not a list");
    assert_refused(true, "[{\"labels\":[]}]", "labels is not an object");
    assert_refused(true, "[{\"labels\":{\"a\":1}}]", "the value of a is not a text");
    assert_refused(true, "[{\"labels\":{\"\":\"x\"}}]", "name is empty");
    assert_refused(false, "a: b", "expected a list");
    assert_refused(false, "- ", "a group is a map");
    assert_refused(false, "- targest: []", "unknown key");
    assert_refused(false, "- targets: {a: b}", "targets is not a list");
    assert_refused(false, "- targets: [[a]]", "a target is a text");
    assert_refused(false, "- labels: [a]", "labels is not a map");
    assert_refused(false, "- labels: {a: [b]}", "a label is a text");
    assert_refused(false, "- [", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(groups_are_read_from_json_and_yaml_alike),
        cmocka_unit_test(where_a_group_is_from_cannot_be_forged),
        cmocka_unit_test(what_is_no_group_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
