#include "base/test.h"

#include "base/err.h"
#include "collect/ssh/packet.h"

static void assert_text(struct str s, const char *wanted)
{
    if (!str_eq(s, str_c(wanted)))
        fail_msg("\"%.*s\" is not \"%s\"", STR_ARGS(s), wanted);
}

static int written(const struct packet *p, struct buf *bytes, struct packet *out)
{
    buf_init(bytes, 0);
    packet_write(p, bytes);
    return packet_read(buf_str(bytes), out, NULL);
}

static void a_host_comes_as_it_was_sent(void **state)
{
    const struct packet p = {
        .kind = PACKET_HOST,
        .as.host = {.name = STR("box"),
                    .login = {.user = STR("me"),
                              .address = STR("::1"),
                              .identity_file = STR("/k"),
                              .known_hosts = STR(""),
                              .port = 2222},
                    .jumps = {{.address = STR("near"), .port = 22},
                              {.address = STR("far"), .known_hosts = STR("/n"), .port = 23}},
                    .jumps_n = 2,
                    .keepalive_ms = 30000,
                    .keepalive_count = 3}};
    SCOPED(buf_fini) struct buf bytes;
    struct packet got;

    (void)state;
    assert_int_equal(written(&p, &bytes, &got), 0);
    assert_text(got.as.host.name, "box");
    assert_text(got.as.host.login.user, "me");
    assert_text(got.as.host.login.address, "::1");
    assert_text(got.as.host.login.identity_file, "/k");
    assert_text(got.as.host.login.known_hosts, "");
    assert_int_equal(got.as.host.login.port, 2222);
    assert_int_equal(got.as.host.jumps_n, 2);
    assert_text(got.as.host.jumps[0].address, "near");
    assert_int_equal(got.as.host.jumps[0].port, 22);
    assert_text(got.as.host.jumps[1].address, "far");
    assert_text(got.as.host.jumps[1].known_hosts, "/n");
    assert_int_equal(got.as.host.jumps[1].port, 23);
    assert_int_equal(got.as.host.keepalive_ms, 30000);
    assert_int_equal(got.as.host.keepalive_count, 3);
}

static void a_way_a_state_and_a_refusal_come_as_they_were_sent(void **state)
{
    const struct packet way = {.kind = PACKET_LISTEN,
                               .as.listen = {.id = 7, .address = STR("127.0.0.1"), .port = 8000}};
    const struct packet down = {.kind = PACKET_STATE,
                                .as.state = {SSH_HOST_KEY_CHANGED, STR("why")}};
    const struct packet open = {.kind = PACKET_CONFINED, .as.open = STR("no Landlock")};
    const struct packet refused = {.kind = PACKET_REFUSED, .as.refused = {7, STR("nobody")}};
    SCOPED(buf_fini) struct buf a, b, c, d;
    struct packet got;

    (void)state;
    assert_int_equal(written(&way, &a, &got), 0);
    assert_int_equal(got.as.listen.id, 7);
    assert_int_equal(got.as.listen.port, 8000);
    assert_text(got.as.listen.address, "127.0.0.1");
    assert_int_equal(written(&down, &b, &got), 0);
    assert_int_equal(got.as.state.state, SSH_HOST_KEY_CHANGED);
    assert_text(got.as.state.text, "why");
    assert_int_equal(written(&refused, &c, &got), 0);
    assert_int_equal(got.as.refused.id, 7);
    assert_text(got.as.refused.text, "nobody");
    assert_int_equal(written(&open, &d, &got), 0);
    assert_text(got.as.open, "no Landlock");
}

static void what_is_no_message_is_refused(void **state)
{
    static const struct str all[] = {
        STR(""),                         /* no kind */
        STR("\x09"),                     /* no such kind */
        STR("\x03\x01\x02\x03"),         /* too short */
        STR("\x03\x01\x02\x03\x04\x05"), /* something follows */
        STR("\x04\x08\x00"),             /* no such state */
        STR("\x04\x00\x02"               /* a text that is not there */
            "a"),
        STR("\x04\x00\x01\x00"), /* a zero byte in a text */
    };
    struct packet p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct err err = {.kind = ERR_NONE};

        if (packet_read(all[i], &p, &err) == 0)
            fail_msg("message %zu is taken", i);
        assert_int_equal(err.kind, ERR_CORRUPT);
    }
}

static void a_long_text_is_cut(void **state)
{
    char text[2 * PACKET_TEXT_MAX];
    const struct packet p = {.kind = PACKET_STATE, .as.state = {SSH_REFUSED, {text, sizeof text}}};
    SCOPED(buf_fini) struct buf bytes;
    struct packet got;

    (void)state;
    memset(text, 'x', sizeof text);
    assert_int_equal(written(&p, &bytes, &got), 0);
    assert_int_equal(got.as.state.text.n, PACKET_TEXT_MAX);
    assert_true(bytes.n < PACKET_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_comes_as_it_was_sent),
        cmocka_unit_test(a_way_a_state_and_a_refusal_come_as_they_were_sent),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_long_text_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
