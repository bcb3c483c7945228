#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/probe/judge.h"
#include "collect/probe/probe_settings.h"

static const struct probe_status good[] = {{200, 299}, {404, 404}};

/* "" or why the answer is not as expected. */
static const char *verdict(const struct probe_expect *expect, int status, struct str body)
{
    static struct err err;
    struct judge *judge;
    bool by_regex = false;

    err_clear(&err);
    assert_int_equal(judge_new(expect, &judge, &err), 0);
    if (judge_status(judge, status, &err) == 0 &&
        judge_body(judge, body, NULL, &by_regex, &err) == 0)
        err.text[0] = '\0';
    assert_int_equal(by_regex, strstr(err.text, "in the answer matches") != NULL);
    judge_free(judge);
    return err.text;
}

static void a_status_must_be_one_of_those_wanted(void **state)
{
    const struct probe_expect expect = {.status = good, .status_n = 2};

    (void)state;
    assert_string_equal(verdict(&expect, 204, STR("")), "");
    assert_string_equal(verdict(&expect, 404, STR("")), "");
    assert_string_equal(verdict(&expect, 500, STR("")), "HTTP status 500, expected 200-299 or 404");
}

static void patterns_stand_anywhere_in_the_body(void **state)
{
    const struct probe_expect expect = {
        .status = good, .status_n = 1, .match = STR("rea(dy|ding)"), .not_match = STR("(?i)error")};

    (void)state;
    assert_string_equal(verdict(&expect, 200, STR("it is ready now\n")), "");
    assert_string_equal(verdict(&expect, 200, STR("it sleeps")),
                        "nothing in the answer matches rea(dy|ding)");
    assert_string_equal(verdict(&expect, 200, STR("ready\nERROR")),
                        "something in the answer matches (?i)error");
}

static void json_is_compared_as_text(void **state)
{
    struct arena a;
    struct probe_json json[2] = {{.equals = STR("healthy")}, {.equals = STR("3")}};
    const struct probe_expect expect = {
        .status = good, .status_n = 1, .json = json, .json_n = ARRAY_LEN(json)};

    (void)state;
    arena_init(&a, NULL);
    assert_int_equal(json_path_parse(&a, STR("status"), &json[0].path, NULL), 0);
    assert_int_equal(json_path_parse(&a, STR("models[0].n"), &json[1].path, NULL), 0);
    assert_string_equal(
        verdict(&expect, 200, STR(" {\"status\": \"healthy\", \"models\": [{\"n\": 3}]}\n")), "");
    assert_string_equal(verdict(&expect, 200, STR("{\"status\": \"unhealthy\"}")),
                        "status in the JSON is unhealthy, expected healthy");
    assert_string_equal(verdict(&expect, 200, STR("{\"status\": \"healthy\"}")),
                        "models[0].n in the JSON is not there, expected 3");
    assert_string_equal(verdict(&expect, 200, STR("{\"status\": null}")),
                        "status in the JSON is null, expected healthy");
    assert_string_equal(verdict(&expect, 200, STR("{\"status\": {}}")),
                        "status in the JSON is no plain value, expected healthy");
    assert_non_null(strstr(verdict(&expect, 200, STR("<html>")), "the answer is not JSON: line 1"));
    arena_fini(&a);
}

static void json_is_read_within_the_budget(void **state)
{
    struct arena a;
    struct budget budget;
    struct probe_json json = {.equals = STR("1")};
    const struct probe_expect expect = {.json = &json, .json_n = 1};
    struct judge *judge;
    struct err err;
    bool by_regex;

    (void)state;
    arena_init(&a, NULL);
    budget_init(&budget, "a test", 100, NULL);
    assert_int_equal(json_path_parse(&a, STR("[0]"), &json.path, NULL), 0);
    assert_int_equal(judge_new(&expect, &judge, &err), 0);
    assert_int_equal(judge_body(judge, STR("[1]"), &budget, &by_regex, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(judge_body(judge, STR("[1]"), NULL, &by_regex, &err), 0);
    judge_free(judge);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_must_be_one_of_those_wanted),
        cmocka_unit_test(patterns_stand_anywhere_in_the_body),
        cmocka_unit_test(json_is_compared_as_text),
        cmocka_unit_test(json_is_read_within_the_budget),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
