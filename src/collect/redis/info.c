#include "collect/redis/info.h"

#include "base/arena.h"
#include "base/hash.h"
#include "base/map.h"
#include "collect/findings.h"
#include "text/number.h"
#include "text/redis_url.h"

#define GAUGE(name_, help_)                                                                        \
    {                                                                                              \
        .name = STR("redis_" name_), .type = METRIC_GAUGE, .help = STR(help_)                      \
    }
#define COUNTER(name_, help_)                                                                      \
    {                                                                                              \
        .name = STR("redis_" name_), .type = METRIC_COUNTER, .help = STR(help_)                    \
    }

/* ---- fields that are one number ---- */

struct field {
    struct str key;
    struct finding_family family;
    double scale;
};

static const struct field fields[] = {
#define FIELD(key_, name_, type_, scale_, help_)                                                   \
    {.key = STR(#key_),                                                                            \
     .family = {.name = STR("redis_" #name_), .type = METRIC_##type_, .help = STR(help_)},         \
     .scale = (scale_)},
#include "collect/redis/fields.def"
#undef FIELD
};

static const struct field *find_field(struct str key)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (str_eq(fields[i].key, key))
            return &fields[i];
    return NULL;
}

static bool read_value(struct str text, double *out)
{
    if (str_eq(text, STR("ok")) || str_eq(text, STR("true")))
        *out = 1;
    else if (str_eq(text, STR("err")) || str_eq(text, STR("fail")) || str_eq(text, STR("false")))
        *out = 0;
    else
        return number_parse(text, out);
    return true;
}

/* cluster_enabled, cluster_slots_ok ...: their names are the exporter's too. */
static void add_cluster_field(struct findings *f, struct str key, double value)
{
    struct finding_family *family = arena_new(f->arena, struct finding_family, &f->err);
    char *name = family ? arena_printf(f->arena, &f->err, "redis_%.*s", STR_ARGS(key)) : NULL;

    if (!name) {
        f->failed = true;
        return;
    }
    *family = (struct finding_family){
        .name = str_c(name), .type = METRIC_GAUGE, .help = STR("As CLUSTER INFO says.")};
    findings_add(f, family, value, NULL, 0);
}

static void add_field(struct findings *f, struct str key, struct str text)
{
    const struct field *field = find_field(key);
    double value;

    if (!read_value(text, &value))
        return;
    if (field)
        findings_add(f, &field->family, value * field->scale, NULL, 0);
    else if (str_starts(key, STR("cluster_")) && name_is_legacy_metric(key))
        add_cluster_field(f, key, value);
}

/* ---- lines ---- */

/* "key:value" without line end; false at a line that is none. */
static bool next_line(struct str *text, struct str *key, struct str *value)
{
    struct str line = str_trim(str_split(text, '\n'));

    *key = str_split(&line, ':');
    *value = line.p ? line : STR("");
    return line.p != NULL || (key->n > 0 && key->p[0] == '#');
}

/* The number of `name` in "calls=3,usec=25". */
static bool pick(struct str list, struct str name, double *out)
{
    while (list.p) {
        struct str part = str_split(&list, ','), key = str_split(&part, '=');

        if (str_eq(key, name))
            return part.p && number_parse(part, out);
    }
    return false;
}

static struct str pick_text(struct str list, struct str name)
{
    while (list.p) {
        struct str part = str_split(&list, ','), key = str_split(&part, '=');

        if (str_eq(key, name) && part.p)
            return part;
    }
    return STR("");
}

/* ---- commands ---- */

struct command {
    struct str name;
    double calls, usec;
};

struct reader {
    const struct info_options *options;
    struct findings *f;
    struct info_facts *facts;
    struct map commands;
    struct str section;
    struct str master_host, master_port, read_only;
    struct str build_id, mode, os, policy, tcp_port, process_id;
};

static bool is_command(const void *item, const void *key)
{
    return str_eq(((const struct command *)item)->name, *(const struct str *)key);
}

static void keep_command(struct reader *r, struct str name, double calls, double usec)
{
    uint64_t hash = hash_str(name);
    struct command *c;

    if (map_get(&r->commands, hash, &name, is_command) || r->commands.n >= FINDINGS_MAX)
        return;
    c = arena_new(r->f->arena, struct command, &r->f->err);
    if (!c) {
        r->f->failed = true;
        return;
    }
    *c = (struct command){name, calls, usec};
    map_put(&r->commands, hash, c);
}

static void read_commandstats(struct reader *r, struct str key, struct str value)
{
    static const struct finding_family calls_family =
        COUNTER("commands_total", "Calls by command.");
    static const struct finding_family time_family =
        COUNTER("commands_duration_seconds_total", "Time spent by command.");
    static const struct finding_family rejected_family =
        COUNTER("commands_rejected_calls_total", "Calls refused before they ran, by command.");
    static const struct finding_family failed_family =
        COUNTER("commands_failed_calls_total", "Calls that failed while they ran, by command.");
    struct label label = {STR("cmd"), str_skip(key, 8)};
    double calls, usec, rejected, failed;

    if (!str_starts(key, STR("cmdstat_")) || !pick(value, STR("calls"), &calls) ||
        !pick(value, STR("usec"), &usec))
        return;
    keep_command(r, label.value, calls, usec);
    if (!r->options->commandstats)
        return;
    findings_add(r->f, &calls_family, calls, &label, 1);
    findings_add(r->f, &time_family, usec / 1e6, &label, 1);
    if (!pick(value, STR("rejected_calls"), &rejected) ||
        !pick(value, STR("failed_calls"), &failed))
        return; /* before Redis 6.2 */
    findings_add(r->f, &rejected_family, rejected, &label, 1);
    findings_add(r->f, &failed_family, failed, &label, 1);
}

static void read_latencystats(struct reader *r, struct str key, struct str value)
{
    static const struct finding_family family = {
        .name = STR("redis_latency_percentiles_usec"),
        .type = METRIC_SUMMARY,
        .help = STR("How long calls took, by command, microseconds.")};
    struct str prefix = STR("latency_percentiles_usec_");
    struct label labels[] = {{STR("cmd"), str_skip(key, prefix.n)}, {STR("quantile"), STR("")}};
    const struct command *c;

    if (!r->options->latency || !str_starts(key, prefix))
        return;
    c = map_get(&r->commands, hash_str(labels[0].value), &labels[0].value, is_command);
    if (!c)
        return;
    while (value.p) {
        struct str part = str_split(&value, ','), quantile = str_split(&part, '=');
        double number, usec;

        labels[1].value = str_skip(quantile, 1); /* p99.9 */
        if (part.p && number_parse(labels[1].value, &number) && number_parse(part, &usec))
            findings_add(r->f, &family, usec, labels, 2);
    }
    findings_add_part(r->f, &family, "_sum", c->usec, labels, 1);
    findings_add_part(r->f, &family, "_count", c->calls, labels, 1);
}

static void read_errorstats(struct reader *r, struct str key, struct str value)
{
    static const struct finding_family family =
        COUNTER("errors_total", "Error replies, by their first word.");
    struct label label = {STR("err"), str_skip(key, 10)};
    double count;

    if (str_starts(key, STR("errorstat_")) && pick(value, STR("count"), &count))
        findings_add(r->f, &family, count, &label, 1);
}

/* ---- databases ---- */

static void note_db(struct info_facts *facts, struct str name)
{
    unsigned number;

    if (redis_url_parse_db(str_skip(name, 2), &number) && number < ARRAY_LEN(facts->db_seen))
        facts->db_seen[number] = true;
}

static void read_keyspace(struct reader *r, struct str key, struct str value)
{
    static const struct finding_family keys_family = GAUGE("db_keys", "Keys by database.");
    static const struct finding_family expiring_family =
        GAUGE("db_keys_expiring", "Keys with an expiry, by database.");
    static const struct finding_family cached_family =
        GAUGE("db_keys_cached", "Keys in the cache, by database.");
    static const struct finding_family ttl_family =
        GAUGE("db_avg_ttl_seconds", "Mean time to expiry, by database.");
    struct label label = {STR("db"), key};
    double keys, expires, ttl, cached;

    if (!str_starts(key, STR("db")) || !pick(value, STR("keys"), &keys) ||
        !pick(value, STR("expires"), &expires))
        return;
    findings_add(r->f, &keys_family, keys, &label, 1);
    findings_add(r->f, &expiring_family, expires, &label, 1);
    if (pick(value, STR("avg_ttl"), &ttl))
        findings_add(r->f, &ttl_family, ttl / 1000, &label, 1);
    if (pick(value, STR("cached_keys"), &cached))
        findings_add(r->f, &cached_family, cached, &label, 1);
    note_db(r->facts, key);
}

/* ---- replication ---- */

static void read_replica(struct reader *r, struct str value)
{
    static const struct finding_family offset_family =
        GAUGE("connected_slave_offset_bytes", "Replication offset of a replica.");
    static const struct finding_family lag_family =
        GAUGE("connected_slave_lag_seconds", "Seconds since a replica was heard of.");
    struct label labels[] = {{STR("slave_ip"), pick_text(value, STR("ip"))},
                             {STR("slave_port"), pick_text(value, STR("port"))},
                             {STR("slave_state"), pick_text(value, STR("state"))}};
    double offset, lag;

    if (!pick(value, STR("offset"), &offset))
        return;
    findings_add(r->f, &offset_family, offset, labels, 3);
    if (pick(value, STR("lag"), &lag) && lag >= 0)
        findings_add(r->f, &lag_family, lag, labels, 3);
}

/* What only a replica says; true when it was that. */
static bool read_master(struct reader *r, struct str key, struct str value)
{
    static const struct finding_family families[] = {
        GAUGE("master_link_up", "1 while the link to the master is up."),
        GAUGE("master_last_io_seconds_ago", "Seconds since the master was heard of."),
        GAUGE("master_sync_in_progress", "1 while all data come from the master."),
        GAUGE("slave_repl_offset", "Replication offset of this replica."),
    };
    static const struct str keys[] = {
        STR("master_link_status"),
        STR("master_last_io_seconds_ago"),
        STR("master_sync_in_progress"),
        STR("slave_repl_offset"),
    };
    const struct label labels[] = {{STR("master_host"), r->master_host},
                                   {STR("master_port"), r->master_port}};
    double number;

    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!str_eq(key, keys[i]))
            continue;
        if (i == 0)
            findings_add(r->f, &families[i], str_eq(value, STR("up")), labels, 2);
        else if (number_parse(value, &number))
            findings_add(r->f, &families[i], number, labels, 2);
        return true;
    }
    return false;
}

static void read_replication(struct reader *r, struct str key, struct str value)
{
    if (read_master(r, key, value))
        return;
    if (str_starts(key, STR("slave")) && key.n > 5 && key.p[5] >= '0' && key.p[5] <= '9')
        read_replica(r, value);
    else
        add_field(r->f, key, value);
}

/* ---- the rest ---- */

static void note(struct reader *r, struct str key, struct str value)
{
    const struct {
        struct str key;
        struct str *to;
    } kept[] = {
        {STR("redis_version"), &r->facts->version},
        {STR("role"), &r->facts->role},
        {STR("redis_build_id"), &r->build_id},
        {STR("redis_mode"), &r->mode},
        {STR("os"), &r->os},
        {STR("maxmemory_policy"), &r->policy},
        {STR("tcp_port"), &r->tcp_port},
        {STR("run_id"), &r->facts->run_id},
        {STR("process_id"), &r->process_id},
        {STR("master_host"), &r->master_host},
        {STR("master_port"), &r->master_port},
        {STR("slave_read_only"), &r->read_only},
    };

    for (size_t i = 0; i < ARRAY_LEN(kept); i++)
        if (str_eq(key, kept[i].key))
            *kept[i].to = value;
    if (str_eq(key, STR("cluster_enabled")))
        r->facts->cluster = str_eq(value, STR("1"));
}

static void add_start(struct reader *r, struct str uptime)
{
    static const struct finding_family family =
        GAUGE("start_time_seconds", "Start of the server, Unix time.");
    double seconds;

    if (number_parse(uptime, &seconds))
        findings_add(r->f, &family, (double)r->options->now_s - seconds, NULL, 0);
}

static void add_infos(struct reader *r)
{
    static const struct finding_family instance =
        GAUGE("instance_info", "What this Redis is; always 1.");
    static const struct finding_family replica =
        GAUGE("slave_info", "Whose replica this Redis is; always 1.");
    const struct label of_instance[] = {{STR("role"), r->facts->role},
                                        {STR("redis_version"), r->facts->version},
                                        {STR("redis_build_id"), r->build_id},
                                        {STR("redis_mode"), r->mode},
                                        {STR("os"), r->os},
                                        {STR("maxmemory_policy"), r->policy},
                                        {STR("tcp_port"), r->tcp_port},
                                        {STR("run_id"), r->facts->run_id},
                                        {STR("process_id"), r->process_id}};
    const struct label of_replica[] = {{STR("master_host"), r->master_host},
                                       {STR("master_port"), r->master_port},
                                       {STR("read_only"), r->read_only}};

    findings_add(r->f, &instance, 1, of_instance, ARRAY_LEN(of_instance));
    if (str_eq(r->facts->role, STR("slave")))
        findings_add(r->f, &replica, 1, of_replica, ARRAY_LEN(of_replica));
}

static void read_line(struct reader *r, struct str key, struct str value)
{
    note(r, key, value);
    if (str_eq(r->section, STR("Commandstats"))) {
        read_commandstats(r, key, value);
    } else if (str_eq(r->section, STR("Latencystats"))) {
        read_latencystats(r, key, value);
    } else if (str_eq(r->section, STR("Errorstats"))) {
        read_errorstats(r, key, value);
    } else if (str_eq(r->section, STR("Keyspace"))) {
        read_keyspace(r, key, value);
    } else if (str_eq(r->section, STR("Replication"))) {
        read_replication(r, key, value);
    } else {
        add_field(r->f, key, value);
        if (str_eq(key, STR("uptime_in_seconds")))
            add_start(r, value);
    }
}

void info_read(struct str text, const struct info_options *options, struct findings *f,
               struct info_facts *out)
{
    struct reader r = {.options = options, .f = f, .facts = out};
    struct str key, value;

    *out = (struct info_facts){.known = false};
    map_init(&r.commands);
    while (text.p && !f->failed) {
        if (!next_line(&text, &key, &value))
            continue;
        if (key.n > 0 && key.p[0] == '#')
            r.section = str_trim(str_skip(key, 1));
        else
            read_line(&r, key, value);
    }
    map_fini(&r.commands);
    out->known = out->version.n > 0;
    if (out->known)
        add_infos(&r);
}

void info_read_cluster(struct str text, struct findings *f)
{
    struct str key, value;

    while (text.p && !f->failed)
        if (next_line(&text, &key, &value))
            add_field(f, key, value);
}
