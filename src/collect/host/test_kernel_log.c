#include "base/test.h"
#include "collect/host/kernel_log.h"

static void a_kill_for_lack_of_memory_has_pid_name_and_size(void **state)
{
    struct kernel_kill kill;

    (void)state;
    assert_true(kernel_log_parse(
        STR("3,812,99,-;Out of memory: Killed process 2391 (python3) total-vm:8000000kB, "
            "anon-rss:4096kB, file-rss:4kB, shmem-rss:100kB, UID:0 pgtables:9kB oom_score_adj:0"),
        &kill));
    assert_int_equal(kill.pid, 2391);
    assert_string_equal(kill.name, "python3");
    assert_int_equal(kill.resident_bytes, 4200 * 1024);
    assert_true(kernel_log_parse(STR("3,813,99,-;Memory cgroup out of memory: Killed process 7 (a) "
                                     "b) total-vm:1kB, anon-rss:0kB, file-rss:0kB"),
                                 &kill));
    assert_string_equal(kill.name, "a) b");
}

static void other_lines_and_other_speakers_tell_of_no_kill(void **state)
{
    static const char *const lines[] = {
        "",
        ";",
        "3,1,1,-;",
        "3,1,1,-;oom_reaper: reaped process 2391 (python3), now anon-rss:0kB",
        "3,1,1,-;Killed process x (python3)",
        "3,1,1,-;Killed process 12",
        "3,1,1,-;Killed process 12 (python3",
        "14,1,1,-;Out of memory: Killed process 12 (python3) total-vm:1kB", /* somebody's write */
        "Out of memory: Killed process 12 (python3) total-vm:1kB",
    };
    struct kernel_kill kill;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        if (kernel_log_parse(str_c(lines[i]), &kill))
            fail_msg("%s", lines[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_kill_for_lack_of_memory_has_pid_name_and_size),
        cmocka_unit_test(other_lines_and_other_speakers_tell_of_no_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
