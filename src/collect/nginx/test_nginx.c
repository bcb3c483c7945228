#include "collect/nginx/nginx.h"

#include "base/err.h"
#include "base/test.h"

static void a_page_is_read(void **state)
{
    struct nginx_status s;
    struct err err;

    (void)state;
    assert_ok(nginx_status_parse(STR("Active connections: 291 \nserver accepts handled requests\n"
                                     " 16630948 16630946 31070465 \n"
                                     "Reading: 6 Writing: 179 Waiting: 106 \n"),
                                 &s, &err),
              err);
    assert_int_equal(s.active, 291);
    assert_int_equal(s.accepted, 16630948);
    assert_int_equal(s.handled, 16630946);
    assert_int_equal(s.requests, 31070465);
    assert_int_equal(s.reading, 6);
    assert_int_equal(s.writing, 179);
    assert_int_equal(s.waiting, 106);
}

static void what_is_no_such_page_is_told(void **state)
{
    static const char *const pages[] = {
        "", "<html>", "Active connections: x",
        "Active connections: 1 \nserver accepts handled requests\n 1 1 \nReading: 1",
        "Active connections: 99999999999999999999 \n"};
    struct nginx_status s;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
        assert_fails(nginx_status_parse(str_c(pages[i]), &s, &err), err, ERR_SYNTAX,
                     "no page of stub_status");
        assert_null(strchr(err.text, '\n'));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_is_read),
        cmocka_unit_test(what_is_no_such_page_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
