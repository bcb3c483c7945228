/* known_hosts: puts a machine's key into a file of known keys, in the place of those before.
 *
 * Lines of other machines, comments and lines with a marker (@cert-authority, @revoked) stay as
 * they are. Names may be hashed (|1|salt|hash). The file is written beside the old one and put in
 * its place, so that a reader sees one or the other.
 *
 * Threads: any. Errors: name the file.
 */
#ifndef COLLECT_SSH_KNOWN_HOSTS_H
#define COLLECT_SSH_KNOWN_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

/* Is the line one for this machine? Port 22 is left out in the name, others are "[name]:port". */
bool known_hosts_is_for(struct str line, const char *address, uint16_t port);
/* The text without lines for this machine, and with `entry` at its end. */
void known_hosts_change(struct str text, const char *address, uint16_t port, struct str entry,
                        struct buf *out);
/* The same for a file, which need not be there. */
MUST_USE int known_hosts_put(const char *path, const char *address, uint16_t port, struct str entry,
                             struct err *err);

#endif
