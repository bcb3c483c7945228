#include "base/test.h"
#include "collect/host/fixture.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/process/process.h"
#include "collect/process/process_settings.h"
#include "model/expo.h"
#include "sys/clock.h"

/* The machine of fuzz/corpus/process/machine: the fuzzer starts from what the tests rely on. */
static char machine_text[64 << 10];
static struct str machine;

#define GROUPS_MAX 8

struct watched {
    struct fixture f;
    struct process_group_settings items[GROUPS_MAX];
    struct process_groups groups;
    struct process_settings settings;
    struct collector collector;
    struct buf out;
};

static void start(struct watched *w, const struct process_context *context)
{
    struct err err = {0};

    w->groups.items = w->items;
    w->settings.groups = &w->groups;
    if (process_collector(&w->settings, context, &w->collector, &err) < 0)
        fail_msg("%s", err.text);
}

static void add(struct watched *w, struct process_group_settings group)
{
    w->items[w->groups.n++] = group;
}

static void begin(struct watched *w)
{
    const struct process_context context = {.proc = w->f.proc,
                                            .sys = w->f.sys,
                                            .root = w->f.dir,
                                            .clock = &w->f.clock.clock,
                                            .log = &w->f.log};

    start(w, &context);
}

static void pass(struct watched *w)
{
    struct arena scratch;
    struct expo_writer writer;
    struct err err = {0};

    buf_reset(&w->out);
    arena_init(&scratch, NULL);
    expo_writer_init(&writer, EXPO_TEXT, &w->out);
    if (w->collector.collect(w->collector.arg, &writer.emit, &scratch, &err) < 0)
        fail_msg("%s", err.text);
    arena_fini(&scratch);
    manual_clock_advance(&w->f.clock, 5000);
}

static int open_machine(void **state)
{
    struct watched *w = calloc(1, sizeof *w);

    buf_init(&w->out, 0);
    fixture_open(&w->f, machine);
    fixture_link(&w->f, "proc/100/exe", "/usr/bin/python3.11");
    *state = w;
    return 0;
}

static int close_machine(void **state)
{
    struct watched *w = *state;

    if (w->collector.free)
        w->collector.free(w->collector.arg);
    fixture_close(&w->f);
    buf_fini(&w->out);
    free(w);
    return 0;
}

static bool has_line(const struct watched *w, const char *line)
{
    char whole[500];

    (void)snprintf(whole, sizeof whole, "\n%s\n", line);
    return w->out.p && strstr(w->out.p, whole);
}

static void assert_line_(const struct watched *w, const char *line, const char *file, int at)
{
    if (has_line(w, line))
        return;
    print_error("not in the output: %s\n%s", line, w->out.p);
    _fail(file, at);
}
#define assert_line(w, line) assert_line_((w), (line), __FILE__, __LINE__)

/* /proc/PID/stat of a process that ran `ticks`. */
static void write_stat(struct watched *w, int pid, const char *name, char state, int parent,
                       int start_ticks, int ticks, int status)
{
    char text[400];

    (void)snprintf(text, sizeof text,
                   "== proc/%d/stat\n%d (%s) %c %d 1 1 0 -1 4194560 10 0 2 0 %d 50 0 0 20 0 1 0 %d "
                   "10000000 1000 18446744073709551615 1 1 140000000 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 "
                   "0 0 0 0 0 0 0 0 %d\n",
                   pid, pid, name, state, parent, ticks, start_ticks, status);
    fixture_write(&w->f, str_c(text));
}

static void write_command(struct watched *w, int pid, const char *command)
{
    char text[200];

    (void)snprintf(text, sizeof text, "== proc/%d/cmdline\n%s\n", pid, command);
    fixture_write(&w->f, str_c(text));
}

static void end(struct watched *w, int pid)
{
    static const char *const files[] = {"stat", "cmdline", "cgroup", "status", "io", "limits"};
    char path[60];

    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        (void)snprintf(path, sizeof path, "proc/%d/%s", pid, files[i]);
        fixture_remove(&w->f, path);
    }
}

static void a_group_adds_up_what_its_processes_and_their_children_are(void **state)
{
    static const char *const lines[] = {
        "namedprocess_namegroup_num_procs{groupname=\"llm_worker\"} 3",
        "namedprocess_namegroup_num_threads{groupname=\"llm_worker\"} 4",
        "namedprocess_namegroup_states{groupname=\"llm_worker\",state=\"Sleeping\"} 3",
        "namedprocess_namegroup_states{groupname=\"llm_worker\",state=\"Zombie\"} 0",
        "namedprocess_namegroup_open_filedesc{groupname=\"llm_worker\"} 9",
        "namedprocess_namegroup_worst_fd_ratio{groupname=\"llm_worker\"} 0.75",
        "namedprocess_namegroup_memory_bytes{groupname=\"llm_worker\",memtype=\"virtual\"} 3e+07",
        "namedprocess_namegroup_memory_bytes{groupname=\"llm_worker\",memtype=\"swapped\"} 24576",
        "namedprocess_namegroup_oldest_start_time_seconds{groupname=\"llm_worker\"} 1.7950001e+09",
        "earshot_process_youngest_start_time_seconds{groupname=\"llm_worker\"} 1.7950002e+09",
    };
    struct watched *w = *state;
    char line[200];

    add(w, (struct process_group_settings){
               .name = "llm_worker", .match = "python.*llm_worker", .children = true});
    begin(w);
    pass(w);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++)
        assert_line(w, lines[i]);
    (void)snprintf(line, sizeof line,
                   "earshot_process_max_resident_bytes{groupname=\"llm_worker\"} %g",
                   5000.0 * (double)sysconf(_SC_PAGESIZE));
    assert_line(w, line);
    assert_string_equal(w->f.logged, "");
}

static void each_way_to_say_which_processes_takes_its_own(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "exe", .exe = "python3.11"});
    add(w, (struct process_group_settings){.name = "unit", .unit = "redis-server"});
    add(w, (struct process_group_settings){
               .name = "template", .unit = "postgresql@15-main.service", .user = "postgres"});
    add(w, (struct process_group_settings){.name = "container", .container = "web"});
    add(w, (struct process_group_settings){.name = "pid_file", .pid_file = "/run/daemon.pid"});
    add(w, (struct process_group_settings){.name = "path", .exe = "/sbin/init"});
    begin(w);
    pass(w);
    for (size_t i = 0; i < w->groups.n; i++) {
        char line[200];

        (void)snprintf(line, sizeof line, "namedprocess_namegroup_num_procs{groupname=\"%s\"} 1",
                       w->items[i].name);
        assert_line(w, line);
    }
}

static void all_that_an_entry_says_must_hold(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "both", .match = "postgres", .user = "0"});
    add(w, (struct process_group_settings){.name = "id", .container = "0123456789ab"});
    begin(w);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"both\"} 0");
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"id\"} 1");
}

static void the_first_entry_that_matches_takes_the_process(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "ffmpeg", .exe = "ffmpeg"});
    add(w, (struct process_group_settings){.name = "hub", .match = "/opt/hub", .children = true});
    add(w, (struct process_group_settings){.name = "python", .match = "python3"});
    begin(w);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"ffmpeg\"} 1");
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"hub\"} 2");
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"python\"} 0");
}

static void without_children_a_group_is_what_matches_and_no_more(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "hub", .match = "/opt/hub"});
    begin(w);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"hub\"} 1");
}

static void a_group_without_a_process_is_zero_and_not_absent(void **state)
{
    struct watched *w = *state;

    add(w,
        (struct process_group_settings){.name = "none", .match = "nothing like it", .expect = 2});
    begin(w);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"none\"} 0");
    assert_line(w,
                "namedprocess_namegroup_memory_bytes{groupname=\"none\",memtype=\"resident\"} 0");
    assert_line(w, "earshot_process_expected{groupname=\"none\"} 2");
    assert_line(w, "earshot_process_exits_total{groupname=\"none\",reason=\"oom\"} 0");
    assert_null(strstr(w->out.p, "start_time_seconds{"));
    assert_null(strstr(w->out.p, "max_cpu_ratio{"));
}

static void cpu_is_that_of_the_last_interval_and_of_the_busiest(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "hub", .match = "/opt/hub", .children = true});
    begin(w);
    pass(w);
    assert_null(strstr(w->out.p, "max_cpu_ratio{"));
    assert_line(w, "namedprocess_namegroup_cpu_seconds_total{groupname=\"hub\",mode=\"user\"} 0");
    write_stat(w, 100, "python3", 'R', 1, 10000, 500, 0);
    write_stat(w, 102, "ffmpeg", 'R', 101, 20010, 200, 0);
    pass(w);
    assert_line(w, "earshot_process_max_cpu_ratio{groupname=\"hub\"} 0.8");
    assert_line(w, "namedprocess_namegroup_cpu_seconds_total{groupname=\"hub\",mode=\"user\"} 5");
    end(w, 102);
    pass(w); /* what has ended still counts */
    assert_line(w, "namedprocess_namegroup_cpu_seconds_total{groupname=\"hub\",mode=\"user\"} 5");
    assert_line(w, "earshot_process_max_cpu_ratio{groupname=\"hub\"} 0");
}

static void a_process_that_comes_is_a_start_with_all_it_did(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "worker", .match = "job-[0-9]+"});
    begin(w);
    pass(w);
    assert_line(w, "earshot_process_starts_total{groupname=\"worker\"} 0");
    write_stat(w, 700, "python3", 'R', 1, 500100, 250, 0);
    write_command(w, 700, "python3 job-7");
    fixture_write(&w->f, STR("== proc/uptime\n5005.00 9000.00\n"));
    pass(w);
    assert_line(w, "earshot_process_starts_total{groupname=\"worker\"} 1");
    assert_line(w,
                "namedprocess_namegroup_cpu_seconds_total{groupname=\"worker\",mode=\"user\"} 2.5");
    assert_line(w, "earshot_process_max_cpu_ratio{groupname=\"worker\"} 0.6");
    end(w, 700);
    pass(w);
    assert_line(w, "earshot_process_exits_total{groupname=\"worker\",reason=\"unknown\"} 1");
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 0");
}

static void a_pid_given_out_anew_is_an_end_and_a_start(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "daemon", .match = "/opt/daemon"});
    begin(w);
    pass(w);
    write_stat(w, 500, "daemon", 'S', 1, 490000, 0, 0);
    pass(w);
    assert_line(w, "earshot_process_starts_total{groupname=\"daemon\"} 1");
    assert_line(w, "earshot_process_exits_total{groupname=\"daemon\",reason=\"unknown\"} 1");
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"daemon\"} 1");
}

static void a_shell_that_runs_the_worker_in_its_place_becomes_the_worker(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "worker", .match = "^worker "});
    begin(w);
    write_command(w, 500, "sh wait-for-it.sh");
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 0");
    write_command(w, 500, "worker --now");
    pass(w); /* old, and of the same name: not looked at again */
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 0");
    write_stat(w, 500, "worker", 'S', 1, 6000, 100, 0);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 1");
    assert_line(w, "earshot_process_starts_total{groupname=\"worker\"} 1");
    write_command(w, 500, "something else");
    write_stat(w, 500, "else", 'S', 1, 6000, 100, 0);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 0");
    assert_line(w, "earshot_process_exits_total{groupname=\"worker\",reason=\"exit\"} 1");
}

static void a_young_process_is_looked_at_again(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "worker", .match = "^worker "});
    begin(w);
    write_stat(w, 700, "sh", 'R', 1, 499900, 0, 0);
    write_command(w, 700, "sh start.sh");
    pass(w);
    write_command(w, 700, "worker --now"); /* exec of another shell script: the same name */
    fixture_write(&w->f, STR("== proc/uptime\n5005.00 9000.00\n"));
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"worker\"} 1");
}

static void a_zombie_tells_once_why_it_ended(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "daemon", .match = "/opt/daemon"});
    begin(w);
    pass(w);
    write_stat(w, 500, "daemon", 'Z', 1, 6000, 100, SIGSEGV);
    pass(w);
    pass(w);
    end(w, 500);
    pass(w);
    assert_line(w, "earshot_process_exits_total{groupname=\"daemon\",reason=\"crash\"} 1");
    assert_line(w, "earshot_process_exits_total{groupname=\"daemon\",reason=\"unknown\"} 0");
}

static void the_kernels_log_names_who_was_killed_for_memory(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "daemon", .match = "/opt/daemon"});
    add(w, (struct process_group_settings){.name = "redis", .unit = "redis-server.service"});
    begin(w);
    pass(w);
    fixture_write(&w->f,
                  STR("== dev/kmsg\n6,1,1000,-;Linux version 6.1\n"
                      "3,2,2000,-;Out of memory: Killed process 500 (daemon) "
                      "total-vm:9000kB, anon-rss:500kB, file-rss:20kB, shmem-rss:0kB, UID:0\n"
                      "11,3,2001,-;Out of memory: Killed process 200 (redis-server)\n"));
    end(w, 500);
    end(w, 200);
    pass(w);
    assert_line(w, "earshot_process_exits_total{groupname=\"daemon\",reason=\"oom\"} 1");
    assert_line(w, "earshot_process_exits_total{groupname=\"redis\",reason=\"oom\"} 0");
    assert_line(w, "earshot_process_exits_total{groupname=\"redis\",reason=\"unknown\"} 1");
    assert_non_null(strstr(w->f.logged, "the kernel killed daemon (pid 500, group daemon, "));
}

static void a_control_groups_count_tells_of_kills_for_memory(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "hub", .match = "/opt/hub", .children = true});
    begin(w);
    pass(w);
    /* Counted before the victim has gone; the largest was more likely. */
    fixture_write(&w->f, STR("== sys/fs/cgroup/user.slice/memory.events\nlow 0\noom_kill 1\n"));
    pass(w);
    end(w, 101);
    end(w, 102);
    pass(w);
    assert_line(w, "earshot_process_exits_total{groupname=\"hub\",reason=\"oom\"} 1");
    assert_line(w, "earshot_process_exits_total{groupname=\"hub\",reason=\"unknown\"} 1");
    assert_non_null(strstr(w->f.logged, "the kernel killed ffmpeg"));
    end(w, 100);
    pass(w);
    assert_line(w, "earshot_process_exits_total{groupname=\"hub\",reason=\"oom\"} 1");
}

static void a_pid_file_is_followed_and_an_old_one_is_not_believed(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "daemon", .pid_file = "/run/daemon.pid"});
    begin(w);
    pass(w);
    fixture_write(&w->f, STR("== run/daemon.pid\n400\n"));
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"daemon\"} 1");
    assert_line(w, "earshot_process_starts_total{groupname=\"daemon\"} 1");
    assert_line(w, "earshot_process_exits_total{groupname=\"daemon\",reason=\"exit\"} 1");
    /* Its pid has been given to another that started after the file was written. */
    write_stat(w, 400, "innocent", 'S', 1, 2000000000, 0, 0);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"daemon\"} 0");
}

static void a_target_shows_its_own_groups_and_the_others_still_take_theirs(void **state)
{
    struct watched *w = *state;

    add(w, (struct process_group_settings){.name = "elsewhere", .match = "llm_worker", .set = 1});
    add(w, (struct process_group_settings){.name = "here", .match = "python3"});
    begin(w);
    pass(w);
    assert_line(w, "namedprocess_namegroup_num_procs{groupname=\"here\"} 0");
    assert_null(strstr(w->out.p, "elsewhere"));
}

/* ---- this very machine ---- */

static pid_t run_child(int code)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    if (code < 0)
        for (;;)
            (void)pause();
    (void)usleep(200000);
    _exit(code);
}

/* The kernels that tell an exit status to whoever held a descriptor (6.15) are not everywhere: what
 * must hold is that nothing wrong is said. */
static void a_real_process_tells_why_it_ended_or_that_it_is_not_known(void **state)
{
    struct watched w = {.groups.n = 0};
    const struct process_context context = {
        .proc = "/proc", .sys = "/sys", .root = "/", .clock = clock_real()};
    char user[32], command[64], signal_line[120], exit_line[120];
    pid_t killed, ended;

    (void)state;
    buf_init(&w.out, 0);
    (void)snprintf(user, sizeof user, "%u", (unsigned)geteuid());
    (void)snprintf(command, sizeof command, "%s", "test_collect_process");
    add(&w, (struct process_group_settings){.name = "self", .match = command, .user = user});
    start(&w, &context);
    killed = run_child(-1);
    ended = run_child(0);
    pass(&w);
    assert_int_equal(kill(killed, SIGKILL), 0);
    assert_int_equal(waitpid(killed, NULL, 0), killed);
    assert_int_equal(waitpid(ended, NULL, 0), ended);
    pass(&w);
    (void)snprintf(signal_line, sizeof signal_line,
                   "earshot_process_exits_total{groupname=\"self\",reason=\"signal\"} 1");
    (void)snprintf(exit_line, sizeof exit_line,
                   "earshot_process_exits_total{groupname=\"self\",reason=\"exit\"} 1");
    if (has_line(&w, signal_line))
        assert_line(&w, exit_line);
    else
        assert_line(&w, "earshot_process_exits_total{groupname=\"self\",reason=\"unknown\"} 2");
    w.collector.free(w.collector.arg);
    buf_fini(&w.out);
}

static void a_pattern_that_does_not_compile_names_its_group(void **state)
{
    struct process_group_settings item = {.name = "odd", .match = "("};
    const struct process_groups groups = {&item, 1, 1};
    const struct process_settings settings = {&groups, 0};
    const struct process_context context = {.proc = "/proc", .sys = "/sys", .root = "/"};
    struct collector collector;
    struct err err = {0};

    (void)state;
    assert_int_equal(process_collector(&settings, &context, &collector, &err), -1);
    assert_non_null(strstr(err.text, "odd: match"));
}

#define with_machine(name) cmocka_unit_test_setup_teardown(name, open_machine, close_machine)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        with_machine(a_group_adds_up_what_its_processes_and_their_children_are),
        with_machine(each_way_to_say_which_processes_takes_its_own),
        with_machine(all_that_an_entry_says_must_hold),
        with_machine(the_first_entry_that_matches_takes_the_process),
        with_machine(without_children_a_group_is_what_matches_and_no_more),
        with_machine(a_group_without_a_process_is_zero_and_not_absent),
        with_machine(cpu_is_that_of_the_last_interval_and_of_the_busiest),
        with_machine(a_process_that_comes_is_a_start_with_all_it_did),
        with_machine(a_pid_given_out_anew_is_an_end_and_a_start),
        with_machine(a_shell_that_runs_the_worker_in_its_place_becomes_the_worker),
        with_machine(a_young_process_is_looked_at_again),
        with_machine(a_zombie_tells_once_why_it_ended),
        with_machine(the_kernels_log_names_who_was_killed_for_memory),
        with_machine(a_control_groups_count_tells_of_kills_for_memory),
        with_machine(a_pid_file_is_followed_and_an_old_one_is_not_believed),
        with_machine(a_target_shows_its_own_groups_and_the_others_still_take_theirs),
        cmocka_unit_test(a_real_process_tells_why_it_ended_or_that_it_is_not_known),
        cmocka_unit_test(a_pattern_that_does_not_compile_names_its_group),
    };
    FILE *file = argc > 1 ? fopen(argv[1], "r") : NULL;

    if (!file) {
        (void)fprintf(stderr, "test_process MACHINE: a fixture to read\n");
        return 1;
    }
    machine = (struct str){machine_text, fread(machine_text, 1, sizeof machine_text, file)};
    (void)fclose(file);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
