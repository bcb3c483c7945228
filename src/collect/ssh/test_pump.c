#include "base/test.h"

#include "collect/ssh/pump.h"

static void a_client_may_name_a_port_of_the_loopback_and_nothing_else(void **state)
{
    static const char *const bad[] = {
        "10.0.0.7:22",     "127.0.0.1",        "127.0.0.1:",    "127.0.0.1:0",
        "127.0.0.1:65536", "127.0.0.1:999999", "127.0.0.1:22x", "127.0.0.12:22",
        "localhost:22",    "[::2]:22",         "::1:22",        "",
        "127.0.0.1:22 ",   "127.0.0.1:22\r"};
    struct pump_end end;

    (void)state;
    assert_true(pump_read_place(STR("127.0.0.1:6379"), &end));
    assert_string_equal(end.address, "127.0.0.1");
    assert_int_equal(end.port, 6379);
    assert_true(pump_read_place(STR("[::1]:65535"), &end));
    assert_string_equal(end.address, "::1");
    assert_int_equal(end.port, 65535);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (pump_read_place(str_c(bad[i]), &end))
            fail_msg("\"%s\" is taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_client_may_name_a_port_of_the_loopback_and_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
