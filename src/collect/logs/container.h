/* container: reads what a container writes, from where its engine keeps it:
 *
 *   Docker   <folder>/containers/ID/config.v2.json names it and its file
 *   Podman   <folder>/overlay-containers/containers.json names it, ID/userdata/ctr.log is its file
 *   journal  where an engine writes there, or has no such container
 *
 * The name may be a pattern (fnmatch(3)), but in the journal. A container that is made anew under
 * the name goes on the same log. Containers are looked for at each pass, and what names them is
 * read when it changed.
 *
 * Threads: one at a time. May hang where the files do.
 */
#ifndef COLLECT_LOGS_CONTAINER_H
#define COLLECT_LOGS_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "collect/logs/source.h"

struct container;

struct container_settings {
    const char *name;           /* borrowed, as all */
    const char *folder;         /* of the engine or of journal files; NULL: the usual ones */
    const struct regex *begins; /* as in splitter.h; NULL: its rules */
    size_t line_max;
    bool from_beginning; /* of what is there at the first look */
};

struct container *container_new(const struct container_settings *settings);
void container_free(struct container *c); /* NULL is fine */
/* ERR_OS, ERR_EVAL: there is no such container, or it may not be read. */
MUST_USE int container_read(struct container *c, const struct source_pass *pass, struct err *err);
struct source_counts container_counts(const struct container *c);

/* Members of an object that is open; and from one. */
void container_write(const struct container *c, struct json_writer *w);
void container_load(struct container *c, const struct json_t *root);

#endif
