/* client: a client_settings at work: one for each scrape job or HTTP discovery, shared by its
 * requests, each of which holds a reference until it has ended.
 *
 * Threads: any. The settings never change; the token of oauth2 is the net thread's (client_use.h).
 */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include "base/attr.h"

struct client;
struct client_settings;

/* Copies the settings. */
MUST_USE struct client *client_new(const struct client_settings *settings);
struct client *client_ref(struct client *c); /* NULL is fine */
void client_unref(struct client *c);         /* NULL is fine */

const struct client_settings *client_settings_of(const struct client *c);
/* The key that the credentials stand under, "basic_auth" ..., or NULL: it sends none. */
const char *client_auth_key(const struct client *c);

#endif
