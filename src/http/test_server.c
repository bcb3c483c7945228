#include <sys/resource.h>

#include "http/test_server.h"

/* A handler that says what it was asked. */
static void echo(struct http_request *r, void *arg)
{
    struct buf out;
    struct str text;
    struct err err;

    (void)arg;
    buf_init(&out, 0);
    buf_addf(&out, "%.*s %.*s ?%.*s %zu:", STR_ARGS(r->method), STR_ARGS(r->path),
             STR_ARGS(r->raw_query), r->body.n);
    buf_add(&out, str_take(r->body, 100));
    buf_addc(&out, '\n');
    text = arena_str(r->arena, buf_str(&out), &err);
    buf_fini(&out);
    http_reply(r, 200, "text/plain", text);
}

static void add_echo(struct fixture *f)
{
    static const struct http_route routes[] = {
        {.path = "/echo", .methods = HTTP_GET | HTTP_POST, .body_max = 100000, .handler = echo},
        {.path = "/echo/*", .methods = HTTP_GET, .handler = echo},
        {.path = "/put", .methods = HTTP_PUT | HTTP_DELETE, .handler = echo},
        {.path = "/open",
         .methods = HTTP_POST,
         .body_max = 10,
         .handler = echo,
         .any_origin = true},
    };

    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        http_server_route(f->server, &routes[i]);
}

static void a_get_is_answered_with_the_headers_that_keep_pages_safe(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "GET /echo?a=1 HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 200);
    assert_string_equal(got_body(f), "GET /echo ?a=1 0:\n");
    assert_got(f, "\r\nDate: Sat, 21 Nov 2026 22:59:21 GMT\r\n");
    assert_got(f, "\r\nContent-Length: 18\r\n");
    assert_got(f, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_got(f, "\r\nReferrer-Policy: no-referrer\r\n");
    assert_got(f, "frame-ancestors 'none'");
    assert_got(f, "\r\nCache-Control: no-store\r\n");
    assert_false(f->ended);
}

static void head_gives_the_same_headers_without_the_body(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "HEAD /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "\r\nContent-Length: 16\r\n");
    assert_string_equal(got_body(f), "");
}

static void a_request_may_come_byte_by_byte(void **state)
{
    static const char text[] = "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nhello"
                               "GET /echo/x HTTP/1.1\r\n" HOST "\r\n";
    struct fixture *f = *state;
    int fd;

    add_echo(f);
    fd = client_open(f);
    for (size_t i = 0; i < sizeof text - 1; i++)
        client_send(f, fd, text + i, 1);
    client_read(f, fd);
    assert_got(f, "POST /echo ? 5:hello\n");
    assert_got(f, "GET /echo/x ? 0:\n");
    (void)close(fd);
}

static void a_thousand_pipelined_requests_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    const char *at;
    int fd;

    add_echo(f);
    buf_init(&text, 0);
    for (int i = 0; i < 1000; i++)
        buf_addf(&text, "GET /echo/%d HTTP/1.1\r\n" HOST "\r\n", i);
    fd = client_open(f);
    client_send(f, fd, text.p, text.n);
    client_read(f, fd);
    at = f->got;
    for (int i = 0; i < 1000; i++) {
        char wanted[64];

        (void)snprintf(wanted, sizeof wanted, "GET /echo/%d ? 0:\n", i);
        at = strstr(at, wanted);
        assert_non_null(at);
    }
    assert_int_equal(http_server_stats(f->server).responses_by_class[2], 1000);
    buf_fini(&text);
    (void)close(fd);
}

static void chunks_are_put_together(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "POST /echo HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
           "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\nGET /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "POST /echo ? 13:abc0123456789\n");
    assert_got(f, "GET /echo ? 0:\n");
}

static void hostile_framing_is_refused_and_the_connection_ended(void **state)
{
    static const char *const bodies[] = {
        "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5;\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: trailer\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nGET /echo HTTP/1.1\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        ("Transfer-Encoding: chunked\r\n\r\n"
         "0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"
         "0"),
    };
    struct fixture *f = *state;

    add_echo(f);
    for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
        char text[400];

        (void)snprintf(text, sizeof text, "POST /echo HTTP/1.1\r\n" HOST "%s", bodies[i]);
        ask(f, text);
        if (got_status(f) != 400 || !f->ended)
            fail_msg("%d, ended %d: %s", got_status(f), f->ended, bodies[i]);
        assert_not_got(f, "200 OK");
    }
    assert_int_equal(http_server_stats(f->server).refused_heads, ARRAY_LEN(bodies));
}

static void heads_that_never_end_are_refused(void **state)
{
    struct fixture *f = *state;
    struct buf text;

    add_echo(f);
    buf_init(&text, 0);
    buf_adds(&text, "GET /echo HTTP/1.1\r\n" HOST);
    for (int i = 0; i < 10000; i++)
        buf_addf(&text, "X-%d: y\r\n", i);
    buf_adds(&text, "\r\n");
    ask_bytes(f, text.p, text.n);
    assert_int_equal(got_status(f), 431);
    assert_true(f->ended);
    buf_reset(&text);
    buf_adds(&text, "GET /");
    for (int i = 0; i < 20000; i++)
        buf_addc(&text, 'a');
    ask_bytes(f, text.p, text.n);
    assert_int_equal(got_status(f), 431);
    ask(f, "\x16\x03\x01\x02");
    assert_int_equal(got_status(f), 400);
    ask(f, "GET /echo HTTP/1.1\nHost: localhost\n\n");
    assert_int_equal(got_status(f), 400);
    buf_fini(&text);
}

static void a_method_that_a_path_does_not_serve_is_told_which_ones_it_does(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "DELETE /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 405);
    assert_got(f, "\r\nAllow: GET, HEAD, POST\r\n");
    ask(f, "GET /put HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "\r\nAllow: PUT, DELETE\r\n");
    ask(f, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 404);
}

static void who_asks_for_the_options_of_a_path_is_told_them(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "OPTIONS /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 204);
    assert_got(f, "\r\nAllow: GET, HEAD, POST\r\n");
}

static void answer_allow(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, r->allow ? 405 : 404, "text/plain", str_c(r->allow ? r->allow : "none"));
}

static void the_fallback_words_the_refusal_of_a_method(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    http_server_fallback(f->server, answer_allow, NULL);
    ask(f, "PUT /echo HTTP/1.1\r\n" HOST "Content-Length: 3\r\n\r\nabc");
    assert_int_equal(got_status(f), 405);
    assert_string_equal(got_body(f), "GET, HEAD, POST");
    assert_true(f->ended);
}

static void answer_json(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, 404, "application/json", STR("{}"));
}

static void the_fallback_answers_for_what_has_no_route_and_reads_no_body(void **state)
{
    struct fixture *f = *state;

    http_server_fallback(f->server, answer_json, NULL);
    ask(f, "GET /api/x HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 404);
    assert_string_equal(got_body(f), "{}");
    ask(f, "POST /api/x HTTP/1.1\r\n" HOST "Content-Length: 99999999\r\n\r\nabc");
    assert_int_equal(got_status(f), 404);
    assert_true(f->ended);
}

static void a_body_past_the_bound_is_refused_before_it_is_read(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 100001\r\n"
           "Expect: 100-continue\r\n\r\n");
    assert_int_equal(got_status(f), 413);
    assert_got(f, "the body has more than 100000 bytes");
    assert_true(f->ended);
    ask(f, "POST /open HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"
           "b\r\n0123456789a\r\n");
    assert_int_equal(got_status(f), 413);
}

static void expect_is_answered_before_the_body(void **state)
{
    struct fixture *f = *state;
    int fd;

    add_echo(f);
    fd = client_open(f);
    client_say(f, fd,
               "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 2\r\n"
               "Expect: 100-continue\r\n\r\n");
    client_read(f, fd);
    assert_string_equal(f->got, "HTTP/1.1 100 Continue\r\n\r\n");
    client_say(f, fd, "hi");
    client_read(f, fd);
    assert_string_equal(got_body(f), "POST /echo ? 2:hi\n");
    (void)close(fd);
}

static void a_host_that_is_not_ours_is_told_the_key_to_add(void **state)
{
    static const char *const ours[] = {"localhost",  "LOCALHOST:80", "127.0.0.1",
                                       "[::1]:3277", "127.9.9.9:1",  "page.localhost"};
    static const char *const not_ours[] = {"evil.example", "127.0.0.1.evil.example", "10.0.0.1",
                                           "localhost.evil.example", "127.1"};
    struct fixture *f = *state;
    char text[200];

    add_echo(f);
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        (void)snprintf(text, sizeof text, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", ours[i]);
        ask(f, text);
        assert_int_equal(got_status(f), 200);
    }
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++) {
        (void)snprintf(text, sizeof text, "GET /echo HTTP/1.1\r\nHost: %s\r\n\r\n", not_ours[i]);
        ask(f, text);
        assert_int_equal(got_status(f), 421);
        assert_got(f, "allowed_hosts");
    }
    assert_int_equal(http_server_stats(f->server).refused_hosts, ARRAY_LEN(not_ours));
}

static void allowed_hosts_and_the_external_url_are_ours(void **state)
{
    static const char *const allowed[] = {"box.lan"};
    struct fixture *f = *state;

    restart(f, (struct http_settings){.listen = "0.0.0.0:0",
                                      .allowed_hosts = allowed,
                                      .allowed_hosts_n = 1,
                                      .external_url = "https://watch.example:444/ear/"});
    add_echo(f);
    ask(f, "GET /echo HTTP/1.1\r\nHost: box.lan:80\r\n\r\n");
    assert_int_equal(got_status(f), 200);
    ask(f, "GET /ear/echo/a HTTP/1.1\r\nHost: Watch.Example\r\n\r\n");
    assert_got(f, "GET /echo/a ? 0:");
    ask(f, "GET /echo HTTP/1.1\r\nHost: other.lan\r\n\r\n");
    assert_int_equal(got_status(f), 421);
    ask(f, "POST /echo HTTP/1.1\r\nHost: box.lan\r\nOrigin: https://watch.example:444\r\n"
           "Content-Length: 1\r\n\r\nx");
    assert_int_equal(got_status(f), 200);
}

static void only_a_page_of_ours_may_change_anything(void **state)
{
    static const struct {
        const char *path, *headers;
        int status;
    } cases[] = {
        {"POST /echo", "", 200},
        {"POST /echo", "Origin: http://localhost\r\n", 200},
        {"POST /echo", "Sec-Fetch-Site: same-origin\r\n", 200},
        {"POST /echo", "Sec-Fetch-Site: none\r\n", 200},
        {"POST /echo", "Origin: http://localhost:81\r\n", 403},
        {"POST /echo", "Origin: https://localhost\r\n", 403},
        {"POST /echo", "Origin: null\r\n", 403},
        {"POST /echo", "Origin: http://evil.example\r\n", 403},
        {"POST /echo", "Sec-Fetch-Site: cross-site\r\n", 403},
        {"POST /echo", "Sec-Fetch-Site: same-site\r\n", 403},
        {"POST /echo", "Referer: http://localhost/graph?g0=up\r\n", 200},
        {"POST /echo", "Referer: http://localhost\r\n", 200},
        {"POST /echo", "Referer: http://localhost.evil.example/\r\n", 403},
        {"POST /echo", "Referer: http://evil.example/localhost\r\n", 403},
        {"POST /echo", "Referer: https://localhost/\r\nSec-Fetch-Site: same-origin\r\n", 200},
        {"PUT /put", "Origin: http://evil.example\r\n", 403},
        {"GET /echo", "Origin: http://evil.example\r\n", 200},
        {"POST /open", "Origin: http://evil.example\r\n", 200},
    };
    struct fixture *f = *state;

    add_echo(f);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[300];

        (void)snprintf(text, sizeof text, "%s HTTP/1.1\r\n" HOST "%s\r\n", cases[i].path,
                       cases[i].headers);
        ask(f, text);
        if (got_status(f) != cases[i].status)
            fail_msg("%d: %s", got_status(f), text);
    }
    assert_int_equal(http_server_stats(f->server).refused_origins, 9);
}

static void a_slow_client_is_cut_and_told(void **state)
{
    struct fixture *f = *state;
    int slow, idle, body;

    add_echo(f);
    slow = client_open(f);
    idle = client_open(f);
    body = client_open(f);
    client_say(f, slow, "GET /echo HTTP/1.1\r\nX: ");
    client_say(f, body, "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 5\r\n\r\nab");
    for (int i = 0; i < 9; i++) {
        manual_clock_advance(&f->clock, 1000);
        server_tick(f->server);
        client_say(f, slow, "a"); /* a byte a second does not help */
    }
    client_read(f, slow);
    assert_int_equal(f->got_n, 0);
    manual_clock_advance(&f->clock, 1000);
    server_tick(f->server);
    client_read(f, slow);
    assert_int_equal(got_status(f), 408);
    assert_true(f->ended);
    manual_clock_advance(&f->clock, 50000);
    server_tick(f->server);
    client_read(f, body);
    assert_int_equal(got_status(f), 408);
    client_read(f, idle);
    assert_false(f->ended);
    manual_clock_advance(&f->clock, 300000);
    server_tick(f->server);
    client_read(f, idle);
    assert_true(f->ended);
    assert_int_equal(http_server_stats(f->server).timeouts, 2);
    (void)close(slow);
    (void)close(idle);
    (void)close(body);
}

static void the_oldest_idle_connection_makes_room(void **state)
{
    struct fixture *f = *state;
    int fds[4];

    restart(f, (struct http_settings){.connections_max = 3});
    add_echo(f);
    for (int i = 0; i < 3; i++) {
        fds[i] = client_open(f);
        manual_clock_advance(&f->clock, 10);
    }
    client_say(f, fds[0], "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    client_read(f, fds[0]);
    assert_int_equal(got_status(f), 200);
    fds[3] = client_open(f);
    client_read(f, fds[1]);
    assert_true(f->ended);
    client_read(f, fds[0]);
    assert_false(f->ended);
    assert_int_equal(http_server_stats(f->server).connections, 3);
    for (int i = 0; i < 4; i++)
        (void)close(fds[i]);
}

static void set_files_max(rlim_t max)
{
    struct rlimit files;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
}

static void connect_to(struct fixture *f, int fd)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(http_server_port(f->server)),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};

    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    turn(f);
}

static void the_last_descriptors_are_left_to_the_store(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    int fds[50], highest = 0;

    add_echo(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int i = 0; i < 50; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        highest = fds[i] > highest ? fds[i] : highest;
    }
    set_files_max((rlim_t)highest + 9);
    for (int i = 0; i < 50; i++)
        connect_to(f, fds[i]);
    assert_true(http_server_stats(f->server).connections <= 4);
    client_say(f, fds[49], "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    client_read(f, fds[49]);
    assert_int_equal(got_status(f), 200);
    set_files_max(before.rlim_cur);
    for (int i = 0; i < 50; i++)
        (void)close(fds[i]);
}

static void without_any_descriptor_accepting_rests_and_comes_back(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    add_echo(f);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    set_files_max(3);
    connect_to(f, fd);
    assert_non_null(f->server->resume); /* not asked again and again */
    assert_int_equal(http_server_stats(f->server).connections, 0);
    set_files_max(before.rlim_cur);
    while (!http_server_stats(f->server).connections)
        (void)uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    client_say(f, fd, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    client_read(f, fd);
    assert_int_equal(got_status(f), 200);
    (void)close(fd);
}

/* Answers later, and counts how often the client went away before. */
struct later {
    struct http_request *r;
    int gone;
};

static void on_gone(void *arg)
{
    struct later *l = arg;

    l->gone++;
    http_reply_error(l->r, 500, "nobody hears this");
    http_wake(l->r);
    http_release(l->r);
}

static void answer_later(struct http_request *r, void *arg)
{
    struct later *l = arg;

    l->r = r;
    r->on_gone = on_gone;
    r->on_gone_arg = l;
    http_hold(r);
}

static void a_handler_may_answer_later_and_others_wait_their_turn(void **state)
{
    struct fixture *f = *state;
    struct later l = {0};
    struct http_route route = {
        .path = "/later", .methods = HTTP_GET, .handler = answer_later, .arg = &l};
    int fd;

    add_echo(f);
    http_server_route(f->server, &route);
    fd = client_open(f);
    client_say(f, fd, "GET /later HTTP/1.1\r\n" HOST "\r\nGET /echo HTTP/1.1\r\n" HOST "\r\n");
    client_read(f, fd);
    assert_int_equal(f->got_n, 0);
    manual_clock_advance(&f->clock, 3600000);
    server_tick(f->server); /* no deadline is the client's fault here */
    http_reply(l.r, 200, "text/plain", STR("at last\n"));
    http_release(l.r);
    client_read(f, fd);
    assert_true(strstr(f->got, "at last\n") < strstr(f->got, "GET /echo ? 0:"));
    assert_int_equal(l.gone, 0);
    (void)close(fd);
}

static void a_client_that_goes_away_is_told_once(void **state)
{
    struct fixture *f = *state;
    struct later l = {0};
    struct http_route route = {
        .path = "/later", .methods = HTTP_GET, .handler = answer_later, .arg = &l};
    int fd;

    http_server_route(f->server, &route);
    fd = client_open(f);
    client_say(f, fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(l.gone, 0);
    (void)close(fd);
    turn(f);
    assert_int_equal(l.gone, 1);
    assert_int_equal(http_server_stats(f->server).aborted, 1);
    fd = client_open(f);
    client_say(f, fd, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    http_server_free(f->server); /* going away from our side counts too */
    assert_int_equal(l.gone, 2);
    (void)close(fd);
    server_start(f, (struct http_settings){0});
}

struct drain {
    int done;
};

static void on_drained(void *arg)
{
    ((struct drain *)arg)->done++;
}

static void draining_lets_answers_finish_and_ends_the_rest(void **state)
{
    struct fixture *f = *state;
    struct later l = {0}, never = {0};
    struct drain d = {0};
    struct http_route routes[] = {
        {.path = "/later", .methods = HTTP_GET, .handler = answer_later, .arg = &l},
        {.path = "/never", .methods = HTTP_GET, .handler = answer_later, .arg = &never}};
    int idle, busy, stuck;

    http_server_route(f->server, &routes[0]);
    http_server_route(f->server, &routes[1]);
    idle = client_open(f);
    busy = client_open(f);
    stuck = client_open(f);
    client_say(f, busy, "GET /later HTTP/1.1\r\n" HOST "\r\n");
    client_say(f, stuck, "GET /never HTTP/1.1\r\n" HOST "\r\n");
    http_server_drain(f->server, 30, on_drained, &d);
    client_read(f, idle);
    assert_true(f->ended);
    http_reply(l.r, 200, "text/plain", STR("at last\n"));
    http_release(l.r);
    client_read(f, busy);
    assert_got(f, "\r\nConnection: close\r\n");
    assert_got(f, "at last\n");
    assert_true(f->ended);
    (void)close(busy);
    while (!d.done)
        (void)uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    assert_int_equal(never.gone, 1);
    assert_int_equal(d.done, 1);
    (void)close(idle);
    (void)close(stuck);
}

static void draining_without_connections_is_done_at_once(void **state)
{
    struct fixture *f = *state;
    struct drain d = {0};

    http_server_drain(f->server, 60000, on_drained, &d);
    while (!d.done)
        (void)uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    assert_int_equal(d.done, 1);
}

static void old_clients_get_what_they_understand(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "GET /echo HTTP/1.0\r\n\r\n");
    assert_int_equal(got_status(f), 200);
    assert_got(f, "\r\nConnection: close\r\n");
    assert_true(f->ended);
    ask(f, "GET /echo HTTP/1.0\r\n" HOST "Connection: keep-alive\r\n\r\n");
    assert_got(f, "\r\nConnection: keep-alive\r\n");
    assert_false(f->ended);
}

static void an_upgrade_is_ignored(void **state)
{
    struct fixture *f = *state;

    add_echo(f);
    ask(f, "GET /echo HTTP/1.1\r\n" HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
           "HTTP2-Settings: AAMAAABk\r\n\r\nGET /echo/2 HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "GET /echo ? 0:");
    assert_got(f, "GET /echo/2 ? 0:");
}

static void used_up_memory_is_a_503(void **state)
{
    struct fixture *f = *state;
    char text[200];
    struct buf big;

    add_echo(f);
    buf_init(&big, 0);
    (void)snprintf(text, sizeof text,
                   "POST /echo HTTP/1.1\r\n" HOST "Content-Length: 90000\r\n\r\n");
    buf_adds(&big, text);
    while (big.n < strlen(text) + 90000)
        buf_addc(&big, 'x');
    f->budget.max_bytes = 60000;
    ask_bytes(f, big.p, big.n);
    assert_int_equal(got_status(f), 503);
    f->budget.max_bytes = 0;
    ask(f, "GET /echo HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 503);
    f->budget.max_bytes = 1u << 20;
    ask_bytes(f, big.p, big.n);
    assert_int_equal(got_status(f), 200);
    buf_fini(&big);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_get_is_answered_with_the_headers_that_keep_pages_safe),
        TEST(head_gives_the_same_headers_without_the_body),
        TEST(a_request_may_come_byte_by_byte),
        TEST(a_thousand_pipelined_requests_are_answered_in_order),
        TEST(chunks_are_put_together),
        TEST(hostile_framing_is_refused_and_the_connection_ended),
        TEST(heads_that_never_end_are_refused),
        TEST(a_method_that_a_path_does_not_serve_is_told_which_ones_it_does),
        TEST(who_asks_for_the_options_of_a_path_is_told_them),
        TEST(the_fallback_words_the_refusal_of_a_method),
        TEST(the_fallback_answers_for_what_has_no_route_and_reads_no_body),
        TEST(a_body_past_the_bound_is_refused_before_it_is_read),
        TEST(expect_is_answered_before_the_body),
        TEST(a_host_that_is_not_ours_is_told_the_key_to_add),
        TEST(allowed_hosts_and_the_external_url_are_ours),
        TEST(only_a_page_of_ours_may_change_anything),
        TEST(a_slow_client_is_cut_and_told),
        TEST(the_oldest_idle_connection_makes_room),
        TEST(the_last_descriptors_are_left_to_the_store),
        TEST(without_any_descriptor_accepting_rests_and_comes_back),
        TEST(a_handler_may_answer_later_and_others_wait_their_turn),
        TEST(a_client_that_goes_away_is_told_once),
        TEST(draining_lets_answers_finish_and_ends_the_rest),
        TEST(draining_without_connections_is_done_at_once),
        TEST(old_clients_get_what_they_understand),
        TEST(an_upgrade_is_ignored),
        TEST(used_up_memory_is_a_503),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
