#include "http/answer.h"

#include "base/mem.h"
#include "base/test.h"
#include "http/bodies.h"
#include "http/intake.h"

struct fixture {
    struct bodies *bodies;
    struct intakes all;
    struct intake body;
    struct answer answer;
};

static void begin(struct fixture *f, bool follows)
{
    f->bodies = bodies_new();
    intake_init(&f->body, f->bodies, 100);
    intake_enter(&f->body, &f->all);
    answer_init(&f->answer, &f->body, follows);
}

static void end(struct fixture *f)
{
    intake_leave(&f->body);
    intake_fini(&f->body);
    intakes_fini(&f->all);
    bodies_unref(f->bodies);
    *f = (struct fixture){.bodies = NULL};
}

static enum answer_end feed(struct fixture *f, const char *text)
{
    return answer_feed(&f->answer, str_c(text));
}

static void assert_body(const struct fixture *f, const char *text)
{
    assert_true(str_eq((struct str){f->body.p, f->body.n}, str_c(text)));
}

static void what_a_scrape_needs_is_read_byte_by_byte_too(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nCONTENT-type: text/plain; version=0.0.4\r\n"
                               "X: y\r\nContent-Length: 5\r\n\r\na 1\n\n";
    struct fixture f = {.bodies = NULL};

    (void)state;
    begin(&f, true);
    for (size_t i = 0; i + 1 < sizeof text; i++)
        assert_int_equal(answer_feed(&f.answer, (struct str){text + i, 1}),
                         i + 2 < sizeof text ? ANSWER_MORE : ANSWER_WHOLE);
    assert_int_equal(f.answer.status, 200);
    assert_string_equal(f.answer.type, "text/plain; version=0.0.4");
    assert_true(f.answer.keeps);
    assert_body(&f, "a 1\n\n");
    end(&f);
}

static void a_connection_is_kept_only_when_both_sides_mean_it(void **state)
{
    static const struct {
        const char *text;
        bool keeps;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", true},
        {"HTTP/1.1 204 No Content\r\n\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nmore than it said", false},
    };
    struct fixture f = {.bodies = NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(&f, false);
        assert_int_equal(feed(&f, cases[i].text), ANSWER_WHOLE);
        assert_int_equal(f.answer.keeps, cases[i].keeps);
        end(&f);
    }
}

static void what_is_not_plain_is_said_before_its_body_is_read(void **state)
{
    static const struct {
        const char *text;
        bool follows;
        enum answer_end end;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxyz", false, ANSWER_UNUSUAL},
        {"HTTP/1.1 200 OK\r\nContent-Encoding: Identity\r\n\r\nxyz", false, ANSWER_MORE},
        {"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\nxyz", true, ANSWER_UNUSUAL},
        {"HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\nxyz", false, ANSWER_MORE},
        {"HTTP/1.1 201 Created\r\nLocation: /b\r\n\r\nxyz", true, ANSWER_MORE},
    };
    struct fixture f = {.bodies = NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        begin(&f, cases[i].follows);
        assert_int_equal(feed(&f, cases[i].text), cases[i].end);
        assert_body(&f, cases[i].end == ANSWER_MORE ? "xyz" : "");
        end(&f);
    }
}

static void what_is_no_answer_is_told(void **state)
{
    static const char *const odd[] = {
        "SSH-2.0-OpenSSH\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    struct fixture f = {.bodies = NULL};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        begin(&f, false);
        assert_int_equal(feed(&f, odd[i]), ANSWER_ODD);
        end(&f);
    }
}

static void a_head_that_does_not_end_is_given_up(void **state)
{
    struct fixture f = {.bodies = NULL};
    enum answer_end got;
    size_t n = 0;

    (void)state;
    begin(&f, false);
    assert_int_equal(feed(&f, "HTTP/1.1 200 OK\r\n"), ANSWER_MORE);
    do
        got = feed(&f, "X-Header: and so on\r\n");
    while (got == ANSWER_MORE && ++n < 100000);
    assert_int_equal(got, ANSWER_ENDLESS);
    end(&f);
}

static void the_end_makes_only_a_body_without_a_length_whole(void **state)
{
    struct fixture f = {.bodies = NULL};

    (void)state;
    begin(&f, false);
    assert_int_equal(feed(&f, "HTTP/1.1 200 OK\r\n\r\nabc"), ANSWER_MORE);
    assert_int_equal(answer_plain_bytes(&f.answer), 0);
    assert_true(answer_finish(&f.answer));
    assert_false(f.answer.keeps);
    end(&f);
    begin(&f, false);
    assert_int_equal(feed(&f, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"), ANSWER_MORE);
    assert_int_equal(answer_plain_bytes(&f.answer), 2);
    assert_false(answer_finish(&f.answer));
    end(&f);
}

static void more_than_the_body_may_have_is_refused(void **state)
{
    struct fixture f = {.bodies = NULL};

    (void)state;
    begin(&f, false);
    assert_int_equal(feed(&f, "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n"), ANSWER_MORE);
    for (int i = 0; i < 100; i++)
        assert_int_equal(feed(&f, "x"), ANSWER_MORE);
    assert_int_equal(feed(&f, "x"), ANSWER_REFUSED);
    assert_true(f.body.too_large);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_scrape_needs_is_read_byte_by_byte_too),
        cmocka_unit_test(a_connection_is_kept_only_when_both_sides_mean_it),
        cmocka_unit_test(what_is_not_plain_is_said_before_its_body_is_read),
        cmocka_unit_test(what_is_no_answer_is_told),
        cmocka_unit_test(a_head_that_does_not_end_is_given_up),
        cmocka_unit_test(the_end_makes_only_a_body_without_a_length_whole),
        cmocka_unit_test(more_than_the_body_may_have_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
