#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "model/matcher.h"
#include "model/source.h"
#include "promql/query.h"

#define ALL 0xffu

/* The selectors of an expression, each as "{name op value,...}". */
static void assert_selectors(const char *text, const char *expected)
{
    static const char *const ops[] = {
        [MATCH_EQ] = "=", [MATCH_NE] = "!=", [MATCH_RE] = "=~", [MATCH_NRE] = "!~"};
    SCOPED(buf_fini) struct buf out = {0};
    struct source_selector *found = NULL;
    struct expr *e;
    struct arena a;
    struct err err = {0};
    size_t n;

    arena_init(&a, NULL);
    assert_ok(promql_parse(&a, str_c(text), ALL, &e, &err), err);
    assert_ok(promql_selectors(e, &a, &found, &n, &err), err);
    for (size_t i = 0; i < n; i++) {
        buf_addc(&out, '{');
        for (size_t k = 0; k < found[i].n; k++) {
            const struct matcher *m = &found[i].matchers[k];

            buf_addf(&out, "%s%.*s%s%.*s", k ? "," : "", STR_ARGS(m->name), ops[m->op],
                     STR_ARGS(m->value));
        }
        buf_addc(&out, '}');
    }
    if (!str_eq(buf_str(&out), str_c(expected)))
        fail_msg("%s: \"%.*s\" instead of \"%s\"", text, STR_ARGS(buf_str(&out)), expected);
    promql_free(e);
    arena_fini(&a);
}

static void every_selector_is_found_wherever_it_stands(void **state)
{
    (void)state;
    assert_selectors("1 + vector(2)", "");
    assert_selectors("a", "{__name__=a}");
    assert_selectors("-(a @ end() offset 5m)", "{__name__=a}");
    assert_selectors("rate(a[5m])", "{__name__=a}");
    assert_selectors("max_over_time(rate(a[1m])[5m:1m])", "{__name__=a}");
    assert_selectors("a + on(x) group_left() sum by (x) (b) > c",
                     "{__name__=a}{__name__=b}{__name__=c}");
    assert_selectors("topk(scalar(n), m)", "{__name__=n}{__name__=m}");
    assert_selectors("quantile_over_time(scalar(q), a[5m])", "{__name__=q}{__name__=a}");
    assert_selectors("a or a", "{__name__=a}{__name__=a}");
}

static void all_matchers_of_a_selector_come_along(void **state)
{
    (void)state;
    assert_selectors("{b!=\"1\",c=~\"x.+\",d!~\"y\",e=\"z\"}", "{b!=1,c=~x.+,d!~y,e=z}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_selector_is_found_wherever_it_stands),
        cmocka_unit_test(all_matchers_of_a_selector_come_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
