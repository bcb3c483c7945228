/* address: where a server is and who asks, as libpq wants to know it. */
#ifndef COLLECT_POSTGRES_ADDRESS_H
#define COLLECT_POSTGRES_ADDRESS_H

#include "base/attr.h"
#include "collect/postgres/backend.h"

struct arena;
struct err;
struct postgres_settings;

/* Reads the files of the settings now. `database` NULL: the URL's, and postgres where it names
 * none. `socket_path` is a .s.PGSQL.N that takes the place of host and port; "": none. All in `a`;
 * address_wipe overwrites the password there. */
MUST_USE int address_make(struct arena *a, const struct postgres_settings *s,
                          const char *socket_path, const char *database,
                          struct backend_address *out, struct err *err);
/* host:port alone; only the URL is read. */
MUST_USE const char *address_shown(struct arena *a, const struct postgres_settings *s,
                                   struct err *err);
void address_wipe(struct backend_address *address);

#endif
