/* amd: GPUs of AMD, as the kernel's driver tells them in /sys/class/drm/cardN/device.
 *
 * A file that is not there, or that the driver refuses (many do while the card sleeps), gives no
 * value.
 */
#ifndef COLLECT_GPU_AMD_H
#define COLLECT_GPU_AMD_H

#include <stddef.h>

#include "base/attr.h"

struct err;
struct files;
struct report;

/* *found: how many cards there are, left out or not. */
MUST_USE int amd_read(struct files *files, struct report *out, size_t *found, struct err *err);

#endif
