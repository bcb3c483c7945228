/* The keys of a prometheus.yml that say where targets come from. */
#include "config/schema.h"

#include <strings.h>

#define SD_NOTE "no target is found this way; write them in static_configs"

static const struct key static_config_keys[] = {
    {.name = "targets", .type = KEY_STRS},
    {.name = "labels", .type = KEY_LABELS},
};

/* "host:port" and no more. With relabelling an address may be anything at first. */
void schema_check_addresses(const struct yaml *job, struct schema_check *c)
{
    const struct yaml *groups = yaml_get(job, "static_configs");

    for (size_t i = 0; groups && groups->kind == YAML_LIST && i < groups->n; i++) {
        const struct yaml *targets = yaml_get(&groups->items[i], "targets");

        for (size_t k = 0; targets && targets->kind == YAML_LIST && k < targets->n; k++) {
            const struct yaml *t = &targets->items[k];
            bool odd = false, slash = false;

            for (size_t b = 0; b < t->text.n; b++) {
                odd |= (unsigned char)t->text.p[b] <= ' ' || t->text.p[b] == 0x7f;
                slash |= t->text.p[b] == '/';
            }
            if (odd || t->kind != YAML_SCALAR || t->text.n == 0)
                yaml_error(c->errors, t, "a target must be host:port, without blanks");
            else if (slash && !schema_has(job, "relabel_configs"))
                yaml_error(c->errors, t,
                           "\"%.*s\" is not a valid hostname: write host:port here, the scheme "
                           "as scheme: https and the path as metrics_path: /path",
                           STR_ARGS(str_take(t->text, 100)));
        }
    }
}

SCHEMA(static_config, "static_configs");

static const struct key http_sd_keys[] = {
    {.name = "url", .type = KEY_URL},
    {.name = "refresh_interval", .type = KEY_DURATION},
};

/* Looking again at once, for ever, is not meant. */
static void check_refresh(const struct yaml *map, struct schema_check *c)
{
    int64_t ms = 1;

    yaml_read_duration(yaml_get(map, "refresh_interval"), "", &ms, c->errors);
    if (ms == 0)
        yaml_error(c->errors, yaml_get(map, "refresh_interval"),
                   "refresh_interval: more than 0s, like 1m");
}

static void check_http_sd(const struct yaml *map, struct schema_check *c)
{
    check_refresh(map, c);
    if (!schema_has(map, "url"))
        yaml_error(c->errors, map, "http_sd_configs: url is missing");
}

SCHEMA(http_sd, "http_sd_configs", .also = &schema_http_client, .check = check_http_sd);

static const struct key file_sd_keys[] = {
    {.name = "files", .type = KEY_STRS},
    {.name = "refresh_interval", .type = KEY_DURATION},
};

static bool is_target_file(struct str path)
{
    static const char *const endings[] = {".json", ".yml", ".yaml", ".JSON", ".YML", ".YAML"};
    const char *star = path.n ? memchr(path.p, '*', path.n) : NULL;

    if (star && memchr(star, '/', (size_t)(path.p + path.n - star)))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends(path, str_c(endings[i])))
            return true;
    return false;
}

static void check_file_sd(const struct yaml *map, struct schema_check *c)
{
    const struct yaml *files = yaml_get(map, "files");

    check_refresh(map, c);
    if (!files || files->n == 0)
        yaml_error(c->errors, files ? files : map, "file_sd_configs: files is missing or empty");
    for (size_t i = 0; files && files->kind == YAML_LIST && i < files->n; i++)
        if (!is_target_file(files->items[i].text))
            yaml_error(c->errors, &files->items[i],
                       "files: \"%.*s\" does not end in .json, .yml or .yaml, or has a * elsewhere "
                       "than in its last part",
                       STR_ARGS(str_take(files->items[i].text, 100)));
}

SCHEMA(file_sd, "file_sd_configs", .check = check_file_sd);

static const struct key dns_sd_keys[] = {
    {.name = "names", .type = KEY_STRS},
    {.name = "type", .type = KEY_STR},
    {.name = "port", .type = KEY_ANY}, /* check_dns_sd */
    {.name = "refresh_interval", .type = KEY_DURATION},
};

static void check_dns_sd(const struct yaml *map, struct schema_check *c)
{
    static const char *const types[] = {"SRV", "A", "AAAA", "MX", "NS"};
    const struct yaml *names = yaml_get(map, "names");
    struct str type = schema_text(map, "type");
    int64_t port = 0;
    bool known = type.n == 0;

    check_refresh(map, c);
    if (!names || names->n == 0)
        yaml_error(c->errors, names ? names : map, "dns_sd_configs: names is missing or empty");
    for (size_t i = 0; names && names->kind == YAML_LIST && i < names->n; i++)
        if (names->items[i].text.n == 0)
            yaml_error(c->errors, &names->items[i], "dns_sd_configs: a name is empty");
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        known |= type.n == strlen(types[i]) && strncasecmp(type.p, types[i], type.n) == 0;
    if (!known)
        yaml_error(c->errors, yaml_get(map, "type"),
                   "dns_sd_configs: unknown type \"%.*s\" (there are SRV, A, AAAA, MX and NS)",
                   STR_ARGS(str_take(type, 60)));
    yaml_read_i64(yaml_get(map, "port"), "port", 0, 65535, &port, c->errors);
    if (known && type.n > 0 && strncasecmp(type.p, "srv", type.n) != 0 && port == 0)
        yaml_error(c->errors, yaml_get(map, "type"),
                   "dns_sd_configs: type %.*s wants a port; only SRV records hold one",
                   STR_ARGS(type));
}

SCHEMA(dns_sd, "dns_sd_configs", .check = check_dns_sd);

#define SD(name_)                                                                                  \
    {                                                                                              \
        .name = name_ "_sd_configs", .type = KEY_MAPS, USE_WARNED, SD_NOTE                         \
    }

static const struct key discovery_keys[] = {
    {.name = "static_configs", .type = KEY_MAPS, .sub = &static_config},
    {.name = "http_sd_configs", .type = KEY_MAPS, .sub = &http_sd},
    {.name = "file_sd_configs", .type = KEY_MAPS, .sub = &file_sd},
    {.name = "dns_sd_configs", .type = KEY_MAPS, .sub = &dns_sd},
    SD("aws"),
    SD("azure"),
    SD("consul"),
    SD("digitalocean"),
    SD("docker"),
    SD("dockerswarm"),
    SD("ec2"),
    SD("eureka"),
    SD("gce"),
    SD("hetzner"),
    SD("ionos"),
    SD("kubernetes"),
    SD("kuma"),
    SD("lightsail"),
    SD("linode"),
    SD("marathon"),
    SD("nerve"),
    SD("nomad"),
    SD("oci"),
    SD("openstack"),
    SD("outscale"),
    SD("ovhcloud"),
    SD("puppetdb"),
    SD("scaleway"),
    SD("serverset"),
    SD("stackit"),
    SD("triton"),
    SD("uyuni"),
    SD("vultr"),
};
const struct schema schema_discovery = {.what = "discovery",
                                        .keys = discovery_keys,
                                        .n = ARRAY_LEN(discovery_keys),
                                        .also = &schema_http_client};
