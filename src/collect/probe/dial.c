/* TCP, DNS and ICMP: each waits, on a thread of LANE_SLOW, until its deadline at most. */
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "collect/collect.h"
#include "collect/probe/judge.h"
#include "collect/probe/probe_impl.h"
#include "collect/probe/probe_settings.h"
#include "collect/probe/tell.h"
#include "sys/reach.h"
#include "sys/secret.h"
#include "text/dns_question.h"

#define BANNER_MAX 65536 /* bytes of what a TCP service says that are looked at */
#define ANSWER_MAX 65536
#define DNS_PORT   53

struct dial {
    struct probe_state state; /* first */
    struct judge *judge;      /* owned */
};

/* One run. */
struct run {
    struct dial *dial;
    int64_t start_ns, deadline_ns;
    struct reach_place place;
    char ip[SOCK_TEXT_BYTES];
    struct tell tell;
    struct err *why;
};

static double seconds_since(const struct run *r, int64_t start_ns)
{
    const struct clock *clock = r->dial->state.clock;

    return (double)(clock->mono_ns(clock) - start_ns) / 1e9;
}

static bool look_up(struct run *r, const char *host, uint16_t port)
{
    if (reach_look_up(host, port, r->dial->state.clock, &r->place, r->why) < 0)
        return false;
    sock_host_text(&r->place.addresses[0], r->ip);
    return true;
}

/* ---- TCP ---- */

/* Reads until `match` is there, or the other side has said all; not_match alone waits for the end
 * of the first piece. */
static bool hear(struct run *r, int fd, bool *by_regex)
{
    const struct dial *d = r->dial;
    SCOPED(buf_fini) struct buf heard = {.max_bytes = BANNER_MAX + 1};

    for (;;) {
        struct err err = {.kind = ERR_NONE};
        char *room = buf_reserve(&heard, 4096);
        size_t got = 0;

        if (room && reach_read(fd, room, 4096, &got, d->state.clock, r->deadline_ns, &err) == 0)
            heard.n += got;
        if (judge_body(d->judge, buf_str(&heard), NULL, by_regex, r->why) == 0) {
            err_clear(r->why);
            return true;
        }
        if (err.kind != ERR_NONE && err.kind != ERR_TIMEOUT)
            *r->why = err;
        if (got == 0)
            return false;
    }
}

static bool dial_tcp(struct run *r)
{
    const struct probe_settings *s = r->dial->state.settings;
    const struct clock *clock = r->dial->state.clock;
    bool success = false, by_regex = false;
    size_t which = 0;
    int fd = -1;

    if (look_up(r, s->host, s->port)) {
        success = reach_tcp(&r->place, clock, r->deadline_ns, &which, &fd, r->why) == 0;
        sock_host_text(&r->place.addresses[which], r->ip);
    }
    if (success && s->say.p)
        success = reach_write(fd, s->say, clock, r->deadline_ns, r->why) == 0;
    if (success && !judge_needs_no_body(r->dial->judge))
        success = hear(r, fd, &by_regex);
    sock_close(fd);
    tell_place(&r->tell, r->place.lookup_s, r->ip);
    tell_regex(&r->tell, by_regex && !success);
    return success;
}

/* ---- DNS ---- */

/* The first name server of the system. */
static bool system_server(char out[64])
{
    FILE *f = fopen("/etc/resolv.conf", "re");
    char line[512];
    bool found = false;

    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, " nameserver %63s", out) == 1;
    if (f)
        (void)fclose(f);
    return found;
}

static bool find_server(struct run *r)
{
    const struct probe_settings *s = r->dial->state.settings;
    char server[64];

    if (s->host)
        return look_up(r, s->host, s->port);
    if (system_server(server))
        return look_up(r, server, DNS_PORT);
    (void)err_set(r->why, ERR_EVAL,
                  "/etc/resolv.conf names no server; give one as dns: {server: ...}");
    return false;
}

/* Others may send datagrams too: what is no answer is passed over. */
static bool await_answer(struct run *r, int fd, uint16_t id, struct dns_answer *out)
{
    char *bytes = mem_zalloc(ANSWER_MAX);
    bool found = false;
    size_t got;

    while (!found && reach_read(fd, bytes, ANSWER_MAX, &got, r->dial->state.clock, r->deadline_ns,
                                r->why) == 0)
        found = dns_question_read((struct str){bytes, got}, id, out);
    mem_free(bytes);
    return found;
}

static bool ask(struct run *r, struct dns_answer *answer, double phases[2])
{
    const struct probe_settings *s = r->dial->state.settings;
    const struct clock *clock = r->dial->state.clock;
    SCOPED(buf_fini) struct buf question = {.max_bytes = 600};
    int64_t start_ns = clock->mono_ns(clock);
    uint16_t id;
    bool answered;
    int fd;

    secret_bytes(&id, sizeof id);
    if (dns_question_write(s->question, s->type, id, &question, r->why) < 0 ||
        reach_udp(&r->place.addresses[0], &fd, r->why) < 0)
        return false;
    phases[0] = seconds_since(r, start_ns);
    start_ns = clock->mono_ns(clock);
    answered = reach_write(fd, buf_str(&question), clock, r->deadline_ns, r->why) == 0 &&
               await_answer(r, fd, id, answer);
    phases[1] = seconds_since(r, start_ns);
    sock_close(fd);
    return answered;
}

static bool dial_dns(struct run *r)
{
    struct dns_answer answer = {.rcode = 0};
    double took[2] = {0};
    bool found = find_server(r), answered = found && ask(r, &answer, took);
    struct tell *t = &r->tell;

    tell_place(t, r->place.lookup_s, r->ip);
    tell_phases(t, "probe_dns_duration_seconds", "How long each part of the question took.",
                (const struct tell_phase[]){
                    {"resolve", r->place.lookup_s}, {"connect", took[0]}, {"request", took[1]}},
                3);
    tell_gauge(t, "probe_dns_answer_rrs", "Records in the answer.", answer.answers);
    tell_gauge(t, "probe_dns_authority_rrs", "Records about who is in charge.", answer.authority);
    tell_gauge(t, "probe_dns_additional_rrs", "Further records.", answer.additional);
    tell_gauge(t, "probe_dns_query_succeeded", "1 when an answer came, whatever it says.",
               answered);
    if (r->dial->state.settings->type == DNS_QUESTION_SOA && answered)
        tell_gauge(t, "probe_dns_serial", "Serial number of the zone.", answer.serial);
    if (!answered)
        return false;
    if (answer.rcode != 0)
        (void)err_set(r->why, ERR_EVAL, "the server answers %s", dns_question_rcode(answer.rcode));
    return answer.rcode == 0;
}

/* ---- ICMP ---- */

static bool dial_icmp(struct run *r)
{
    const struct clock *clock = r->dial->state.clock;
    struct reach_echo echo = {.hops = -1};
    bool success = look_up(r, r->dial->state.settings->host, 0) &&
                   reach_echo(&r->place.addresses[0], clock, r->deadline_ns, &echo, r->why) == 0;

    tell_place(&r->tell, r->place.lookup_s, r->ip);
    tell_phases(&r->tell, "probe_icmp_duration_seconds", "How long each part of the echo took.",
                (const struct tell_phase[]){
                    {"resolve", r->place.lookup_s}, {"setup", echo.setup_s}, {"rtt", echo.rtt_s}},
                3);
    if (success && echo.hops >= 0)
        tell_gauge(&r->tell, "probe_icmp_reply_hop_limit",
                   "TTL (hop limit) that the answer came with.", echo.hops);
    return success;
}

/* ---- the collector ---- */

static int collect(void *arg, struct emit *emit, struct arena *scratch, struct err *err)
{
    static bool (*const ways[])(struct run * r) = {
        [PROBE_TCP] = dial_tcp, [PROBE_DNS] = dial_dns, [PROBE_ICMP] = dial_icmp};
    struct dial *d = arg;
    const struct probe_settings *s = d->state.settings;
    struct run r = {.dial = d, .tell = {.emit = emit, .err = err}, .why = &d->state.why};
    bool success;

    (void)scratch;
    r.start_ns = d->state.clock->mono_ns(d->state.clock);
    r.deadline_ns = r.start_ns + d->state.timeout_ms * 1000000;
    err_clear(&d->state.why);
    success = ways[s->kind](&r);
    tell_result(&r.tell, success, seconds_since(&r, r.start_ns));
    return r.tell.rc;
}

static const char *settle(void *arg)
{
    return probe_settle(&((struct dial *)arg)->state);
}

static void free_dial(void *arg)
{
    struct dial *d = arg;

    judge_free(d->judge);
    mem_free(d);
}

int probe_dial(const struct probe_state *state, struct collector *out, struct err *err)
{
    struct dial *d = mem_new(struct dial);

    d->state = *state;
    if (judge_new(&state->settings->expect, &d->judge, err) < 0) {
        free_dial(d);
        return -1;
    }
    *out = (struct collector){.name = state->settings->name,
                              .collect = collect,
                              .settle = settle,
                              .free = free_dial,
                              .arg = d,
                              .hangs_on = "the address that it asks"};
    return 0;
}
