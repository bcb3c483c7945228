#include "base/test.h"

#include "base/err.h"
#include "cli/ssh_config.h"

static const struct ssh_place box = {
    .name = "box", .user = "me", .address = "10.0.0.7", .port = 2222};

#define ENTRY "- ssh: 'me@10.0.0.7:2222'\n    name: 'box'\n"

static void assert_inserted(const char *before, const char *after)
{
    SCOPED(buf_fini) struct buf out;
    struct err err;

    buf_init(&out, 0);
    assert_ok(ssh_config_insert(str_c(before), &box, &out, &err), err);
    if (!str_eq(buf_str(&out), str_c(after)))
        fail_msg("got:\n%.*s", STR_ARGS(buf_str(&out)));
}

static void an_entry_is_put_into_the_list_or_begins_one(void **state)
{
    (void)state;
    assert_inserted("", "hosts:\n  " ENTRY);
    assert_inserted("listen: a:1\n", "listen: a:1\n\nhosts:\n  " ENTRY);
    assert_inserted("hosts:\n  - ssh: a\nlisten: a:1\n",
                    "hosts:\n  " ENTRY "  - ssh: a\nlisten: a:1\n");
    assert_inserted("hosts: # mine\n- ssh: a\n",
                    "hosts: # mine\n- ssh: 'me@10.0.0.7:2222'\n  name: 'box'\n"
                    "- ssh: a\n");
    assert_inserted("hosts:\nlisten: a:1\n", "hosts:\n  " ENTRY "listen: a:1\n");
}

static void machines_on_the_way_are_written(void **state)
{
    const struct ssh_place far = {.name = "box",
                                  .address = "box",
                                  .port = 22,
                                  .jumps = {{"me", "near", 2222}, {"", "fe80::1", 22}},
                                  .jumps_n = 2};
    SCOPED(buf_fini) struct buf out;
    struct err err;

    (void)state;
    buf_init(&out, 0);
    assert_ok(ssh_config_insert(STR(""), &far, &out, &err), err);
    if (!str_eq(buf_str(&out), STR("hosts:\n  - ssh: 'box:22'\n"
                                   "    jump: 'me@near:2222,[fe80::1]:22'\n")))
        fail_msg("got:\n%.*s", STR_ARGS(buf_str(&out)));
}

static void a_list_in_one_line_is_left_to_a_person(void **state)
{
    SCOPED(buf_fini) struct buf out;
    struct err err;

    (void)state;
    buf_init(&out, 0);
    assert_fails(ssh_config_insert(STR("hosts: [{ssh: a}]\n"), &box, &out, &err), err, ERR_SYNTAX,
                 "by hand");
}

static void what_ssh_knows_of_an_alias_is_taken(void **state)
{
    struct ssh_place p = {.name = "gpu", .address = "gpu"};
    struct err err;

    (void)state;
    assert_ok(ssh_config_take(STR("user root\nhostname 192.0.2.4\nport 2200\n"
                                  "identityfile /no/such/key\nidentityfile /dev/null\n"),
                              &p, &err),
              err);
    assert_string_equal(p.user, "root");
    assert_string_equal(p.address, "192.0.2.4");
    assert_int_equal(p.port, 2200);
    assert_string_equal(p.identity_file, "/dev/null");
    assert_string_equal(p.jump, "");
    assert_ok(ssh_config_take(STR("proxyjump root@bastion:2222,inner\n"), &p, &err), err);
    assert_string_equal(p.jump, "root@bastion:2222,inner");
    assert_fails(ssh_config_take(STR("proxycommand nc %h %p\n"), &p, &err), err, ERR_LIMIT,
                 "through a program");
}

static void no_word_can_forge_the_configuration(void **state)
{
    static const char *const bad[] = {"",     "a b", "-oX=y", "a'b", "a:0", "a:70000",
                                      "a\nb", "@a",  "me@",   "a#b", "a{",  "x@-a"};
    struct ssh_place p;
    struct err err;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (ssh_config_resolve(bad[i], &p, &err) == 0 && i != 7)
            fail_msg("\"%s\" is taken", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_put_into_the_list_or_begins_one),
        cmocka_unit_test(machines_on_the_way_are_written),
        cmocka_unit_test(a_list_in_one_line_is_left_to_a_person),
        cmocka_unit_test(what_ssh_knows_of_an_alias_is_taken),
        cmocka_unit_test(no_word_can_forge_the_configuration),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
