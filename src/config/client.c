/* How the targets of a job are asked: the keys that all HTTP clients of a prometheus.yml share.
 * What contradicts itself was told by schema_client.c. */
#include "base/err.h"
#include "config/internal.h"
#include "config/schema.h"
#include "http/client_settings.h"

/* A path that a key gives; NULL: it does not. */
static const char *read_path(struct config_builder *b, const struct yaml *map, const char *key)
{
    return schema_text(map, key).n > 0 ? builder_path(b, yaml_get(map, key)) : NULL;
}

struct client_secret client_read_secret_of(struct config_builder *b, const struct yaml *map,
                                           const char *key, const char *key_file)
{
    return (struct client_secret){builder_text(b, map, key, NULL), read_path(b, map, key_file)};
}

/* "TLS12": schema_check has seen it. */
static enum client_tls_version read_version(const struct yaml *map, const char *key)
{
    struct str text = schema_text(map, key);

    return text.n == 5 ? (enum client_tls_version)(TLS_1_0 + (text.p[4] - '0')) : TLS_DEFAULT;
}

struct client_tls client_read_tls(struct config_builder *b, const struct yaml *map)
{
    struct client_tls t = {.ca = client_read_secret_of(b, map, "ca", "ca_file"),
                           .cert = client_read_secret_of(b, map, "cert", "cert_file"),
                           .key = client_read_secret_of(b, map, "key", "key_file"),
                           .server_name = builder_text(b, map, "server_name", NULL),
                           .min = read_version(map, "min_version"),
                           .max = read_version(map, "max_version")};

    yaml_read_bool(yaml_get(map, "insecure_skip_verify"), "", &t.insecure_skip_verify, &b->errors);
    return t;
}

/* --- headers ------------------------------------------------------------------------------------
 */

struct headers {
    struct client_header *items; /* [n] with room for all */
    size_t n;
};

static void add_headers(struct config_builder *b, const char *name, const struct yaml *list,
                        bool files, struct headers *out)
{
    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        struct client_header *h = &out->items[out->n++];

        h->name = name;
        if (files)
            h->value.file = builder_path(b, &list->items[i]);
        else
            h->value.text = builder_copy(b, list->items[i].text);
    }
}

/* {name: [value]}, of a proxy. */
static struct headers read_connect_headers(struct config_builder *b, const struct yaml *map)
{
    struct headers h = {NULL, 0};
    size_t n = 0;

    if (!map || map->kind != YAML_MAP)
        return h;
    for (size_t i = 0; i < map->n; i++)
        n += map->pairs[i].value.n;
    h.items = builder_array(b, n, sizeof *h.items);
    for (size_t i = 0; h.items && i < map->n; i++)
        add_headers(b, builder_copy(b, map->pairs[i].key.text), &map->pairs[i].value, false, &h);
    return h;
}

/* {name: value}, as the entries under `collect` write it. */
static void add_plain_headers(struct config_builder *b, const struct yaml *map, struct headers *h)
{
    struct client_header *all;

    if (!map || map->kind != YAML_MAP || map->n == 0)
        return;
    all = builder_array(b, h->n + map->n, sizeof *all);
    if (!all)
        return;
    if (h->n)
        memcpy(all, h->items, h->n * sizeof *all);
    h->items = all;
    for (size_t i = 0; i < map->n; i++)
        all[h->n++] = (struct client_header){builder_copy(b, map->pairs[i].key.text),
                                             {builder_copy(b, map->pairs[i].value.text), NULL}};
}

/* {name: {values: [], secrets: [], files: []}} */
static struct headers read_http_headers(struct config_builder *b, const struct yaml *map)
{
    static const char *const keys[] = {"values", "secrets", "files"};
    struct headers h = {NULL, 0};
    size_t n = 0;

    if (!map || map->kind != YAML_MAP)
        return h;
    for (size_t i = 0; i < map->n; i++)
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            n += yaml_get(&map->pairs[i].value, keys[k])
                     ? yaml_get(&map->pairs[i].value, keys[k])->n
                     : 0;
    h.items = builder_array(b, n, sizeof *h.items);
    for (size_t i = 0; h.items && i < map->n; i++) {
        const char *name = builder_copy(b, map->pairs[i].key.text);

        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            add_headers(b, name, yaml_get(&map->pairs[i].value, keys[k]), k == 2, &h);
    }
    return h;
}

static struct client_proxy read_proxy(struct config_builder *b, const struct yaml *map)
{
    struct headers headers = read_connect_headers(b, yaml_get(map, "proxy_connect_header"));
    struct client_proxy p = {.url = builder_text(b, map, "proxy_url", NULL),
                             .no_proxy = builder_text(b, map, "no_proxy", NULL),
                             .connect_headers = headers.items,
                             .connect_headers_n = headers.n};

    yaml_read_bool(yaml_get(map, "proxy_from_environment"), "", &p.from_environment, &b->errors);
    return p;
}

/* --- credentials --------------------------------------------------------------------------------
 */

static void read_authorization(struct config_builder *b, const struct yaml *map,
                               struct client_settings *c)
{
    const struct yaml *given = yaml_get(map, "authorization");
    struct str type = str_trim(schema_text(given, "type"));

    if (schema_has(map, "authorization")) {
        c->authorization_type = type.n > 0 ? builder_copy(b, type) : "Bearer";
        c->authorization = client_read_secret_of(b, given, "credentials", "credentials_file");
    } else if (schema_gives(map, "bearer_token") || schema_gives(map, "bearer_token_file")) {
        c->authorization_type = "Bearer";
        c->authorization = client_read_secret_of(b, map, "bearer_token", "bearer_token_file");
    }
}

static const char *join_scopes(struct config_builder *b, const struct yaml *list)
{
    const char *all = NULL;

    for (size_t i = 0; list && list->kind == YAML_LIST && i < list->n; i++) {
        all = arena_printf(b->arena, &b->err, "%s%s%.*s", all ? all : "", all ? " " : "",
                           STR_ARGS(list->items[i].text));
        b->failed |= !all;
    }
    return all;
}

static const struct client_oauth2 *read_oauth2(struct config_builder *b, const struct yaml *map)
{
    const struct yaml *given = yaml_get(map, "endpoint_params");
    struct str grant = schema_text(map, "grant_type");
    struct client_param *params = NULL;
    struct client_oauth2 *o;

    if (!map || map->kind != YAML_MAP ||
        (grant.n > 0 && !str_eq(grant, STR("client_credentials")))) /* it was warned of */
        return NULL;
    o = builder_array(b, 1, sizeof *o);
    if (!o)
        return NULL;
    o->client_id = builder_text(b, map, "client_id", "");
    o->token_url = builder_text(b, map, "token_url", "");
    o->client_secret = client_read_secret_of(b, map, "client_secret", "client_secret_file");
    o->scopes = join_scopes(b, yaml_get(map, "scopes"));
    o->tls = client_read_tls(b, yaml_get(map, "tls_config"));
    o->proxy = read_proxy(b, map);
    if (given && given->kind == YAML_MAP)
        params = builder_array(b, given->n, sizeof *params);
    for (size_t i = 0; params && i < given->n; i++)
        params[o->params_n++] = (struct client_param){builder_copy(b, given->pairs[i].key.text),
                                                      builder_copy(b, given->pairs[i].value.text)};
    o->params = params;
    return o;
}

/* --- the face -----------------------------------------------------------------------------------
 */

const struct client_settings *client_read(struct config_builder *b, const struct yaml *map)
{
    struct client_settings *c = builder_array(b, 1, sizeof *c);
    const struct yaml *basic = yaml_get(map, "basic_auth");
    struct headers headers;

    if (!c)
        return NULL;
    c->follow_redirects = c->compression = true;
    yaml_read_bool(yaml_get(map, "follow_redirects"), "", &c->follow_redirects, &b->errors);
    yaml_read_bool(yaml_get(map, "enable_compression"), "", &c->compression, &b->errors);
    c->has_basic_auth = schema_has(map, "basic_auth");
    c->username = client_read_secret_of(b, basic, "username", "username_file");
    c->password = client_read_secret_of(b, basic, "password", "password_file");
    c->login = client_read_secret_of(b, map, "login", "login_file");
    c->has_basic_auth |= c->login.text || c->login.file;
    read_authorization(b, map, c);
    c->oauth2 = read_oauth2(b, yaml_get(map, "oauth2"));
    c->tls = client_read_tls(b, yaml_get(map, "tls_config"));
    c->proxy = read_proxy(b, map);
    headers = read_http_headers(b, yaml_get(map, "http_headers"));
    add_plain_headers(b, yaml_get(map, "headers"), &headers);
    c->headers = headers.items;
    c->headers_n = headers.n;
    return c;
}
