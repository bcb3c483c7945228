/* A machine that is written down, with peers that listen in truth. */
#include "collect/recognise/recognise.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "collect/host/fixture.h"
#include "sys/clock.h"
#include "sys/sock.h"

/* Says the same to whoever comes. */
struct peer {
    int listener;
    uint16_t port;
    const char *says;
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct peer *p = arg;
    char request[4096];

    for (;;) {
        int s = accept(p->listener, NULL, NULL);

        if (s < 0)
            return NULL;
        if (recv(s, request, sizeof request, 0) > 0)
            (void)!send(s, p->says, strlen(p->says), MSG_NOSIGNAL);
        (void)close(s);
    }
}

static void peer_start(struct peer *p, const char *says)
{
    struct sock_address a;
    struct err err;

    p->says = says;
    assert_ok(sock_parse("127.0.0.1:0", &a, &err), err);
    assert_ok(sock_listen(&a, "127.0.0.1:0", &p->listener, &err), err);
    p->port = sock_port(p->listener);
    /* Its thread waits in accept. */
    assert_int_equal(fcntl(p->listener, F_SETFL, 0), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
}

static void peer_stop(struct peer *p)
{
    (void)shutdown(p->listener, SHUT_RDWR);
    (void)pthread_join(p->thread, NULL);
    (void)close(p->listener);
}

#define STAT " S 1 1 1 0 -1 4194560 1 0 0 0 1 1 0 0 20 0 1 0 100 1000000 10 18446744073709551615\n"
#define OK   "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: "

struct machine {
    struct fixture f;
    struct arena arena;
    struct buf text, tcp;
    struct scan scan;
    unsigned processes;
    const char *log_of_first; /* a file that the first of them writes; NULL: none */
    uid_t user_of_first;      /* then */
};

static int setup(void **state)
{
    static struct machine m;

    m = (struct machine){.processes = 0};
    buf_init(&m.text, 0);
    buf_init(&m.tcp, 0);
    arena_init(&m.arena, NULL);
    buf_adds(&m.tcp, "== proc/net/tcp\n  sl  local_address\n");
    *state = &m;
    return 0;
}

/* A process of this name that listens on the port; its command line has no NUL: one word. */
static void add_process(struct machine *m, const char *name, const char *command)
{
    unsigned pid = 100 + m->processes++;

    buf_addf(&m->text, "== proc/%u/stat\n%u (%s)" STAT "=! proc/%u/cmdline\n%s\n", pid, pid, name,
             pid, command);
    buf_addf(&m->text, "== proc/%u/cgroup\n0::/system.slice/%s.service\n", pid, name);
}

static void add_port(struct machine *m, const char *name, uint16_t port)
{
    buf_addf(&m->tcp,
             "0: 0100007F:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 %u 1\n",
             port, 1000 + m->processes);
    add_process(m, name, name);
}

static void scan(struct machine *m)
{
    static const char *const families[] = {"vllm:"};
    static const char *const exes[] = {"odd-server"};
    static const struct recognise_http http[] = {{.path = "/state", .json = "models"}};
    const struct recogniser recognisers[] = {{.pack = "vllm",
                                              .title = "vLLM",
                                              .watched = "metrics",
                                              .families = families,
                                              .families_n = 1},
                                             {.pack = "odd",
                                              .title = "Odd",
                                              .watched = "status",
                                              .exes = exes,
                                              .exes_n = 1,
                                              .http = http,
                                              .http_n = 1}};
    const struct recognise_context context = {.proc = m->f.proc,
                                              .sys = m->f.sys,
                                              .user = "earshot",
                                              .host_name = "studio",
                                              .recognisers = recognisers,
                                              .recognisers_n = 2,
                                              .clock = clock_real()};
    struct err err = {0};

    buf_add(&m->text, buf_str(&m->tcp));
    buf_adds(&m->text, "== sys/class/none\n\n");
    fixture_open(&m->f, buf_str(&m->text));
    for (unsigned i = 0; i < m->processes; i++) {
        char name[64], target[64];

        (void)snprintf(name, sizeof name, "proc/%u/fd/3", 100 + i);
        (void)snprintf(target, sizeof target, "socket:[%u]", 1000 + i);
        fixture_link(&m->f, name, target);
    }
    if (m->log_of_first) {
        char first[128];

        fixture_link(&m->f, "proc/100/fd/4", m->log_of_first);
        (void)snprintf(first, sizeof first, "%s/100", m->f.proc);
        assert_int_equal(chown(first, m->user_of_first, (gid_t)-1), 0);
    }
    assert_ok(recognise_scan(&context, &m->arena, &m->scan, &err), err);
}

/* An nginx of this user that writes a log. */
static void scan_nginx(struct machine *m, uid_t user)
{
    m->log_of_first = "/srv/access.log";
    m->user_of_first = user;
    add_process(m, "nginx", "nginx: master process");
    scan(m);
}

static int teardown(void **state)
{
    struct machine *m = *state;

    fixture_close(&m->f);
    arena_fini(&m->arena);
    buf_fini(&m->text);
    buf_fini(&m->tcp);
    return 0;
}

static const struct found *find(const struct machine *m, const char *what, uint16_t port)
{
    char id[64];

    (void)snprintf(id, sizeof id, "%s-%u", what, port);
    for (size_t i = 0; i < m->scan.n; i++)
        if (strcmp(m->scan.items[i].id, id) == 0)
            return &m->scan.items[i];
    fail_msg("%s is not found", id);
    return NULL;
}

static void each_is_known_by_what_it_answers_and_told_in_words(void **state)
{
    struct machine *m = *state;
    struct peer redis, vllm, unknown, json;
    const struct found *f;

    peer_start(&redis, "+PONG\r\n$20\r\nredis_version:7.0.15\r\n");
    peer_start(&vllm, OK "text/plain\r\n\r\nvllm:num_requests_running 2\nup_s 1\n");
    peer_start(&unknown, OK "text/plain\r\n\r\nodd_things 1\n");
    peer_start(&json, OK "application/json\r\n\r\n{\"null\": 1, \"queue\": {\"length\": 3}}");
    add_port(m, "redis-server", redis.port);
    add_port(m, "python", vllm.port);
    add_port(m, "hall exporter", unknown.port);
    add_port(m, "hall", json.port);
    scan(m);
    f = find(m, "redis", redis.port);
    assert_string_equal(f->title, "Redis 7.0.15");
    assert_non_null(strstr(f->evidence, "redis-server (pid 100, redis-server.service) listens on"));
    assert_non_null(strstr(f->evidence, "answered PING"));
    f = find(m, "scrape", vllm.port);
    assert_string_equal(f->pack, "vllm");
    assert_int_equal(f->series, 2);
    f = find(m, "scrape", unknown.port);
    assert_string_equal(f->pack, "");
    assert_string_equal(f->name, "hall-exporter");
    f = find(m, "json", json.port);
    assert_non_null(strstr(f->entry, "\n  queue_length: queue.length"));
    assert_null(strstr(f->entry, "null")); /* it would be no text to YAML */
    assert_int_equal(m->scan.ports, 4);
    assert_int_equal(m->scan.processes, 4);
    assert_int_equal(m->scan.units, 4);
    peer_stop(&redis);
    peer_stop(&vllm);
    peer_stop(&unknown);
    peer_stop(&json);
}

static void a_service_without_metrics_is_known_by_a_path_that_its_pack_names(void **state)
{
    struct machine *m = *state;
    struct peer odd;
    const struct found *f;

    peer_start(&odd, OK "application/json\r\n\r\n{\"models\": {\"a\": \"ready\"}}");
    add_port(m, "odd-server", odd.port);
    scan(m);
    f = find(m, "odd", odd.port);
    assert_string_equal(f->kind, "packs");
    assert_non_null(strstr(f->evidence, "answers /state"));
    peer_stop(&odd);
}

static void earshot_and_programs_that_would_take_it_amiss_are_left_alone(void **state)
{
    struct machine *m = *state;
    struct peer ssh, own;

    peer_start(&ssh, OK "text/plain\r\n\r\na 1\n");
    peer_start(&own, OK "text/plain\r\n\r\nearshot_up 1\n");
    add_port(m, "sshd", ssh.port);
    add_port(m, "earshot", own.port);
    scan(m);
    assert_int_equal(m->scan.n, 1); /* this host */
    assert_int_equal(m->scan.unknown_ports, 1);
    peer_stop(&ssh);
    peer_stop(&own);
}

static void the_log_of_an_nginx_of_our_own_user_is_found(void **state)
{
    struct machine *m = *state;

    scan_nginx(m, geteuid());
    assert_int_equal(m->scan.n, 2); /* this host, and it */
    assert_string_equal(m->scan.items[1].path, "/srv/access.log");
}

static void who_only_calls_itself_nginx_has_no_file_read(void **state)
{
    struct machine *m = *state;

    if (geteuid() != 0)
        skip(); /* a process of another user cannot be written down */
    scan_nginx(m, 65534);
    assert_int_equal(m->scan.n, 1);
}

static void a_small_machine_is_looked_at_whole(void **state)
{
    struct machine *m = *state;

    scan(m);
    assert_int_equal(m->scan.cut.sockets + m->scan.cut.processes + m->scan.cut.places, 0);
}

static void sockets_past_the_bound_are_counted(void **state)
{
    struct machine *m = *state;

    for (unsigned i = 0; i < 20007; i++)
        buf_addf(&m->tcp,
                 "0: 0101A8C0:%04X 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 %u "
                 "1\n",
                 1 + i, 100000 + i);
    scan(m);
    assert_int_equal(m->scan.cut.sockets, 7);
}

static void who_says_nothing_costs_no_more_than_its_time(void **state)
{
    struct machine *m = *state;
    struct peer silent;

    peer_start(&silent, "");
    (void)shutdown(silent.listener, SHUT_RDWR);
    (void)pthread_join(silent.thread, NULL);
    (void)listen(silent.listener, 5); /* connects, and nobody accepts */
    add_port(m, "hall", silent.port);
    scan(m);
    assert_int_equal(m->scan.n, 1);
    assert_true(m->scan.seconds < 3);
    (void)close(silent.listener);
}

static void what_a_program_calls_itself_cannot_drive_a_terminal_or_leave_its_quotes(void **state)
{
    struct machine *m = *state;
    struct peer evil;
    const struct found *f;

    peer_start(&evil, OK "text/plain\r\n\r\na 1\n");
    add_port(m, "x\x1b[2J'}\x7f: #", evil.port);
    scan(m);
    f = find(m, "scrape", evil.port);
    for (const char *c = f->evidence; *c; c++)
        assert_true((unsigned char)*c >= ' ' && *c != 0x7f);
    assert_string_equal(f->name, "x-2j");
    peer_stop(&evil);
}

static void a_queue_with_an_endless_name_hides_nothing_else(void **state)
{
    struct machine *m = *state;
    struct peer redis;
    struct buf says;

    buf_init(&says, 0);
    buf_adds(&says, "+PONG\r\n$19\r\nredis_version:7.2.4\r\n+OK\r\n*2\r\n$1\r\n0\r\n*2\r\n"
                    "$20015\r\n_kombu.binding.");
    for (size_t i = 0; i < 20000; i++)
        buf_addc(&says, 'q');
    buf_adds(&says, "\r\n$19\r\n_kombu.binding.mail\r\n");
    peer_start(&redis, says.p);
    add_port(m, "redis-server", redis.port);
    scan(m);
    assert_non_null(strstr(find(m, "celery", redis.port)->entry, "\nqueues: ['mail']"));
    peer_stop(&redis);
    buf_fini(&says);
}

static void a_flower_is_asked_by_the_entry_of_the_celery(void **state)
{
    struct machine *m = *state;
    struct peer redis, flower;
    const struct found *f;

    peer_start(&redis, "+PONG\r\n$19\r\nredis_version:7.2.4\r\n+OK\r\n*2\r\n$1\r\n0\r\n*1\r\n"
                       "$19\r\n_kombu.binding.mail\r\n");
    peer_start(&flower, OK "text/plain\r\n\r\nflower_worker_online{worker=\"a\"} 1\n");
    add_port(m, "redis-server", redis.port);
    add_port(m, "celery", flower.port);
    scan(m);
    f = find(m, "celery", redis.port);
    assert_non_null(strstr(f->options, "queues: ['mail'], flower: 'http://127.0.0.1:"));
    assert_non_null(strstr(f->evidence, "; Flower listens on 127.0.0.1:"));
    assert_null(find(m, "scrape", flower.port)->kind);
    peer_stop(&redis);
    peer_stop(&flower);
}

#define cmocka_scan_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_scan_test(each_is_known_by_what_it_answers_and_told_in_words),
        cmocka_scan_test(a_service_without_metrics_is_known_by_a_path_that_its_pack_names),
        cmocka_scan_test(earshot_and_programs_that_would_take_it_amiss_are_left_alone),
        cmocka_scan_test(the_log_of_an_nginx_of_our_own_user_is_found),
        cmocka_scan_test(who_only_calls_itself_nginx_has_no_file_read),
        cmocka_scan_test(who_says_nothing_costs_no_more_than_its_time),
        cmocka_scan_test(a_small_machine_is_looked_at_whole),
        cmocka_scan_test(sockets_past_the_bound_are_counted),
        cmocka_scan_test(what_a_program_calls_itself_cannot_drive_a_terminal_or_leave_its_quotes),
        cmocka_scan_test(a_queue_with_an_endless_name_hides_nothing_else),
        cmocka_scan_test(a_flower_is_asked_by_the_entry_of_the_celery),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
