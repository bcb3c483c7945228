#include "base/attr.h"
#include "base/test.h"
#include "collect/process/exits.h"

#include <signal.h>

static void a_status_tells_why(void **state)
{
    static const struct {
        int status;
        enum exit_reason reason;
    } cases[] = {
        {0, EXIT_EXIT},
        {1 << 8, EXIT_CRASH},
        {3 << 8, EXIT_CRASH},
        {SIGTERM, EXIT_SIGNAL},
        {SIGKILL, EXIT_SIGNAL},
        {SIGSEGV, EXIT_CRASH},
        {SIGABRT | 0x80, EXIT_CRASH}, /* with a core file */
        {(128 + SIGTERM) << 8, EXIT_SIGNAL},
        {(128 + SIGSEGV) << 8, EXIT_CRASH},
        {255 << 8, EXIT_CRASH},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(exits_judge(cases[i].status), cases[i].reason);
    assert_true(exits_was_killed(SIGKILL));
    assert_true(exits_was_killed((128 + SIGKILL) << 8));
    assert_false(exits_was_killed(SIGTERM));
}

static void what_is_not_watched_is_not_known(void **state)
{
    int status = 7;

    (void)state;
    assert_false(exits_status(-1, &status));
    assert_int_equal(status, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_status_tells_why),
        cmocka_unit_test(what_is_not_watched_is_not_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
