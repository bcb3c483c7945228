/* Bodies on their way: generators, compression, files of the page, slow readers. */
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "http/test_server.h"

/* A generator by script: counts its calls. */
struct script {
    struct http_body base;
    struct http_request *r;
    size_t pieces, piece_bytes; /* to give */
    enum http_more then;        /* what comes after them */
    size_t calls, closes;
    bool endless;
};

static enum http_more script_next(struct http_body *b, char *buf, size_t cap, size_t *n)
{
    struct script *s = CONTAINER_OF(b, struct script, base);

    assert_true(cap >= 64u << 10);
    s->calls++;
    if (!s->pieces) {
        *n = 0;
        return s->then;
    }
    s->pieces--;
    memset(buf, 'x', s->piece_bytes);
    *n = s->piece_bytes;
    return s->pieces ? HTTP_MORE : s->then;
}

static void script_close(struct http_body *b)
{
    CONTAINER_OF(b, struct script, base)->closes++;
}

static void answer_script(struct http_request *r, void *arg)
{
    struct script *s = arg;

    s->base = (struct http_body){script_next, script_close, s->endless};
    s->r = r;
    http_reply_body(r, 200, "text/plain", &s->base);
}

static void add_script(struct fixture *f, struct script *s, struct http_route *route)
{
    *route = (struct http_route){
        .path = "/script", .methods = HTTP_GET, .handler = answer_script, .arg = s};
    http_server_route(f->server, route);
}

#define GET_SCRIPT "GET /script HTTP/1.1\r\n" HOST

static void pieces_are_sent_in_chunks_and_the_connection_is_kept(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 3, .piece_bytes = 5, .then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, GET_SCRIPT "\r\n");
    assert_got(f, "\r\nTransfer-Encoding: chunked\r\n");
    assert_string_equal(got_body(f), "5\r\nxxxxx\r\n5\r\nxxxxx\r\n5\r\nxxxxx\r\n0\r\n\r\n");
    assert_false(f->ended);
    assert_int_equal(s.closes, 1);
}

static void on_drained(void *arg)
{
    *(bool *)arg = true;
}

static void draining_ends_an_event_stream_at_once(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 1, .piece_bytes = 5, .then = HTTP_WAIT, .endless = true};
    struct http_route route;
    bool drained = false;
    int fd;

    add_script(f, &s, &route);
    fd = client_open(f);
    client_say(f, fd, GET_SCRIPT "\r\n");
    while (s.calls < 1)
        (void)uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    http_server_drain(f->server, 60000, on_drained, &drained);
    client_read(f, fd);
    assert_string_equal(got_body(f), "5\r\nxxxxx\r\n0\r\n\r\n"); /* whole, and no error */
    assert_true(f->ended);
    (void)close(fd);
    while (!drained)
        (void)uv_run(loop_uv(f->loop), UV_RUN_ONCE);
    assert_int_equal(s.closes, 1);
}

static void a_body_that_is_whole_at_once_says_its_length(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 1, .piece_bytes = 5, .then = HTTP_LAST};
    struct script empty = {.then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, GET_SCRIPT "\r\n");
    assert_got(f, "\r\nContent-Length: 5\r\n");
    assert_not_got(f, "chunked");
    assert_string_equal(got_body(f), "xxxxx");
    assert_false(f->ended);
    restart(f, (struct http_settings){0});
    add_script(f, &empty, &route);
    ask(f, GET_SCRIPT "\r\n");
    assert_got(f, "\r\nContent-Length: 0\r\n");
    assert_string_equal(got_body(f), "");
    assert_int_equal(empty.closes, 1);
}

static void head_and_304_never_ask_for_a_piece(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 1, .piece_bytes = 5, .then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, "HEAD /script HTTP/1.1\r\n" HOST "\r\n");
    assert_int_equal(got_status(f), 200);
    assert_string_equal(got_body(f), "");
    assert_int_equal(s.calls, 0);
    assert_int_equal(s.closes, 1);
}

static void an_old_client_gets_it_up_to_the_end_of_the_connection(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 2, .piece_bytes = 5, .then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, "GET /script HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_not_got(f, "chunked");
    assert_string_equal(got_body(f), "xxxxxxxxxx");
    assert_true(f->ended);
}

static void a_body_that_breaks_is_cut_and_cannot_be_taken_for_whole(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 2, .piece_bytes = 5, .then = HTTP_BREAK};
    struct script empty = {.pieces = 2, .piece_bytes = 0, .then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, GET_SCRIPT "\r\n");
    assert_true(f->ended);
    assert_not_got(f, "0\r\n\r\n");
    assert_int_equal(s.closes, 1);
    restart(f, (struct http_settings){0});
    add_script(f, &empty, &route);
    ask(f, GET_SCRIPT "\r\n"); /* HTTP_MORE without a byte is an error too */
    assert_true(f->ended);
    assert_int_equal(empty.closes, 1);
}

static void a_waiting_body_goes_on_when_it_is_woken(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 1, .piece_bytes = 3, .then = HTTP_WAIT};
    struct http_route route;
    int fd;

    add_script(f, &s, &route);
    fd = client_open(f);
    client_say(f, fd, GET_SCRIPT "\r\n");
    client_read(f, fd);
    assert_string_equal(got_body(f), "3\r\nxxx\r\n"); /* what was written is out */
    manual_clock_advance(&f->clock, 3600000);
    server_tick(f->server);
    s.pieces = 1;
    s.piece_bytes = 4;
    http_wake(s.r);
    http_wake(s.r);
    client_read(f, fd);
    assert_string_equal(f->got, "4\r\nxxxx\r\n");
    s.then = HTTP_LAST;
    http_wake(s.r);
    client_read(f, fd);
    assert_string_equal(f->got, "0\r\n\r\n");
    assert_int_equal(s.closes, 1);
    (void)close(fd);
}

static void a_client_that_leaves_a_waiting_body_closes_it(void **state)
{
    struct fixture *f = *state;
    struct script s = {.then = HTTP_WAIT};
    struct http_route route;
    int fd;

    add_script(f, &s, &route);
    fd = client_open(f);
    client_say(f, fd, GET_SCRIPT "\r\n");
    assert_int_equal(s.closes, 0);
    (void)shutdown(fd, SHUT_WR);
    turn(f);
    assert_int_equal(s.closes, 1);
    (void)close(fd);
    fd = client_open(f);
    client_say(f, fd, GET_SCRIPT "\r\n");
    http_wake(s.r);
    http_server_free(f->server); /* with a wake under way */
    assert_int_equal(s.closes, 2);
    loop_drain(f->loop);
    (void)close(fd);
    server_start(f, (struct http_settings){0});
}

static void a_slow_reader_holds_memory_not_the_loop(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 400, .piece_bytes = 64u << 10, .then = HTTP_LAST};
    struct http_route route;
    int slow, other, bytes = 4096;

    add_script(f, &s, &route);
    slow = client_open(f);
    (void)setsockopt(slow, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    client_say(f, slow, GET_SCRIPT "\r\n");
    turn(f);
    assert_true(s.calls < 400); /* only as far as the socket takes it */
    assert_true(f->budget.used_bytes < 256u << 10);
    assert_int_equal(f->server->lists[LIST_STALLED].first != NULL, 1);
    other = client_open(f);
    client_say(f, other, "GET /nowhere HTTP/1.1\r\n" HOST "\r\n");
    client_read(f, other);
    assert_int_equal(got_status(f), 404);
    manual_clock_advance(&f->clock, 59000);
    server_tick(f->server);
    (void)recv(slow, f->got, 1u << 20, MSG_DONTWAIT);
    for (int i = 0; i < 50; i++)
        turn(f);
    assert_int_equal(s.closes, 0);
    manual_clock_advance(&f->clock, 61000);
    server_tick(f->server);
    assert_int_equal(s.closes, 1);
    assert_int_equal(http_server_stats(f->server).timeouts, 1);
    (void)close(slow);
    (void)close(other);
}

static void a_fast_reader_gets_all_of_a_long_body(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 100, .piece_bytes = 60000, .then = HTTP_LAST};
    struct http_route route;

    add_script(f, &s, &route);
    ask(f, GET_SCRIPT "\r\n");
    assert_int_equal(strlen(got_body(f)), 100 * (60000 + 8) + 5);
    assert_string_equal(f->got + f->got_n - 5, "0\r\n\r\n");
}

/* Undoes chunks in place; returns the length. */
static size_t unchunk(char *body)
{
    char *in = body;
    size_t n = 0;

    for (;;) {
        size_t size = strtoul(in, &in, 16);

        in += 2;
        if (!size)
            return n;
        memmove(body + n, in, size);
        n += size;
        in += size + 2;
    }
}

static size_t gunzip(const char *in, size_t in_n, char *out, size_t cap)
{
    z_stream z = {0};

    assert_int_equal(inflateInit2(&z, 31), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)in;
    z.avail_in = (unsigned)in_n;
    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)cap;
    assert_int_equal(inflate(&z, Z_SYNC_FLUSH) >= 0, 1);
    (void)inflateEnd(&z);
    return z.total_out;
}

static char big[200000];

static void answer_big(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply(r, 200, "application/json", (struct str){big, sizeof big});
}

static void text_is_compressed_for_those_who_take_it(void **state)
{
    static const struct http_route route = {
        .path = "/big", .methods = HTTP_GET, .handler = answer_big};
    struct fixture *f = *state;
    char *out = mem_zalloc(sizeof big + 1), *body;
    size_t n;

    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)('a' + i % 23);
    http_server_route(f->server, &route);
    ask(f, "GET /big HTTP/1.1\r\n" HOST "\r\n");
    assert_not_got(f, "Content-Encoding");
    assert_got(f, "\r\nContent-Length: 200000\r\n");
    assert_got(f, "\r\nVary: Accept-Encoding\r\n");
    assert_memory_equal(got_body(f), big, sizeof big);
    ask(f, "GET /big HTTP/1.1\r\n" HOST "Accept-Encoding: br, gzip;q=0.5\r\n\r\n");
    assert_got(f, "\r\nContent-Encoding: gzip\r\n");
    body = strstr(f->got, "\r\n\r\n") + 4;
    n = gunzip(body, unchunk(body), out, sizeof big);
    assert_int_equal(n, sizeof big);
    assert_memory_equal(out, big, sizeof big);
    ask(f, "GET /big HTTP/1.1\r\n" HOST "Accept-Encoding: gzip;q=0\r\n\r\n");
    assert_not_got(f, "Content-Encoding");
    mem_free(out);
}

static void a_waiting_body_is_flushed_through_gzip(void **state)
{
    struct fixture *f = *state;
    struct script s = {.pieces = 1, .piece_bytes = 2000, .then = HTTP_WAIT};
    struct http_route route;
    char out[3000], *body;
    int fd;

    add_script(f, &s, &route);
    fd = client_open(f);
    client_say(f, fd, GET_SCRIPT "Accept-Encoding: gzip\r\n\r\n");
    client_read(f, fd);
    body = strstr(f->got, "\r\n\r\n") + 4;
    memcpy(f->got + f->got_n, "0\r\n\r\n", 6); /* only for unchunk */
    assert_int_equal(gunzip(body, unchunk(body), out, sizeof out), 2000);
    s.then = HTTP_LAST;
    http_wake(s.r);
    client_read(f, fd);
    assert_non_null(strstr(f->got + f->got_n - 5, "0\r\n\r\n"));
    (void)close(fd);
}

static void files_of_the_page_come_in_the_smallest_form_and_once(void **state)
{
    static const struct http_asset assets[] = {
        {"/", "text/html; charset=utf-8", "\"e1\"", {"plain", 5}, {"gz", 2}, {"b", 1}, false},
        {"/app.1a2b.js", "text/javascript", "e2", {"plain", 5}, {NULL, 0}, {NULL, 0}, true}};
    struct fixture *f = *state;

    http_server_assets(f->server, assets, 2);
    ask(f, "GET / HTTP/1.1\r\n" HOST "Accept-Encoding: gzip, br\r\n\r\n");
    assert_string_equal(got_body(f), "b");
    assert_got(f, "\r\nContent-Encoding: br\r\n");
    assert_got(f, "\r\nETag: W/\"e1\"\r\n");
    assert_got(f, "\r\nCache-Control: no-cache\r\n");
    assert_not_got(f, "no-store");
    assert_got(f, "script-src 'self';");
    ask(f, "GET / HTTP/1.1\r\n" HOST "Accept-Encoding: gzip\r\n\r\n");
    assert_string_equal(got_body(f), "gz");
    ask(f, "GET / HTTP/1.1\r\n" HOST "\r\n");
    assert_string_equal(got_body(f), "plain");
    ask(f, "HEAD / HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "\r\nContent-Length: 5\r\n");
    assert_string_equal(got_body(f), "");
    ask(f, "GET /app.1a2b.js HTTP/1.1\r\n" HOST "Accept-Encoding: br\r\n\r\n");
    assert_string_equal(got_body(f), "plain");
    assert_got(f, "\r\nCache-Control: public, max-age=31536000, immutable\r\n");
    ask(f, "GET / HTTP/1.1\r\n" HOST "If-None-Match: \"x\", W/\"e1\"\r\n\r\n");
    assert_int_equal(got_status(f), 304);
    assert_string_equal(got_body(f), "");
    assert_not_got(f, "Content-Length");
    ask(f, "GET / HTTP/1.1\r\n" HOST "If-None-Match: \"e2\"\r\n\r\n");
    assert_int_equal(got_status(f), 200);
    ask(f, "POST / HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "\r\nAllow: GET, HEAD\r\n");
}

static void answer_sum(struct http_request *r, void *arg)
{
    struct err err;
    char *text = arena_printf(r->arena, &err, "%zu", r->body.n);

    (void)arg;
    http_reply(r, 200, "text/plain", str_c(text));
}

/* A POST of `n` zeros, gzipped. */
static void post_zeros(struct fixture *f, size_t n, const char *encoding)
{
    unsigned char *zeros = mem_zalloc(n), *packed = mem_zalloc(n + 1000);
    uLongf length = n + 1000;
    z_stream z = {0};
    struct buf text;

    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = zeros;
    z.avail_in = (unsigned)n;
    z.next_out = packed;
    z.avail_out = (unsigned)length;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    buf_init(&text, 0);
    buf_addf(&text,
             "POST /sum HTTP/1.1\r\n" HOST "Content-Encoding: %s\r\nContent-Length: %lu\r\n\r\n",
             encoding, z.total_out);
    buf_add(&text, (struct str){(char *)packed, z.total_out});
    (void)deflateEnd(&z);
    ask_bytes(f, text.p, text.n);
    buf_fini(&text);
    mem_free(zeros);
    mem_free(packed);
}

static void compressed_requests_are_undone_in_slices_and_bombs_refused(void **state)
{
    static const struct http_route route = {
        .path = "/sum", .methods = HTTP_POST, .body_max = 4u << 20, .handler = answer_sum};
    struct fixture *f = *state;

    http_server_route(f->server, &route);
    post_zeros(f, 1000, "gzip");
    assert_string_equal(got_body(f), "1000");
    post_zeros(f, 4u << 20, "x-gzip");
    assert_string_equal(got_body(f), "4194304");
    post_zeros(f, (4u << 20) + 1, "gzip");
    assert_int_equal(got_status(f), 413);
    post_zeros(f, 200u << 20 >> 3, "gzip");
    assert_int_equal(got_status(f), 413);
    assert_true(f->ended);
    post_zeros(f, 1000, "br");
    assert_int_equal(got_status(f), 415);
    ask(f, "POST /sum HTTP/1.1\r\n" HOST "Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc");
    assert_int_equal(got_status(f), 400);
    ask(f,
        "POST /sum HTTP/1.1\r\n" HOST "Content-Encoding: snappy\r\nContent-Length: 3\r\n\r\nabc");
    assert_string_equal(got_body(f), "3");
}

static void answer_odd_headers(struct http_request *r, void *arg)
{
    (void)arg;
    http_reply_header(r, "X-Good", "a b");
    http_reply_header(r, "X-Bad", "a\r\nSet-Cookie: stolen=1");
    http_reply_header(r, "Content-Security-Policy", "default-src 'none'; own");
    http_reply(r, 200, "text/html", STR("x"));
}

static void a_header_of_a_handler_cannot_smuggle_another(void **state)
{
    static const struct http_route route = {
        .path = "/odd", .methods = HTTP_GET, .handler = answer_odd_headers};
    struct fixture *f = *state;

    http_server_route(f->server, &route);
    ask(f, "GET /odd HTTP/1.1\r\n" HOST "\r\n");
    assert_got(f, "\r\nX-Good: a b\r\n");
    assert_not_got(f, "stolen");
    assert_got(f, "own\r\n");
    assert_not_got(f, "script-src");
}

int main(void)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(pieces_are_sent_in_chunks_and_the_connection_is_kept),
        TEST(draining_ends_an_event_stream_at_once),
        TEST(a_body_that_is_whole_at_once_says_its_length),
        TEST(head_and_304_never_ask_for_a_piece),
        TEST(an_old_client_gets_it_up_to_the_end_of_the_connection),
        TEST(a_body_that_breaks_is_cut_and_cannot_be_taken_for_whole),
        TEST(a_waiting_body_goes_on_when_it_is_woken),
        TEST(a_client_that_leaves_a_waiting_body_closes_it),
        TEST(a_slow_reader_holds_memory_not_the_loop),
        TEST(a_fast_reader_gets_all_of_a_long_body),
        TEST(text_is_compressed_for_those_who_take_it),
        TEST(a_waiting_body_is_flushed_through_gzip),
        TEST(files_of_the_page_come_in_the_smallest_form_and_once),
        TEST(compressed_requests_are_undone_in_slices_and_bombs_refused),
        TEST(a_header_of_a_handler_cannot_smuggle_another),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
