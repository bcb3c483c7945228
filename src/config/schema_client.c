/* The keys of a prometheus.yml that say how a peer is asked over HTTP: scrape jobs, remote storage,
 * Alertmanagers and discovery share them. */
#include "config/schema.h"

#include <strings.h>

#define REF_NOTE                                                                                   \
    "no secret is taken from a secret manager; give it as text or in the key that ends in _file"
#define JWT_NOTE "targets are asked without a token; there is only the grant client_credentials"

static void exclude(const struct yaml *map, const char *a, const char *b, struct schema_check *c)
{
    if (schema_gives(map, a) && schema_gives(map, b))
        yaml_error(c->errors, yaml_get(map, b), "give %s or %s, not both", a, b);
}

/* At most one of `key`, key_file and key_ref. */
static void exclude_kinds(const struct yaml *map, const char *key, const char *key_file,
                          const char *key_ref, struct schema_check *c)
{
    exclude(map, key, key_file, c);
    exclude(map, key, key_ref, c);
    exclude(map, key_file, key_ref, c);
}

/* --- credentials --------------------------------------------------------------------------------
 */

static const struct key basic_auth_keys[] = {
    {.name = "username", .type = KEY_STR},
    {.name = "username_file", .type = KEY_STR},
    {.name = "username_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
    {.name = "password", .type = KEY_STR},
    {.name = "password_file", .type = KEY_STR},
    {.name = "password_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
};

static void check_basic_auth(const struct yaml *map, struct schema_check *c)
{
    exclude_kinds(map, "username", "username_file", "username_ref", c);
    exclude_kinds(map, "password", "password_file", "password_ref", c);
}

SCHEMA(basic_auth, "basic_auth", .check = check_basic_auth);

static const struct key authorization_keys[] = {
    {.name = "type", .type = KEY_STR},
    {.name = "credentials", .type = KEY_STR},
    {.name = "credentials_file", .type = KEY_STR},
    {.name = "credentials_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
};

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c && strchr("!#$%&'*+-.^_`|~", c))))
            return false;
    }
    return s.n > 0;
}

static void check_authorization(const struct yaml *map, struct schema_check *c)
{
    struct str type = str_trim(schema_text(map, "type"));

    exclude_kinds(map, "credentials", "credentials_file", "credentials_ref", c);
    if (type.n == 5 && strncasecmp(type.p, "basic", 5) == 0)
        yaml_error(c->errors, yaml_get(map, "type"),
                   "authorization: type cannot be \"basic\"; use basic_auth");
    else if (type.n > 0 && (!is_token(type) || type.n > 100))
        yaml_error(c->errors, yaml_get(map, "type"), "authorization: type is a word like Bearer");
}

SCHEMA(authorization, "authorization", .check = check_authorization);

/* --- TLS ----------------------------------------------------------------------------------------
 */

static const struct key tls_config_keys[] = {
    {.name = "ca", .type = KEY_STR},
    {.name = "cert", .type = KEY_STR},
    {.name = "key", .type = KEY_STR},
    {.name = "ca_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
    {.name = "cert_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
    {.name = "key_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
    {.name = "ca_file", .type = KEY_STR},
    {.name = "cert_file", .type = KEY_STR},
    {.name = "key_file", .type = KEY_STR},
    {.name = "server_name", .type = KEY_STR},
    {.name = "min_version", .type = KEY_STR},
    {.name = "max_version", .type = KEY_STR},
    {.name = "insecure_skip_verify", .type = KEY_BOOL},
};

/* 0: not given. */
static unsigned check_version(const struct yaml *map, const char *key, struct schema_check *c)
{
    static const char *const versions[] = {"", "TLS10", "TLS11", "TLS12", "TLS13"};
    struct str text = schema_text(map, key);

    for (unsigned i = 0; i < ARRAY_LEN(versions); i++)
        if (str_eq(text, str_c(versions[i])))
            return i;
    yaml_error(c->errors, yaml_get(map, key),
               "%s: unknown TLS version \"%.*s\" (there are TLS10, TLS11, TLS12 and TLS13)", key,
               STR_ARGS(str_take(text, 60)));
    return 0;
}

static bool gives_any(const struct yaml *map, const char *a, const char *b, const char *c)
{
    return schema_gives(map, a) || schema_gives(map, b) || schema_gives(map, c);
}

static void check_tls_config(const struct yaml *map, struct schema_check *c)
{
    bool cert = gives_any(map, "cert", "cert_file", "cert_ref");
    bool key = gives_any(map, "key", "key_file", "key_ref");
    unsigned min = check_version(map, "min_version", c), max = check_version(map, "max_version", c);

    exclude_kinds(map, "ca", "ca_file", "ca_ref", c);
    exclude_kinds(map, "cert", "cert_file", "cert_ref", c);
    exclude_kinds(map, "key", "key_file", "key_ref", c);
    if (cert && !key)
        yaml_error(c->errors, map, "tls_config: a certificate wants key or key_file beside it");
    if (key && !cert)
        yaml_error(c->errors, map, "tls_config: a key wants cert or cert_file beside it");
    if (min && max && min > max)
        yaml_error(c->errors, yaml_get(map, "max_version"),
                   "max_version is lower than min_version");
}

const struct schema schema_tls_config = {.what = "tls_config",
                                         .keys = tls_config_keys,
                                         .n = ARRAY_LEN(tls_config_keys),
                                         .check = check_tls_config};

/* --- proxies ------------------------------------------------------------------------------------
 */

static const struct key proxy_keys[] = {
    {.name = "proxy_url", .type = KEY_STR},
    {.name = "no_proxy", .type = KEY_STR},
    {.name = "proxy_from_environment", .type = KEY_BOOL},
    {.name = "proxy_connect_header", .type = KEY_STRS_MAP},
};

static void check_header_names(const struct yaml *headers, struct schema_check *c)
{
    for (size_t i = 0; headers && headers->kind == YAML_MAP && i < headers->n; i++)
        if (!is_token(headers->pairs[i].key.text))
            yaml_error(c->errors, &headers->pairs[i].key, "\"%.*s\" is not a header's name",
                       STR_ARGS(str_take(headers->pairs[i].key.text, 60)));
}

static void check_proxy(const struct yaml *map, struct schema_check *c)
{
    bool from_environment = false;

    yaml_read_bool(yaml_get(map, "proxy_from_environment"), "", &from_environment, c->errors);
    if (from_environment)
        exclude(map, "proxy_from_environment", "proxy_url", c);
    if (from_environment)
        exclude(map, "proxy_from_environment", "no_proxy", c);
    if (schema_gives(map, "no_proxy") && !from_environment && !schema_gives(map, "proxy_url"))
        yaml_error(c->errors, yaml_get(map, "no_proxy"),
                   "no_proxy means nothing without proxy_url");
    if (schema_has(map, "proxy_connect_header") && !from_environment &&
        !schema_gives(map, "proxy_url"))
        yaml_error(c->errors, yaml_get(map, "proxy_connect_header"),
                   "proxy_connect_header means nothing without proxy_url or "
                   "proxy_from_environment");
    check_header_names(yaml_get(map, "proxy_connect_header"), c);
}

SCHEMA(proxy, "proxy", .check = check_proxy);

/* --- OAuth 2 ------------------------------------------------------------------------------------
 */

static const struct key oauth2_keys[] = {
    {.name = "client_id", .type = KEY_STR},
    {.name = "client_secret", .type = KEY_STR},
    {.name = "client_secret_file", .type = KEY_STR},
    {.name = "client_secret_ref", .type = KEY_STR, USE_WARNED, REF_NOTE},
    {.name = "client_certificate_key_id", .type = KEY_STR, USE_SILENT},
    {.name = "client_certificate_key", .type = KEY_STR, USE_SILENT},
    {.name = "client_certificate_key_file", .type = KEY_STR, USE_SILENT},
    {.name = "client_certificate_key_ref", .type = KEY_STR, USE_SILENT},
    {.name = "grant_type", .type = KEY_STR}, /* check_oauth2 warns of another */
    {.name = "signature_algorithm", .type = KEY_STR, USE_SILENT},
    {.name = "iss", .type = KEY_STR, USE_SILENT},
    {.name = "audience", .type = KEY_STR, USE_SILENT},
    {.name = "claims", .type = KEY_ANY, USE_SILENT},
    {.name = "scopes", .type = KEY_STRS},
    {.name = "token_url", .type = KEY_URL},
    {.name = "endpoint_params", .type = KEY_STR_MAP},
    {.name = "tls_config", .type = KEY_MAP, .sub = &schema_tls_config},
};

static void check_oauth2(const struct yaml *map, struct schema_check *c)
{
    struct str grant = schema_text(map, "grant_type");

    exclude_kinds(map, "client_secret", "client_secret_file", "client_secret_ref", c);
    if (schema_text(map, "client_id").n == 0)
        yaml_error(c->errors, map, "oauth2: client_id is missing");
    if (!schema_has(map, "token_url"))
        yaml_error(c->errors, map, "oauth2: token_url is missing");
    if (grant.n > 0 && !str_eq(grant, STR("client_credentials")) && !c->quiet)
        yaml_error(c->warnings, yaml_get(map, "grant_type"),
                   "grant_type \"%.*s\" is not served by this version: %s",
                   STR_ARGS(str_take(grant, 60)), JWT_NOTE);
}

SCHEMA(oauth2, "oauth2", .also = &proxy, .check = check_oauth2);

/* --- headers ------------------------------------------------------------------------------------
 */

static const struct key http_header_keys[] = {
    {.name = "values", .type = KEY_STRS},
    {.name = "secrets", .type = KEY_STRS},
    {.name = "files", .type = KEY_STRS},
};
SCHEMA(http_header, "a header of http_headers");

void schema_check_headers(const struct yaml *headers, struct schema_check *c)
{
    static const char *const reserved[] = {"authorization",
                                           "host",
                                           "content-encoding",
                                           "content-length",
                                           "content-type",
                                           "user-agent",
                                           "connection",
                                           "keep-alive",
                                           "proxy-authenticate",
                                           "proxy-authorization",
                                           "www-authenticate",
                                           "accept-encoding",
                                           "x-prometheus-remote-write-version",
                                           "x-prometheus-remote-read-version",
                                           "x-prometheus-scrape-timeout-seconds",
                                           "x-amz-date",
                                           "x-amz-security-token",
                                           "x-amz-content-sha256"};

    check_header_names(headers, c);
    for (size_t i = 0; headers && headers->kind == YAML_MAP && i < headers->n; i++) {
        struct str name = headers->pairs[i].key.text;

        for (size_t k = 0; k < ARRAY_LEN(reserved); k++) {
            if (name.n == strlen(reserved[k]) && strncasecmp(name.p, reserved[k], name.n) == 0)
                yaml_error(c->errors, &headers->pairs[i].key, "%s is a reserved header",
                           reserved[k]);
        }
    }
}

static void check_http_headers(const struct yaml *headers, struct schema_check *c)
{
    schema_check_headers(headers, c);
    for (size_t i = 0; headers && headers->kind == YAML_MAP && i < headers->n; i++)
        schema_check(&http_header, &headers->pairs[i].value, c);
}

/* --- a client -----------------------------------------------------------------------------------
 */

static const struct key http_client_keys[] = {
    {.name = "basic_auth", .type = KEY_MAP, .sub = &basic_auth},
    {.name = "authorization", .type = KEY_MAP, .sub = &authorization},
    {.name = "oauth2", .type = KEY_MAP, .sub = &oauth2},
    {.name = "bearer_token", .type = KEY_STR},
    {.name = "bearer_token_file", .type = KEY_STR},
    {.name = "tls_config", .type = KEY_MAP, .sub = &schema_tls_config},
    {.name = "http_headers", .type = KEY_MAP},
    {.name = "follow_redirects", .type = KEY_BOOL},
    {.name = "enable_http2", .type = KEY_BOOL, USE_SILENT},
};

static void check_http_client(const struct yaml *map, struct schema_check *c)
{
    static const char *const ways[] = {"basic_auth", "authorization", "oauth2", "bearer_token",
                                       "bearer_token_file"};
    const char *first = NULL;

    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        if (schema_gives(map, ways[i]) && first)
            yaml_error(c->errors, yaml_get(map, ways[i]), "give %s or %s, not both", first,
                       ways[i]);
        else if (schema_gives(map, ways[i]))
            first = ways[i];
    }
    check_http_headers(yaml_get(map, "http_headers"), c);
}

const struct schema schema_http_client = {.what = "http client",
                                          .keys = http_client_keys,
                                          .n = ARRAY_LEN(http_client_keys),
                                          .also = &proxy,
                                          .check = check_http_client};
