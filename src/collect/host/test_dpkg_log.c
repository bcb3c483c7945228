#include "collect/host/dpkg_log.h"

#include "base/test.h"

static struct buf out;

static const char *changes(const char *log, const char *since)
{
    buf_reset(&out);
    dpkg_log_changes(str_c(log), str_c(since), &out);
    return out.n ? out.p : "";
}

#define SINCE "2026-11-21 14:02:00"

static void packages_are_named_with_what_became_of_them(void **state)
{
    (void)state;
    assert_string_equal(
        changes("om:amd64 <none>\n"
                "2026-11-21 14:01:59 install before:amd64 <none> 1\n"
                "2026-11-21 14:02:01 startup archives unpack\n"
                "2026-11-21 14:02:11 upgrade redis-server:amd64 5:7.0.14-1 5:7.0.15-1\n"
                "2026-11-21 14:02:12 status unpacked redis-server:amd64 5:7.0.15-1\n"
                "2026-11-21 14:02:19 install jq:amd64 <none> 1.6-2.1\n"
                "2026-11-21 14:02:20 configure jq:amd64 1.6-2.1 <none>\n"
                "2026-11-21 14:02:30 remove htop:amd64 3.2.2-2 <none>\n"
                "2026-11-21 14:02:31 purge htop:amd64 3.2.2-2 <none>\n",
                SINCE),
        "redis-server 5:7.0.14-1 -> 5:7.0.15-1, jq installed, htop removed");
}

static void the_last_thing_done_to_a_package_counts(void **state)
{
    (void)state;
    assert_string_equal(changes("2026-11-21 14:02:11 upgrade a:all 1 2\n"
                                "2026-11-21 14:03:11 upgrade a:all 2 3\n",
                                SINCE),
                        "a 1 -> 3");
}

static void of_many_some_are_named_and_the_others_counted(void **state)
{
    struct buf log = {0};

    (void)state;
    for (unsigned i = 0; i < 3000; i++)
        buf_addf(&log, "2026-11-21 14:02:11 install p%u:all <none> 1\n", i);
    assert_string_equal(changes(buf_str(&log).p, SINCE),
                        "p0 installed, p1 installed, p2 installed, p3 installed, p4 installed, "
                        "p5 installed, p6 installed, p7 installed and 2992 more");
    buf_fini(&log);
}

static void other_lines_tell_of_nothing(void **state)
{
    static const char *const lines[] = {"",
                                        "\n\n",
                                        "2026-11-21 14:02:11",
                                        "2026-11-21 14:02:11 install",
                                        "2026-11-21 14:02:11 install  <none> 1",
                                        "2026-11-21 14:02:11 install \xff:all <none> 1",
                                        "2026-11-21T14:02:11 install a:all <none> 1"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_string_equal(changes(lines[i], SINCE), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packages_are_named_with_what_became_of_them),
        cmocka_unit_test(the_last_thing_done_to_a_package_counts),
        cmocka_unit_test(of_many_some_are_named_and_the_others_counted),
        cmocka_unit_test(other_lines_tell_of_nothing),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    buf_fini(&out);
    return rc;
}
