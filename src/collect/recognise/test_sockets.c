#include "collect/recognise/sockets.h"

#include <stdio.h>

#include "base/test.h"

#define HEAD                                                                                       \
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "  \
    "inode\n"
#define REST " 00000000:00000000 00:00000000 00000000  104        0 812 1 0000000000000000 100 0\n"

static struct tcp_row only(const char *line)
{
    char text[512];
    struct str rest;
    struct tcp_row row = {.port = 0}, none;

    (void)snprintf(text, sizeof text, "%s%s", HEAD, line);
    rest = str_c(text);
    assert_true(sockets_next_tcp(&rest, &row));
    assert_false(sockets_next_tcp(&rest, &none));
    return row;
}

static void a_port_of_loopback_is_read_with_its_user_and_inode(void **state)
{
    struct tcp_row row = only("   0: 0100007F:18EB 00000000:0000 0A" REST);

    (void)state;
    assert_true(row.listens);
    assert_int_equal(row.reach, REACH_LOOPBACK);
    assert_int_equal(row.port, 6379);
    assert_int_equal(row.user, 104);
    assert_int_equal(row.inode, 812);
    assert_false(row.v6);
}

static void all_addresses_are_reached_by_loopback_and_one_other_is_not(void **state)
{
    (void)state;
    assert_int_equal(only("0: 00000000:0050 00000000:0000 0A" REST).reach, REACH_LOOPBACK);
    assert_int_equal(only("0: 0500A8C0:0050 00000000:0000 0A" REST).reach, REACH_OTHER);
    assert_int_equal(only("0: 3500007F:0035 00000000:0000 0A" REST).reach, REACH_OTHER);
}

static void only_what_listens_on_1_alone_needs_ipv6(void **state)
{
    struct tcp_row any = only("0: 00000000000000000000000000000000:0050 "
                              "00000000000000000000000000000000:0000 0A" REST);
    struct tcp_row one = only("0: 00000000000000000000000001000000:0050 "
                              "00000000000000000000000000000000:0000 0A" REST);

    (void)state;
    assert_int_equal(any.reach, REACH_LOOPBACK);
    assert_false(any.v6);
    assert_int_equal(one.reach, REACH_LOOPBACK);
    assert_true(one.v6);
}

static void a_connection_says_which_port_of_loopback_it_leads_to(void **state)
{
    struct tcp_row row = only("0: 0100007F:9C40 0100007F:18EB 01" REST);
    struct tcp_row mapped = only("0: 0000000000000000FFFF00000100007F:9C40 "
                                 "0000000000000000FFFF00000100007F:18EB 01" REST);
    struct tcp_row away = only("0: 0500A8C0:9C40 0A00A8C0:18EB 01" REST);

    (void)state;
    assert_false(row.listens);
    assert_true(row.local_there);
    assert_int_equal(row.remote_port, 6379);
    assert_true(mapped.local_there);
    assert_false(away.local_there);
}

static void other_states_and_broken_lines_are_passed_over(void **state)
{
    struct str text =
        STR("0: 0100007F:18EB 00000000:0000 06" REST "0: 0100007F 00000000:0000 0A" REST
            "0: 01:18EB 00000000:0000 0A" REST "0: 0100007F:18EB\n"
            "0: 0100007F:1 00000000:0000 0A" REST "0: 0100007F:2 0000");
    struct tcp_row row;

    (void)state;
    assert_true(sockets_next_tcp(&text, &row));
    assert_int_equal(row.port, 1);
    assert_false(sockets_next_tcp(&text, &row));
}

static void a_unix_socket_is_one_that_listens_at_a_path(void **state)
{
    struct str text =
        STR("Num       RefCount Protocol Flags    Type St Inode Path\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23455 /run/red is.sock\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23454 /run/\xff.sock\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23456 /run/redis'.sock\n"
            "0000000000000000: 00000003 00000000 00000000 0001 03 23457 /run/redis.sock\n"
            "0000000000000000: 00000002 00000000 00010000 0005 01 23458 /run/udev/control\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23459 @/tmp/abstract\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23461 "
            "/tmp/x&passfile=/root/.pgpass&a=/.s.PGSQL.5432\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23462 /tmp/x%2fy?db=1\n"
            "0000000000000000: 00000002 00000000 00010000 0001 01 23460 /tmp/.s.PGSQL.5432\n");
    struct unix_row row;

    (void)state;
    assert_true(sockets_next_unix(&text, &row));
    assert_true(str_eq(row.path, STR("/run/redis'.sock")));
    assert_int_equal(row.inode, 23456);
    assert_true(sockets_next_unix(&text, &row));
    assert_int_equal(row.inode, 23460);
    assert_false(sockets_next_unix(&text, &row));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_of_loopback_is_read_with_its_user_and_inode),
        cmocka_unit_test(all_addresses_are_reached_by_loopback_and_one_other_is_not),
        cmocka_unit_test(only_what_listens_on_1_alone_needs_ipv6),
        cmocka_unit_test(a_connection_says_which_port_of_loopback_it_leads_to),
        cmocka_unit_test(other_states_and_broken_lines_are_passed_over),
        cmocka_unit_test(a_unix_socket_is_one_that_listens_at_a_path),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
