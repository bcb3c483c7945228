/* Peers are threads with a blocking socket and a script: what to send, and when to hang. */
#include "http/fetch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "base/test.h"
#include "http/client.h"
#include "http/client_settings.h"
#include "sys/loop.h"
#include "sys/thread.h"

struct fixture {
    struct loop *loop;
    struct fetcher *fetcher;
    size_t dones, wanted;
    struct fetch *last;
};

struct peer {
    int listener;
    uint16_t port;
    pthread_t thread;
    struct str answer;  /* to each request; p NULL: none, the connection hangs */
    size_t requests;    /* to answer on a connection before it is closed */
    size_t connections; /* to accept; at the end: how many came */
    size_t answered;    /* requests */
    char seen[4096];    /* the first request */
};

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);
    struct err err;

    *state = f;
    assert_ok(loop_new(&f->loop, &err), err);
    assert_ok(fetcher_new(f->loop, NULL, &f->fetcher, &err), err);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    fetch_free(f->last);
    fetcher_free(f->fetcher);
    loop_drain(f->loop);
    loop_free(f->loop);
    mem_free(f);
    return 0;
}

static void serve(struct peer *p, int fd, bool first)
{
    char in[4096];
    size_t n = 0;

    for (size_t i = 0; i < p->requests;) {
        ssize_t got = recv(fd, in + n, sizeof in - 1 - n, 0);

        if (got <= 0)
            return;
        n += (size_t)got;
        in[n] = '\0';
        if (!strstr(in, "\r\n\r\n"))
            continue;
        if (first && i == 0)
            memcpy(p->seen, in, n + 1);
        if (!p->answer.p) {
            (void)recv(fd, in, sizeof in, 0); /* until the other side gives up */
            return;
        }
        (void)send(fd, p->answer.p, p->answer.n, MSG_NOSIGNAL);
        p->answered++;
        n = 0;
        i++;
    }
}

static void *peer_main(void *arg)
{
    struct peer *p = arg;
    size_t came = 0;

    while (came < p->connections) {
        int fd = accept(p->listener, NULL, NULL);

        if (fd < 0)
            break;
        serve(p, fd, came++ == 0);
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
    }
    p->connections = came;
    return NULL;
}

static void peer_start(struct peer *p, const char *answer, size_t requests, size_t connections)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    struct err err;

    *p = (struct peer){.answer = str_c(answer), .requests = requests, .connections = connections};
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(p->listener, 16), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
    p->port = ntohs(a.sin_port);
    assert_ok(thread_start(&p->thread, "peer", peer_main, p, &err), err);
}

static void peer_stop(struct peer *p)
{
    (void)shutdown(p->listener, SHUT_RDWR);
    pthread_join(p->thread, NULL);
    (void)close(p->listener);
}

static void on_done(struct fetch *fetch, void *arg)
{
    struct fixture *f = arg;

    fetch_free(f->last);
    f->last = fetch;
    if (++f->dones == f->wanted)
        loop_stop(f->loop);
}

static struct fetch *start(struct fixture *f, uint16_t port, struct fetch_request q)
{
    struct fetch *fetch;
    struct err err;
    char url[64];

    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/metrics", port);
    q.url = q.url ? q.url : url;
    q.timeout_ms = q.timeout_ms ? q.timeout_ms : 5000;
    q.body_max = q.body_max ? q.body_max : 1u << 20;
    q.done = on_done;
    q.arg = f;
    assert_ok(fetch_start(f->fetcher, &q, &fetch, &err), err);
    return fetch;
}

static const struct fetch_result *get(struct fixture *f, uint16_t port, struct fetch_request q)
{
    (void)start(f, port, q);
    f->wanted = f->dones + 1;
    loop_run(f->loop);
    return fetch_result(f->last);
}

static void assert_error(const struct fetch_result *r, enum err_kind kind, const char *words)
{
    assert_int_equal(r->status, 0);
    assert_fails(-1, r->err, kind, words);
}

#define OK_HELLO                                                                                   \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: "               \
    "6\r\n\r\nhello\n"

static void an_answer_comes_whole_and_the_connection_is_kept(void **state)
{
    static const char *const headers[] = {"Accept: text/plain", "X-Scrape: 1"};
    struct fixture *f = *state;
    const struct fetch_result *r;
    struct peer p;

    peer_start(&p, OK_HELLO, 3, 1);
    for (int i = 0; i < 3; i++) {
        r = get(f, p.port, (struct fetch_request){.headers = headers, .headers_n = 2});
        assert_int_equal(r->status, 200);
        assert_true(str_eq(r->body, STR("hello\n")));
        assert_true(str_eq(r->content_type, STR("text/plain; version=0.0.4")));
        assert_int_equal(r->wire_bytes, 6);
        assert_true(r->seconds > 0 && r->start_ms > 0);
    }
    peer_stop(&p);
    assert_int_equal(p.connections, 1);
    assert_non_null(strstr(p.seen, "GET /metrics HTTP/1.1\r\n"));
    assert_non_null(strstr(p.seen, "\r\nX-Scrape: 1\r\n"));
    assert_null(strstr(p.seen, "Accept-Encoding"));
}

static void a_post_sends_its_body(void **state)
{
    static const char *const headers[] = {"Content-Type: application/json"};
    struct fixture *f = *state;
    const struct fetch_result *r;
    struct peer p;

    peer_start(&p, "HTTP/1.1 204 No Content\r\n\r\n", 1, 1);
    r = get(f, p.port,
            (struct fetch_request){
                .method = "POST", .headers = headers, .headers_n = 1, .body = STR("{\"a\":1}")});
    assert_int_equal(r->status, 204);
    peer_stop(&p);
    assert_non_null(strstr(p.seen, "POST /metrics HTTP/1.1\r\n"));
    assert_non_null(strstr(p.seen, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(p.seen, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(p.seen, "Expect"));
}

static void many_at_once_all_come_back(void **state)
{
    struct fixture *f = *state;
    struct peer peers[8];

    for (size_t i = 0; i < 8; i++)
        peer_start(&peers[i], OK_HELLO, 1, 10);
    f->wanted = 80;
    for (int i = 0; i < 80; i++)
        (void)start(f, peers[i % 8].port, (struct fetch_request){0});
    loop_run(f->loop);
    assert_int_equal(fetch_result(f->last)->status, 200);
    fetcher_free(f->fetcher); /* closes kept connections, so that the peers end */
    f->fetcher = NULL;
    for (size_t i = 0; i < 8; i++)
        peer_stop(&peers[i]);
}

/* A peer that closes what it promised to keep, in the moment in which it is used again. */
static void a_kept_connection_that_is_gone_is_made_anew_without_a_word(void **state)
{
    struct fixture *f = *state;
    struct peer p;

    peer_start(&p, OK_HELLO, 1, 3);
    for (int i = 0; i < 3; i++)
        assert_int_equal(get(f, p.port, (struct fetch_request){0})->status, 200);
    peer_stop(&p);
    assert_int_equal(p.connections, 3);
    assert_int_equal(p.answered, 3);
}

static void each_way_to_frame_a_body_is_read(void **state)
{
    static const char *const answers[] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n4;x=y\r\nllo\n\r\n0\r\nT: "
        "v\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\nhello\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n",
        "HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nConnection: close\r\n\r\nhello\n",
        "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" OK_HELLO,
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        const struct fetch_result *r;
        struct peer p;

        peer_start(&p, answers[i], 1, 1);
        r = get(f, p.port, (struct fetch_request){0});
        assert_int_equal(r->status, 200);
        assert_true(str_eq(r->body, STR("hello\n")));
        peer_stop(&p);
        assert_int_equal(p.connections, 1); /* nobody had to ask again */
    }
}

static void a_large_body_comes_whole_whether_its_length_is_known_or_not(void **state)
{
    enum { BYTES = 700000 };
    struct fixture *f = *state;

    for (int known = 0; known < 2; known++) {
        struct buf answer;
        struct peer p;
        const struct fetch_result *r;
        char *body;

        buf_init(&answer, 0);
        if (known)
            buf_addf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BYTES);
        else
            buf_adds(&answer, "HTTP/1.1 200 OK\r\n\r\n");
        body = buf_reserve(&answer, BYTES);
        for (int i = 0; i < BYTES; i++)
            body[i] = (char)('a' + i % 23);
        answer.n += BYTES;
        peer_start(&p, "", 1, 1);
        p.answer = buf_str(&answer);
        r = get(f, p.port, (struct fetch_request){.body_max = BYTES});
        assert_int_equal(r->status, 200);
        assert_int_equal(r->body.n, BYTES);
        assert_memory_equal(r->body.p, answer.p + answer.n - BYTES, BYTES);
        peer_stop(&p);
        buf_fini(&answer);
    }
}

/* A label of 64 letters: refused before any name server is asked. */
#define NO_NAME "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.invalid"

static void failures_are_told_in_plain_words(void **state)
{
    struct fixture *f = *state;
    struct peer p;
    uint16_t closed;

    peer_start(&p, "", 1, 1);
    assert_error(get(f, p.port, (struct fetch_request){0}), ERR_OS, "closed without an answer");
    peer_stop(&p);
    closed = p.port;
    assert_error(get(f, closed, (struct fetch_request){0}), ERR_OS,
                 "connection refused: nothing listens on 127.0.0.1 port");
    peer_start(&p, "HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\nhello\n", 1, 1);
    assert_error(get(f, p.port, (struct fetch_request){0}), ERR_OS, "broke off after 6 bytes");
    peer_stop(&p);
    peer_start(&p, "SSH-2.0-OpenSSH_9.2\r\n", 1, 1);
    assert_error(get(f, p.port, (struct fetch_request){0}), ERR_OS, "not HTTP");
    peer_stop(&p);
    peer_start(&p, NULL, 1, 1);
    assert_error(get(f, p.port, (struct fetch_request){.timeout_ms = 50}), ERR_TIMEOUT,
                 "timeout after 0.05 s: connected, but no answer came");
    peer_stop(&p);
    assert_error(get(f, 0, (struct fetch_request){.url = "http://" NO_NAME "/"}), ERR_OS,
                 "the name " NO_NAME " is not known");
}

static void urls_and_headers_are_checked_before_anything_is_sent(void **state)
{
    static const char *const bad[] = {"ftp://a/", "file:///etc/passwd", "a/b", "",
                                      "http://",  "http://a/\r\nX: y"};
    static const char *const headers[] = {"X: a\r\nY: b"};
    struct fixture *f = *state;
    struct fetch_request q = {.timeout_ms = 1, .body_max = 1, .done = on_done};
    struct fetch *fetch;
    struct err err;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        q.url = bad[i];
        assert_fails(fetch_start(f->fetcher, &q, &fetch, &err), err, ERR_SYNTAX, "the URL");
    }
    q.url = "http://127.0.0.1/";
    q.headers = headers;
    q.headers_n = 1;
    assert_fails(fetch_start(f->fetcher, &q, &fetch, &err), err, ERR_SYNTAX, "control character");
}

/* A gzip member of `n` zeros behind a head. */
static struct str zeros_gzipped(size_t n)
{
    struct buf out;
    z_stream z = {0};
    size_t cap = n / 500 + 1000;
    unsigned char *zeros = mem_zalloc(n), *packed = mem_zalloc(cap);

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = zeros;
    z.avail_in = (unsigned)n;
    z.next_out = packed;
    z.avail_out = (unsigned)cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_init(&out, 0);
    buf_addf(&out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
             z.total_out);
    buf_add(&out, (struct str){(char *)packed, z.total_out});
    (void)deflateEnd(&z);
    mem_free(zeros);
    mem_free(packed);
    return buf_str(&out);
}

static void gzip_is_undone_though_not_asked_for_and_a_bomb_is_cut_while_it_arrives(void **state)
{
    struct fixture *f = *state;
    const struct fetch_result *r;
    struct peer p;
    struct str answer = zeros_gzipped(2u << 20);

    peer_start(&p, "", 1, 4); /* near first, then by way of libcurl */
    p.answer = answer;
    r = get(f, p.port, (struct fetch_request){.body_max = 2u << 20});
    assert_int_equal(r->status, 200);
    assert_int_equal(r->body.n, 2u << 20);
    assert_true(r->wire_bytes < 10000);
    assert_error(get(f, p.port, (struct fetch_request){.body_max = 1u << 20}), ERR_LIMIT,
                 "the answer has more than 1 MB");
    fetcher_free(f->fetcher);
    f->fetcher = NULL;
    peer_stop(&p);
    mem_free((void *)(uintptr_t)answer.p);
}

static void the_largest_answer_gives_way_when_all_take_too_much(void **state)
{
    struct fixture *f = *state;
    struct peer p;
    struct str answer = zeros_gzipped(6u << 20);

    peer_start(&p, "", 1, 14);
    p.answer = answer;
    fetcher_set_bodies_max(f->fetcher, 4u << 20);
    assert_error(get(f, p.port, (struct fetch_request){.body_max = 8u << 20}), ERR_LIMIT,
                 "it was the largest of those that together took all memory for answers");
    fetcher_set_bodies_max(f->fetcher, 16u << 20); /* two of them: the last is freed late */
    for (int i = 0; i < 5; i++)                    /* what is freed may be taken again */
        assert_int_equal(get(f, p.port, (struct fetch_request){.body_max = 8u << 20})->body.n,
                         6u << 20);
    fetcher_set_bodies_max(f->fetcher, 0);
    assert_error(get(f, p.port, (struct fetch_request){.body_max = 1u << 20}), ERR_LIMIT,
                 "the answer has more than 1 MB"); /* so much is never refused */
    fetcher_free(f->fetcher);
    f->fetcher = NULL;
    peer_stop(&p);
    mem_free((void *)(uintptr_t)answer.p);
}

/* A fetch with a client of these settings. */
static const struct fetch_result *get_as(struct fixture *f, uint16_t port,
                                         struct client_settings settings,
                                         struct fetch_request request)
{
    const struct fetch_result *r;

    request.client = client_new(&settings);
    r = get(f, port, request);
    client_unref(request.client);
    return r;
}

#define SECRETS                                                                                    \
    .has_basic_auth = true, .username = {"me", NULL}, .password = {"hush", NULL},                  \
    .headers = &(const struct client_header){"X-Key", {"hidden", NULL}}, .headers_n = 1
#define BASIC "\r\nAuthorization: Basic bWU6aHVzaA==\r\n"

static void redirect_text(char out[300], const char *status, const char *to)
{
    (void)snprintf(out, 300, "HTTP/1.1 %s\r\nLocation: %s\r\nContent-Length: 3\r\n\r\nno\n", status,
                   to);
}

static void redirects_are_followed_ten_times_if_at_all(void **state)
{
    struct fixture *f = *state;
    const struct fetch_result *r;
    struct peer p;
    char answer[300];

    redirect_text(answer, "302 Found", "/again");
    peer_start(&p, answer, 11, 2); /* near 2, then by way of libcurl */
    assert_int_equal(get(f, p.port, (struct fetch_request){0})->status, 302);
    r = get_as(f, p.port, (struct client_settings){.follow_redirects = true},
               (struct fetch_request){0});
    assert_error(r, ERR_LIMIT, "more than 10 redirects");
    peer_stop(&p);
    redirect_text(answer, "301 Moved", "file:///etc/passwd");
    peer_start(&p, answer, 1, 2);
    r = get_as(f, p.port, (struct client_settings){.follow_redirects = true},
               (struct fetch_request){0});
    assert_error(r, ERR_EVAL, "not http");
    peer_stop(&p);
}

static void secrets_go_along_on_one_place_and_stay_behind_when_it_is_left(void **state)
{
    struct fixture *f = *state;
    struct client_settings settings = {.follow_redirects = true, SECRETS};
    const struct fetch_result *r;
    struct peer first, second;
    char answer[300], to[100];

    peer_start(&second, OK_HELLO, 1, 1);
    (void)snprintf(to, sizeof to, "http://localhost:%u/x", second.port);
    redirect_text(answer, "307 Temporary Redirect", to);
    peer_start(&first, answer, 1, 1);
    r = get_as(f, first.port, settings, (struct fetch_request){0});
    assert_int_equal(r->status, 200);
    assert_true(str_eq(r->body, STR("hello\n")));
    assert_null(r->auth);
    peer_stop(&first);
    peer_stop(&second);
    assert_non_null(strstr(first.seen, BASIC));
    assert_non_null(strstr(first.seen, "\r\nX-Key: hidden\r\n"));
    assert_non_null(strstr(second.seen, "GET /x HTTP/1.1"));
    assert_null(strstr(second.seen, "Authorization"));
    assert_null(strstr(second.seen, "hidden"));
}

static void who_stays_home_follows_to_the_same_place_only(void **state)
{
    struct fixture *f = *state;
    const struct client_settings settings = {.follow_redirects = true, .stays_home = true};
    struct peer p;
    char answer[300];

    redirect_text(answer, "302 Found", "http://localhost:1/x");
    peer_start(&p, answer, 1, 2); /* near 1, then by way of libcurl */
    assert_error(get_as(f, p.port, settings, (struct fetch_request){0}), ERR_EVAL,
                 "another host or port (http://localhost:1/x)");
    peer_stop(&p);
    redirect_text(answer, "302 Found", "/again");
    peer_start(&p, answer, 11, 2);
    assert_error(get_as(f, p.port, settings, (struct fetch_request){0}), ERR_LIMIT, "more than 10");
    peer_stop(&p);
}

static void a_file_with_a_secret_is_read_at_each_use(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/earshot-test-secret-XXXXXX";
    struct client_settings settings = {.authorization_type = "Bearer",
                                       .authorization = {NULL, path}};
    struct fetch_request q = {0};
    int fd = mkstemp(path);
    struct peer p;

    assert_true(fd >= 0);
    q.client = client_new(&settings);
    assert_int_equal(write(fd, "one\n", 4), 4);
    peer_start(&p, OK_HELLO, 1, 1);
    assert_int_equal(get(f, p.port, q)->status, 200);
    assert_string_equal(fetch_result(f->last)->auth, "authorization");
    peer_stop(&p);
    assert_non_null(strstr(p.seen, "\r\nAuthorization: Bearer one\r\n"));
    assert_int_equal(pwrite(fd, "two\n", 4, 0), 4);
    peer_start(&p, OK_HELLO, 1, 1);
    assert_int_equal(get(f, p.port, q)->status, 200);
    peer_stop(&p);
    assert_non_null(strstr(p.seen, "\r\nAuthorization: Bearer two\r\n"));
    assert_int_equal(pwrite(fd, "a\nb\n", 4, 0), 4);
    assert_error(get(f, p.port, q), ERR_SYNTAX, "authorization.credentials holds a line end");
    assert_int_equal(unlink(path), 0);
    (void)close(fd);
    assert_error(get(f, p.port, q), ERR_OS, "authorization.credentials: cannot open /tmp/earshot");
    client_unref(q.client);
}

/* A token server and a target; both see one request each. */
static void a_token_is_asked_for_once_and_again_after_it_was_not_taken(void **state)
{
    static const struct client_param param = {"audience", "a b"};
    struct fixture *f = *state;
    struct client_oauth2 oauth2 = {.client_id = "id",
                                   .client_secret = {"s%cret", NULL},
                                   .scopes = "read all",
                                   .params = &param,
                                   .params_n = 1};
    struct client_settings settings = {.oauth2 = &oauth2};
    struct fetch_request q = {0};
    struct peer tokens, p;
    char url[64];

    peer_start(&tokens,
               "HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\n"
               "{\"access_token\":\"t0k\",\"expires_in\":3600,\"x\":\"1234\"}",
               2, 1);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/token", tokens.port);
    oauth2.token_url = url;
    q.client = client_new(&settings);
    peer_start(&p, OK_HELLO, 3, 2);
    f->wanted = 2;
    (void)start(f, p.port, q); /* both wait for the same token */
    (void)start(f, p.port, q);
    loop_run(f->loop);
    assert_int_equal(get(f, p.port, q)->status, 200);
    fetcher_free(f->fetcher); /* closes kept connections */
    f->fetcher = NULL;
    peer_stop(&p);
    peer_stop(&tokens);
    client_unref(q.client);
    assert_int_equal(tokens.connections, 1);
    assert_int_equal(tokens.answered, 1);
    assert_non_null(strstr(tokens.seen, "POST /token HTTP/1.1"));
    assert_non_null(strstr(tokens.seen, "\r\nAuthorization: Basic aWQ6cyVjcmV0\r\n"));
    assert_non_null(strstr(
        tokens.seen, "\r\n\r\ngrant_type=client_credentials&scope=read%20all&audience=a%20b"));
    assert_non_null(strstr(p.seen, "\r\nAuthorization: Bearer t0k\r\n"));
}

static void a_token_that_cannot_be_had_fails_the_request_in_words(void **state)
{
    struct fixture *f = *state;
    struct client_oauth2 oauth2 = {.client_id = "id", .client_secret = {"secret", NULL}};
    struct client_settings settings = {.oauth2 = &oauth2};
    struct peer tokens;
    char url[64];

    peer_start(&tokens, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", 2, 1);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u/token", tokens.port);
    oauth2.token_url = url;
    assert_error(get_as(f, 1, settings, (struct fetch_request){0}), ERR_EVAL,
                 "oauth2: token_url answered with HTTP status 401; check client_id");
    peer_stop(&tokens);
    assert_int_equal(tokens.answered, 2); /* both ways to tell the secret */
    assert_error(get_as(f, 1, settings, (struct fetch_request){0}), ERR_OS,
                 "oauth2: token_url: connection refused");
}

static void a_proxy_is_asked_instead_with_headers_of_its_own(void **state)
{
    static const struct client_header connect = {"X-Proxy", {"p", NULL}};
    struct fixture *f = *state;
    struct client_settings settings = {SECRETS};
    struct peer proxy;
    char url[64];

    peer_start(&proxy, OK_HELLO, 1, 1);
    (void)snprintf(url, sizeof url, "http://u:pw@127.0.0.1:%u", proxy.port);
    settings.proxy = (struct client_proxy){
        .url = url, .no_proxy = "x.example", .connect_headers = &connect, .connect_headers_n = 1};
    assert_int_equal(
        get_as(f, 0, settings, (struct fetch_request){.url = "http://target.example/m"})->status,
        200);
    peer_stop(&proxy);
    assert_non_null(strstr(proxy.seen, "GET http://target.example/m HTTP/1.1\r\n"));
    assert_non_null(strstr(proxy.seen, "\r\nProxy-Authorization: Basic dTpwdw==\r\n"));
    assert_error(get_as(f, 0, settings, (struct fetch_request){.url = "http://target.example/m"}),
                 ERR_OS, "the proxy (proxy_url) cannot be reached");
}

static void gzip_is_asked_of_far_hosts_alone(void **state)
{
    struct fixture *f = *state;
    struct client_settings settings = {.compression = true};
    struct peer p;
    char url[64];

    peer_start(&p, OK_HELLO, 1, 1);
    (void)get_as(f, p.port, settings, (struct fetch_request){0});
    peer_stop(&p);
    assert_null(strstr(p.seen, "Accept-Encoding"));
    for (int i = 0; i < 2; i++) {
        peer_start(&p, OK_HELLO, 1, 1);
        (void)snprintf(url, sizeof url, "http://127.0.0.1:%u", p.port);
        settings.proxy.url = url; /* the far host's name is told to a proxy */
        settings.compression = i == 0;
        (void)get_as(f, 0, settings, (struct fetch_request){.url = "http://far.example/"});
        peer_stop(&p);
        assert_int_equal(!strstr(p.seen, "\r\nAccept-Encoding: gzip\r\n"), i);
    }
}

static void a_certificate_that_is_none_is_told_with_its_key(void **state)
{
    struct fixture *f = *state;
    struct fetch_request q = {.url = "https://127.0.0.1:1/"};

    assert_error(get_as(f, 0, (struct client_settings){.tls.ca = {NULL, "/nowhere/ca.pem"}}, q),
                 ERR_OS, "tls_config.ca: cannot open /nowhere/ca.pem");
    assert_error(get_as(f, 0, (struct client_settings){.tls.cert = {NULL, "/dev/null"}}, q),
                 ERR_TYPE, "tls_config.cert: /dev/null is not a file");
    assert_error(get_as(f, 0, (struct client_settings){.tls.key = {"", NULL}}, q), ERR_SYNTAX,
                 "tls_config.key is empty");
}

static void a_cancelled_fetch_is_never_done(void **state)
{
    struct fixture *f = *state;
    struct peer hangs, answers;

    peer_start(&hangs, NULL, 1, 2);
    peer_start(&answers, OK_HELLO, 1, 1);
    fetch_cancel(start(f, hangs.port, (struct fetch_request){0}));
    assert_int_equal(get(f, answers.port, (struct fetch_request){0})->status, 200);
    assert_int_equal(f->dones, 1);
    (void)start(f, hangs.port, (struct fetch_request){0});
    fetcher_free(f->fetcher); /* with one under way */
    f->fetcher = NULL;
    loop_drain(f->loop);
    assert_int_equal(f->dones, 1);
    peer_stop(&hangs);
    peer_stop(&answers);
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_whole_and_the_connection_is_kept),
        TEST(a_post_sends_its_body),
        TEST(many_at_once_all_come_back),
        TEST(a_kept_connection_that_is_gone_is_made_anew_without_a_word),
        TEST(each_way_to_frame_a_body_is_read),
        TEST(a_large_body_comes_whole_whether_its_length_is_known_or_not),
        TEST(failures_are_told_in_plain_words),
        TEST(urls_and_headers_are_checked_before_anything_is_sent),
        TEST(the_largest_answer_gives_way_when_all_take_too_much),
        TEST(gzip_is_undone_though_not_asked_for_and_a_bomb_is_cut_while_it_arrives),
        TEST(redirects_are_followed_ten_times_if_at_all),
        TEST(who_stays_home_follows_to_the_same_place_only),
        TEST(secrets_go_along_on_one_place_and_stay_behind_when_it_is_left),
        TEST(a_file_with_a_secret_is_read_at_each_use),
        TEST(a_token_is_asked_for_once_and_again_after_it_was_not_taken),
        TEST(a_token_that_cannot_be_had_fails_the_request_in_words),
        TEST(a_proxy_is_asked_instead_with_headers_of_its_own),
        TEST(gzip_is_asked_of_far_hosts_alone),
        TEST(a_certificate_that_is_none_is_told_with_its_key),
        TEST(a_cancelled_fetch_is_never_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
