/* place: where Docker and Podman listen, and what it takes to be let in.
 *
 * Threads: any.
 */
#ifndef COLLECT_DOCKER_PLACE_H
#define COLLECT_DOCKER_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"

#define PLACE_PATH_MAX  108 /* of a Unix socket */
#define PLACE_NEEDS_MAX 320

/* Is it the socket of an engine, by its name? "Docker", "Podman"; NULL: no. */
const char *place_engine(struct str path);

/* The first of the usual sockets that this user may open, else the first that is there. False:
 * there is none. */
bool place_find(char out[PLACE_PATH_MAX]);

/* One place under two paths: /var/run is /run. */
bool place_is_same(const char *a, const char *b);

/* Is it there, and may this user not open it? */
bool place_is_shut(const char *path);
/* What a person has to do so that this user may, in one line. */
void place_needs(const char *path, char out[PLACE_NEEDS_MAX]);

#endif
