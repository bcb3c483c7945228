#include "base/test.h"

#include <jansson.h>

#include "base/str.h"
#include "cli/explain.h"

static void expect(const char *json, const char *expr, size_t width, const char *wanted)
{
    json_t *data = json_loads(json, 0, NULL);
    struct buf out = {0};

    assert_non_null(data);
    explain_text(data, str_c(expr), width, &out);
    assert_string_equal(out.p, wanted);
    buf_fini(&out);
    json_decref(data);
}

static void a_finding_has_a_caret_below_its_place_and_a_suggestion(void **state)
{
    (void)state;
    expect("{\"summary\": \"No result.\", \"findings\": [{\"start\": 5, \"end\": 7, \"line\": 1, "
           "\"column\": 6, \"text\": \"No ab.\", \"suggestion\": \"rate(abc[5m])\"}], \"parts\": "
           "[{\"text\": \"rate(ab[5m])\", \"depth\": 0, \"series\": 0, \"dies\": false, \"note\": "
           "\"nothing left\"}, {\"text\": \"ab[5m]\", \"depth\": 1, \"series\": 0, \"dies\": true, "
           "\"note\": \"none\"}], \"mended\": \"rate(abc[5m])\", \"stopped\": null}",
           "rate(ab[5m])", 0,
           "No result.\n"
           "\n"
           "1:6: No ab.\n"
           "    rate(ab[5m])\n"
           "         ^~\n"
           "    try: rate(abc[5m])\n"
           "\n"
           "series  part of the expression  what happened\n"
           "     0  rate(ab[5m])            nothing left\n"
           "     0    ab[5m]                ends here: none\n");
}

static void the_caret_stays_on_its_line_and_counts_characters(void **state)
{
    (void)state;
    expect("{\"summary\": \"S\", \"findings\": [{\"start\": 8, \"end\": 20, \"line\": 2, "
           "\"column\": 5, \"text\": \"T\"}], \"parts\": [], \"mended\": \"x\\ny\", \"stopped\": "
           "\"late\"}",
           "a +\n\xc3\xa4\xc3\xa4"
           "bcd\n e",
           0,
           "S\n\n2:5: T\n    \xc3\xa4\xc3\xa4"
           "bcd\n      ^~~\n\n"
           "series  part of the expression  what happened\n"
           "\nAll mended:\n    x\n    y\n\nThe rest was not looked at: late\n");
}

static void control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    expect("{\"summary\": \"a\\u001b[2J\", \"findings\": [], \"parts\": []}", "a", 0,
           "a\\x1b[2J\n\nseries  part of the expression  what happened\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_finding_has_a_caret_below_its_place_and_a_suggestion),
        cmocka_unit_test(the_caret_stays_on_its_line_and_counts_characters),
        cmocka_unit_test(control_characters_do_not_reach_the_terminal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
