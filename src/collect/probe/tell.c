#include "collect/probe/tell.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#include "base/attr.h"
#include "model/emit.h"

void tell_family(struct tell *t, const char *name, const char *help)
{
    const struct metadata family = {
        .family = str_c(name), .type = METRIC_GAUGE, .help = str_c(help)};

    if (t->rc == 0)
        t->rc = t->emit->family(t->emit, &family, t->err);
}

void tell_sample(struct tell *t, const char *name, const struct label *labels, size_t labels_n,
                 double value)
{
    const struct emit_sample sample = {
        .name = str_c(name), .labels = labels, .labels_n = labels_n, .value = value};

    if (t->rc == 0)
        t->rc = t->emit->sample(t->emit, &sample, t->err);
}

void tell_gauge(struct tell *t, const char *name, const char *help, double value)
{
    tell_family(t, name, help);
    tell_sample(t, name, NULL, 0, value);
}

void tell_phases(struct tell *t, const char *name, const char *help,
                 const struct tell_phase *phases, size_t n)
{
    tell_family(t, name, help);
    for (size_t i = 0; i < n; i++) {
        const struct label label = {STR("phase"), str_c(phases[i].phase)};

        tell_sample(t, name, &label, 1, phases[i].seconds);
    }
}

void tell_result(struct tell *t, bool success, double seconds)
{
    tell_gauge(t, "probe_success", "1 when the probe was a success, else 0.", success);
    tell_gauge(t, "probe_duration_seconds", "How long the whole probe took.", seconds);
}

/* FNV-1a of 32 bits over the bytes of the address, as blackbox_exporter has it. */
static double hash_of(const unsigned char *bytes, size_t n)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < n; i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    return (double)hash;
}

void tell_place(struct tell *t, double lookup_s, const char *ip)
{
    unsigned char bytes[16];
    bool v4 = inet_pton(AF_INET, ip, bytes) == 1, v6 = !v4 && inet_pton(AF_INET6, ip, bytes) == 1;

    tell_gauge(t, "probe_dns_lookup_time_seconds", "How long looking up the name took.", lookup_s);
    tell_gauge(t, "probe_ip_protocol", "4 or 6; 0 when there was no address.", v4 ? 4 : v6 ? 6 : 0);
    tell_gauge(t, "probe_ip_addr_hash", "A hash of the address: it changes when the address does.",
               v4 || v6 ? hash_of(bytes, v4 ? 4 : 16) : 0);
}

void tell_regex(struct tell *t, bool failed)
{
    tell_gauge(t, "probe_failed_due_to_regex", "1 when match or not_match made the probe fail.",
               failed);
}
