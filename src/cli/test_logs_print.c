#include "base/test.h"

#include <jansson.h>
#include <time.h>

#include "base/str.h"
#include "cli/logs_print.h"

static void assert_line(const char *json, bool source, bool colours, const char *expected)
{
    SCOPED(buf_fini) struct buf out = {0};
    json_t *line = json_loads(json, 0, NULL);

    assert_non_null(line);
    logs_print(line, source, colours, &out);
    assert_string_equal(out.p, expected);
    json_decref(line);
}

static void a_line_is_its_time_level_message_event_and_fields(void **state)
{
    (void)state;
    assert_line(
        "{\"time\": \"2025-03-04T08:00:01.204Z\", \"source\": \"box/a\", \"level\": \"warning\","
        " \"event\": \"job\", \"message\": \"late\", \"fields\": {\"job\": \"9f\", \"s\": 1.5}}",
        true, false, "2025-03-04 09:00:01.204 box/a WARNING late  event=job  job=9f  s=1.5\n");
    assert_line("{\"time\": \"2025-03-04T08:00:01.204Z\", \"source\": \"box\", \"level\": \"info\","
                " \"event\": \"\", \"message\": \"a\\nb\", \"fields\": {}}",
                false, false, "2025-03-04 09:00:01.204 INFO a\n    b\n");
}

static void colours_go_with_the_level(void **state)
{
    (void)state;
    assert_line(
        "{\"time\": \"2025-03-04T08:00:01.204Z\", \"source\": \"box\", \"level\": \"error\","
        " \"event\": \"\", \"message\": \"x\", \"fields\": {}}",
        false, true, "\033[2m2025-03-04 09:00:01.204\033[0m \033[31mERROR x\033[0m\n");
}

static void no_line_drives_the_terminal(void **state)
{
    (void)state;
    assert_line("{\"time\": \"\\u001b[2J\", \"source\": \"a\\u0007\", \"level\": \"info\","
                " \"event\": \"\", \"message\": \"\\u001b]0;x\\u0007 \\u009b31m \\u00e9\","
                " \"fields\": {\"k\\n\": \"v\\r\"}}",
                true, false,
                "\\x1b[2J a\\x07 INFO \\x1b]0;x\\x07 \\xc2\\x9b31m \xc3\xa9  k =v\\x0d\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_its_time_level_message_event_and_fields),
        cmocka_unit_test(colours_go_with_the_level),
        cmocka_unit_test(no_line_drives_the_terminal),
    };

    (void)setenv("TZ", "CET-1", 1);
    tzset();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
