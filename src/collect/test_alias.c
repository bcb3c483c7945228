#include "base/test.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/alias.h"
#include "model/expo.h"

static const struct metric_alias pairs[] = {{{{"new", 3}, {"old", 3}}}, {{{"a", 1}, {"b", 1}}}};
static const struct metric_aliases aliases = {pairs, 2};

static void assert_becomes(const char *body, const char *expected)
{
    SCOPED(buf_fini) struct buf out = {0};
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer writer;
    struct alias alias;
    struct err err;

    arena_init(&scratch, NULL);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    assert_ok(alias_begin(&alias, &aliases, &writer.emit, NULL, &err), err);
    assert_ok(expo_parse(str_c(body), EXPO_TEXT, &scratch, &alias.emit, &err), err);
    assert_ok(alias_finish(&alias, &err), err);
    assert_string_equal(out.p, expected);
    alias_fini(&alias);
}

static void what_comes_under_one_name_is_told_under_the_other(void **state)
{
    (void)state;
    assert_becomes(
        "# HELP old Share.\n# TYPE old gauge\nold{m=\"x\\\\\"} 0.5\nold{m=\"y\"} 1\nc 3\n",
        "# HELP old Share.\n# TYPE old gauge\nold{m=\"x\\\\\"} 0.5\nold{m=\"y\"} 1\nc 3\n"
        "# HELP new Share.\n# TYPE new gauge\nnew{m=\"x\\\\\"} 0.5\nnew{m=\"y\"} 1\n");
    assert_becomes("# TYPE new gauge\nnew 2 1000\n",
                   "# TYPE new gauge\nnew 2 1000\n# TYPE old gauge\nold 2 1000\n");
}

static void what_comes_under_both_stays_as_it_is(void **state)
{
    static const char body[] = "# TYPE old gauge\nold 1\n# TYPE new gauge\nnew 2\n"
                               "# TYPE other gauge\nother 3\n";

    (void)state;
    assert_becomes(body, body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_under_one_name_is_told_under_the_other),
        cmocka_unit_test(what_comes_under_both_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
