/* client_use: a client fills a curl handle for one request.
 *
 * Credentials, headers and the client's certificate go only to the place that the request was made
 * for (client_is_home): a redirect that leaves it goes without them.
 *
 * Threads: the net thread of one fetcher. Errors: name the key that mends it, never a secret.
 */
#ifndef HTTP_CLIENT_USE_H
#define HTTP_CLIENT_USE_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

struct client;
struct client_secret;
struct err;
struct oauth2_token;

struct oauth2_token *client_token(struct client *c);

/* What one request borrows until it is over. */
struct client_use {
    struct curl_slist *headers, *proxy_headers, *connect_to;
    struct buf ca, cert, key; /* the content of files */
    bool proxied;
};
void client_use_init(struct client_use *u);
void client_use_fini(struct client_use *u); /* wipes what is secret */

/* Sets up `easy` for `url`: headers (those of `plain` first), credentials, TLS, proxy. `home`:
 * with all that is meant for that place alone. c NULL: the environment's proxy and the system's
 * certificates. */
MUST_USE int client_apply(struct client *c, CURL *easy, const char *url,
                          const struct curl_slist *plain, bool home, struct client_use *use,
                          struct err *err);

/* May what is meant for `from` go to `to`? The same scheme, host and port, or https instead of
 * http on the same host. */
bool client_is_home(const char *from, const char *to);

/* The text, or the file's content with blanks and line ends around it cut; *set false: neither is
 * given. `key` is for the message. */
MUST_USE int client_read_secret(const struct client_secret *s, const char *key, struct buf *out,
                                bool *set, struct err *err);
/* Overwrites, then frees. */
void client_wipe(struct buf *b);

#endif
