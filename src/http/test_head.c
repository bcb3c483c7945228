#include "http/head.h"

#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"

static int parse(struct arena *a, const char *text, size_t n, struct head *h, int *status,
                 struct err *err)
{
    char *copy = arena_cstr(a, (struct str){text, n}, err);

    assert_non_null(copy);
    *status = 0;
    return head_parse(a, copy, n, h, status, err);
}

static void assert_refused_n(const char *text, size_t n, int wanted)
{
    struct arena a;
    struct head h;
    struct err err;
    int status;

    arena_init(&a, NULL);
    if (parse(&a, text, n, &h, &status, &err) == 0)
        fail_msg("let through: %s", text);
    if (status != wanted)
        fail_msg("%d instead of %d (%s): %s", status, wanted, err.text, text);
    arena_fini(&a);
}

static void assert_refused(const char *text, int wanted)
{
    assert_refused_n(text, strlen(text), wanted);
}

static void assert_str(struct str s, const char *wanted)
{
    if (!str_eq(s, str_c(wanted)))
        fail_msg("\"%.*s\" instead of \"%s\"", STR_ARGS(s), wanted);
}

static void a_plain_request_comes_apart(void **state)
{
    static const char text[] = "POST /api/v1/label/a%20b/values?x=1&y=%7B HTTP/1.1\r\n"
                               "HOST: Localhost:3277\r\nX-Two:\t a  b \t\r\nEmpty:\r\n"
                               "Content-Length: 12\r\nExpect: 100-Continue\r\n\r\n";
    struct arena a;
    struct head h;
    struct err err;
    int status;

    (void)state;
    arena_init(&a, NULL);
    assert_ok(parse(&a, text, sizeof text - 1, &h, &status, &err), err);
    assert_str(h.method, "POST");
    assert_str(h.path, "/api/v1/label/a b/values");
    assert_str(h.raw_path, "/api/v1/label/a%20b/values");
    assert_str(h.raw_query, "x=1&y=%7B");
    assert_str(h.host, "Localhost:3277");
    assert_int_equal(h.headers_n, 5);
    assert_str(head_value(h.headers, h.headers_n, STR("x-two")), "a  b");
    assert_str(head_value(h.headers, h.headers_n, STR("empty")), "");
    assert_null(head_value(h.headers, h.headers_n, STR("nowhere")).p);
    assert_true(h.keep_alive && h.has_length && h.expect_continue && !h.chunked && !h.http10);
    assert_int_equal(h.length, 12);
    arena_fini(&a);
}

static void connection_and_version_decide_on_keep_alive(void **state)
{
    static const struct {
        const char *line;
        bool keep_alive;
    } cases[] = {{"HTTP/1.1\r\n", true},
                 {"HTTP/1.1\r\nConnection: x, Close\r\n", false},
                 {"HTTP/1.0\r\n", false},
                 {"HTTP/1.0\r\nConnection: Keep-Alive\r\n", true},
                 {"HTTP/1.0\r\nConnection: keep-alive, close\r\n", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct head h;
        struct err err;
        int status;
        char text[200];

        arena_init(&a, NULL);
        (void)snprintf(text, sizeof text, "GET / %sHost: a\r\n\r\n", cases[i].line);
        assert_ok(parse(&a, text, strlen(text), &h, &status, &err), err);
        assert_int_equal(h.keep_alive, cases[i].keep_alive);
        arena_fini(&a);
    }
}

static void an_absolute_target_is_taken_for_its_own_host_only(void **state)
{
    struct arena a;
    struct head h;
    struct err err;
    int status;
    const char *text = "GET HTTP://a:80/x?y HTTP/1.1\r\nHost: A:80\r\n\r\n";

    (void)state;
    arena_init(&a, NULL);
    assert_ok(parse(&a, text, strlen(text), &h, &status, &err), err);
    assert_str(h.path, "/x");
    assert_str(h.raw_query, "y");
    arena_fini(&a);
    assert_refused("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
    assert_refused("GET http://a@b/ HTTP/1.1\r\nHost: b\r\n\r\n", 400);
}

static void what_two_readers_could_read_in_two_ways_is_refused(void **state)
{
    static const struct {
        const char *lines;
        int status;
    } cases[] = {
        {"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Content-Length: 5\r\nContent-Length: 5\r\n", 400},
        {"Content-Length: 5, 5\r\n", 400},
        {"Content-Length: +5\r\n", 400},
        {"Content-Length: -1\r\n", 400},
        {"Content-Length: 0x5\r\n", 400},
        {"Content-Length: \r\n", 400},
        {"Content-Length: 9999999999999999999\r\n", 400},
        {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400},
        {"Transfer-Encoding: gzip, chunked\r\n", 501},
        {"Transfer-Encoding: identity\r\n", 501},
        {"Transfer-Encoding: \x0b"
         "chunked\r\n",
         400},
        {"Transfer-Encoding : chunked\r\n", 400},
        {"Content-Length : 5\r\n", 400},
        {"X: 1\r\n folded\r\n", 400},
        {" X: 1\r\n", 400},
        {"X: 1\r\n\tfolded\r\n", 400},
        {"X: a\rb\r\n", 400},
        {"X: a\nY: b\r\n", 400},
        {"X\r\n", 400},
        {": x\r\n", 400},
        {"X(: 1\r\n", 400},
        {"X: \x01\r\n", 400},
        {"X: \x7f\r\n", 400},
        {"Host: b\r\n", 400},
        {"Expect: something\r\n", 417},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[300];

        (void)snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: a\r\n%s\r\n", cases[i].lines);
        assert_refused(text, cases[i].status);
    }
    assert_refused_n("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
                     sizeof "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n" - 1, 400);
    assert_refused_n("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
                     sizeof "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n" - 1, 400);
    assert_refused("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
}

static void odd_first_lines_are_refused(void **state)
{
    static const struct {
        const char *line;
        int status;
    } cases[] = {
        {"GET", 400},
        {"GET /", 400},
        {"GET  / HTTP/1.1", 400},
        {"GET /  HTTP/1.1", 400},
        {"GET / HTTP/1.1 ", 400},
        {"GET /\tHTTP/1.1", 400},
        {"GET / http/1.1", 400},
        {"GET / HTTP/1.2", 505},
        {"GET / HTTP/2.0", 505},
        {"GET / HTTP/1.10", 400},
        {"get / HTTP/1.1", 501},
        {"CONNECT a:1 HTTP/1.1", 501},
        {"TRACE / HTTP/1.1", 501},
        {"PRI * HTTP/2.0", 501},
        {"OPTIONS * HTTP/1.1", 400},
        {"GET x HTTP/1.1", 400},
        {"GET /a#b HTTP/1.1", 400},
        {"GET /a?b#c HTTP/1.1", 400},
        {"GET /a\\b HTTP/1.1", 400},
        {"GET /\xc3\xa4 HTTP/1.1", 400},
        {"GET /?\xc3\xa4 HTTP/1.1", 400},
        {"GET /%zz HTTP/1.1", 400},
        {"GET /%4 HTTP/1.1", 400},
        {"GET /% HTTP/1.1", 400},
        {"GET /%00 HTTP/1.1", 400},
        {"GET /%0a HTTP/1.1", 400},
        {"GET /%ff HTTP/1.1", 400},
        {"GET /../etc/passwd HTTP/1.1", 400},
        {"GET /a/%2e%2E/b HTTP/1.1", 400},
        {"GET /a/. HTTP/1.1", 400},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[200];

        (void)snprintf(text, sizeof text, "%s\r\nHost: a\r\n\r\n", cases[i].line);
        assert_refused(text, cases[i].status);
    }
}

static void a_host_is_a_name_or_an_address(void **state)
{
    static const char *const bad[] = {"",     "a b", "a/b", "a@b", "a:", "a:b",    "a:123456",
                                      "[::1", "[x]", "::1", "a,b", "[]", "a:80:1", ":80"};
    static const char *const good[] = {"a", "A.b-c_d:1", "[::1]:80", "127.0.0.1", "[fe80::1]"};
    char text[100];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        assert_refused(text, 400);
    }
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct str host, port;

        assert_int_equal(head_split_host(str_c(good[i]), &host, &port), 0);
    }
    assert_refused("GET / HTTP/1.1\r\n\r\n", 400);
}

static void more_than_100_headers_are_refused(void **state)
{
    char text[4000];
    size_t n = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n");

    (void)state;
    for (int i = 0; i < 100; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "X: %d\r\n", i);
    (void)snprintf(text + n, sizeof text - n, "\r\n");
    assert_refused(text, 431);
}

static void the_end_is_found_byte_by_byte_and_a_bare_lf_at_once(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
    size_t seen = 0, n = 0;

    (void)state;
    for (size_t i = 1; i < sizeof text - 5; i++)
        assert_int_equal(head_find_end((struct str){text, i}, &seen, &n), HEAD_MORE);
    assert_int_equal(head_find_end((struct str){text, sizeof text - 5}, &seen, &n), HEAD_WHOLE);
    assert_int_equal(n, sizeof text - 5);
    seen = 0;
    assert_int_equal(head_find_end(STR("GET / HTTP/1.1\nHost"), &seen, &n), HEAD_BAD);
    seen = 0;
    assert_int_equal(head_find_end(STR("\x16\x03\x01"), &seen, &n), HEAD_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_comes_apart),
        cmocka_unit_test(connection_and_version_decide_on_keep_alive),
        cmocka_unit_test(an_absolute_target_is_taken_for_its_own_host_only),
        cmocka_unit_test(what_two_readers_could_read_in_two_ways_is_refused),
        cmocka_unit_test(odd_first_lines_are_refused),
        cmocka_unit_test(a_host_is_a_name_or_an_address),
        cmocka_unit_test(more_than_100_headers_are_refused),
        cmocka_unit_test(the_end_is_found_byte_by_byte_and_a_bare_lf_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
