/* An entry of collect.probe becomes struct probe_settings. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/hash.h"
#include "collect/entry_settings.h"
#include "collect/probe/probe_settings.h"
#include "config/internal.h"
#include "config/schema.h"
#include "sys/whole_file.h"
#include "text/dns_question.h"
#include "text/regex.h"

#define UPLOAD_MAX    (16u << 20)
#define TLS_EXPIRY_MS (INT64_C(14) * 86400000)
#define DNS_PORT      53
#define STEPS_MAX     20

static const char *const kinds[] = {
    [PROBE_HTTP] = "url", [PROBE_TCP] = "tcp", [PROBE_DNS] = "dns", [PROBE_ICMP] = "icmp"};

/* ---- what an answer must be ---- */

static bool read_code(struct str text, int *out)
{
    *out = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return false;
        *out = *out * 10 + (text.p[i] - '0');
    }
    return text.n == 3 && *out >= 100 && *out <= 599;
}

/* "200", "2xx", "200-299". */
static bool read_status(struct str text, struct probe_status *out)
{
    struct str rest = text, first = str_split(&rest, '-');

    if (text.n == 3 && text.p[0] >= '1' && text.p[0] <= '5' && text.p[1] == 'x' &&
        text.p[2] == 'x') {
        out->from = (text.p[0] - '0') * 100;
        out->to = out->from + 99;
        return true;
    }
    if (!read_code(first, &out->from))
        return false;
    out->to = out->from;
    return !rest.p || (read_code(rest, &out->to) && out->to >= out->from);
}

static void read_statuses(struct config_builder *b, const struct yaml *node,
                          struct probe_expect *out)
{
    static const struct probe_status good[] = {{200, 299}};
    const struct yaml *list = yaml_get(node, "status");
    struct probe_status *all;

    out->status = good;
    out->status_n = 1;
    if (!list || list->kind != YAML_LIST || list->n == 0)
        return;
    all = builder_array(b, list->n, sizeof *all);
    if (!all)
        return;
    for (size_t i = 0; i < list->n; i++)
        if (!read_status(list->items[i].text, &all[i]))
            yaml_error(&b->errors, &list->items[i],
                       "status: expected 200, 2xx or 200-299, found \"%.*s\"",
                       STR_ARGS(str_take(list->items[i].text, 40)));
    out->status = all;
    out->status_n = list->n;
}

static struct str read_pattern(struct config_builder *b, const struct yaml *map, const char *key)
{
    const struct yaml *node = yaml_get(map, key);
    struct regex *regex = NULL;
    struct err err;

    if (!schema_gives(map, key))
        return (struct str){NULL, 0};
    if (regex_new(node->text, false, &regex, &err) < 0)
        yaml_error(&b->errors, node, "%s: %s", key, err.text);
    regex_free(regex);
    return str_c(builder_copy(b, node->text));
}

static void read_json(struct config_builder *b, const struct yaml *map, struct probe_expect *out)
{
    const struct yaml *list = yaml_get(map, "json");
    size_t n = list && list->kind == YAML_LIST ? list->n : 0;
    struct probe_json *all = builder_array(b, n, sizeof *all);

    if (!all)
        return;
    for (size_t i = 0; i < n; i++) {
        const struct yaml *path = yaml_get(&list->items[i], "path");
        struct err err = {.kind = ERR_NONE};

        if (!path || !schema_has(&list->items[i], "equals"))
            yaml_error(&b->errors, &list->items[i], "json: needs path and equals");
        else if (json_path_parse(b->arena, path->text, &all[i].path, &err) < 0)
            yaml_error(&b->errors, path, "json: %s", err.text);
        else if (all[i].path.stars)
            yaml_error(&b->errors, path,
                       "json: this path leads to many values; write it without *");
        else
            all[i].equals = str_c(builder_copy(b, schema_text(&list->items[i], "equals")));
    }
    out->json = all;
    out->json_n = n;
}

static void read_expect(struct config_builder *b, const struct yaml *node, struct probe_expect *out)
{
    read_statuses(b, node, out);
    out->match = read_pattern(b, node, "match");
    out->not_match = read_pattern(b, node, "not_match");
    read_json(b, node, out);
}

/* ---- a request ---- */

static struct str keep(struct config_builder *b, struct str bytes)
{
    struct str kept = arena_str(b->arena, bytes, &b->err);

    b->failed |= !kept.p;
    return kept;
}

/* The file alone, or as a form has it: most services that take audio read a form's `file`. */
static void read_upload(struct config_builder *b, const struct yaml *map, struct probe_step *out)
{
    const struct yaml *node = yaml_get(map, "upload");
    const char *path = builder_path(b, node), *slash = strrchr(path, '/');
    SCOPED(buf_fini) struct buf file = {.max_bytes = UPLOAD_MAX};
    SCOPED(buf_fini) struct buf form = {.max_bytes = UPLOAD_MAX + 4096};
    struct err err;
    char mark[40];

    if (whole_file_read(path, &file, NULL, &err) < 0) {
        yaml_error(&b->errors, node, "upload: %s: %s", path, err.text);
        return;
    }
    if (out->content_type) {
        out->body = keep(b, buf_str(&file));
        return;
    }
    (void)snprintf(mark, sizeof mark, "earshot-%016" PRIx64, hash_str(buf_str(&file)));
    buf_addf(&form,
             "--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%s\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n",
             mark, slash ? slash + 1 : path);
    buf_add(&form, buf_str(&file));
    buf_addf(&form, "\r\n--%s--\r\n", mark);
    out->body = keep(b, buf_str(&form));
    out->content_type =
        arena_printf(b->arena, &b->err, "Content-Type: multipart/form-data; boundary=%s", mark);
    b->failed |= !out->content_type;
}

static void read_content_type(struct config_builder *b, const struct yaml *map,
                              struct probe_step *out)
{
    struct str body = schema_text(map, "body");
    const char *type = builder_text(b, map, "content_type", NULL);

    if (!type && body.n > 0)
        type = body.p[0] == '{' || body.p[0] == '[' ? "application/json"
                                                    : "application/x-www-form-urlencoded";
    if (!type)
        return;
    out->content_type = arena_printf(b->arena, &b->err, "Content-Type: %s", type);
    b->failed |= !out->content_type;
}

static void read_request(struct config_builder *b, const struct yaml *map, struct probe_step *out)
{
    bool body = schema_gives(map, "body"), upload = schema_gives(map, "upload");

    if (body && upload)
        yaml_error(&b->errors, yaml_get(map, "upload"), "give body or upload, not both");
    if (!body && !upload && schema_has(map, "content_type"))
        yaml_error(&b->errors, yaml_get(map, "content_type"),
                   "content_type belongs to body or upload");
    read_content_type(b, map, out);
    if (body)
        out->body = keep(b, schema_text(map, "body"));
    else if (upload)
        read_upload(b, map, out);
    out->method = builder_method(b, map, body || upload ? "POST" : "GET");
    read_expect(b, map, &out->expect);
}

/* ---- HTTP ---- */

/* scheme://host:port of a URL. */
static struct str origin_of(struct str url)
{
    const char *host = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
    size_t n = host ? (size_t)(host - url.p) + 3 : 0;

    while (n < url.n && !strchr("/?#", url.p[n]))
        n++;
    return str_take(url, n);
}

static void read_step(struct config_builder *b, const struct yaml *map, struct str origin,
                      struct probe_step *out)
{
    const struct yaml *path = yaml_get(map, "path");

    if (map->kind != YAML_MAP)
        return;
    out->path = builder_text(b, map, "path", "");
    if (out->path[0] != '/')
        yaml_error(&b->errors, path ? path : map,
                   "steps: each needs a path on the host of url, like /status");
    out->url = arena_printf(b->arena, &b->err, "%.*s%s", STR_ARGS(origin), out->path);
    b->failed |= !out->url;
    read_request(b, map, out);
}

static void read_url(struct config_builder *b, const struct yaml *node,
                     struct entry_settings *entry, struct probe_settings *s)
{
    const struct yaml *list = yaml_get(node, "steps");
    size_t more = list && list->kind == YAML_LIST ? list->n : 0;
    struct str url = schema_text(node, "url"), origin = origin_of(url);
    struct probe_step *steps = builder_array(b, more + 1, sizeof *steps);

    if (origin.n && memchr(origin.p, '@', origin.n))
        yaml_error(&b->errors, yaml_get(node, "url"),
                   "url: a user and password are given as basic_auth");
    if (more > STEPS_MAX)
        yaml_error(&b->errors, list, "steps: at most %d", STEPS_MAX);
    if (!steps)
        return;
    entry->url = entry->instance = steps[0].url = builder_copy(b, url);
    steps[0].path = url.n > origin.n ? builder_copy(b, str_skip(url, origin.n)) : "/";
    read_request(b, node, &steps[0]);
    for (size_t i = 0; i < more; i++)
        read_step(b, &list->items[i], origin, &steps[i + 1]);
    s->steps = steps;
    s->steps_n = more + 1;
}

/* ---- the others ---- */

static bool read_port(struct str digits, unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < digits.n && digits.n <= 5; i++) {
        if (digits.p[i] < '0' || digits.p[i] > '9')
            return false;
        *out = *out * 10 + (unsigned)(digits.p[i] - '0');
    }
    return digits.n > 0 && digits.n <= 5;
}

/* "host:port", "[::1]:22"; without a port `port`, 0: it must be there. */
static bool read_address(struct config_builder *b, struct str text, uint16_t port,
                         struct probe_settings *s)
{
    const char *colon = text.n ? memrchr(text.p, ':', text.n) : NULL;
    struct str host = text, digits = {NULL, 0};
    unsigned number = port;

    if (colon && !memchr(colon, ']', (size_t)(text.p + text.n - colon))) {
        host = str_take(text, (size_t)(colon - text.p));
        digits = str_skip(text, host.n + 1);
    }
    if (digits.p && !read_port(digits, &number))
        return false;
    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    s->host = builder_copy(b, host);
    s->port = (uint16_t)number;
    return host.n > 0 && number > 0 && number <= 65535;
}

static void read_tcp(struct config_builder *b, const struct yaml *node,
                     struct entry_settings *entry, struct probe_settings *s)
{
    struct str text = schema_text(node, "tcp");

    entry->instance = builder_copy(b, text);
    if (!read_address(b, text, 0, s))
        yaml_error(&b->errors, yaml_get(node, "tcp"), "tcp: expected host:port like hub.lan:22");
    if (schema_gives(node, "body"))
        s->say = keep(b, schema_text(node, "body"));
    s->expect.match = read_pattern(b, node, "match");
    s->expect.not_match = read_pattern(b, node, "not_match");
}

static void read_dns(struct config_builder *b, const struct yaml *node,
                     struct entry_settings *entry, struct probe_settings *s)
{
    const struct yaml *dns = yaml_get(node, "dns");
    struct str server = schema_text(dns, "server"), type = schema_text(dns, "type");
    SCOPED(buf_fini) struct buf bytes = {.max_bytes = 600};
    struct err err;

    s->question = builder_text(b, dns, "name", "");
    s->type = type.n ? dns_question_type(type) : 1;
    if (!*s->question)
        yaml_error(&b->errors, dns, "dns: needs the name that is asked for");
    else if (dns_question_write(s->question, s->type, 0, &bytes, &err) < 0)
        yaml_error(&b->errors, yaml_get(dns, "name"), "dns: name: %s", err.text);
    if (!s->type)
        yaml_error(
            &b->errors, yaml_get(dns, "type"),
            "dns: type \"%.*s\" is not known; A, AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT are",
            STR_ARGS(str_take(type, 40)));
    if (server.n && !read_address(b, server, DNS_PORT, s))
        yaml_error(&b->errors, yaml_get(dns, "server"),
                   "dns: server: expected an address like 192.168.1.1 or 192.168.1.1:53");
    entry->instance =
        server.n ? arena_printf(b->arena, &b->err, "%s@%.*s", s->question, STR_ARGS(server))
                 : s->question;
    b->failed |= !entry->instance;
}

static void read_icmp(struct config_builder *b, const struct yaml *node,
                      struct entry_settings *entry, struct probe_settings *s)
{
    struct str host = schema_text(node, "icmp");

    if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
        host = (struct str){host.p + 1, host.n - 2};
    entry->instance = s->host = builder_copy(b, host);
}

/* ---- the entry ---- */

/* Keys that mean nothing for this kind are mistakes. */
static void check_keys(struct config_builder *b, const struct yaml *node, enum probe_kind kind)
{
    static const struct {
        const char *key;
        bool tcp;
    } keys[] = {{"body", true},          {"match", true},          {"not_match", true},
                {"method", false},       {"upload", false},        {"content_type", false},
                {"status", false},       {"json", false},          {"steps", false},
                {"tls_expiry", false},   {"headers", false},       {"http_headers", false},
                {"basic_auth", false},   {"authorization", false}, {"oauth2", false},
                {"bearer_token", false}, {"tls_config", false},    {"follow_redirects", false},
                {"proxy_url", false}};

    for (size_t i = 0; kind != PROBE_HTTP && i < ARRAY_LEN(keys); i++)
        if (schema_has(node, keys[i].key) && !(kind == PROBE_TCP && keys[i].tcp))
            yaml_error(&b->errors, yaml_get(node, keys[i].key), "%s belongs to url, not to %s",
                       keys[i].key, kinds[kind]);
}

static enum probe_kind kind_of(struct config_builder *b, const struct yaml *node)
{
    enum probe_kind kind = PROBE_HTTP;
    size_t given = 0;

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (!schema_gives(node, kinds[i]))
            continue;
        kind = (enum probe_kind)i;
        given++;
    }
    if (given != 1)
        yaml_error(&b->errors, node, "collect.probe: needs one of url, tcp, dns and icmp%s",
                   given ? ", not several" : "");
    return kind;
}

const void *entry_read_probe(struct config_builder *b, const struct yaml *node,
                             struct entry_settings *entry)
{
    static void (*const readers[])(struct config_builder *, const struct yaml *,
                                   struct entry_settings *,
                                   struct probe_settings *) = {[PROBE_HTTP] = read_url,
                                                               [PROBE_TCP] = read_tcp,
                                                               [PROBE_DNS] = read_dns,
                                                               [PROBE_ICMP] = read_icmp};
    struct probe_settings *s = builder_array(b, 1, sizeof *s);

    if (!s)
        return NULL;
    s->kind = kind_of(b, node);
    s->tls_expiry_ms = TLS_EXPIRY_MS;
    yaml_read_duration(yaml_get(node, "tls_expiry"), "", &s->tls_expiry_ms, &b->errors);
    check_keys(b, node, s->kind);
    readers[s->kind](b, node, entry, s);
    entry->name = entry->instance;
    entry->named = true;
    s->name = arena_printf(b->arena, &b->err, "%s %s", kinds[s->kind],
                           builder_text(b, node, "name", entry->name ? entry->name : ""));
    b->failed |= !s->name;
    return s;
}
