/* Another configuration while the server runs. Everything of the files is read and checked on a
 * lane; what is left to the loop only puts one in the other's place. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/reload.h"
#include "cli/serve.h"
#include "cli/serve_entries.h"
#include "cli/serve_far.h"
#include "collect/push/push.h"
#include "collect/ssh/ssh_hosts.h"
#include "config/config.h"
#include "logstore/logstore.h"
#include "pack/pack.h"
#include "state/events.h"
#include "tsdb/db.h"

#define PART "config"

/* How long the series of this host wait for its new targets, which come at once. */
#define HAND_OVER_MS 2000

/* What was read, and checked by making of it what can fail. */
struct fresh {
    struct config *config;
    struct collector host[HOST_COLLECTORS]; /* owned, when config->host.enabled */
    struct collector *entries;              /* owned; [config->entries_n] */
};

static int make_collectors(const struct serve *s, struct fresh *made, struct err *err)
{
    struct log *log = (struct log *)&s->log.log;
    const struct config *config = made->config;

    if (serve_override(s->args, made->config, err) < 0 ||
        serve_entries_make(config, s->hosts, s->clock, log, &made->entries, err) < 0)
        return -1;
    if (config->host.enabled &&
        serve_make_host(&config->host, s->clock, log, made->host, err) < 0) {
        serve_entries_discard(made->entries, config->entries_n);
        return -1;
    }
    return 0;
}

static int read_all(void *arg, void **out, struct err **errors, size_t *errors_n)
{
    const struct serve *s = arg;
    struct fresh made = {.config = NULL};
    struct err err;

    if (config_load(serve_config_path(s), args_text(s->args, "prometheus-config"), &packs_reader,
                    &made.config, errors, errors_n) < 0)
        return -1;
    if (make_collectors(s, &made, &err) < 0) {
        config_free(made.config);
        *errors = mem_dup(&err, sizeof err);
        *errors_n = 1;
        return -1;
    }
    *out = mem_dup(&made, sizeof made);
    return 0;
}

static void discard(void *arg, void *loaded)
{
    struct fresh *f = loaded;

    (void)arg;
    if (f->config->host.enabled)
        serve_free_collectors(f->host);
    serve_entries_discard(f->entries, f->config->entries_n);
    config_free(f->config);
    mem_free(f);
}

/* --- what cannot change while it runs -----------------------------------------------------------
 */

static bool differ(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) != 0 : a != b;
}

static bool hosts_differ(const struct config *a, const struct config *b)
{
    if (a->allowed_hosts_n != b->allowed_hosts_n)
        return true;
    for (size_t i = 0; i < a->allowed_hosts_n; i++)
        if (strcmp(a->allowed_hosts[i], b->allowed_hosts[i]) != 0)
            return true;
    return false;
}

static void tell_what_waits(struct serve *s)
{
    const struct config *in_use = s->first->config, *now = s->config;
    const struct {
        const char *key;
        bool differs;
    } keys[] = {
        {"listen", !args_text(s->args, "listen") && differ(in_use->listen, now->listen)},
        {"data", !args_text(s->args, "data") && differ(in_use->data, now->data)},
        {"external_url", differ(in_use->external_url, now->external_url)},
        {"allowed_hosts", hosts_differ(in_use, now)},
        {"insecure", in_use->insecure != now->insecure},
    };

    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (keys[i].differs)
            log_warn(&s->log.log, PART,
                     "%s is another than at the start: it will be in use after a restart",
                     keys[i].key);
}

/* --- one in the other's place -------------------------------------------------------------------
 */

static void change_host(struct serve *s, const struct config *config,
                        const struct collector collectors[HOST_COLLECTORS])
{
    struct err err;

    if (config->host.enabled &&
        serve_add_host(s->collect, &config->host, s->host_name, collectors, &s->host, &err) < 0)
        log_error(&s->log.log, PART, "this host is not collected: %s", err.text);
}

static void change_entries(struct serve *s, const struct config *config,
                           struct collector *collectors)
{
    struct err err;

    if (serve_entries_apply(s->entries, config, collectors, &s->generation->owner, &err) < 0)
        log_error(&s->log.log, PART, "an entry of collect is not collected: %s", err.text);
}

static void accept(void *arg, void *loaded)
{
    struct serve *s = arg;
    struct fresh *f = loaded;
    struct config *config = f->config;
    struct serve_generation *old = s->generation;
    bool same_host = serve_is_same_host(&s->config->host, &config->host);
    ts_ms now = s->clock->wall_ms(s->clock);

    s->generation = serve_generation_new(config);
    s->config = config;
    /* What goes, goes first: a scrape job and this host may take each other's place. */
    if (!same_host)
        serve_remove_host(s->collect, &s->host, config->host.enabled ? HAND_OVER_MS : 0);
    ssh_hosts_apply(s->hosts, config->hosts, config->hosts_n); /* before what is behind them */
    serve_far_apply(s->far, config, &s->generation->owner);
    pools_apply(s->pools, config->jobs, config->jobs_n, &s->generation->owner);
    if (!same_host)
        change_host(s, config, f->host);
    else if (config->host.enabled)
        serve_free_collectors(f->host);
    change_entries(s, config, f->entries);
    push_configure(s->push, &config->push);
    db_set_retention(s->db, config->retention_ms, config->retention_bytes);
    logstore_set_retention(s->lines, config->logs_retention_ms, config->logs_retention_bytes);
    events_set_retention(s->state.events, config->events_retention_ms,
                         config->events_retention_bytes);
    api_config_loaded(s->api, config, now);
    pools_owner_unref(&old->owner);
    mem_free(f);
    s->config_state = (struct serve_config_state){true, (double)now / 1000};
    log_info(&s->log.log, PART, "the configuration was loaded again: %zu scrape jobs",
             config->jobs_n);
    serve_tell(s, "config", "earshot loaded its configuration again");
    serve_log_warnings(s);
    tell_what_waits(s);
}

static void refuse(void *arg, const struct err *errors, size_t n)
{
    struct serve *s = arg;
    char text[sizeof errors->text + sizeof errors->file + 100];

    for (size_t i = 0; i < n; i++) {
        char line[sizeof errors->text + sizeof errors->file + 32];

        if (!i)
            (void)snprintf(text, sizeof text, "earshot refused a new configuration: %s",
                           err_format(&errors[i], line, sizeof line));
        log_error(&s->log.log, PART, "%s", err_format(&errors[i], line, sizeof line));
    }
    log_error(&s->log.log, PART, "the new configuration is refused, the one in use stays");
    s->config_state.last_reload_successful = false;
    if (n)
        serve_tell(s, "config", text);
    api_config_refused(s->api);
}

void serve_log_warnings(struct serve *s)
{
    for (size_t i = 0; i < s->config->warnings_n; i++) {
        const struct err *e = &s->config->warnings[i];
        char line[sizeof e->text + sizeof e->file + 32];

        log_warn(&s->log.log, PART, "%s", err_format(e, line, sizeof line));
    }
}

struct reload *serve_new_reload(struct serve *s)
{
    const char *ours = args_text(s->args, "config") ? args_text(s->args, "config")
                       : s->own_file[0]             ? s->own_file
                                                    : NULL;
    const char *prometheus = args_text(s->args, "prometheus-config");
    const struct reload_context context = {.loop = s->loop,
                                           .lanes = s->lanes,
                                           .what = s->config_files,
                                           .read = read_all,
                                           .accept = accept,
                                           .discard = discard,
                                           .refuse = refuse,
                                           .arg = s};

    (void)snprintf(s->config_files, sizeof s->config_files, "%s%s%s", ours ? ours : "",
                   ours && prometheus ? " or " : "", prometheus ? prometheus : "");
    return reload_new(&context);
}
