/* smi: GPUs of NVIDIA by nvidia-smi, for where its library cannot be loaded. One form of it is
 * called, and what it prints is read here. */
#ifndef COLLECT_GPU_SMI_H
#define COLLECT_GPU_SMI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct err;
struct report;

/* `program` NULL: from PATH. *absent: there is none. *invalid grows by the lines and cells that
 * could not be understood. Waits up to the timeout. */
MUST_USE int smi_read(const char *program, int64_t timeout_ms, struct report *out, bool *absent,
                      size_t *invalid, struct err *err);
/* What it printed: a line a GPU. A cell in brackets ("[N/A]") has no value. */
MUST_USE int smi_parse(struct str text, struct report *out, size_t *invalid, struct err *err);

#endif
