/* Targets from records of the DNS: dns_sd_configs. */
#include "sys/dns.h"

#include <stdlib.h>

#include "base/mem.h"
#include "collect/discover/discover.h"
#include "collect/discover/groups.h"

#define NAME_MS 8000 /* how long one name is looked up */

struct dns_discover {
    struct discover d;
    const struct dns_discovery *settings;

    /* The lane's while it runs. */
    struct target_groups **groups; /* one a name; NULL: it could not be looked up */
    struct err err;
};

/* What Prometheus calls the record's target and port ends as absolute names do, in a dot. */
static int add_record(struct target_groups *g, const struct dns_discovery *s, const char *name,
                      const struct dns_record *r, struct err *err)
{
    static const char *const labels[DNS_TYPES] = {[DNS_SRV] = "__meta_dns_srv_record_target",
                                                  [DNS_MX] = "__meta_dns_mx_record_target",
                                                  [DNS_NS] = "__meta_dns_ns_record_target"};
    unsigned port = s->type == DNS_SRV ? r->port : s->port;
    bool v6 = s->type == DNS_AAAA;
    const char *address =
        arena_printf(&g->arena, err, "%s%s%s:%u", v6 ? "[" : "", r->target, v6 ? "]" : "", port);
    const char *target = arena_printf(&g->arena, err, "%s.", r->target);
    const char *port_text = arena_printf(&g->arena, err, "%u", port);
    struct label pairs[4];
    size_t n = 0;

    if (!address || !target || !port_text)
        return -1;
    pairs[n++] = (struct label){STR("__address__"), str_c(address)};
    pairs[n++] = (struct label){STR("__meta_dns_name"), str_c(name)};
    if (labels[s->type])
        pairs[n++] = (struct label){str_c(labels[s->type]), str_c(target)};
    if (s->type == DNS_SRV)
        pairs[n++] = (struct label){STR("__meta_dns_srv_record_port"), str_c(port_text)};
    return target_groups_add(g, name, pairs, n, err);
}

static int look_up(struct dns_discover *s, const char *name, struct target_groups *g,
                   struct err *err)
{
    const struct dns_record *records;
    size_t n;

    if (dns_lookup(s->d.context->dns_servers, name, s->settings->type, NAME_MS, &g->arena, &records,
                   &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (add_record(g, s->settings, name, &records[i], err) < 0)
            return -1;
    return 0;
}

static void run(struct discover *d)
{
    struct dns_discover *s = CONTAINER_OF(d, struct dns_discover, d);

    err_clear(&s->err);
    for (size_t i = 0; i < s->settings->names_n; i++) {
        struct err err = {.kind = ERR_NONE};

        if (atomic_load(&d->lane_job.cancelled))
            return;
        s->groups[i] = target_groups_new(d->context->budget);
        if (look_up(s, s->settings->names[i], s->groups[i], &err) == 0)
            continue;
        target_groups_unref(s->groups[i]);
        s->groups[i] = NULL;
        if (s->err.kind == ERR_NONE)
            s->err = err;
    }
}

static void told(struct discover *d, struct err *err)
{
    struct dns_discover *s = CONTAINER_OF(d, struct dns_discover, d);

    *err = s->err;
    for (size_t i = 0; i < s->settings->names_n; i++)
        if (s->groups[i])
            d->listener.found(d->listener.arg, d, s->settings->names[i], take(s->groups[i]));
}

static void free_dns(struct discover *d)
{
    struct dns_discover *s = CONTAINER_OF(d, struct dns_discover, d);

    for (size_t i = 0; i < s->settings->names_n; i++)
        target_groups_unref(s->groups[i]);
    mem_free(s->groups);
    mem_free(s);
}

static const struct discover_ops ops = {.kind = DISCOVER_DNS,
                                        .key = "dns_sd_configs",
                                        .lane = LANE_SLOW,
                                        .run = run,
                                        .told = told,
                                        .free = free_dns};

struct discover *discover_dns_new(const struct discover_common *common,
                                  const struct dns_discovery *settings)
{
    struct dns_discover *s = mem_new(struct dns_discover);

    s->settings = settings;
    s->groups = mem_new_array(struct target_groups *, settings->names_n);
    discover_init(&s->d, &ops, common, settings->refresh_ms);
    return &s->d;
}
