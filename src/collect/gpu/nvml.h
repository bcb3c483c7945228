/* nvml: GPUs of NVIDIA by their management library, loaded when it is there.
 *
 * What a card does not support, or refuses, has no value; a card that does not answer at all is
 * left out and logged once. Memory by process: what the driver says of each pid, joined under the
 * name of its group (grouping.h), else of its owner (owner.h).
 *
 * Calls go into a driver, which can hang: LANE_SLOW.
 */
#ifndef COLLECT_GPU_NVML_H
#define COLLECT_GPU_NVML_H

#include <stdbool.h>

#include "base/attr.h"

struct err;
struct files;
struct log;
struct nvml;
struct report;

/* 0 with *out NULL: there is no such library, or no card and no driver. -1: it is there and does
 * not work. */
MUST_USE int nvml_open(struct nvml **out, struct err *err);
void nvml_close(struct nvml *n); /* NULL is fine */
/* After -1 only nvml_close. */
MUST_USE int nvml_read(struct nvml *n, struct files *files, struct log *log, struct report *out,
                       struct err *err);

#endif
