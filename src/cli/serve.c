/* earshot serve. Start: configuration, data directory (replay), collectors, listener. The end, in
 * the order that tsdb/db.h asks for:
 *
 *   1. the listener drains (answers under way may finish)     5 s
 *   2. collectors stop (cycles under way may finish)          2 s
 *   3. the loop stops; lanes end; logstore_close: lines handed in are written; what they posted
 * runs
 *   4. api and collect let go of the store
 *   5. events, db_close: all commits handed in are written and synced
 *   6. the last `done` messages run; everything else is freed
 *
 * Nothing of it waits for a person or a peer: a stuck lane is left behind (then _exit instead of
 * freeing), and an alarm ends the process should all of it take longer than 9 s. That loses
 * nothing: what was acknowledged is in the log.
 */
#include "cli/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/reload.h"
#include "cli/serve_entries.h"
#include "cli/serve_far.h"
#include "cli/version.h"
#include "collect/logs/collector.h"
#include "collect/push/push.h"
#include "collect/push/remote_write.h"
#include "collect/self.h"
#include "collect/ssh/ssh_hosts.h"
#include "config/config.h"
#include "http/bodies.h"
#include "http/fetch.h"
#include "http/server.h"
#include "logstore/logstore.h"
#include "pack/pack.h"
#include "promql/query.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/lanes.h"
#include "sys/sock.h"
#include "text/duration.h"
#include "tsdb/db.h"
#include "web/assets.h"

#define DRAIN_MS   5000
#define COLLECT_MS 2000
#define END_S      9
#define WRITE_MAX  (64u << 20) /* bytes of a remote-write request, decoded */
#define LATE_MS    (30 * 60000)
/* Of the process' budget: some 500 a series in the head, and what a cut of it takes beside. */
#define SERIES_BYTES 1024

/* --- settings: flags beat the file --------------------------------------------------------------
 */

static int fail(const struct err *err, int status)
{
    char text[sizeof err->text + sizeof err->file + 32];

    (void)fprintf(stderr, "earshot: %s\n", err_format(err, text, sizeof text));
    return status;
}

static void free_generation(struct pools_owner *owner)
{
    struct serve_generation *g = CONTAINER_OF(owner, struct serve_generation, owner);

    config_free(g->config);
    mem_free(g);
}

struct serve_generation *serve_generation_new(struct config *config)
{
    struct serve_generation *g = mem_new(struct serve_generation);

    g->owner.refs = 1;
    g->owner.free = free_generation;
    g->config = config;
    return g;
}

/* /var/lib/earshot for root, else ~/.local/share/earshot. */
int serve_default_data(char out[SERVE_PATH_BYTES], struct err *err)
{
    const char *home = getenv("HOME"), *share = getenv("XDG_DATA_HOME");

    if (geteuid() == 0)
        (void)snprintf(out, SERVE_PATH_BYTES, "/var/lib/earshot");
    else if (share && share[0] == '/')
        (void)snprintf(out, SERVE_PATH_BYTES, "%s/earshot", share);
    else if (home && home[0] == '/')
        (void)snprintf(out, SERVE_PATH_BYTES, "%s/.local/share/earshot", home);
    else
        return err_set(err, ERR_TYPE, "where to keep data? give --data DIR");
    return 0;
}

/* A path that stays right in another folder. */
static void make_absolute(const char *path, char out[SERVE_PATH_BYTES])
{
    char here[SERVE_PATH_BYTES];

    if (path[0] == '/' || !getcwd(here, sizeof here))
        (void)snprintf(out, SERVE_PATH_BYTES, "%s", path);
    else
        (void)snprintf(out, SERVE_PATH_BYTES, "%.*s/%s", (int)(sizeof here / 2), here, path);
}

/* Which earshot.yml is ours to add to. */
static void find_own_file(struct serve *s)
{
    const char *given = args_text(s->args, "config"), *data = args_text(s->args, "data");
    char folder[SERVE_PATH_BYTES], path[SERVE_PATH_BYTES];

    if (given) {
        make_absolute(given, s->own_file);
        return;
    }
    if (args_text(s->args, "prometheus-config"))
        return;
    if (data)
        (void)snprintf(folder, sizeof folder, "%s", data);
    else if (serve_default_data(folder, NULL) < 0)
        return;
    (void)snprintf(path, sizeof path, "%.*s/earshot.yml", (int)(sizeof path - 16), folder);
    make_absolute(path, s->own_file);
}

const char *serve_config_path(const struct serve *s)
{
    const char *given = args_text(s->args, "config");

    return given ? given : s->own_file[0] && access(s->own_file, F_OK) == 0 ? s->own_file : NULL;
}

static int load_config(struct serve *s)
{
    struct err *errors = NULL;
    size_t n = 0;
    struct buf out;

    if (config_load(serve_config_path(s), args_text(s->args, "prometheus-config"), &packs_reader,
                    &s->config, &errors, &n) == 0) {
        s->first = s->generation = serve_generation_new(s->config);
        s->first->owner.refs++;
        return STATUS_OK;
    }
    buf_init(&out, 0);
    for (size_t i = 0; i < n; i++)
        config_print_error(&errors[i], &out);
    (void)fwrite(out.p, 1, out.n, stderr);
    buf_fini(&out);
    mem_free(errors);
    return STATUS_USAGE;
}

/* --retention and --late-window: a duration, or "unlimited", which is `unlimited`. */
static int read_window(const struct args *args, const char *flag, int64_t min_ms, int64_t unlimited,
                       int64_t *out, struct err *err)
{
    const char *text = args_text(args, flag);
    int64_t ms;

    if (!text)
        return 0;
    if (strcmp(text, "unlimited") == 0) {
        *out = unlimited;
        return 0;
    }
    if (duration_parse(str_c(text), &ms, err) < 0)
        return err_context(err, "--%s", flag);
    if (ms < min_ms) {
        char shown[32];

        return err_set(err, ERR_TYPE, "--%s: at least %s", flag, duration_print(min_ms, shown));
    }
    *out = ms;
    return 0;
}

int serve_override(const struct args *args, struct config *config, struct err *err)
{
    return read_window(args, "retention", 7200000, 0, &config->retention_ms, err);
}

/* The folders above it. */
static int default_data(char out[SERVE_PATH_BYTES], struct err *err)
{
    if (serve_default_data(out, err) < 0)
        return -1;
    for (char *p = strchr(out + 1, '/'); p; p = strchr(p + 1, '/')) {
        *p = '\0';
        (void)mkdir(out, 0755); /* what fails here, fs_open_dir says in full */
        *p = '/';
    }
    return 0;
}

/* Whoever reaches the port reads everything, as long as there is no log-in. */
static int check_listen(struct serve *s, struct err *err)
{
    struct sock_address address;

    if (sock_parse(s->listen, &address, err) < 0)
        return -1;
    if (!sock_is_loopback(&address) && !s->config->insecure)
        return err_set(
            err, ERR_TYPE,
            "listening on %s without users and TLS would show everything to whoever "
            "reaches it; stay on 127.0.0.1, or set insecure: true in the file of --config "
            "when something else guards the port",
            s->listen);
    return 0;
}

/* A name that Prometheus may know and we do not is no reason not to start. */
static void read_features(struct serve *s)
{
    struct str rest = str_c(args_text(s->args, "enable-feature"));

    while (rest.p) {
        struct str name = str_trim(str_split(&rest, ','));
        unsigned feature = promql_feature_of(name);

        if (feature == 0 && name.n > 0)
            log_warn(&s->log.log, "serve", "--enable-feature: \"%.*s\" is not known here, ignored",
                     STR_ARGS(str_take(name, 60)));
        s->features |= feature;
    }
}

static void add_flag(struct serve *s, const char *name, const char *value)
{
    if (value && s->flags_n < SERVE_FLAGS_MAX)
        s->flags[s->flags_n++] = (struct api_flag){name, value};
}

static int read_settings(struct serve *s, struct err *err)
{
    const char *listen = args_text(s->args, "listen"), *data = args_text(s->args, "data");

    (void)snprintf(s->listen, sizeof s->listen, "%s", listen ? listen : s->config->listen);
    if (!data)
        data = s->config->data;
    if (data && !*data)
        return err_set(err, ERR_SYNTAX, "data: the name of a directory is missing");
    if (data)
        (void)snprintf(s->data, sizeof s->data, "%s", data);
    else if (default_data(s->data, err) < 0)
        return -1;
    s->late_window_ms = LATE_MS;
    if (serve_override(s->args, s->config, err) < 0 ||
        read_window(s->args, "late-window", 0, -1, &s->late_window_ms, err) < 0 ||
        check_listen(s, err) < 0)
        return -1;
    if (gethostname(s->host_name, sizeof s->host_name - 1) < 0)
        (void)snprintf(s->host_name, sizeof s->host_name, "localhost");
    add_flag(s, "listen", s->listen);
    add_flag(s, "data", s->data);
    for (size_t i = 0; i < s->args->command->flags_n; i++) {
        const char *name = s->args->command->flags[i].name;

        if (strcmp(name, "listen") != 0 && strcmp(name, "data") != 0)
            add_flag(s, name,
                     s->args->command->flags[i].value    ? s->args->values[i]
                     : s->args->values[i] /* a switch */ ? "true"
                                                         : "false");
    }
    return 0;
}

/* --- when memory runs out -----------------------------------------------------------------------
 */

static void relaxed(void *arg)
{
    struct serve *s = arg;

    atomic_store(&s->exhausted, false);
}

static void relax(struct loop_message *m)
{
    struct serve *s = CONTAINER_OF(m, struct serve, relax);

    loop_timer_restart(s->relaxed, 1000, 0);
}

/* On whatever thread could not have its memory: for a second, nobody gets any from an arena. */
static void exhausted(void *arg)
{
    struct serve *s = arg;

    if (!atomic_exchange(&s->exhausted, true))
        loop_post(s->loop, &s->relax);
}

static void guard_memory(struct serve *s)
{
    s->relax.run = relax;
    s->relaxed = loop_timer_new(s->loop, 0, 0, relaxed, s);
    atomic_store(&s->budget.cancel, &s->exhausted);
    mem_on_exhaustion(exhausted, s);
}

/* --- start --------------------------------------------------------------------------------------
 */

static void on_commit(void *arg)
{
    struct serve *s = arg;
    struct api *api = atomic_load_explicit(&s->committed, memory_order_acquire);

    if (api)
        api_committed(api);
}

static int open_store(struct serve *s, struct err *err)
{
    struct fs *fs = NULL;
    struct db_settings settings = {.clock = s->clock,
                                   .log = &s->log.log,
                                   .budget = &s->budget,
                                   .retention_ms = s->config->retention_ms,
                                   .retention_bytes = s->config->retention_bytes,
                                   .late_window_ms = s->late_window_ms,
                                   .head_series_max = s->budget.max_bytes / SERIES_BYTES,
                                   .exemplars_max = (size_t)s->config->exemplars_max,
                                   .on_commit = on_commit,
                                   .on_commit_arg = s};

    if (fs_open_dir(s->data, false, &fs, err) < 0)
        return -1;
    settings.fs = fs;
    if (db_open(&settings, &s->db, err) < 0) {
        fs_free(fs);
        return -1;
    }
    serve_logs.fs = fs;
    serve_logs.receivers.loop = s->loop;
    serve_open_state(s, fs);
    return 0;
}

static void on_lines(void *arg)
{
    struct serve *s = arg;
    struct api *api = atomic_load_explicit(&s->committed, memory_order_acquire);

    if (api)
        api_lines_stored(api);
}

static void open_lines(struct serve *s)
{
    char folder[SERVE_PATH_BYTES + 16];
    const struct logstore_context context = {.folder = folder,
                                             .clock = s->clock,
                                             .log = &s->log.log,
                                             .retention_ms = s->config->logs_retention_ms,
                                             .retention_bytes = s->config->logs_retention_bytes,
                                             .on_commit = on_lines,
                                             .on_commit_arg = s};

    (void)snprintf(folder, sizeof folder, "%s/logs/lines", s->data);
    s->lines = serve_logs.store = logstore_new(&context);
}

static int start_host(struct serve *s, struct err *err)
{
    const struct config_host *host = &s->config->host;
    struct collector collectors[HOST_COLLECTORS];

    if (!host->enabled)
        return 0;
    if (serve_make_host(host, s->clock, &s->log.log, collectors, err) < 0)
        return -1;
    return serve_add_host(s->collect, host, s->host_name, collectors, &s->host, err);
}

static int start_entries(struct serve *s, struct err *err)
{
    struct collector *collectors;

    s->entries = serve_entries_new(s->collect, s->host_name);
    if (serve_entries_make(s->config, s->hosts, s->clock, &s->log.log, &collectors, err) < 0)
        return -1;
    return serve_entries_apply(s->entries, s->config, collectors, &s->generation->owner, err);
}

/* Its folder is one of its own in the data directory. */
static int start_push(struct serve *s, struct err *err)
{
    struct push_context context = {.loop = s->loop,
                                   .lanes = s->lanes,
                                   .collect = s->collect,
                                   .budget = &s->budget,
                                   .clock = s->clock,
                                   .log = &s->log.log,
                                   .host_name = s->host_name};
    char folder[SERVE_PATH_BYTES + 8];

    (void)snprintf(folder, sizeof folder, "%s/push", s->data);
    if (fs_open_dir(folder, false, &context.fs, err) < 0)
        return -1;
    s->push = push_new(&context);
    push_configure(s->push, &s->config->push);
    return 0;
}

static void start_tunnels(struct serve *s)
{
    char folder[SERVE_PATH_BYTES + 8];
    const struct ssh_hosts_context context = {.loop = s->loop,
                                              .log = &s->log.log,
                                              .clock = s->clock,
                                              .program = "/proc/self/exe",
                                              .folder = folder};

    (void)snprintf(folder, sizeof folder, "%s/ssh", s->data);
    s->hosts = ssh_hosts_new(&context);
    ssh_hosts_apply(s->hosts, s->config->hosts, s->config->hosts_n);
}

static int start_collecting(struct serve *s, struct err *err)
{
    struct collect_context context = {.loop = s->loop,
                                      .lanes = s->lanes,
                                      .fetcher = s->fetcher,
                                      .sink = db_sink(s->db),
                                      .clock = s->clock,
                                      .log = &s->log.log,
                                      .budget = &s->budget,
                                      .events = s->state.events,
                                      .dns_servers = getenv("EARSHOT_DNS_SERVERS")};
    const struct remote_write_context write = {.loop = s->loop,
                                               .lanes = s->lanes,
                                               .sink = db_sink(s->db),
                                               .budget = &s->budget,
                                               .log = &s->log.log};

    start_tunnels(s);
    context.vias = ssh_hosts_vias(s->hosts);
    if (collect_new(&context, &s->collect, err) < 0)
        return -1;
    collect_set_tunnels(s->collect, &(struct tunnel_list){ssh_hosts_list, s->hosts});
    s->write = remote_write_new(&write);
    if (start_push(s, err) < 0)
        return -1;
    s->self = serve_new_self(s->db, s->lines, &s->config_state);
    if (start_host(s, err) < 0)
        return -1;
    s->far = serve_far_new(s->collect, s->clock, &s->log.log);
    serve_far_apply(s->far, s->config, &s->generation->owner);
    s->pools = pools_new(s->collect);
    pools_apply(s->pools, s->config->jobs, s->config->jobs_n, &s->generation->owner);
    return start_entries(s, err);
}

/* The address as it is, also when the port was left to the kernel. */
void serve_address(const struct serve *s, char out[160])
{
    const char *colon = strrchr(s->listen, ':');

    (void)snprintf(out, 160, "%.*s:%u", (int)(colon - s->listen), s->listen,
                   http_server_port(s->server));
}

static int start_self(struct serve *s, struct err *err)
{
    char instance[160];

    self_add_collect(s->self, s->collect);
    self_add_costs(s->self, s->collect);
    self_add_remote_write(s->self, s->write);
    self_add_push(s->self, s->push);
    self_add_http(s->self, s->server);
    self_add_lanes(s->self, s->lanes);
    self_add_table(s->self, &(struct self_table){ssh_hosts_read, ssh_hosts_emit,
                                                 ssh_hosts_free_rows, s->hosts});
    serve_add_api(s->self, s->api);
    serve_add_state(s->self, &s->state);
    serve_address(s, instance);
    return serve_add_self(s->collect, s->self, instance, err);
}

static void quit(void *arg);

static void ask_reload(void *arg, void (*done)(void *done_arg, bool accepted, struct str text),
                       void *done_arg)
{
    reload_ask(((struct serve *)arg)->reload, done, done_arg);
}

static int start_listening(struct serve *s, struct err *err)
{
    const struct http_settings http = {.listen = s->listen,
                                       .allowed_hosts = s->config->allowed_hosts,
                                       .allowed_hosts_n = s->config->allowed_hosts_n,
                                       .external_url = s->config->external_url,
                                       .clock = s->clock,
                                       .log = &s->log.log,
                                       .budget = &s->budget};
    const struct http_route write = {.path = "/api/v1/write",
                                     .methods = HTTP_POST,
                                     .body_max = WRITE_MAX,
                                     .handler = remote_write_handle,
                                     .arg = s->write};
    const struct http_route groups = {.path = "/metrics/job*",
                                      .methods = HTTP_PUT | HTTP_POST | HTTP_DELETE,
                                      .body_max = PUSH_BODY_MAX,
                                      .handler = push_group_handle,
                                      .arg = s->push};
    const struct http_route ping = {.path = "/ping/*",
                                    .methods = HTTP_GET | HTTP_POST | HTTP_DELETE,
                                    .body_max = PUSH_PING_MAX,
                                    .handler = push_ping_handle,
                                    .arg = s->push};
    const struct http_route beacon = {.path = "/api/earshot/v1/beacon",
                                      .methods = HTTP_POST | HTTP_OPTIONS,
                                      .body_max = PUSH_BEACON_MAX,
                                      .handler = push_beacon_handle,
                                      .arg = s->push,
                                      .any_origin = true};
    const struct http_route script = {.path = "/earshot-beacon.js",
                                      .methods = HTTP_GET,
                                      .handler = push_beacon_script_handle,
                                      .arg = s->push};
    const struct http_route metrics = {
        .path = "/metrics", .methods = HTTP_GET, .handler = self_handle, .arg = s->self};
    struct api_context context = {.loop = s->loop,
                                  .lanes = s->lanes,
                                  .db = s->db,
                                  .lines = s->lines,
                                  .collect = s->collect,
                                  .events = s->state.events,
                                  .firsts = &serve_redis_firsts,
                                  .pools = s->pools,
                                  .config = s->config,
                                  .clock = s->clock,
                                  .log = &s->log.log,
                                  .budget = &s->budget,
                                  .features = s->features,
                                  .admin = args_switch(s->args, "enable-admin-api"),
                                  .lifecycle = args_switch(s->args, "enable-lifecycle"),
                                  .flags = s->flags,
                                  .flags_n = s->flags_n,
                                  .start_ms = s->clock->wall_ms(s->clock),
                                  .host_name = s->host_name,
                                  .config_file = s->own_file[0] ? s->own_file : NULL,
                                  .quit = quit,
                                  .reload = ask_reload,
                                  .life_arg = s};

    if (http_server_new(s->loop, &http, &s->server, err) < 0)
        return -1;
    s->api = api_new(&context);
    s->reload = serve_new_reload(s);
    if (start_self(s, err) < 0)
        return -1;
    http_server_route(s->server, &write);
    http_server_route(s->server, &groups);
    http_server_route(s->server, &ping);
    http_server_route(s->server, &beacon);
    http_server_route(s->server, &script);
    http_server_route(s->server, &metrics);
    http_server_assets(s->server, web_assets, web_assets_n);
    api_routes(s->api, s->server);
    atomic_store_explicit(&s->committed, s->api, memory_order_release);
    return 0;
}

/* --- the end ------------------------------------------------------------------------------------
 */

static void collectors_stopped(void *arg)
{
    struct serve *s = arg;

    loop_stop(s->loop);
}

static void listener_drained(void *arg)
{
    struct serve *s = arg;

    collect_stop(s->collect, COLLECT_MS, collectors_stopped, s);
}

static void end_at_once(int number)
{
    (void)number;
    _exit(STATUS_OK); /* what was acknowledged is in the log */
}

static void quit(void *arg)
{
    struct serve *s = arg;

    if (s->ending)
        return;
    s->ending = true;
    (void)signal(SIGALRM, end_at_once);
    (void)alarm(END_S);
    reload_stop(s->reload);
    serve_stop_watching(s);
    log_info(&s->log.log, "serve", "ending");
    http_server_drain(s->server, DRAIN_MS, listener_drained, s);
}

static void on_signal(void *arg, int number)
{
    struct serve *s = arg;

    if (number == SIGHUP)
        reload_ask(s->reload, NULL, NULL);
    else
        quit(s);
}

/* Also after a start that failed midway: whatever is NULL was not there yet. */
static void end(struct serve *s)
{
    size_t stuck = s->lanes ? lanes_free(s->lanes) : 0;

    if (stuck == 0) {
        logs_finish(&serve_logs);
        logstore_close(s->lines);
    }
    if (s->loop)
        loop_drain(s->loop);
    atomic_store(&s->committed, NULL);
    if (stuck == 0) {
        api_free(s->api);
        pools_free(s->pools);
        serve_entries_free(s->entries);
        serve_far_free(s->far);
        collect_free(s->collect);
        fetcher_free(s->fetcher);
        http_server_free(s->server);
    }
    serve_close_state(s);
    if (s->db)
        db_close(s->db);
    if (stuck > 0) /* a thread hangs in a system call, and may come back to what we would free */
        _exit(STATUS_OK);
    if (s->loop)
        loop_drain(s->loop);
    reload_free(s->reload);
    self_free(s->self);
    remote_write_free(s->write);
    push_free(s->push);
    ssh_hosts_free(s->hosts);
    mem_on_exhaustion(NULL, NULL);
    loop_timer_free(s->relaxed);
    if (s->loop)
        loop_free(s->loop);
    if (s->generation)
        pools_owner_unref(&s->generation->owner);
    if (s->first)
        pools_owner_unref(&s->first->owner);
}

/* --- the command --------------------------------------------------------------------------------
 */

static void greet(const struct serve *s)
{
    const char *ssh = getenv("SSH_CONNECTION"), *user = getenv("USER");
    unsigned port = http_server_port(s->server);
    char address[160];

    serve_address(s, address);
    (void)printf("earshot %s: http://%s (data in %s)\n", EARSHOT_VERSION, address, s->data);
    if (ssh)
        (void)printf("from your own machine: ssh -L %u:127.0.0.1:%u %s@%s\n", port, port,
                     user ? user : "me", s->host_name);
    (void)fflush(stdout);
}

/* 0, or the exit status after a message. */
static int start(struct serve *s)
{
    struct err err = {0};
    int status;

    find_own_file(s);
    status = load_config(s);
    if (status != STATUS_OK)
        return status;
    s->config_state = (struct serve_config_state){true, (double)s->clock->wall_ms(s->clock) / 1000};
    serve_log_warnings(s);
    read_features(s);
    if (read_settings(s, &err) < 0)
        return fail(&err, STATUS_USAGE);
    if (loop_new(&s->loop, &err) < 0 || loop_on_signals(s->loop, on_signal, s, &err) < 0)
        return fail(&err, STATUS_FAILED);
    guard_memory(s);
    if (open_store(s, &err) < 0)
        return fail(&err, STATUS_DATA);
    open_lines(s);
    s->lanes = lanes_new(s->loop);
    if (fetcher_new(s->loop, &s->log.log, &s->fetcher, &err) < 0)
        return fail(&err, STATUS_FAILED);
    if (s->budget.max_bytes / 8 < BODIES_MAX)
        fetcher_set_bodies_max(s->fetcher, s->budget.max_bytes / 8);
    if (start_collecting(s, &err) < 0 || start_listening(s, &err) < 0)
        return fail(&err, STATUS_USAGE);
    serve_watch_packages(s);
    greet(s);
    return STATUS_OK;
}

int serve_run(const struct args *args)
{
    struct serve s = {.args = args, .clock = clock_real()};
    size_t memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    int status;

    log_writer_init(&s.log, STDERR_FILENO, LOG_INFO, s.clock);
    budget_init(&s.budget, "process memory", memory / 2, NULL);
    status = start(&s);
    if (status == STATUS_OK)
        loop_run(s.loop);
    end(&s);
    return status;
}
