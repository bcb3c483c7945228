/* overview: the first page's figures about this host, and whether anything needs a look.
 *
 * All but the size of the store is computed from stored series by PromQL, so it says the same of
 * this host as it would of any other. What was not measured is NaN here and null in the JSON.
 *
 * Ownership: everything in a struct overview lives in the arena given.
 * Threads: those of a query lane. Errors: those of PromQL.
 */
#ifndef API_OVERVIEW_H
#define API_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/verdict.h"
#include "base/attr.h"
#include "base/clock.h"
#include "base/str.h"

struct arena;
struct err;
struct promql_result;

struct overview_disk {
    struct str mountpoint, device;
    double size_bytes, free_bytes;
    double full_in_s; /* NaN: steady, or not known */
    bool readonly;
    enum verdict_level level;
};

struct overview_net {
    struct str device;
    double receive_bytes_per_second, transmit_bytes_per_second;
};

struct overview_process {
    struct str pid, name;
    double cpu_ratio, rss_bytes, io_bytes_per_second;
};

struct overview {
    struct str name, os;
    bool has_host; /* this host is measured at all */
    double uptime_s, cpu_ratio, load1, load15, cores;
    double memory_total_bytes, memory_available_bytes, swap_total_bytes, swap_free_bytes;
    enum verdict_level memory_level, load_level;
    struct overview_disk *disks; /* by mount point */
    size_t disks_n;
    struct overview_net *nets;
    size_t nets_n;
    struct overview_process *top;
    size_t top_n;
    double self_rss_bytes, self_cpu_ratio;
    double data_bytes, oldest_s, series, samples; /* the caller's */
    struct verdict verdict;
    bool measured; /* any target was ever asked */
};

/* A target that is down, with what its collector says. */
struct overview_fault {
    struct str job, instance, text;
};

/* How the overview asks; the test answers from a table. */
struct overview_ask {
    /* Instant with step_ms 0. */
    MUST_USE int (*run)(struct overview_ask *ask, struct str query, ts_ms start_ms, ts_ms end_ms,
                        int64_t step_ms, struct promql_result *out, struct err *err);
    struct arena *arena;
    struct str job, host; /* `job` and `instance` of this host's series */
    ts_ms now_ms;
    int64_t window_ms; /* of rates */
    const struct overview_fault *faults;
    size_t faults_n;
};

MUST_USE int overview_compute(struct overview_ask *ask, struct overview *out, struct err *err);
void overview_write(const struct overview *o, struct buf *out);

#endif
