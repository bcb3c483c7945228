/* Messages of syslog taken apart, cut out of connections, and waiting to be read. */
#include "base/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "collect/logs/received.h"
#include "collect/logs/receiver.h"
#include "collect/logs/syslog.h"
#include "sys/clock.h"
#include "sys/loop.h"
#include "sys/sock.h"
#include "text/zone.h"

/* "level|time|name=value ...|text" */
static void assert_message(const char *raw, const char *expected)
{
    SCOPED(buf_fini) struct buf said = {0};
    SCOPED(arena_fini) struct arena a;
    struct syslog_message m;

    arena_init(&a, NULL);
    syslog_read(str_c(raw), &a, &m);
    buf_addf(&said, "%s|%.*s%s|", severity_name(m.level), STR_ARGS(m.time), m.yearless ? "?" : "");
    for (size_t i = 0; i < m.fields_n; i++)
        buf_addf(&said, "%s%.*s=%.*s", i ? " " : "", STR_ARGS(m.fields[i].name),
                 STR_ARGS(m.fields[i].value));
    buf_addf(&said, "|%.*s", STR_ARGS(m.text));
    assert_string_equal(said.p, expected);
}

static void the_form_of_rfc_5424_has_all_its_fields(void **state)
{
    (void)state;
    assert_message("<165>1 2025-03-04T08:00:01.003Z far evnt 2214 ID47 [ex@32473 iut=\"3\" "
                   "src=\"A\\\"p\\]p\\\\\"][b c=\"d\"] \xef\xbb\xbf"
                   "An event",
                   "info|2025-03-04T08:00:01.003Z|facility=local4 host=far app=evnt pid=2214 "
                   "msgid=ID47 ex@32473.iut=3 ex@32473.src=A\"p]p\\ b.c=d|An event");
    assert_message("<0>1 - - - - - - text", "critical||facility=kern|text");
    assert_message("<11>1 - h a - - [x y=\"1\"]", "error||facility=user host=h app=a x.y=1|");
    assert_message("<11>1 - h a - - [x y=\"1 text", /* torn: nothing of it is lost */
                   "error||facility=user host=h app=a|[x y=\"1 text");
}

static void the_forms_of_rfc_3164_are_told_apart(void **state)
{
    (void)state;
    assert_message("<34>Oct 11 22:14:15 far su[77]: failed: x\n",
                   "critical|Oct 11 22:14:15?|facility=auth host=far app=su pid=77|failed: x");
    assert_message("<28>Mar  4 08:00:01 cron: text",
                   "warning|Mar  4 08:00:01?|facility=daemon app=cron|text");
    assert_message("<15>2025-03-04T08:00:01+01:00 far su: text",
                   "debug|2025-03-04T08:00:01+01:00|facility=user host=far app=su|text");
    assert_message("<30>Mar  4 08:00:01 2025 far no tag here",
                   "info|Mar  4 08:00:01 2025|facility=daemon host=far|no tag here");
    assert_message("<14>error: disk", "info||facility=user|error: disk");
    assert_message("<14>app[7]: text", "info||facility=user app=app pid=7|text");
}

static void what_is_no_message_of_syslog_is_text(void **state)
{
    static const char *const texts[] = {"text", "<192>1 text", "<>x", "<1", "", "<12345>x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        SCOPED(buf_fini) struct buf expected = {0};

        buf_addf(&expected, "|||%s", texts[i]);
        assert_message(texts[i], expected.p);
    }
}

static void on_message(void *arg, struct str message)
{
    buf_add(arg, message);
    buf_addc(arg, '|');
}

static void a_connection_has_counted_messages_and_lines(void **state)
{
    static const char bytes[] = "5 a\nb c<1>one\r\n\n<2>two\0"
                                "12x\n7 <34>abc6 cut here 15 1234567890";
    SCOPED(buf_fini) struct buf said = {0};
    struct syslog_frames f = {.bytes_max = 8, .message = on_message, .arg = &said};

    (void)state;
    for (size_t i = 0; i + 1 < sizeof bytes; i++)
        syslog_frames_feed(&f, (struct str){bytes + i, 1});
    syslog_frames_end(&f);
    buf_fini(&f.part);
    assert_string_equal(said.p, "a\nb c|<1>one\r|<2>two|12x|<34>abc|cut he|re 15 12|");
}

/* ---- the receiver ---- */

struct fixture {
    struct loop *loop;
    struct manual_clock clock;
    struct receivers all;
    struct receiver *receiver;
    struct sock_address address;
    char text[64];
};

static void stop(void *arg)
{
    loop_stop(arg);
}

#define TURNS_MAX 500 /* that is 10 s at least */

static void turn(struct fixture *f)
{
    for (int i = 0; i < 3; i++) { /* a connection comes, and then its bytes */
        struct loop_timer *t = loop_timer_new(f->loop, 7, 0, stop, f->loop);

        loop_run(f->loop);
        loop_timer_free(t);
    }
}

/* An address that nobody listens on, of this process alone: on 127.0.0.1 a port that is free for
 * datagrams can be the one of a connection that somebody else made, or has just closed. */
static void find_port(struct fixture *f)
{
    unsigned pid = (unsigned)getpid();
    char host[32];
    struct err err;
    int fd;

    (void)snprintf(host, sizeof host, "127.%u.%u.%u", 1 + (pid >> 16) % 254, (pid >> 8) % 256,
                   pid % 255);
    (void)snprintf(f->text, sizeof f->text, "%s:0", host);
    assert_ok(sock_parse(f->text, &f->address, &err), err);
    assert_int_equal(sock_bind_udp(&f->address, &fd), 0);
    (void)snprintf(f->text, sizeof f->text, "%s:%u", host, sock_port(fd));
    sock_close(fd);
    assert_ok(sock_parse(f->text, &f->address, &err), err);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct err err;

    assert_non_null(f);
    assert_ok(loop_new(&f->loop, &err), err);
    manual_clock_init(&f->clock, clock_real()->wall_ms(clock_real()));
    (void)pthread_mutex_init(&f->all.lock, NULL);
    f->all.loop = f->loop;
    find_port(f);
    f->receiver = receiver_ref(&f->all, f->text, 1000, &f->clock.clock);
    turn(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)receiver_unref(&f->all, f->receiver);
    loop_drain(f->loop);
    loop_free(f->loop);
    (void)pthread_mutex_destroy(&f->all.lock);
    free(f);
    return 0;
}

static int open_peer(struct fixture *f, int type)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&f->address.storage, f->address.length),
                     0);
    return fd;
}

static void send_text(int fd, const char *text, size_t n)
{
    assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), (ssize_t)n);
}

struct so_far {
    struct buf said;
    size_t messages;
    struct receiver_losses lost;
};

static void so_far_fini(struct so_far *s)
{
    buf_fini(&s->said);
}

static void add_losses(struct fixture *f, struct so_far *s)
{
    struct receiver_losses losses;
    struct err err;

    assert_ok(receiver_state(f->receiver, &losses, &err), err);
    s->lost.messages += losses.messages;
    s->lost.connections += losses.connections;
}

static void take_all(struct fixture *f, struct so_far *s)
{
    SCOPED(buf_fini) struct buf taken = {0};
    struct str rest, message;
    int64_t at;

    (void)receiver_take(f->receiver, RECEIVER_BYTES_MAX, &taken);
    rest = buf_str(&taken);
    for (message = receiver_next(&rest, &at); message.n; message = receiver_next(&rest, &at)) {
        assert_int_equal(at, f->clock.clock.wall_ms(&f->clock.clock));
        on_message(&s->said, message);
        s->messages++;
    }
    add_losses(f, s);
}

/* Until so many have come or were lost, on a machine that may be busy. */
static void take_until(struct fixture *f, size_t messages, struct so_far *s)
{
    for (int i = 0; i < TURNS_MAX && s->messages + s->lost.messages < messages; i++) {
        turn(f);
        take_all(f, s);
    }
    assert_int_equal(s->messages + s->lost.messages, messages);
}

static void assert_received(struct fixture *f, size_t messages, const char *expected)
{
    SCOPED(so_far_fini) struct so_far s = {.messages = 0};

    take_until(f, messages, &s);
    assert_string_equal(buf_str(&s.said).p, expected);
    assert_int_equal(s.lost.messages, 0);
}

static void messages_come_by_udp_and_tcp(void **state)
{
    struct fixture *f = *state;
    int udp = open_peer(f, SOCK_DGRAM), tcp = open_peer(f, SOCK_STREAM);

    send_text(udp, "<1>one", 6);
    send_text(udp, "<1>two", 6);
    assert_received(f, 2, "<1>one|<1>two|");
    send_text(tcp, "6 <1>ten<1>la", 13);
    assert_received(f, 1, "<1>ten|");
    (void)close(tcp);
    assert_received(f, 1, "<1>la|"); /* its end comes with the connection's */
    (void)close(udp);
}

static void what_there_is_no_room_for_is_counted_and_room_comes_again(void **state)
{
    static char text[1001];
    struct fixture *f = *state;
    SCOPED(so_far_fini) struct so_far s = {.messages = 0};
    size_t sent = RECEIVER_BYTES_MAX / sizeof text + 10;
    int fd = open_peer(f, SOCK_STREAM);

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\n';
    for (size_t i = 0; i < sent; i++) {
        send_text(fd, text, sizeof text);
        if (i % 100 == 0)
            turn(f);
    }
    for (int i = 0; i < TURNS_MAX && s.lost.messages <= 10; i++) {
        turn(f);
        add_losses(f, &s);
    }
    assert_true(s.lost.messages > 10);
    take_until(f, sent, &s);
    send_text(fd, "<1>one\n", 7);
    assert_received(f, 1, "<1>one|");
    (void)close(fd);
}

static void what_the_kernel_has_no_room_for_is_counted_too(void **state)
{
    struct fixture *f = *state;
    SCOPED(so_far_fini) struct so_far s = {.messages = 0};
    size_t before;
    int fd = open_peer(f, SOCK_DGRAM);

    for (size_t i = 0; i < 5000; i++) /* while the loop does something else */
        send_text(fd, "<1>one", 6);
    do { /* until there is room again */
        before = s.messages;
        turn(f);
        take_all(f, &s);
    } while (s.messages > before);
    assert_true(s.messages > 0);
    send_text(fd, "<1>last", 7); /* with the next the kernel says how many */
    take_until(f, 5001, &s);
    assert_true(s.lost.messages > 0);
    (void)close(fd);
}

static void at_the_end_what_the_kernel_has_is_taken(void **state)
{
    struct fixture *f = *state;
    SCOPED(buf_fini) struct buf taken = {0};
    SCOPED(buf_fini) struct buf said = {0};
    int udp = open_peer(f, SOCK_DGRAM), tcp = open_peer(f, SOCK_STREAM);
    struct str rest, message;
    int64_t at;

    send_text(udp, "<1>one", 6); /* the loop does not run any more */
    send_text(tcp, "<1>two", 6);
    receiver_finish(f->receiver);
    (void)receiver_take(f->receiver, 1000, &taken);
    rest = buf_str(&taken);
    for (message = receiver_next(&rest, &at); message.n; message = receiver_next(&rest, &at))
        on_message(&said, message);
    assert_string_equal(buf_str(&said).p, "<1>one|<1>two|");
    (void)close(udp);
    (void)close(tcp);
}

/* ---- as the source of a log ---- */

struct told {
    struct log log;
    size_t warnings, entries;
    int64_t time_ms;
};

static void on_log(struct log *log, enum log_level level, const char *part, const char *text)
{
    (void)level, (void)part;
    assert_non_null(strstr(text, "net: messages of syslog were dropped"));
    CONTAINER_OF(log, struct told, log)->warnings++;
}

static void on_entry(void *arg, const struct log_entry *entry)
{
    struct told *told = arg;

    told->entries++;
    told->time_ms = entry->time_ms;
}

static void losses_are_told_once_and_what_is_too_long_is_cut(void **state)
{
    static char text[2000];
    struct fixture *f = *state;
    struct told told = {.log = {.write = on_log}};
    const struct source_pass pass = {.clock = &f->clock.clock,
                                     .log = &told.log,
                                     .until_ns = INT64_MAX,
                                     .entry = on_entry,
                                     .arg = &told};
    struct received *r = received_new("net", f->receiver, 1000, &zone_utc);
    size_t before;
    struct err err;
    int fd = open_peer(f, SOCK_DGRAM);

    memset(text, 'x', sizeof text);
    for (int times = 0; times < 2; times++) {
        for (size_t i = 0; i < 5000; i++)
            send_text(fd, "<1>one", 6);
        do { /* until there is room again */
            before = told.entries;
            turn(f);
            assert_int_equal(received_read(r, &pass, &err), 0);
        } while (told.entries > before);
        send_text(fd, text, sizeof text);
        for (int i = 0; i < TURNS_MAX && told.entries == before; i++) {
            turn(f);
            assert_int_equal(received_read(r, &pass, &err), 0);
        }
        assert_int_equal(received_counts(r).cut, times + 1);
        assert_int_equal(received_counts(r).lost_messages + told.entries, (times + 1) * 5001);
        assert_int_equal(told.time_ms, f->clock.clock.wall_ms(&f->clock.clock));
    }
    assert_int_equal(told.warnings, 1);
    before = told.entries;
    send_text(fd, "<1>Mar  4 08:00:01 h a: t", 25);
    for (int i = 0; i < TURNS_MAX && told.entries == before; i++) {
        turn(f);
        assert_int_equal(received_read(r, &pass, &err), 0);
    }
    assert_int_equal((told.time_ms / 1000) % 86400, 8 * 3600 + 1);
    received_free(r);
    (void)close(fd);
}

static void of_too_many_connections_one_that_is_silent_goes(void **state)
{
    struct fixture *f = *state;
    SCOPED(so_far_fini) struct so_far s = {.messages = 0};
    int fds[RECEIVER_PEERS_MAX + 2];

    for (size_t i = 0; i <= RECEIVER_PEERS_MAX; i++)
        fds[i] = open_peer(f, SOCK_STREAM);
    for (int i = 0; i < TURNS_MAX && !s.lost.connections; i++) {
        turn(f);
        add_losses(f, &s);
    }
    assert_int_equal(s.lost.connections, 1);
    manual_clock_advance(&f->clock, 61000);
    fds[RECEIVER_PEERS_MAX + 1] = open_peer(f, SOCK_STREAM);
    send_text(fds[RECEIVER_PEERS_MAX + 1], "<1>one\n", 7);
    assert_received(f, 1, "<1>one|");
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        (void)close(fds[i]);
}

static void an_address_in_use_is_told_and_tried_again(void **state)
{
    struct fixture *f = *state;
    struct receiver_losses losses;
    struct receiver *second;
    struct err err;
    int fd = -1;

    (void)receiver_unref(&f->all, f->receiver);
    for (int i = 0; i < TURNS_MAX && sock_bind_udp(&f->address, &fd) < 0; i++)
        turn(f);
    assert_true(fd >= 0);
    f->receiver = receiver_ref(&f->all, f->text, 1000, &f->clock.clock);
    turn(f);
    assert_fails(receiver_state(f->receiver, &losses, &err), err, ERR_OS,
                 "is in use by another program");
    sock_close(fd);
    receiver_open(f->receiver);
    assert_int_equal(receiver_state(f->receiver, &losses, &err), 0);
    second = receiver_ref(&f->all, f->text, 1000, &f->clock.clock);
    assert_ptr_equal(second, f->receiver); /* an entry that was changed goes on with it */
    fd = open_peer(f, SOCK_DGRAM);
    send_text(fd, "<1>one", 6);
    send_text(fd, "<1>two", 6);
    sock_close(fd);
    turn(f);
    assert_int_equal(receiver_unref(&f->all, second), 0);
    assert_int_equal(receiver_unref(&f->all, f->receiver), 2); /* nobody will read them */
    f->receiver = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_of_rfc_5424_has_all_its_fields),
        cmocka_unit_test(the_forms_of_rfc_3164_are_told_apart),
        cmocka_unit_test(what_is_no_message_of_syslog_is_text),
        cmocka_unit_test(a_connection_has_counted_messages_and_lines),
        cmocka_unit_test_setup_teardown(messages_come_by_udp_and_tcp, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_there_is_no_room_for_is_counted_and_room_comes_again,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_the_kernel_has_no_room_for_is_counted_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(at_the_end_what_the_kernel_has_is_taken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(losses_are_told_once_and_what_is_too_long_is_cut, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(of_too_many_connections_one_that_is_silent_goes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_address_in_use_is_told_and_tried_again, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
