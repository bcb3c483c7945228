/* grouping: which group of collect.process, or of a pack's processes, a process on a GPU is in: by
 * itself, or since one that it descends from is and the group takes what that started.
 *
 * Threads: that of the collector.
 */
#ifndef COLLECT_GPU_GROUPING_H
#define COLLECT_GPU_GROUPING_H

#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;
struct files;
struct gpu_settings;
struct grouping;

/* The settings must outlive it. ERR_SYNTAX when a pattern does not compile. */
MUST_USE int grouping_new(const struct gpu_settings *settings, struct grouping **out,
                          struct err *err);
void grouping_free(struct grouping *g); /* NULL is fine */
/* Once a reading. Both are borrowed until the next. */
void grouping_begin(struct grouping *g, struct files *files, struct arena *scratch);
/* The name of the first group that takes it; n 0: none does. */
struct str grouping_of(struct grouping *g, uint32_t pid);

#endif
