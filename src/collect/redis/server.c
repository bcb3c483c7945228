/* What a Redis says of itself beside INFO. */
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/findings.h"
#include "collect/redis/redis_settings.h"
#include "collect/redis/run.h"
#include "collect/redis/session.h"
#include "text/number.h"

#define DBS_DEFAULT 16

#define GAUGE(name_, help_)                                                                        \
    {                                                                                              \
        .name = STR("redis_" name_), .type = METRIC_GAUGE, .help = STR(help_)                      \
    }

/* ---- CONFIG GET ---- */

/* One at a time: before 7.0 it takes only one, and * would bring passwords too. */
enum config_key { DATABASES, OUTPUT_LIMIT, IO_THREADS, MAXCLIENTS, MAXMEMORY, CONFIG_KEYS };

static const char *const config_keys[CONFIG_KEYS] = {"databases", "client-output-buffer-limit",
                                                     "io-threads", "maxclients", "maxmemory"};
/* Of those that are one number and told as such. */
static const struct finding_family config_families[CONFIG_KEYS] = {
    [IO_THREADS] = GAUGE("config_io_threads", "Threads for I/O, as configured."),
    [MAXCLIENTS] = GAUGE("config_maxclients", "Most client connections, as configured."),
    [MAXMEMORY] =
        GAUGE("config_maxmemory", "Most memory that data may take, as configured; 0: no bound."),
};

/* "normal 0 0 0 slave 268435456 67108864 60": class, hard limit, soft limit, seconds over it. */
static void read_limits(struct findings *f, struct str text)
{
    static const struct finding_family bytes =
        GAUGE("config_client_output_buffer_limit_bytes",
              "Bound of a client's output buffer, by class of client.");
    static const struct finding_family seconds =
        GAUGE("config_client_output_buffer_limit_overcome_seconds",
              "How long an output buffer may be over its soft limit, by class of client.");

    while (text.p) {
        struct label hard[] = {{STR("class"), str_split(&text, ' ')}, {STR("limit"), STR("hard")}};
        struct label soft[] = {hard[0], {STR("limit"), STR("soft")}};
        double values[3];

        for (size_t i = 0; i < ARRAY_LEN(values); i++)
            if (!text.p || !number_parse(str_split(&text, ' '), &values[i]))
                return;
        findings_add(f, &bytes, values[0], hard, 2);
        findings_add(f, &bytes, values[1], soft, 2);
        findings_add(f, &seconds, values[2], soft, 2);
    }
}

/* db_keys of those that INFO leaves out since they hold nothing. */
static void add_empty_dbs(struct redis_run *r, double dbs)
{
    static const struct finding_family keys = GAUGE("db_keys", "Keys by database.");
    static const struct finding_family expiring =
        GAUGE("db_keys_expiring", "Keys with an expiry, by database.");

    for (size_t i = 0; i < ARRAY_LEN(r->facts.db_seen) && (double)i < dbs; i++) {
        struct label label = {STR("db"), {NULL, 0}};
        char *name;

        if (r->facts.db_seen[i])
            continue;
        name = arena_printf(r->findings->arena, &r->findings->err, "db%zu", i);
        if (!name) {
            r->findings->failed = true;
            return;
        }
        label.value = str_c(name);
        findings_add(r->findings, &keys, 0, &label, 1);
        findings_add(r->findings, &expiring, 0, &label, 1);
    }
}

/* The value in [key, value]; p NULL: there is none. */
static struct str value_of(const struct resp *reply)
{
    if (!reply || reply->kind != RESP_LIST || reply->n < 2 || reply->items[1]->kind != RESP_TEXT)
        return (struct str){NULL, 0};
    return reply->items[1]->text;
}

static int read_config(struct redis_run *r, struct err *err)
{
    double dbs = r->facts.cluster ? 1 : DBS_DEFAULT;

    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct resp *reply;
        struct str value;
        double number;

        if (redis_run_answer(r, "CONFIG GET", &reply, err) < 0)
            return -1;
        value = value_of(reply);
        if (i == OUTPUT_LIMIT)
            read_limits(r->findings, value);
        else if (!number_parse(value, &number))
            continue;
        else if (i != DATABASES)
            findings_add(r->findings, &config_families[i], number, NULL, 0);
        else if (!r->facts.cluster)
            dbs = number;
    }
    add_empty_dbs(r, dbs);
    return 0;
}

/* ---- SLOWLOG ---- */

static double number_at(const struct resp *list, size_t i)
{
    bool there = list && list->kind == RESP_LIST && i < list->n;

    return there && list->items[i]->kind == RESP_NUMBER ? (double)list->items[i]->number : 0;
}

static int read_slowlog(struct redis_run *r, struct err *err)
{
    static const struct finding_family length = GAUGE("slowlog_length", "Entries of the slow log.");
    static const struct finding_family id =
        GAUGE("slowlog_last_id", "Number of the newest entry of the slow log.");
    static const struct finding_family seconds =
        GAUGE("last_slow_execution_duration_seconds",
              "How long the newest command in the slow log took.");
    const struct resp *reply, *last;

    if (redis_run_answer(r, "SLOWLOG LEN", &reply, err) < 0)
        return -1;
    if (reply && reply->kind == RESP_NUMBER)
        findings_add(r->findings, &length, (double)reply->number, NULL, 0);
    if (redis_run_answer(r, "SLOWLOG GET", &reply, err) < 0)
        return -1;
    if (!reply || reply->kind != RESP_LIST)
        return 0;
    last = reply->n > 0 ? reply->items[0] : NULL;
    findings_add(r->findings, &id, number_at(last, 0), NULL, 0);
    findings_add(r->findings, &seconds, number_at(last, 2) / 1e6, NULL, 0);
    return 0;
}

/* ---- LATENCY LATEST ---- */

static int read_latency(struct redis_run *r, struct err *err)
{
    static const struct finding_family last =
        GAUGE("latency_spike_last", "Latest latency spike of an event, Unix time.");
    static const struct finding_family seconds =
        GAUGE("latency_spike_duration_seconds", "Length of the latest latency spike of an event.");
    const struct resp *reply;

    if (redis_run_answer(r, "LATENCY LATEST", &reply, err) < 0)
        return -1;
    for (size_t i = 0; reply && reply->kind == RESP_LIST && i < reply->n; i++) {
        const struct resp *event = reply->items[i];
        struct label label = {STR("event_name"), {NULL, 0}};

        if (event->kind != RESP_LIST || event->n < 4 || event->items[0]->kind != RESP_TEXT)
            continue;
        label.value = event->items[0]->text;
        findings_add(r->findings, &last, number_at(event, 1), &label, 1);
        findings_add(r->findings, &seconds, number_at(event, 2) / 1e3, &label, 1);
    }
    return 0;
}

/* ---- all ---- */

static int ask(struct redis_run *r, struct err *err)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++)
        if (session_say(r->session, err, "CONFIG", "GET", config_keys[i]) < 0)
            return -1;
    if (session_say(r->session, err, "SLOWLOG", "LEN") < 0 ||
        session_say(r->session, err, "SLOWLOG", "GET", "1") < 0 ||
        (r->settings->latency && session_say(r->session, err, "LATENCY", "LATEST") < 0))
        return -1;
    return r->facts.cluster ? session_say(r->session, err, "CLUSTER", "INFO") : 0;
}

int server_read(struct redis_run *r, struct err *err)
{
    const struct resp *reply;

    if (ask(r, err) < 0 || read_config(r, err) < 0 || read_slowlog(r, err) < 0 ||
        (r->settings->latency && read_latency(r, err) < 0))
        return -1;
    if (!r->facts.cluster)
        return 0;
    if (redis_run_answer(r, "CLUSTER INFO", &reply, err) < 0)
        return -1;
    if (reply && reply->kind == RESP_TEXT)
        info_read_cluster(reply->text, r->findings);
    return 0;
}
