/* tell: what every kind of probe writes, under blackbox_exporter's names.
 *
 * After the first failure nothing more is written, and rc is -1.
 * Threads: one at a time.
 */
#ifndef COLLECT_PROBE_TELL_H
#define COLLECT_PROBE_TELL_H

#include <stdbool.h>
#include <stddef.h>

#include "model/labels.h"

struct emit;
struct err;

struct tell {
    struct emit *emit;
    struct err *err;
    int rc;
};

void tell_gauge(struct tell *t, const char *name, const char *help, double value);
/* One more family, and samples of it. */
void tell_family(struct tell *t, const char *name, const char *help);
void tell_sample(struct tell *t, const char *name, const struct label *labels, size_t labels_n,
                 double value);
/* {phase="..."} of `name`. */
struct tell_phase {
    const char *phase;
    double seconds;
};
void tell_phases(struct tell *t, const char *name, const char *help,
                 const struct tell_phase *phases, size_t n);
/* probe_success and probe_duration_seconds. */
void tell_result(struct tell *t, bool success, double seconds);
/* Who was asked: probe_dns_lookup_time_seconds, probe_ip_protocol, probe_ip_addr_hash. `ip` "":
 * nobody. */
void tell_place(struct tell *t, double lookup_s, const char *ip);
void tell_regex(struct tell *t, bool failed);

#endif
