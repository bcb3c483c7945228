/* The entries of the lists under `collect`: what every kind has in common. */
#include "collect/entry_settings.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"
#include "config/internal.h"
#include "config/schema.h"
#include "http/client_settings.h"
#include "model/labels.h"
#include "sys/whole_file.h"
#include "text/url.h"

#define INTERVAL_MS 15000
#define TIMEOUT_MS  10000
#define BODY_MAX    (16u << 20) /* of an answer that is no exposition */
#define URL_MAX     8192

/* What no collector of ours comes near, unless what it watches has run wild. */
static const struct scrape_limits entry_limits = {.samples = 50000,
                                                  .labels = 64,
                                                  .label_value_bytes = 4096,
                                                  .body_bytes = BODY_MAX,
                                                  .series = 200000};

/* A kind that has no job of its own takes the entry's name. */
struct kind {
    const char *key, *job;
    const void *(*read)(struct config_builder *b, const struct yaml *node,
                        struct entry_settings *entry);
    bool is_http; /* `url` may be in a file */
};

static const struct kind kinds[] = {
    {"json", NULL, entry_read_json, true},
    {"postgres", "postgres", entry_read_postgres, false},
    {"redis", "redis", entry_read_redis, false},
    {"process", "process", entry_read_process, false},
    {"celery", "celery", entry_read_celery, false},
    {"logs", "logs", entry_read_logs, false},
    {"metrics", NULL, entry_read_metrics, true},
    {"path", "node", entry_read_path, false},
    {"nginx", "nginx", entry_read_metrics, true},
    {"probe", "probe", entry_read_probe, true},
    {"rabbitmq", "rabbitmq", entry_read_rabbitmq, true},
    {"docker", "docker", entry_read_docker, false},
};

/* The one that is a map: this machine's. */
static const struct kind gpu_kind = {"gpu", "gpu", entry_read_gpu, false};

/* Kinds whose entries are one set. An entry for which `join` says true belongs to an earlier one,
 * and is no target of its own. */
struct set_kind {
    const char *key;
    bool (*join)(struct config_builder *b, const struct yaml *node, struct entry_settings *entry);
};

static const struct set_kind set_kinds[] = {
    {"process", entry_join_process},
};

static const struct set_kind *set_kind_of(const struct kind *kind)
{
    for (size_t i = 0; i < ARRAY_LEN(set_kinds); i++)
        if (strcmp(set_kinds[i].key, kind->key) == 0)
            return &set_kinds[i];
    return NULL;
}

static struct entry_settings *add_entry(struct config_builder *b)
{
    struct config *c = b->config;

    if (arena_grow(b->arena, (void **)&c->entries, &b->entries_cap, c->entries_n + 1,
                   sizeof *c->entries, &b->err) < 0) {
        b->failed = true;
        return NULL;
    }
    c->entries[c->entries_n] = (struct entry_settings){.labels = &labels_empty};
    return &c->entries[c->entries_n++];
}

static void read_times(struct config_builder *b, const struct yaml *node, const char *what,
                       struct scrape_job *job)
{
    const struct yaml *interval = yaml_get(node, "interval"), *timeout = yaml_get(node, "timeout");

    if (job->interval_ms == 0) /* the kind has none of its own */
        job->interval_ms = INTERVAL_MS;
    job->timeout_ms = TIMEOUT_MS;
    yaml_read_duration(interval, "", &job->interval_ms, &b->errors);
    yaml_read_duration(timeout, "", &job->timeout_ms, &b->errors);
    if (job->interval_ms < 100)
        yaml_error(&b->errors, interval, "%s: interval: at least 100ms", what);
    else if (timeout && job->timeout_ms > job->interval_ms)
        yaml_error(&b->errors, timeout, "%s: timeout is longer than interval", what);
    else if (timeout && job->timeout_ms <= 0)
        yaml_error(&b->errors, timeout, "%s: timeout: at least 1ms", what);
    else if (job->timeout_ms > job->interval_ms)
        job->timeout_ms = job->interval_ms;
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Names tell the entries of a kind apart, on the page and in messages. */
static void check_name(struct config_builder *b, const struct yaml *node,
                       const struct entry_settings *entry)
{
    const struct config *c = b->config;

    for (size_t i = 0; i + 1 < c->entries_n; i++)
        if (c->entries[i].pack == entry->pack && c->entries[i].host == entry->host &&
            strcmp(c->entries[i].kind, entry->kind) == 0 &&
            strcmp(c->entries[i].name, entry->name) == 0)
            yaml_error(&b->errors, yaml_get(node, "name") ? yaml_get(node, "name") : node,
                       "collect.%s: two entries are called \"%.100s\"; give one another name",
                       entry->kind, entry->name);
}

/* Series of two such targets are one, `up` too, which then tells now of one and now of the other.
 */
static void check_labels(struct config_builder *b, const struct yaml *node,
                         const struct entry_settings *entry)
{
    const struct config *c = b->config;

    for (size_t i = 0; i + 1 < c->entries_n; i++) {
        const struct entry_settings *other = &c->entries[i];

        if (other->pack || entry->pack || other->host != entry->host || entry->named ||
            strcmp(other->job.name, entry->job.name) != 0 ||
            !same_text(other->instance, entry->instance) ||
            !same_text(other->source, entry->source) ||
            !same_text(other->endpoint, entry->endpoint) ||
            !labels_equal(other->labels, entry->labels))
            continue;
        yaml_error(&b->warnings, node,
                   "collect.%s: \"%.100s\" has job, instance and labels of \"%.100s\": what both "
                   "bring, and `up`, is one series; give one a label of its own",
                   entry->kind, entry->name, other->name);
        return;
    }
}

/* User and password of http://user:password@host/: into the client, which sends them, and out of
 * the URL, which is shown. */
static void take_credentials(struct config_builder *b, const struct yaml *node, const char **url,
                             struct client_settings *client)
{
    const char *host = strstr(*url, "://");
    size_t n = host ? strcspn(host + 3, "/?#") : 0;
    const char *at = n ? memrchr(host + 3, '@', n) : NULL;
    struct str user, password;
    struct err err;

    if (!at)
        return;
    password = (struct str){host + 3, (size_t)(at - host - 3)};
    user = str_split(&password, ':');
    if (url_decode(b->arena, user, &client->username.text, &err) < 0 ||
        url_decode(b->arena, password, &client->password.text, &err) < 0)
        yaml_error(&b->errors, node, "user and password of a URL: %s", err.text);
    client->has_basic_auth = true;
    *url = arena_printf(b->arena, &b->err, "%.*s%s", (int)(host + 3 - *url), *url, at + 1);
    b->failed |= !*url;
}

/* As a scrape job is asked, but for redirects, which lead nowhere else. */
static const struct client_settings *read_client(struct config_builder *b, const struct yaml *node,
                                                 struct entry_settings *entry)
{
    const struct client_settings *read = client_read(b, node);
    struct client_settings *client = builder_array(b, 1, sizeof *client);

    if (!read || !client)
        return NULL;
    *client = *read;
    client->stays_home = true;
    if (entry->url && !client->has_basic_auth && !client->authorization_type && !client->oauth2)
        take_credentials(b, node, &entry->url, client);
    return client;
}

/* What is asked, as its kind has named it: a URL, host:port, a file. */
static const char *source_of(const struct entry_settings *entry)
{
    if (entry->url)
        return entry->url;
    return strcmp(entry->kind, "process") == 0 || strcmp(entry->kind, "gpu") == 0 ? NULL
                                                                                  : entry->name;
}

static void read_entry(struct config_builder *b, const struct kind *kind, const struct yaml *node)
{
    const struct set_kind *set;
    struct entry_settings *entry;
    char what[64];
    bool enabled = true;

    yaml_read_bool(yaml_get(node, "enabled"), "", &enabled, &b->errors);
    if (node->kind != YAML_MAP || !enabled)
        return;
    entry = add_entry(b);
    if (!entry)
        return;
    entry->kind = kind->key;
    entry->pack = b->use ? b->use->id : NULL;
    entry->host = b->host;
    (void)snprintf(what, sizeof what, "collect.%s", kind->key);
    entry->own = kind->read(b, node, entry);
    entry->place = entry->instance;
    entry->job.client = read_client(b, node, entry);
    entries_note_source(b, node, entry, source_of(entry));
    entry->name = builder_text(b, node, "name", entry->name ? entry->name : kind->key);
    entry->instance = builder_text(b, node, "instance", entry->instance);
    entry->labels = job_read_labels(b, yaml_get(node, "labels"));
    entry->endpoint = builder_text(b, node, "endpoint", entry->endpoint);
    entry->job.name = builder_text(b, node, "job", kind->job ? kind->job : entry->name);
    yaml_read_bool(yaml_get(node, "optional"), "", &entry->may_be_missing, &b->errors);
    entry->job.limits = entry_limits;
    entry->job.fingerprint = job_hash_tree(hash_str(str_c(kind->key)), node);
    read_times(b, node, what, &entry->job);
    job_read_rules(b, yaml_get(node, "metric_relabel_configs"), false, &entry->job.metric_relabel);
    set = set_kind_of(kind);
    if (!set) {
        check_name(b, node, entry);
        check_labels(b, node, entry);
    } else if (set->join(b, node, entry)) {
        job_fini(&entry->job);
        b->config->entries_n--;
    }
}

/* Where all entries are one set, each depends on the whole list. */
static void bind(struct config_builder *b, size_t first, const struct kind *kind,
                 const struct yaml *list)
{
    struct config *c = b->config;

    for (size_t i = first; i < c->entries_n; i++)
        if (strcmp(c->entries[i].kind, kind->key) == 0)
            c->entries[i].job.fingerprint = job_hash_tree(c->entries[i].job.fingerprint, list);
}

/* The path of a URL, without what follows it. */
static const char *path_of(struct config_builder *b, const char *url)
{
    const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

    return path ? builder_copy(b, (struct str){path, strcspn(path, "?#")}) : "/";
}

/* A further target of the entry at `of`, with the same job, instance, labels and times: another
 * URL, or NULL for what a collector of its own asks at `place`. */
static void add_beside(struct config_builder *b, const struct yaml *node, size_t of,
                       const char *kind, const char *endpoint, const char *url, const char *place,
                       const void *own)
{
    struct entry_settings *entry = add_entry(b);

    if (!entry)
        return;
    *entry = b->config->entries[of];
    entry->kind = kind;
    entry->url = url;
    entry->endpoint = endpoint;
    entry->place = place;
    entry->own = own;
    entry->may_be_missing = false;
    entry->job.client = read_client(b, node, entry);
    entry->job.metric_relabel = (struct relabel_rules){.n = 0};
    job_read_rules(b, yaml_get(node, "metric_relabel_configs"), false, &entry->job.metric_relabel);
    if (url)
        entries_note_source(b, node, entry, entry->url);
}

/* What the Flower that was added last asks for, where it stands beside its URL. */
static void add_flower_login(struct config_builder *b, const struct yaml *node)
{
    struct entry_settings *flower = &b->config->entries[b->config->entries_n - 1];
    struct client_settings *client = builder_array(b, 1, sizeof *client);
    struct client_secret login = client_read_secret_of(b, node, "flower_auth", "flower_auth_file");

    if (!client || !flower->job.client || (!login.text && !login.file))
        return;
    *client = *flower->job.client;
    client->login = login;
    client->has_basic_auth = true;
    flower->job.client = client;
}

/* Its text is shown nowhere: it is a secret. */
static bool read_url_file(struct config_builder *b, const struct yaml *at, struct str *out)
{
    SCOPED(buf_fini) struct buf text;
    struct err err;
    struct url url;
    bool sound;

    buf_init(&text, URL_MAX);
    if (whole_file_read(builder_path(b, at), &text, NULL, &err) < 0) {
        yaml_error(&b->errors, at, "url_file: %s", err.text);
        return false;
    }
    *out = str_c(builder_copy(b, str_trim(buf_str(&text))));
    sound = (str_starts(*out, STR("http://")) || str_starts(*out, STR("https://"))) &&
            url_split(*out, &url, &err) == 0;
    if (!sound)
        yaml_error(&b->errors, at,
                   "url_file: expected a URL like http://user:password@host:9090/path in the file");
    return sound;
}

/* An entry whose address is in a file becomes one that has it as `url`: who it is, and so which
 * series it writes, must be known when the configuration is. NULL: a mistake was told. */
static const struct yaml *with_url(struct config_builder *b, const struct kind *kind,
                                   const struct yaml *node)
{
    struct yaml_pair *pairs;
    struct yaml *entry;
    struct str url;

    if (!kind->is_http || !schema_gives(node, "url_file") || schema_gives(node, "url"))
        return node; /* that both are given was told */
    if (!read_url_file(b, yaml_get(node, "url_file"), &url))
        return NULL;
    entry = builder_array(b, 1, sizeof *entry);
    pairs = builder_array(b, node->n, sizeof *pairs);
    if (!entry || !pairs)
        return NULL;
    *entry = *node;
    entry->pairs = pairs;
    for (size_t i = 0; i < node->n; i++) {
        pairs[i] = node->pairs[i];
        if (str_eq(pairs[i].key.text, STR("url_file"))) {
            pairs[i].key.text = STR("url");
            pairs[i].value.text = url;
        }
    }
    return entry;
}

static void read_with_beside(struct config_builder *b, const struct kind *kind,
                             const struct yaml *node)
{
    static const char *const rabbitmq[] = {"rabbitmq nodes", "rabbitmq overview"};
    size_t of = b->config->entries_n;
    const char *url = NULL, *place;
    const void *own;

    node = with_url(b, kind, node);
    if (!node)
        return;
    read_entry(b, kind, node);
    if (b->config->entries_n == of)
        return;
    if (strcmp(kind->key, "celery") == 0) {
        url = entry_flower_url(b, node);
        if (url) {
            add_beside(b, node, of, "flower", path_of(b, url), url, NULL, NULL);
            add_flower_login(b, node);
        }
        own = entry_celery_results(b, node, &place);
        if (own)
            add_beside(b, node, of, "celery results", "results", NULL, place, own);
    } else if (strcmp(kind->key, "rabbitmq") == 0) {
        for (size_t i = 0; i < ARRAY_LEN(rabbitmq) &&
                           (own = entry_rabbitmq_beside(b, node, &b->config->entries[of], i, &url));
             i++)
            add_beside(b, node, of, rabbitmq[i], path_of(b, url), url, NULL, own);
    }
}

void entries_read_gpu(struct config_builder *b, const struct yaml *map)
{
    static const struct yaml defaults = {.kind = YAML_MAP};

    read_entry(b, &gpu_kind, map && map->kind == YAML_MAP ? map : &defaults);
}

void entries_read(struct config_builder *b, const struct yaml *collect)
{
    size_t first = b->config->entries_n;

    b->process_groups = NULL;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct yaml *list = yaml_get(collect, kinds[k].key);

        for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++)
            read_with_beside(b, &kinds[k], &list->items[i]);
        if (list && set_kind_of(&kinds[k]))
            bind(b, first, &kinds[k], list);
    }
}
