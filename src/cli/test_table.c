#include "base/test.h"

#include "cli/table.h"

static void fill(struct table *t, const char *const cells[], size_t n)
{
    for (size_t i = 0; i < n; i++)
        table_add(t, str_c(cells[i]));
}

static void columns_are_aligned_and_the_last_is_cut(void **state)
{
    static const char *const cells[] = {
        "value", "series", "1.5", "a{x=\"\xc3\xa9\"}", "-20000", "bbbbbbbbbbbbbbbbbbbb"};
    struct table t;
    struct buf out;

    (void)state;
    table_init(&t, 2, 1);
    fill(&t, cells, 6);
    buf_init(&out, 0);
    table_print(&t, 20, &out);
    assert_string_equal(out.p, " value  series\n"
                               "   1.5  a{x=\"\xc3\xa9\"}\n"
                               "-20000  bbbbbbbbbbb\xe2\x80\xa6\n");
    buf_fini(&out);
    table_fini(&t);
}

static void csv_quotes_what_needs_it(void **state)
{
    static const char *const cells[] = {"a", "b", "x,y", "say \"hi\"", "", "plain"};
    struct table t;
    struct buf out;

    (void)state;
    table_init(&t, 2, 0);
    fill(&t, cells, 6);
    buf_init(&out, 0);
    table_csv(&t, &out);
    assert_string_equal(out.p, "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n,plain\n");
    buf_fini(&out);
    table_fini(&t);
}

static void no_label_drives_the_terminal(void **state)
{
    struct table t;

    (void)state;
    table_init(&t, 1, 0);
    table_add(&t, STR("\033[2Jx\n"));
    table_add(&t, STR("\xff"));
    assert_string_equal(t.cells[0], "\\x1b[2Jx\\x0a");
    assert_string_equal(t.cells[1], "(not UTF-8)");
    table_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_aligned_and_the_last_is_cut),
        cmocka_unit_test(csv_quotes_what_needs_it),
        cmocka_unit_test(no_label_drives_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
