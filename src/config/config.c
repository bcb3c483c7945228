#include "config/config.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/map.h"
#include "base/mem.h"
#include "config/internal.h"
#include "config/schema.h"
#include "sys/whole_file.h"
#include "text/duration.h"

#define FILE_BYTES_MAX (16u << 20) /* as text/yaml.h */
#define MEMORY_MAX     (512u << 20)

/* The config and what it lives in; the config is the first member, so its pointer frees all. */
struct loaded {
    struct config config;
    struct budget budget;
    struct arena arena;
};

/* --- files --------------------------------------------------------------------------------------
 */

/* A mistake that has no place in a tree. */
static void add_error(struct config_builder *b, const char *path, struct err *err)
{
    struct yaml none = {.file = path};

    (void)err_in_file(err, path);
    yaml_error_from(&b->errors, &none, err);
    if (b->errors.n > 0)
        b->errors.items[b->errors.n - 1].at = err->at;
}

static const struct yaml *parse_file(struct config_builder *b, const char *path)
{
    SCOPED(buf_fini) struct buf text;
    const struct yaml *root = NULL;
    struct err err = {0};
    const char *name = arena_cstr(b->arena, str_c(path), &err);
    struct str kept;

    buf_init(&text, FILE_BYTES_MAX);
    if (!name || whole_file_read(path, &text, NULL, &err) < 0) {
        add_error(b, path, &err);
        return NULL;
    }
    kept = arena_str(b->arena, buf_str(&text), &err);
    if (!kept.p || yaml_parse(b->arena, name, kept, &root, &err) < 0) {
        add_error(b, path, &err);
        return NULL;
    }
    return root;
}

/* --- earshot.yml --------------------------------------------------------------------------------
 */

static const struct config_host host_defaults = {.job = "node",
                                                 .interval_ms = 5000,
                                                 .top = 10,
                                                 .psi = true,
                                                 .units = {.mode = UNITS_FAILED},
                                                 .proc = "/proc",
                                                 .sys = "/sys"};

/* A unit without an ending is a service. */
static const char *unit_name(struct config_builder *b, const struct yaml *node)
{
    const char *name = builder_item(b, node);

    if (!name[0])
        yaml_error(&b->errors, node, "units: expected the name of a unit, like nginx.service");
    return strchr(name, '.')
               ? name
               : builder_copy(b, str_c(arena_printf(b->arena, &b->err, "%s.service", name)));
}

static void read_units(struct config_builder *b, const struct yaml *node, struct host_units *out)
{
    if (!node || node->kind == YAML_NULL)
        return;
    if (b->host)
        yaml_error(&b->errors, node,
                   "units: systemd of another machine is not asked over SSH; leave it out");
    else if (node->kind == YAML_LIST && node->n > 0)
        *out =
            (struct host_units){UNITS_NAMED, builder_texts(b, node, unit_name, &out->n), node->n};
    else if (str_eq(node->text, STR("all")))
        out->mode = UNITS_ALL;
    else if (!str_eq(node->text, STR("failed")))
        yaml_error(&b->errors, node, "units: expected failed, all, or names like [nginx.service]");
}

void config_read_host(struct config_builder *b, const struct yaml *map, struct config_host *h)
{
    *h = host_defaults;
    h->enabled = true;
    yaml_read_bool(yaml_get(map, "enabled"), "", &h->enabled, &b->errors);
    yaml_read_bool(yaml_get(map, "psi"), "", &h->psi, &b->errors);
    yaml_read_i64(yaml_get(map, "top"), "top", 0, 1000, &h->top, &b->errors);
    yaml_read_duration(yaml_get(map, "interval"), "", &h->interval_ms, &b->errors);
    if (h->interval_ms < 100)
        yaml_error(&b->errors, yaml_get(map, "interval"), "collect.host.interval: at least 100ms");
    read_units(b, yaml_get(map, "units"), &h->units);
    h->job = builder_text(b, map, "job", h->job);
    h->proc = builder_text(b, map, "proc", h->proc);
    h->sys = builder_text(b, map, "sys", h->sys);
    if (yaml_get(map, "textfile_dir"))
        h->textfile_dir = builder_path(b, yaml_get(map, "textfile_dir"));
    h->mounts_exclude = builder_text(b, map, "mounts_exclude", NULL);
    h->fs_exclude = builder_text(b, map, "fs_exclude", NULL);
    h->disks_exclude = builder_text(b, map, "disks_exclude", NULL);
    h->nets_exclude = builder_text(b, map, "nets_exclude", NULL);
}

static void read_retention(struct config_builder *b, const struct yaml *map, int64_t *ms,
                           uint64_t *bytes)
{
    if (str_eq(schema_text(map, "time"), STR("unlimited")))
        *ms = 0;
    else
        yaml_read_duration(yaml_get(map, "time"), "", ms, &b->errors);
    if (str_eq(schema_text(map, "size"), STR("unlimited")))
        *bytes = 0;
    else
        yaml_read_size(yaml_get(map, "size"), "", bytes, &b->errors);
}

static void read_allowed_hosts(struct config_builder *b, const struct yaml *list)
{
    const char **names;

    if (!list || list->n == 0)
        return;
    names = (const char **)arena_zalloc_array(b->arena, list->n, sizeof *names, &b->err);
    b->failed |= !names;
    for (size_t i = 0; names && i < list->n; i++) {
        names[i] = arena_cstr(b->arena, list->items[i].text, &b->err);
        b->failed |= !names[i];
    }
    b->config->allowed_hosts = names;
    b->config->allowed_hosts_n = list->n;
}

static void read_jobs(struct config_builder *b, const struct yaml *list,
                      const struct job_defaults *defaults)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
        job_read(b, &list->items[i], defaults);
}

static const struct job_defaults prometheus_defaults = {.interval_ms = 60000, .timeout_ms = 10000};

void config_read_jobs(struct config_builder *b, const struct yaml *list)
{
    read_jobs(b, list, &prometheus_defaults);
}

static void load_earshot(struct config_builder *b, const char *path)
{
    struct schema_check check = {&b->errors, &b->warnings, false};
    const struct yaml *root = parse_file(b, path);
    struct config *c = b->config;
    const struct yaml *collect, *host, *gpu;

    c->host.enabled = false; /* a file says exactly what is collected */
    if (!root)
        return;
    schema_check(&schema_earshot, root, &check);
    if (b->errors.n > 0)
        return; /* types are wrong somewhere: reading on would tell mistakes twice */
    collect = yaml_get(root, "collect");
    c->listen = builder_text(b, root, "listen", c->listen);
    c->data = builder_text(b, root, "data", c->data);
    c->external_url = builder_text(b, root, "external_url", NULL);
    yaml_read_bool(yaml_get(root, "insecure"), "", &c->insecure, &b->errors);
    read_allowed_hosts(b, yaml_get(root, "allowed_hosts"));
    read_retention(b, yaml_get(root, "retention"), &c->retention_ms, &c->retention_bytes);
    read_retention(b, yaml_get(yaml_get(root, "retention"), "logs"), &c->logs_retention_ms,
                   &c->logs_retention_bytes);
    read_retention(b, yaml_get(yaml_get(root, "retention"), "events"), &c->events_retention_ms,
                   &c->events_retention_bytes);
    read_jobs(b, yaml_get(collect, "scrape"), &prometheus_defaults);
    used_packs_find(b, yaml_get(root, "packs"));
    if (b->errors.n > 0)
        return;
    host = used_packs_machine_map(b, collect, "host");
    if (host)
        config_read_host(b, host, &c->host);
    gpu = used_packs_machine_map(b, collect, "gpu");
    if (gpu) {
        entries_read_gpu(b, gpu);
        b->reserves = builder_texts(b, yaml_get(gpu, "reserves"), builder_item, &b->reserves_n);
    }
    entries_read(b, collect);
    used_packs_read(b);
    entries_share_groups(b);
    hosts_read(b, yaml_get(root, "hosts"));
    entries_check_sources(b);
    push_read(b, yaml_get(collect, "push"), yaml_get(root, "beacon"));
}

/* --- prometheus.yml -----------------------------------------------------------------------------
 */

static void read_external_labels(struct config_builder *b, const struct yaml *map)
{
    struct config *c = b->config;

    if (!map || map->n == 0)
        return;
    c->external_labels = arena_new_array(b->arena, struct config_label, map->n, &b->err);
    b->failed |= !c->external_labels;
    for (size_t i = 0; c->external_labels && i < map->n; i++) {
        c->external_labels[i].name = arena_cstr(b->arena, map->pairs[i].key.text, &b->err);
        c->external_labels[i].value = arena_cstr(b->arena, map->pairs[i].value.text, &b->err);
        b->failed |= !c->external_labels[i].name || !c->external_labels[i].value;
        c->external_labels_n++;
    }
}

/* A file of jobs. Its relative paths begin at its own folder, as in Prometheus. */
static void load_jobs(struct config_builder *b, const char *path,
                      const struct job_defaults *defaults)
{
    struct schema_check check = {&b->errors, &b->warnings, false};
    size_t errors_before = b->errors.n;
    const struct yaml *root;
    struct stat st;
    struct err err;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) { /* a pattern may meet a pipe */
        (void)err_set(&err, ERR_TYPE, "is not a file (scrape_config_files)");
        add_error(b, path, &err);
        return;
    }
    root = parse_file(b, path);
    if (!root)
        return;
    schema_check(&schema_scrape_file, root, &check);
    if (b->errors.n == errors_before)
        read_jobs(b, yaml_get(root, "scrape_configs"), defaults);
}

static void load_job_files(struct config_builder *b, const struct yaml *list,
                           const struct job_defaults *defaults)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        glob_t found = {0};

        (void)glob(builder_path(b, &list->items[i]), 0, NULL, &found);
        for (size_t k = 0; k < found.gl_pathc && !b->failed; k++)
            load_jobs(b, found.gl_pathv[k], defaults);
        if (found.gl_pathc == 0)
            yaml_error(&b->warnings, &list->items[i], "scrape_config_files: no file is there");
        globfree(&found);
    }
}

static void load_prometheus(struct config_builder *b, const char *path)
{
    struct schema_check check = {&b->errors, &b->warnings, false};
    size_t errors_before = b->errors.n;
    const struct yaml *root = parse_file(b, path);
    struct job_defaults defaults = prometheus_defaults;
    const struct yaml *global;

    if (!root)
        return;
    schema_check(&schema_prometheus, root, &check);
    if (b->errors.n > errors_before)
        return;
    global = yaml_get(root, "global");
    job_read_defaults(b, global, "global", &defaults);
    yaml_read_duration(yaml_get(global, "evaluation_interval"), "",
                       &b->config->evaluation_interval_ms, &b->errors);
    read_external_labels(b, yaml_get(global, "external_labels"));
    yaml_read_i64(yaml_get(yaml_get(yaml_get(root, "storage"), "exemplars"), "max_exemplars"), "",
                  0, INT64_MAX, &b->config->exemplars_max, &b->errors);
    read_jobs(b, yaml_get(root, "scrape_configs"), &defaults);
    load_job_files(b, yaml_get(root, "scrape_config_files"), &defaults);
    b->config->prometheus_text = mask_print(b->arena, root, &b->err);
    b->failed |= !b->config->prometheus_text;
}

/* --- the face -----------------------------------------------------------------------------------
 */

static void set_defaults(struct config *c)
{
    *c = (struct config){
        .listen = "127.0.0.1:3277",
        .retention_ms = INT64_C(90) * 86400000,
        .logs_retention_ms = INT64_C(14) * 86400000,
        .logs_retention_bytes = UINT64_C(2) << 30,
        .events_retention_ms = INT64_C(90) * 86400000,
        .events_retention_bytes = UINT64_C(256) << 20,
        .exemplars_max = 100000,
        .push = {.pushgateway = true, .ttl_ms = INT64_C(86400000), .sessions_max = 1000},
        .host = host_defaults,
        .evaluation_interval_ms = 60000,
    };
}

/* By file in the order they were read, then by line and column. */
static int compare_errors(const void *a, const void *b)
{
    const struct err *x = a, *y = b;
    int files = strcmp(x->file, y->file);

    if (files != 0)
        return files;
    if (x->at.line != y->at.line)
        return x->at.line < y->at.line ? -1 : 1;
    return (x->at.column > y->at.column) - (x->at.column < y->at.column);
}

/* Sorts, and says how many there were beyond the bound. */
static void finish_list(struct yaml_errors *list)
{
    struct err *last;

    if (list->n > 0)
        qsort(list->items, list->n, sizeof *list->items, compare_errors);
    if (list->dropped == 0 || list->n == 0)
        return;
    last = &list->items[list->n - 1];
    (void)err_set(last, ERR_LIMIT, "and %zu more", list->dropped + 1);
}

static int refuse(struct config_builder *b, struct err **errors, size_t *errors_n)
{
    if (b->errors.n == 0) { /* only the arena's budget is left as a reason */
        *errors = mem_dup(&b->err, sizeof b->err);
        *errors_n = 1;
        return -1;
    }
    finish_list(&b->errors);
    *errors = mem_dup(b->errors.items, b->errors.n * sizeof *b->errors.items);
    *errors_n = b->errors.n;
    return -1;
}

int config_load(const char *earshot_path, const char *prometheus_path,
                const struct pack_reader *packs, struct config **out, struct err **errors,
                size_t *errors_n)
{
    SCOPED(map_fini) struct map jobs;
    struct loaded *loaded = mem_new(struct loaded);
    struct config_builder b = {
        .config = &loaded->config, .arena = &loaded->arena, .jobs = &jobs, .packs = packs};

    map_init(&jobs);
    budget_init(&loaded->budget, "configuration memory", MEMORY_MAX, NULL);
    arena_init(&loaded->arena, &loaded->budget);
    b.errors.arena = b.warnings.arena = &loaded->arena;
    set_defaults(b.config);
    b.config->host.enabled = !earshot_path && !prometheus_path;
    if (b.config->host.enabled) {
        entries_read_gpu(&b, NULL);
        used_packs_defaults(&b);
    }
    if (earshot_path)
        load_earshot(&b, earshot_path);
    if (prometheus_path)
        load_prometheus(&b, prometheus_path);
    if (b.errors.n == 0) /* what a prometheus.yml alone says is all that is judged then */
        used_packs_rules(&b, earshot_path || !prometheus_path);
    if (b.errors.n > 0 || b.failed) {
        int result = refuse(&b, errors, errors_n);

        config_free(&loaded->config);
        return result;
    }
    finish_list(&b.warnings);
    b.config->warnings = b.warnings.items;
    b.config->warnings_n = b.warnings.n;
    *out = &loaded->config;
    return 0;
}

void config_free(struct config *c)
{
    struct loaded *loaded = (struct loaded *)(void *)c;

    if (!loaded)
        return;
    for (size_t i = 0; i < c->jobs_n; i++)
        job_fini(&c->jobs[i]);
    for (size_t i = 0; i < c->entries_n; i++)
        job_fini(&c->entries[i].job);
    arena_fini(&loaded->arena);
    mem_free(loaded);
}

void config_print_error(const struct err *e, struct buf *out)
{
    SCOPED(buf_fini) struct buf text;
    char message[sizeof e->text + sizeof e->file + 32];
    struct str rest, line = {NULL, 0};
    size_t shown = 0;

    buf_adds(out, err_format(e, message, sizeof message));
    buf_addc(out, '\n');
    buf_init(&text, FILE_BYTES_MAX);
    if (e->at.line == 0 || !e->file[0] || whole_file_read(e->file, &text, NULL, NULL) < 0)
        return;
    rest = buf_str(&text);
    for (uint32_t i = 0; i < e->at.line && rest.p; i++)
        line = str_split(&rest, '\n');
    if (!line.p || line.n > 160 || !str_is_utf8(line) || !mask_may_be_shown(line))
        return;
    buf_adds(out, "    ");
    for (size_t i = 0; i < line.n; i++)
        buf_addc(out, (unsigned char)line.p[i] < ' ' ? ' ' : line.p[i]);
    buf_adds(out, "\n    ");
    for (size_t i = 1; i < e->at.column; i++)
        buf_addc(out, ' ');
    buf_addc(out, '^');
    for (shown = 1; shown < e->at.length && shown < 80; shown++)
        buf_addc(out, '~');
    buf_addc(out, '\n');
}
