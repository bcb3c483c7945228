/* report: what one reading found, whichever source it comes from, and the series it becomes.
 *
 * Ownership: everything lives in the scratch arena of the cycle.
 * Errors: only the arena's budget and the receiver's refusal.
 */
#ifndef COLLECT_GPU_REPORT_H
#define COLLECT_GPU_REPORT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct emit;
struct err;
struct gpu_settings;
struct grouping;

enum gpu_value {
#define VALUE(id, family, type, help, label, is) GPU_VALUE_##id,
#include "collect/gpu/values.def"
#undef VALUE
    GPU_VALUES
};

/* As labels gpu, UUID, device and modelName; n 0: not known. */
struct gpu_name {
    struct str index, uuid, device, model;
};

struct gpu_reading {
    struct gpu_name name;
    double values[GPU_VALUES]; /* NaN: none */
};

/* Processes of one name on one GPU. */
struct gpu_group {
    struct str index, name;
    double bytes, busy; /* NaN: not known */
};

struct report {
    struct arena *scratch;
    const struct gpu_settings *settings;
    struct grouping *grouping;
    struct gpu_reading *gpus;
    size_t gpus_n, gpus_cap;
    struct gpu_group *groups;
    size_t groups_n, groups_cap;
};

/* Copies the name; all values none. *out NULL: the configuration leaves this GPU out. */
MUST_USE int report_add(struct report *r, const struct gpu_name *name, struct gpu_reading **out,
                        struct err *err);
/* Joins what came under the same name on the same GPU. `index` must stay. */
MUST_USE int report_add_process(struct report *r, struct str index, struct str group, double bytes,
                                double busy, struct err *err);
MUST_USE int report_emit(const struct report *r, struct emit *emit, struct err *err);

#endif
