#include "base/test.h"

#include "collect/ssh/snapshot.h"

static void assert_next(struct str *rest, const char *path, const char *content)
{
    SCOPED(buf_fini) struct buf got;
    struct str of;

    buf_init(&got, 0);
    if (!path) {
        assert_false(snapshot_next(rest, &of, &got));
        return;
    }
    assert_true(snapshot_next(rest, &of, &got));
    if (!str_eq(of, str_c(path)) || !str_eq(buf_str(&got), str_c(content)))
        fail_msg("got %.*s with \"%.*s\"", STR_ARGS(of), STR_ARGS(buf_str(&got)));
}

static void lines_of_one_file_come_together(void **state)
{
    struct str rest = STR("/proc/loadavg:0.1 0.2\n/proc/meminfo:MemTotal: 4 kB\n"
                          "/proc/meminfo:MemFree: 2 kB\n/sys/class/net/eth0/mtu:1500\n");

    (void)state;
    assert_next(&rest, "/proc/loadavg", "0.1 0.2\n");
    assert_next(&rest, "/proc/meminfo", "MemTotal: 4 kB\nMemFree: 2 kB\n");
    assert_next(&rest, "/sys/class/net/eth0/mtu", "1500\n");
    assert_next(&rest, NULL, NULL);
}

static void what_is_no_line_of_a_file_is_left_out(void **state)
{
    struct str rest = STR("motd\n\n/proc/a:1\ngrep: x\n/proc/a:2\n");

    (void)state;
    assert_next(&rest, "/proc/a", "1\n2\n");
    assert_next(&rest, NULL, NULL);
}

static void no_path_leads_out_of_the_tree(void **state)
{
    static const char *const bad[] = {
        "/proc/../x:1\n", "/proc/..:1\n", "/proc//x:1\n",      "/home/x:1\n",   "proc/x:1\n",
        "/proc/:1\n",     "/proc/.x:1\n", "/proc/.time/x:1\n", "/proc/a b:1\n", "/procx/y:1\n"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct str rest = str_c(bad[i]);

        assert_next(&rest, NULL, NULL);
    }
}

static void a_snapshot_ends_with_its_own_line(void **state)
{
    size_t n;

    (void)state;
    assert_true(snapshot_is_whole(STR("/proc/a:1\nend\n"), &n));
    assert_int_equal(n, 10);
    assert_true(snapshot_is_whole(STR("end\n"), &n));
    assert_false(snapshot_is_whole(STR("/proc/a:end\n"), &n));
    assert_false(snapshot_is_whole(STR("/proc/a:1\nend"), &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_one_file_come_together),
        cmocka_unit_test(what_is_no_line_of_a_file_is_left_out),
        cmocka_unit_test(no_path_leads_out_of_the_tree),
        cmocka_unit_test(a_snapshot_ends_with_its_own_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
