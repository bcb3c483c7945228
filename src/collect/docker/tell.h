/* tell: the samples of one container, under cAdvisor's names where it has one.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_DOCKER_TELL_H
#define COLLECT_DOCKER_TELL_H

#include <stddef.h>

struct container_line;
struct container_usage;
struct findings;
struct member;

void tell_container(struct findings *f, const struct container_line *line, const struct member *m);
/* Of one that runs. */
void tell_usage(struct findings *f, const struct container_line *line, const struct member *m,
                const struct container_usage *usage);
/* left_out: containers beyond the bound or without a sound name; unread: those of which something
 * could not be told. */
void tell_own(struct findings *f, size_t left_out, size_t unread);

#endif
