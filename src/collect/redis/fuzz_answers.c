/* Any bytes as what a Redis answers to all that is asked after INFO: settings, slow log, latency,
 * cluster, sizes of keys, SCAN, first entries. The first byte says whether it is a cluster. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/entry_settings.h"
#include "collect/findings.h"
#include "collect/redis/first.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "collect/redis/walk.h"
#include "sys/clock.h"
#include "sys/sock.h"
#include "sys/talk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct redis_key keys[] = {{0, "a"}, {0, "b"}, {1, "c"}};
static const struct redis_first first[] = {{{0, "a"}, 3}, {{0, "b"}, REDIS_FIRST_MAX}};
static const struct redis_settings settings = {.keys = keys,
                                               .first = first,
                                               .first_n = ARRAY_LEN(first),
                                               .keys_n = ARRAY_LEN(keys),
                                               .patterns = keys,
                                               .patterns_n = ARRAY_LEN(keys),
                                               .latency = true};

/* The session, and the other end of it, which has said all it will say. */
static struct session *open_session(int listener, struct str text, struct budget *budget, int *peer)
{
    const struct talk_place place = {.host = "127.0.0.1", .port = sock_port(listener)};
    const struct session_settings s = {.place = &place,
                                       .clock = clock_real(),
                                       .deadline_ns = clock_real()->mono_ns(clock_real()) +
                                                      INT64_C(5000000000),
                                       .budget = budget};
    struct iovec all = {(void *)text.p, text.n};
    struct sock_address from;
    struct session *session;
    struct err err;

    if (session_open(&s, &session, &err) < 0 || sock_accept(listener, peer, &from) < 0 ||
        (text.n > 0 && sock_write(*peer, &all, 1) < 0))
        abort();
    sock_end(*peer);
    return session;
}

static void read_all(struct redis_run *r, struct walks *w, struct firsts *f)
{
    struct err err;

    if (server_read(r, &err) < 0 || sizes_read(r, &err) < 0)
        return;
    for (int i = 0; i < 3; i++)
        if (walks_run(w, r, clock_real(), 0, &err) < 0)
            return;
    firsts_read(f, r, 1731900400000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct redis_firsts all = {.lock = PTHREAD_MUTEX_INITIALIZER};
    static const struct entry_settings entry = {.own = &settings};
    static int listener = -1;
    struct findings findings;
    struct redis_run run = {.findings = &findings, .settings = &settings};
    struct sock_address a;
    struct budget budget;
    struct arena arena;
    struct firsts *kept;
    struct walks walks;
    struct err err;
    int peer;

    if (size == 0 || size > 16384)
        return 0;
    if (listener < 0 && (sock_parse("127.0.0.1:0", &a, &err) < 0 ||
                         sock_listen(&a, "127.0.0.1:0", &listener, &err) < 0))
        abort();
    budget_init(&budget, "cycle", 64u << 20, NULL);
    arena_init(&arena, &budget);
    findings_init(&findings, &arena);
    walks_init(&walks, &settings);
    kept = firsts_new(&all, &entry);
    run.facts.cluster = data[0] & 1;
    run.session =
        open_session(listener, (struct str){(const char *)data + 1, size - 1}, &budget, &peer);
    read_all(&run, &walks, kept);
    session_close(run.session);
    sock_reset_on_close(peer); /* no port is kept waiting */
    sock_close(peer);
    firsts_free(kept);
    walks_fini(&walks);
    arena_fini(&arena);
    if (budget.used_bytes != 0)
        abort();
    return 0;
}
