/* The collector against an engine to order and a machine of files. The answers have the members of
 * Podman 4.3.1 and Docker 20.10 that are read, as those wrote them. */
#include "collect/docker/docker.h"

#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/test.h"
#include "collect/collect.h"
#include "collect/docker/docker_settings.h"
#include "collect/docker/fake_engine.h"
#include "collect/docker/ledger.h"
#include "collect/entry_settings.h"
#include "collect/host/fixture.h"
#include "model/expo.h"
#include "sys/clock.h"

#define WEB "210bd1566e07740eb782b837e10ae5df6ccc632dec2aaf3a702458d77c5a7e19"
#define API "5f59c965c7af8a1c69946f0c48e36f9232152a73de2358acf5305c60185f428e"

#define LINE(id, name, state, status)                                                              \
    "{\"Id\":\"" id "\",\"Names\":[\"/" name                                                       \
    "\"],\"Image\":\"localhost/box:latest\",\"State\":\"" state "\",\"Status\":\"" status "\"}"
#define WEB_RUNS LINE(WEB, "web", "running", "Up 3 minutes")
#define LIST     "/containers/json?all=1"
#define OF(id)   "/containers/" id "/json"

#define STARTED "2026-11-27T16:07:04.5Z"
#define FACTS(state, more, restarts, memory, network)                                              \
    "{\"RestartCount\":" restarts ",\"State\":{\"Status\":\"" state "\"," more                     \
    "},\"HostConfig\":{\"Memory\":" memory ",\"NetworkMode\":\"" network "\"}}"
#define RUNS(pid, started, restarts)                                                               \
    FACTS("running",                                                                               \
          "\"OOMKilled\":false,\"Pid\":" pid ",\"ExitCode\":0,\"StartedAt\":\"" started            \
          "\",\"Health\":{\"Status\":\"\"}",                                                       \
          restarts, "67108864", "bridge")
#define ENDED(code, oom)                                                                           \
    FACTS("exited",                                                                                \
          "\"OOMKilled\":" oom ",\"Pid\":0,\"ExitCode\":" code ",\"StartedAt\":\"" STARTED "\"",   \
          "0", "0", "bridge")

/* Control groups of the second version. */
static const char second[] =
    "== proc/812/cgroup\n0::/system.slice/docker-" WEB ".scope\n"
    "== proc/812/net/dev\nInter-|   Receive\n face |bytes\n"
    "    lo:     9       9    0    0    0     0          0         0        9       9    0    0    "
    "0     0       0          0\n"
    "  eth0:  2060      55    1    2    0     0          0         0     2204      31    3    4    "
    "0     0       0          0\n"
    "== sys/fs/cgroup/system.slice/docker-" WEB ".scope/cpu.stat\n"
    "usage_usec 2500000\nuser_usec 1\n"
    "== sys/fs/cgroup/system.slice/docker-" WEB ".scope/memory.current\n50000000\n"
    "== sys/fs/cgroup/system.slice/docker-" WEB ".scope/memory.stat\n"
    "anon 1\ninactive_file 8000000\n"
    "== sys/fs/cgroup/system.slice/docker-" WEB ".scope/memory.max\n67108864\n"
    "== sys/fs/cgroup/system.slice/docker-" WEB ".scope/memory.events\noom 0\noom_kill 0\n";

/* The first version's, as Podman makes them without systemd. */
static const char first[] =
    "== proc/812/cgroup\n4:memory:/libpod_parent/libpod-" WEB "\n"
    "2:cpu,cpuacct:/libpod_parent/libpod-" WEB "\n0::/\n"
    "== sys/fs/cgroup/cpuacct/libpod_parent/libpod-" WEB "/cpuacct.usage\n4237852000\n"
    "== sys/fs/cgroup/memory/libpod_parent/libpod-" WEB "/memory.usage_in_bytes\n50000000\n"
    "== sys/fs/cgroup/memory/libpod_parent/libpod-" WEB "/memory.stat\n"
    "inactive_file 1\ntotal_inactive_file 9000000\n"
    "== sys/fs/cgroup/memory/libpod_parent/libpod-" WEB "/memory.limit_in_bytes\n"
    "9223372036854771712\n"
    "== sys/fs/cgroup/memory/libpod_parent/libpod-" WEB "/memory.oom_control\n"
    "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n";

struct bench {
    struct fixture machine;
    struct fake_engine *engine;
    struct docker_settings settings;
    struct entry_settings entry;
    struct collector collector;
    struct buf out;
    struct err err;
    char socket[100];
};

static int setup(void **state)
{
    static struct bench b;

    b = (struct bench){.err = {.kind = ERR_NONE}};
    buf_init(&b.out, 1u << 20);
    fixture_open(&b.machine, STR("== proc/1/cgroup\n0::/init.scope\n== sys/x\n"));
    (void)snprintf(b.socket, sizeof b.socket, "%s/docker.sock", b.machine.dir);
    b.settings.socket = b.socket;
    b.entry = (struct entry_settings){.name = "test", .own = &b.settings};
    b.entry.job.interval_ms = 20000;
    b.entry.job.timeout_ms = 5000;
    *state = &b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    b->collector.free(b->collector.arg);
    if (b->engine)
        fake_engine_free(b->engine);
    fixture_close(&b->machine);
    buf_fini(&b->out);
    return 0;
}

static void make(struct bench *b)
{
    const struct docker_context context = {.proc = b->machine.proc,
                                           .sys = b->machine.sys,
                                           .clock = clock_real(),
                                           .log = &b->machine.log};

    assert_ok(docker_collector(&b->entry, &context, &b->collector, &b->err), b->err);
}

static void start(struct bench *b, const struct fake_answer answers[], unsigned n)
{
    b->engine = fake_engine_new(b->socket, answers, n);
    make(b);
}

static int collect(struct bench *b)
{
    SCOPED(arena_fini) struct arena scratch;
    struct expo_writer writer;
    struct budget budget;

    budget_init(&budget, "one cycle", 240u << 20, NULL);
    arena_init(&scratch, &budget);
    buf_reset(&b->out);
    expo_writer_init(&writer, EXPO_TEXT, &b->out);
    err_clear(&b->err);
    return b->collector.collect(b->collector.arg, &writer.emit, &scratch, &b->err);
}

static void assert_told(const struct bench *b, const char *line)
{
    if (!b->out.n || !strstr(b->out.p, line))
        fail_msg("\"%s\" is not in:\n%s", line, b->out.n ? b->out.p : "");
}

static void assert_untold(const struct bench *b, const char *word)
{
    if (b->out.n && strstr(b->out.p, word))
        fail_msg("\"%s\" is in:\n%s", word, b->out.p);
}

/* One cycle with these answers. */
static void pass(struct bench *b, const struct fake_answer answers[], unsigned n)
{
    fake_engine_answer(b->engine, answers, n);
    assert_ok(collect(b), b->err);
}

#define IMAGE      "image=\"localhost/box:latest\""
#define WEB_LABELS "{name=\"web\"," IMAGE "}"

static const struct fake_answer web_runs[] = {
    {LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
    {OF(WEB), 200, RUNS("812", STARTED, "3"), FAKE_KEEPS}};

/* ---- what is told ---- */

static void a_container_is_told_from_control_groups_of_the_second_version(void **state)
{
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "container_cpu_usage_seconds_total" WEB_LABELS " 2.5\n");
    assert_told(b, "container_memory_working_set_bytes" WEB_LABELS " 4.2e+07\n");
    assert_told(b, "container_spec_memory_limit_bytes" WEB_LABELS " 6.7108864e+07\n");
    assert_told(b, "container_start_time_seconds" WEB_LABELS " 1.7957956245e+09\n");
    assert_told(b, "container_oom_events_total" WEB_LABELS " 0\n");
    assert_told(b, "container_network_receive_bytes_total{name=\"web\"," IMAGE
                   ",interface=\"eth0\"} 2060\n");
    assert_told(b, "container_network_receive_packets_dropped_total{name=\"web\"," IMAGE
                   ",interface=\"eth0\"} 2\n");
    assert_told(b, "container_network_transmit_errors_total{name=\"web\"," IMAGE
                   ",interface=\"eth0\"} 3\n");
    assert_untold(b, "\"lo\"");
    assert_told(b, "earshot_container_restarts_total{name=\"web\"} 3\n");
    assert_untold(b, "earshot_container_exit_code");
    assert_untold(b, "earshot_container_health");
    assert_told(b, "earshot_docker_containers_left_out 0\n");
    assert_told(b, "earshot_docker_containers_unread 0\n");
}

static void a_container_is_told_from_control_groups_of_the_first_version(void **state)
{
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(first));
    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "container_cpu_usage_seconds_total" WEB_LABELS " 4.237852\n");
    assert_told(b, "container_memory_working_set_bytes" WEB_LABELS " 4.1e+07\n");
    assert_told(b, "container_spec_memory_limit_bytes" WEB_LABELS " 0\n");
    assert_told(b, "container_oom_events_total" WEB_LABELS " 2\n");
}

static void exactly_one_state_is_1(void **state)
{
    static const char *const others[] = {"created",  "paused", "restarting",
                                         "removing", "exited", "dead"};
    struct bench *b = *state;
    char line[100];

    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_state{name=\"web\",state=\"running\"} 1\n");
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        (void)snprintf(line, sizeof line, "earshot_container_state{name=\"web\",state=\"%s\"} 0\n",
                       others[i]);
        assert_told(b, line);
    }
    assert_untold(b, "\"unknown\"");
}

static void a_state_that_nobody_knows_is_unknown(void **state)
{
    static const struct fake_answer odd[] = {
        {LIST, 200, "[" LINE(WEB, "web", "dreaming", "Up") "]", FAKE_KEEPS},
        {OF(WEB), 200, FACTS("dreaming", "\"Pid\":812", "0", "0", "bridge"), FAKE_KEEPS}};
    struct bench *b = *state;

    start(b, odd, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_state{name=\"web\",state=\"unknown\"} 1\n");
    assert_told(b, "earshot_container_state{name=\"web\",state=\"running\"} 0\n");
}

static void podmans_words_for_states_are_dockers(void **state)
{
    static const struct {
        const char *facts, *told;
    } cases[] = {{FACTS("configured", "\"Pid\":0", "0", "0", "bridge"), "created"},
                 {FACTS("initialized", "\"Pid\":0", "0", "0", "bridge"), "created"},
                 {FACTS("stopping", "\"Pid\":0", "0", "0", "bridge"), "running"},
                 {FACTS("stopped", "\"Pid\":0", "0", "0", "bridge"), "exited"}};
    struct bench *b = *state;
    struct fake_answer answers[] = {{LIST, 200, NULL, FAKE_KEEPS},
                                    {OF(WEB), 200, NULL, FAKE_KEEPS}};
    char list[500], line[100];

    start(b, answers, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(list, sizeof list, "[" LINE(WEB, "web", "running", "Up %zu hours") "]", i);
        answers[0].body = list;
        answers[1].body = cases[i].facts;
        pass(b, answers, 2);
        (void)snprintf(line, sizeof line, "earshot_container_state{name=\"web\",state=\"%s\"} 1\n",
                       cases[i].told);
        assert_told(b, line);
    }
}

static void a_check_says_nothing_of_a_container_that_has_ended(void **state)
{
    static const struct fake_answer ended[] = {
        {LIST, 200, "[" LINE(WEB, "web", "exited", "Exited (1) 4 seconds ago") "]", FAKE_KEEPS},
        {OF(WEB), 200,
         FACTS("exited",
               "\"ExitCode\":1,\"StartedAt\":\"" STARTED "\",\"Health\":{\"Status\":\"unhealthy\"}",
               "0", "0", "bridge"),
         FAKE_KEEPS}};
    struct bench *b = *state;

    start(b, ended, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_exit_code{name=\"web\"} 1\n");
    assert_untold(b, "earshot_container_health");
}

static void how_a_container_ended_is_told_while_it_is_ended(void **state)
{
    static const struct fake_answer ended[] = {
        {LIST, 200, "[" LINE(WEB, "web", "exited", "Exited (3) 4 seconds ago") "]", FAKE_KEEPS},
        {OF(WEB), 200, ENDED("3", "false"), FAKE_KEEPS}};
    struct bench *b = *state;

    start(b, ended, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_exit_code{name=\"web\"} 3\n");
    assert_told(b, "earshot_container_state{name=\"web\",state=\"exited\"} 1\n");
    assert_untold(b, "container_cpu_usage");
    assert_untold(b, "container_start_time");
    assert_untold(b, "container_spec_memory");
    fixture_write(&b->machine, str_c(second));
    pass(b, web_runs, 2);
    assert_untold(b, "earshot_container_exit_code");
}

#define CHECKED(status)                                                                            \
    FACTS("running",                                                                               \
          "\"Pid\":812,\"StartedAt\":\"" STARTED "\",\"Health\":{\"Status\":\"" status "\"}", "0", \
          "0", "bridge")

/* Podman does not show in its list how a check ends; Docker does. */
static void what_a_check_says_is_followed(void **state)
{
    static const struct fake_answer well[] = {{LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
                                              {OF(WEB), 200, CHECKED("healthy"), FAKE_KEEPS}};
    static const struct fake_answer ill[] = {{LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
                                             {OF(WEB), 200, CHECKED("unhealthy"), FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, well, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_health{name=\"web\",state=\"healthy\"} 1\n");
    assert_told(b, "earshot_container_health{name=\"web\",state=\"unhealthy\"} 0\n");
    pass(b, ill, 2);
    assert_told(b, "earshot_container_health{name=\"web\",state=\"unhealthy\"} 1\n");
    assert_told(b, "earshot_container_health{name=\"web\",state=\"healthy\"} 0\n");
}

static void a_network_that_is_the_hosts_is_not_told_as_the_containers(void **state)
{
    static const char *const modes[] = {"host", "container:abc"};
    struct bench *b = *state;
    char facts[ARRAY_LEN(modes)][400]; /* the engine may still be sending one */
    struct fake_answer list = {LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS};
    struct fake_answer answers[][2] = {{list, {OF(WEB), 200, facts[0], FAKE_KEEPS}},
                                       {list, {OF(WEB), 200, facts[1], FAKE_KEEPS}}};

    fixture_write(&b->machine, str_c(second));
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        (void)snprintf(facts[i], sizeof facts[i],
                       "{\"State\":{\"Status\":\"running\",\"Pid\":812},"
                       "\"HostConfig\":{\"NetworkMode\":\"%s\"}}",
                       modes[i]);
        if (!b->engine)
            start(b, answers[i], 2);
        pass(b, answers[i], 2);
        assert_told(b, "container_cpu_usage_seconds_total");
        assert_untold(b, "container_network");
    }
}

static void odd_names_of_images_and_interfaces_cost_nothing_else(void **state)
{
    static const char odd_net[] = "== proc/812/net/dev\nInter-|   Receive\n face |bytes\n"
                                  " e\xff\xfe: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
                                  "  eth0: 2060 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n";
    struct bench *b = *state;
    char image[700] = "", list[1200];
    struct fake_answer answers[] = {{LIST, 200, list, FAKE_KEEPS}, web_runs[1]};

    for (int i = 0; i < 300; i++)
        (void)snprintf(image + strlen(image), 4, "%s",
                       i ? "\u00fc" : "x"); /* \u00fc is two bytes */
    (void)snprintf(list, sizeof list,
                   "[{\"Id\":\"" WEB "\",\"Names\":[\"/web\"],\"Image\":\"%s\","
                   "\"State\":\"running\",\"Status\":\"Up 3 minutes\"}]",
                   image);
    fixture_write(&b->machine, str_c(second));
    fixture_write(&b->machine, str_c(odd_net));
    start(b, answers, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_state{name=\"web\",state=\"running\"} 1\n");
    assert_told(b, "interface=\"eth0\"} 2060\n");
}

/* ---- what is asked ---- */

static void a_container_that_just_runs_is_asked_for_once(void **state)
{
    static const struct fake_answer later[] = {
        {LIST, 200, "[" LINE(WEB, "web", "running", "Up 4 minutes") "]", FAKE_KEEPS},
        {OF(WEB), 200, RUNS("812", STARTED, "3"), FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    assert_string_equal(fake_engine_asked(b->engine), LIST "\n" OF(WEB) "\n");
    assert_ok(collect(b), b->err);
    assert_string_equal(fake_engine_asked(b->engine), LIST "\n");
    assert_told(b, "earshot_container_restarts_total{name=\"web\"} 3\n");
    pass(b, later, 2);
    assert_string_equal(fake_engine_asked(b->engine), LIST "\n" OF(WEB) "\n");
}

static void another_process_makes_the_engine_be_asked_anew(void **state)
{
    static const struct fake_answer again[] = {
        {LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
        {OF(WEB), 200, RUNS("813", "2026-11-27T16:09:00Z", "4"), FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    fixture_write(&b->machine, STR("== proc/812/cgroup\n0::/user.slice\n"));
    pass(b, again, 2);
    assert_told(b, "earshot_container_restarts_total{name=\"web\"} 4\n");
}

#define STATS                                                                                      \
    "{\"cpu_stats\":{\"cpu_usage\":{\"total_usage\":4831013000}},\"memory_stats\":{\"usage\":"     \
    "204800,\"limit\":25276510208,\"stats\":{\"inactive_file\":4800}},\"networks\":{\"eth0\":{"    \
    "\"rx_bytes\":7,\"rx_packets\":1,\"rx_errors\":0,\"rx_dropped\":0,\"tx_bytes\":8,"             \
    "\"tx_packets\":2,\"tx_errors\":0,\"tx_dropped\":0}}}"

static void the_engine_is_asked_for_what_the_kernels_files_do_not_tell(void **state)
{
    static const struct fake_answer answers[] = {
        {LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
        {OF(WEB), 200, RUNS("812", STARTED, "0"), FAKE_KEEPS},
        {"/containers/" WEB "/stats?stream=false&one-shot=true", 200, STATS, FAKE_KEEPS}};
    struct bench *b = *state;

    start(b, answers, 3); /* there is no process 812 */
    assert_ok(collect(b), b->err);
    assert_told(b, "container_cpu_usage_seconds_total" WEB_LABELS " 4.831013\n");
    assert_told(b, "container_memory_working_set_bytes" WEB_LABELS " 200000\n");
    assert_told(b, "container_spec_memory_limit_bytes" WEB_LABELS " 6.7108864e+07\n");
    assert_told(b, "container_network_transmit_bytes_total{name=\"web\"," IMAGE
                   ",interface=\"eth0\"} 8\n");
    assert_told(b, "earshot_docker_containers_unread 0\n");
}

static void a_process_that_is_not_the_containers_is_not_believed(void **state)
{
    static const struct fake_answer lies[] = {
        {LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS},
        {OF(WEB), 200, RUNS("700", STARTED, "0"), FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine,
                  STR("== proc/700/cgroup\n0::/system.slice/cron.service\n"
                      "== sys/fs/cgroup/system.slice/cron.service/cpu.stat\n"
                      "usage_usec 1\n"
                      "== sys/fs/cgroup/system.slice/cron.service/memory.current\n5\n"));
    start(b, lies, 2);
    assert_ok(collect(b), b->err);
    assert_untold(b, "container_cpu_usage");
    assert_untold(b, "container_memory");
}

static void one_container_that_cannot_be_read_costs_no_other(void **state)
{
    static const struct fake_answer answers[] = {
        {LIST, 200, "[" LINE(API, "api", "running", "Up 1 minute") "," WEB_RUNS "]", FAKE_KEEPS},
        {OF(API), 500, "{\"message\":\"layer not known\"}", FAKE_KEEPS},
        {OF(WEB), 200, RUNS("812", STARTED, "0"), FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, answers, 3);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_state{name=\"web\",state=\"running\"} 1\n");
    assert_untold(b, "name=\"api\"");
    assert_told(b, "earshot_docker_containers_unread 1\n");
    assert_non_null(strstr(b->machine.logged, "container api: the engine answers with status 500: "
                                              "{\"message\":\"layer not known\"}"));
}

static void a_container_that_goes_is_told_no_more(void **state)
{
    static const struct fake_answer gone[] = {{LIST, 200, "[]", FAKE_KEEPS}};
    static const struct fake_answer going[] = {{LIST, 200, "[" WEB_RUNS "]", FAKE_KEEPS}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, web_runs, 2);
    assert_ok(collect(b), b->err);
    pass(b, gone, 1);
    assert_untold(b, "web");
    fixture_remove(&b->machine, "proc/812/cgroup");
    pass(b, going, 1); /* between list and question */
    assert_untold(b, "web");
    assert_told(b, "earshot_docker_containers_unread 0\n");
}

static void a_connection_that_is_not_kept_is_made_anew(void **state)
{
    static const struct fake_answer answers[] = {
        {LIST, 200, "[" WEB_RUNS "]", FAKE_CLOSES},
        {OF(WEB), 200, RUNS("812", STARTED, "3"), FAKE_CLOSES}};
    struct bench *b = *state;

    fixture_write(&b->machine, str_c(second));
    start(b, answers, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "earshot_container_restarts_total{name=\"web\"} 3\n");
}

/* ---- what is wrong ---- */

static void too_many_containers_are_counted_and_those_that_run_come_first(void **state)
{
    struct bench *b = *state;
    struct buf list;
    struct fake_answer answers[] = {{LIST, 200, NULL, FAKE_KEEPS},
                                    {"/containers/", 200, ENDED("0", "false"), FAKE_KEEPS}};

    buf_init(&list, 0);
    buf_adds(&list, "[");
    for (int i = 0; i < LEDGER_LISTED_MAX + 5; i++)
        buf_addf(&list, LINE("%064x", "old%d", "exited", "Exited (0) 2 days ago") ",", i, i);
    buf_adds(&list, WEB_RUNS "," LINE("../../x", "evil", "running", "Up") "]");
    answers[0].body = list.p;
    start(b, answers, 2);
    assert_ok(collect(b), b->err);
    assert_told(b, "name=\"web\"");
    assert_told(b, "name=\"old198\"");
    assert_untold(b, "name=\"old199\"");
    assert_untold(b, "evil");
    assert_told(b, "earshot_docker_containers_left_out 7\n");
    buf_fini(&list);
}

static void what_hangs_ends_at_the_timeout(void **state)
{
    static const struct fake_answer silent[] = {{LIST, 0, "", FAKE_HANGS}};
    struct bench *b = *state;
    int64_t begin;

    b->entry.job.timeout_ms = 100;
    start(b, silent, 1);
    begin = clock_real()->mono_ns(clock_real());
    assert_fails(collect(b), b->err, ERR_TIMEOUT, "no answer in time (waited 0.1 s)");
    assert_true(clock_real()->mono_ns(clock_real()) - begin < INT64_C(5000000000));
    assert_non_null(strstr(b->err.text, b->socket));
}

static void what_never_ends_is_cut(void **state)
{
    static const struct fake_answer floods[] = {{LIST, 200, "[", FAKE_FLOODS}};
    struct bench *b = *state;

    start(b, floods, 1);
    assert_fails(collect(b), b->err, ERR_LIMIT, "the answer is larger than 4 MB");
}

static void what_is_no_engine_is_told(void **state)
{
    static const struct {
        struct fake_answer answer;
        enum err_kind kind;
        const char *words;
    } cases[] = {
        {{LIST, 0, "SSH-2.0-OpenSSH\r\n\r\n", FAKE_KEEPS}, ERR_SYNTAX, "it is no HTTP"},
        {{LIST, 200, "hello", FAKE_KEEPS}, ERR_SYNTAX, "the answer is no JSON"},
        {{LIST, 200, "{}", FAKE_KEEPS}, ERR_SYNTAX, "the answer is no list of containers"},
        {{LIST, 403, "no", FAKE_KEEPS}, ERR_EVAL, "the engine answers with status 403: no"},
        {{LIST, 0, "", FAKE_CLOSES}, ERR_EVAL, "the other side has ended the connection"},
    };
    struct bench *b = *state;

    start(b, &cases[0].answer, 1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fake_engine_answer(b->engine, &cases[i].answer, 1);
        assert_fails(collect(b), b->err, cases[i].kind, cases[i].words);
    }
}

static void a_socket_that_is_not_there_is_told(void **state)
{
    struct bench *b = *state;

    b->settings.socket = "/nowhere/docker.sock";
    make(b);
    assert_fails(collect(b), b->err, ERR_OS, "/nowhere/docker.sock: there is no such socket");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(a_container_is_told_from_control_groups_of_the_second_version),
        CASE(a_container_is_told_from_control_groups_of_the_first_version),
        CASE(exactly_one_state_is_1),
        CASE(a_state_that_nobody_knows_is_unknown),
        CASE(podmans_words_for_states_are_dockers),
        CASE(a_check_says_nothing_of_a_container_that_has_ended),
        CASE(how_a_container_ended_is_told_while_it_is_ended),
        CASE(what_a_check_says_is_followed),
        CASE(odd_names_of_images_and_interfaces_cost_nothing_else),
        CASE(a_network_that_is_the_hosts_is_not_told_as_the_containers),
        CASE(a_container_that_just_runs_is_asked_for_once),
        CASE(another_process_makes_the_engine_be_asked_anew),
        CASE(the_engine_is_asked_for_what_the_kernels_files_do_not_tell),
        CASE(a_process_that_is_not_the_containers_is_not_believed),
        CASE(one_container_that_cannot_be_read_costs_no_other),
        CASE(a_container_that_goes_is_told_no_more),
        CASE(a_connection_that_is_not_kept_is_made_anew),
        CASE(too_many_containers_are_counted_and_those_that_run_come_first),
        CASE(what_hangs_ends_at_the_timeout),
        CASE(what_never_ends_is_cut),
        CASE(what_is_no_engine_is_told),
        CASE(a_socket_that_is_not_there_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
