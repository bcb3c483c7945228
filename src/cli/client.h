/* client: asks a running earshot over HTTP, for the client commands. Blocking, one request at a
 * time, by libcurl.
 */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct args;
struct err;
struct json_t;

struct client_param {
    const char *name, *value; /* value NULL: left out */
};

/* POSTs a form where there are parameters, else GETs. `path` begins with '/'. *body is the whole
 * answer as it came (buf_init'ed by the caller, up to 256 MiB). The exit status is in err.kind:
 * ERR_OS nobody answers (the text names the URL), ERR_EVAL the server refuses, in its own words. */
MUST_USE int client_ask(const struct args *args, const char *path,
                        const struct client_param params[], size_t n, struct buf *body,
                        struct err *err);
/* The same for an answer in JSON: {"status": "success", "data": ...} gives the data, any other JSON
 * itself. json_decref it. */
MUST_USE int client_json(const struct args *args, const char *path,
                         const struct client_param params[], size_t n, struct json_t **out,
                         struct err *err);
/* Server-sent events, each with one line of data, until `on_event` returns false or the peer is
 * gone: it always ends with an error. `event` is empty where it has no name. */
MUST_USE int client_events(const struct args *args, const char *path,
                           const struct client_param params[], size_t n,
                           bool (*on_event)(void *arg, struct str event, struct str data),
                           void *arg, struct err *err);
/* What to print and return after a failure: "earshot: TEXT" on stderr; STATUS_FAILED. */
int client_failed(const struct err *err);
const char *client_url(const struct args *args);

#endif
