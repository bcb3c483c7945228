/* login: who a Redis is and how one gets in: settings of an entry, files of secrets read, become an
 * open session that is logged in.
 *
 * Errors: in words for a person, place first, never with a secret. Threads: that of the collector.
 */
#ifndef COLLECT_REDIS_LOGIN_H
#define COLLECT_REDIS_LOGIN_H

#include <stdint.h>

#include "base/attr.h"

struct arena;
struct clock;
struct err;
struct redis_access;
struct resp;
struct session;

struct login {
    struct session *session; /* owned by the caller */
    const char *place;       /* "127.0.0.1:6379", in the arena */
    unsigned db;             /* that the URL names; not selected */
    double connect_s, ping_s;
    const char *refusal; /* of AUTH where no password is wanted; NULL: none */
};

/* `socket_path` takes the place of the URL's host; "": none. */
MUST_USE int login_open(const struct redis_access *access, const char *socket_path,
                        const struct clock *clock, int64_t deadline_ns, struct arena *scratch,
                        struct login *out, struct err *err);

/* What a server says, fit for a message: at most 160 printable characters. */
const char *login_words(struct arena *a, const struct resp *reply);

#endif
