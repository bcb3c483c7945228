/* walk: how many regular files are below a folder, and how large they are together. */
#ifndef COLLECT_PATH_WALK_H
#define COLLECT_PATH_WALK_H

#include <stdint.h>

#include "base/attr.h"

struct clock;
struct err;

struct walk_sum {
    uint64_t files, bytes;
};

/* At most `max` entries, until end_ns (monotonic). ERR_OS: the folder cannot be read. ERR_LIMIT,
 * ERR_TIMEOUT: there is more. What cannot be read below it counts as nothing. */
MUST_USE int walk_files(const char *path, uint64_t max, const struct clock *clock, int64_t end_ns,
                        struct walk_sum *out, struct err *err);

#endif
