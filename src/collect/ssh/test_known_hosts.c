#include "base/test.h"

#include "collect/ssh/known_hosts.h"

static void names_are_found_plain_in_lists_and_hashed(void **state)
{
    (void)state;
    assert_true(known_hosts_is_for(STR("box ssh-ed25519 AAAA"), "box", 22));
    assert_true(known_hosts_is_for(STR("other,box,10.0.0.7 ssh-rsa AAAA"), "10.0.0.7", 22));
    assert_true(known_hosts_is_for(STR("[box]:2222 ssh-ed25519 AAAA"), "box", 2222));
    /* ssh-keygen -H of "box" */
    assert_true(known_hosts_is_for(
        STR("|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|VN+qcPo3ldMsRmO8tf2mAj/q0Co= x y"), "box", 22));
}

static void other_machines_ports_and_markers_are_not_meant(void **state)
{
    (void)state;
    assert_false(known_hosts_is_for(STR("box2 ssh-ed25519 AAAA"), "box", 22));
    assert_false(known_hosts_is_for(STR("box ssh-ed25519 AAAA"), "box", 2222));
    assert_false(known_hosts_is_for(STR("[box]:2222 ssh-ed25519 AAAA"), "box", 22));
    assert_false(known_hosts_is_for(STR("@revoked box ssh-ed25519 AAAA"), "box", 22));
    assert_false(known_hosts_is_for(STR("# box"), "box", 22));
    assert_false(known_hosts_is_for(STR("|1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|short x"), "box", 22));
    assert_false(known_hosts_is_for(STR(""), "box", 22));
}

static void all_keys_of_a_machine_give_way_to_the_new_one(void **state)
{
    SCOPED(buf_fini) struct buf out;

    (void)state;
    buf_init(&out, 0);
    known_hosts_change(STR("# mine\nbox ssh-rsa OLD\nother ssh-rsa KEEP\nbox ecdsa OLD"), "box", 22,
                       STR("box ssh-ed25519 NEW\n"), &out);
    if (!str_eq(buf_str(&out), STR("# mine\nother ssh-rsa KEEP\nbox ssh-ed25519 NEW\n")))
        fail_msg("%.*s", STR_ARGS(buf_str(&out)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_plain_in_lists_and_hashed),
        cmocka_unit_test(other_machines_ports_and_markers_are_not_meant),
        cmocka_unit_test(all_keys_of_a_machine_give_way_to_the_new_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
