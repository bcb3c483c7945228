/* session: one connection to a Redis, for one cycle: commands go out together, answers come back in
 * their order.
 *
 * Errors: the connection, the deadline, a bound or the protocol; the session is good for nothing
 * then. What Redis refuses (-ERR, -NOPERM) is an answer of kind RESP_ERROR.
 * Ownership: answers live until session_forget or session_close.
 * Threads: one; it waits (LANE_SLOW).
 */
#ifndef COLLECT_REDIS_SESSION_H
#define COLLECT_REDIS_SESSION_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/redis/resp.h"

struct budget;
struct clock;
struct err;
struct session;
struct talk;
struct talk_place;
struct tls_settings;

struct session_settings {
    const struct talk_place *place;
    const struct tls_settings *tls; /* NULL: none */
    const struct clock *clock;
    int64_t deadline_ns; /* of all that the session does */
    struct budget *budget;
};

MUST_USE int session_open(const struct session_settings *settings, struct session **out,
                          struct err *err);
void session_close(struct session *s); /* NULL is fine */
/* The connection, all answers read, for whoever goes on with it in another way. */
MUST_USE struct talk *session_end(struct session *s);

/* Queues a command; it goes out with the next session_answer. */
MUST_USE int session_ask(struct session *s, const struct str args[], size_t n, struct err *err);
/* The same for words: session_say(s, &err, "CONFIG", "GET", "maxmemory"). */
#define session_say(s, err, ...)                                                                   \
    session_ask_words((s), (const char *const[]){__VA_ARGS__},                                     \
                      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (err))
MUST_USE int session_ask_words(struct session *s, const char *const words[], size_t n,
                               struct err *err);

/* The answer to the oldest command that has none yet; `what` names it in messages. */
MUST_USE int session_answer(struct session *s, const char *what, const struct resp **out,
                            struct err *err);
/* All answers so far are needed no more. */
void session_forget(struct session *s);

#endif
