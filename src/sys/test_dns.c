/* The peer is a thread that speaks real DNS over UDP from a table. */
#include "sys/dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "sys/thread.h"

static const struct zone {
    const char *name;
    int type, code;
    const char *data; /* an address, or for names "[preference|priority weight port] name" */
} zone[] = {
    {"a.test", ns_t_a, 0, "192.0.2.1"},      {"a.test", ns_t_a, 0, "192.0.2.2"},
    {"a.test", ns_t_aaaa, 0, "2001:db8::1"}, {"_m._tcp.test", ns_t_srv, 0, "one.test"},
    {"mail.test", ns_t_mx, 0, "mx.test"},    {"ns.test", ns_t_ns, 0, "server.test"},
    {"only-a.test", ns_t_a, 0, "192.0.2.9"}, {"broken.test", ns_t_a, SERVFAIL, NULL},
};

static struct peer {
    int fd;
    uint16_t port;
    pthread_t thread;
    char servers[32];
    unsigned asked;
} peer;

static size_t put_name(uint8_t *out, const char *name)
{
    size_t n = 0;

    while (*name) {
        size_t label = strcspn(name, ".");

        out[n++] = (uint8_t)label;
        memcpy(out + n, name, label);
        n += label;
        name += label + (name[label] == '.');
    }
    out[n++] = 0;
    return n;
}

static size_t put_16(uint8_t *out, unsigned v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
    return 2;
}

static size_t put_data(uint8_t *out, const struct zone *z)
{
    size_t n = 0;

    switch (z->type) {
    case ns_t_a:
        return inet_pton(AF_INET, z->data, out) == 1 ? 4 : 0;
    case ns_t_aaaa:
        return inet_pton(AF_INET6, z->data, out) == 1 ? 16 : 0;
    case ns_t_srv:
        n += put_16(out + n, 10);
        n += put_16(out + n, 5);
        n += put_16(out + n, 9100);
        break;
    case ns_t_mx:
        n += put_16(out + n, 10);
        break;
    default:
        break;
    }
    return n + put_name(out + n, z->data);
}

/* Turns the question in `p` into its answer; the length. */
static size_t answer(uint8_t *p, size_t n)
{
    char name[256] = "";
    size_t at = 12, length = 0;
    unsigned type, code = NXDOMAIN, answers = 0;

    while (at < n && p[at]) {
        (void)snprintf(name + length, sizeof name - length, "%s%.*s", length ? "." : "", p[at],
                       (const char *)p + at + 1);
        length = strlen(name);
        at += 1u + p[at];
    }
    at++;
    type = (unsigned)p[at] << 8 | p[at + 1];
    at += 4;
    for (size_t i = 0; i < ARRAY_LEN(zone); i++) {
        size_t size;

        if (strcmp(zone[i].name, name) != 0)
            continue;
        code = (unsigned)zone[i].code;
        if (!zone[i].data || zone[i].type != (int)type)
            continue;
        at += put_16(p + at, 0xc00c); /* the question's name */
        at += put_16(p + at, type);
        at += put_16(p + at, ns_c_in);
        at += put_16(p + at, 0);
        at += put_16(p + at, 60);
        size = put_data(p + at + 2, &zone[i]);
        (void)put_16(p + at, (unsigned)size);
        at += 2 + size;
        answers++;
    }
    p[2] = 0x84; /* an answer, with authority */
    p[3] = (uint8_t)(0x80 | code);
    (void)put_16(p + 6, answers);
    memset(p + 8, 0, 4);
    return at;
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        uint8_t p[1500];
        struct sockaddr_in from;
        socklen_t from_n = sizeof from;
        ssize_t n = recvfrom(peer.fd, p, 512, 0, (struct sockaddr *)&from, &from_n);

        if (n < 17) /* an empty one ends it */
            return NULL;
        peer.asked++;
        if (memmem(p, (size_t)n, "silent", 6))
            continue;
        (void)sendto(peer.fd, p, answer(p, (size_t)n), 0, (struct sockaddr *)&from, from_n);
    }
}

static int set_up(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t n = sizeof a;
    struct err err;

    (void)state;
    peer.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(peer.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(peer.fd, (struct sockaddr *)&a, &n), 0);
    peer.port = ntohs(a.sin_port);
    (void)snprintf(peer.servers, sizeof peer.servers, "127.0.0.1:%u", peer.port);
    assert_ok(thread_start(&peer.thread, "dns", serve, NULL, &err), err);
    return 0;
}

static int tear_down(void **state)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_port = htons(peer.port)};

    (void)state;
    assert_int_equal(sendto(peer.fd, "", 0, 0, (struct sockaddr *)&to, sizeof to), 0);
    pthread_join(peer.thread, NULL);
    (void)close(peer.fd);
    return 0;
}

static void assert_found(const char *name, enum dns_type type, const char *wanted)
{
    SCOPED(arena_fini) struct arena a;
    const struct dns_record *records;
    char got[300] = "";
    size_t n, length = 0;
    struct err err;

    arena_init(&a, NULL);
    assert_ok(dns_lookup(peer.servers, name, type, 5000, &a, &records, &n, &err), err);
    for (size_t i = 0; i < n; i++)
        length += (size_t)snprintf(got + length, sizeof got - length, "%s %u;", records[i].target,
                                   records[i].port);
    assert_string_equal(got, wanted);
}

static void records_of_all_types_are_found(void **state)
{
    (void)state;
    assert_found("a.test", DNS_A, "192.0.2.1 0;192.0.2.2 0;");
    assert_found("a.test", DNS_AAAA, "2001:db8::1 0;");
    assert_found("_m._tcp.test", DNS_SRV, "one.test 9100;");
    assert_found("mail.test", DNS_MX, "mx.test 0;");
    assert_found("ns.test", DNS_NS, "server.test 0;");
}

static void a_name_that_is_not_there_or_has_no_such_record_has_none(void **state)
{
    (void)state;
    assert_found("nowhere.test", DNS_A, "");
    assert_found("only-a.test", DNS_AAAA, "");
    assert_found("only-a.test", DNS_SRV, "");
}

static void a_server_that_fails_or_is_silent_is_an_error(void **state)
{
    SCOPED(arena_fini) struct arena a;
    const struct dns_record *records;
    size_t n;
    struct err err;

    (void)state;
    arena_init(&a, NULL);
    assert_fails(dns_lookup(peer.servers, "broken.test", DNS_A, 5000, &a, &records, &n, &err), err,
                 ERR_OS, "cannot look up the A records of broken.test");
    assert_fails(dns_lookup(peer.servers, "silent.test", DNS_MX, 50, &a, &records, &n, &err), err,
                 ERR_TIMEOUT, "MX records of silent.test: no DNS server answers");
    assert_fails(dns_lookup("nonsense", "a.test", DNS_A, 50, &a, &records, &n, &err), err, ERR_OS,
                 "cannot ask the DNS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_of_all_types_are_found),
        cmocka_unit_test(a_name_that_is_not_there_or_has_no_such_record_has_none),
        cmocka_unit_test(a_server_that_fails_or_is_silent_is_an_error),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
