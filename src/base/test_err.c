#include "base/err.h"

#include <errno.h>

#include "base/test.h"

static void an_error_names_file_line_and_column(void **state)
{
    struct err e;
    char text[600];

    (void)state;
    assert_int_equal(err_at(&e, ERR_TYPE, (struct span){14, 11, 7}, "unknown function \"%s\"", "f"),
                     -1);
    (void)err_context(&e, "rule \"%s\"", "QueueStuck");
    (void)err_in_file(&e, "rules/queue.yml");
    (void)err_in_file(&e, "other.yml");
    assert_string_equal(err_format(&e, text, sizeof text),
                        "rules/queue.yml:14:11: rule \"QueueStuck\": unknown function \"f\"");
}

static void an_os_error_says_what_the_system_said(void **state)
{
    struct err e;

    (void)state;
    (void)err_os(&e, ENOSPC, "writing %s", "wal/1.log");
    assert_int_equal(e.kind, ERR_OS);
    assert_int_equal(e.os, ENOSPC);
    assert_string_equal(e.text, "writing wal/1.log: No space left on device");
}

static void long_text_is_cut_not_overrun(void **state)
{
    struct err e;
    char text[32];

    (void)state;
    (void)err_set(&e, ERR_EVAL, "%0500d", 1);
    assert_int_equal(strlen(e.text), sizeof e.text - 1);
    (void)err_context(&e, "%0500d", 2); /* no room: the text stays */
    assert_int_equal(e.text[0], '0');
    assert_int_equal(strlen(err_format(&e, text, sizeof text)), sizeof text - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_error_names_file_line_and_column),
        cmocka_unit_test(an_os_error_says_what_the_system_said),
        cmocka_unit_test(long_text_is_cut_not_overrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
