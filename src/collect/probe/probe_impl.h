/* probe_impl: what the kinds of probes share. */
#ifndef COLLECT_PROBE_PROBE_IMPL_H
#define COLLECT_PROBE_PROBE_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"

struct clock;
struct collector;
struct log;
struct probe_settings;

/* How the last probe ended, and whether that was told: once a failure, once a recovery. */
struct probe_state {
    const struct probe_settings *settings;
    const struct clock *clock;
    struct log *log;
    int64_t timeout_ms;
    struct err why; /* kind ERR_NONE: it was a success */
    bool failing;   /* the log says so */
};
/* `settle` of a collector. */
const char *probe_settle(struct probe_state *s);

MUST_USE int probe_web(const struct probe_state *state, struct collector *out, struct err *err);
MUST_USE int probe_dial(const struct probe_state *state, struct collector *out, struct err *err);

#endif
