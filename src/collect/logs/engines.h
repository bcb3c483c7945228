/* engines: which files hold the lines of containers of a name, by what their engines say.
 *
 * Threads: one at a time. May hang where the files do.
 */
#ifndef COLLECT_LOGS_ENGINES_H
#define COLLECT_LOGS_ENGINES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct engines;
struct err;

/* The name is a pattern (fnmatch(3)). folder NULL: where Docker and Podman keep theirs. Borrowed.
 */
struct engines *engines_new(const char *name, const char *folder);
void engines_free(struct engines *e); /* NULL is fine */

struct engines_found {
    const char *const *paths; /* [n]; borrowed until the next look */
    size_t n;
    bool journal; /* one has no file, since it writes elsewhere: to the journal, it may be */
    int os;       /* errno of a folder that is there and may not be read; 0: none */
    const char *unreadable; /* that folder */
};

void engines_look(struct engines *e, struct engines_found *out);

/* The name and the file of a container in Docker's config.v2.json; false: it is none. Views into
 * `root`, a JSON object. */
struct json_t;
MUST_USE bool engines_read_docker(const struct json_t *root, struct str *name, struct str *path);

#endif
