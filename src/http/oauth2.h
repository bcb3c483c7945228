/* oauth2: the client credentials grant of RFC 6749: what is asked of a token server, and what its
 * answer means. fetch.c does the asking.
 *
 * Threads: the net thread's.
 */
#ifndef HTTP_OAUTH2_H
#define HTTP_OAUTH2_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct client_oauth2;
struct client_settings;
struct err;

struct oauth2_token {
    char *value;         /* owned; NULL: none */
    int64_t until_ns;    /* monotonic; INT64_MAX: the server named no end */
    bool secret_in_form; /* this server wants id and secret in the form, not as basic auth */
    bool asking;
};

bool oauth2_is_valid(const struct oauth2_token *t, int64_t now_ns);
void oauth2_drop(struct oauth2_token *t);

/* The form to POST (wipe it), and how to send it: *out borrows from `o`. */
MUST_USE int oauth2_form(const struct client_oauth2 *o, const struct oauth2_token *t,
                         struct buf *form, struct client_settings *out, struct err *err);
/* Reads the answer. Servers differ in how they take id and secret: when the first way is refused,
 * *again is set, and the other one is tried. */
MUST_USE int oauth2_take(struct oauth2_token *t, int status, struct str body, int64_t now_ns,
                         bool *again, struct err *err);

#endif
