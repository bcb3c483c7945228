/* Where the targets of a job are found: file_sd_configs, http_sd_configs, dns_sd_configs. What
 * contradicts itself was told by schema_discovery.c. */
#include <strings.h>

#include "config/internal.h"
#include "config/schema.h"

/* The entries of a list of maps; *n 0 when the key is not there. */
static const struct yaml *entries(const struct yaml *job, const char *key, size_t *n)
{
    const struct yaml *list = yaml_get(job, key);

    *n = list && list->kind == YAML_LIST ? list->n : 0;
    return *n ? list->items : NULL;
}

static int64_t read_refresh(struct config_builder *b, const struct yaml *map, int64_t otherwise_ms)
{
    yaml_read_duration(yaml_get(map, "refresh_interval"), "", &otherwise_ms, &b->errors);
    return otherwise_ms;
}

static void read_files(struct config_builder *b, const struct yaml *job, struct scrape_job *out)
{
    size_t n;
    const struct yaml *maps = entries(job, "file_sd_configs", &n);
    struct file_discovery *all = builder_array(b, n, sizeof *all);

    for (size_t i = 0; all && i < n; i++) {
        all[i].globs = builder_texts(b, yaml_get(&maps[i], "files"), builder_path, &all[i].globs_n);
        all[i].refresh_ms = read_refresh(b, &maps[i], 300000);
    }
    out->files = all;
    out->files_n = n;
}

static void read_https(struct config_builder *b, const struct yaml *job, struct scrape_job *out)
{
    size_t n;
    const struct yaml *maps = entries(job, "http_sd_configs", &n);
    struct http_discovery *all = builder_array(b, n, sizeof *all);

    for (size_t i = 0; all && i < n; i++) {
        all[i].url = builder_text(b, &maps[i], "url", "");
        all[i].shown_url = mask_url(b->arena, schema_text(&maps[i], "url"), &b->err);
        b->failed |= !all[i].shown_url;
        all[i].refresh_ms = read_refresh(b, &maps[i], 60000);
        all[i].client = client_read(b, &maps[i]);
    }
    out->https = all;
    out->https_n = n;
}

static enum dns_type read_type(const struct yaml *map)
{
    static const char *const types[] = {
        [DNS_SRV] = "SRV", [DNS_A] = "A", [DNS_AAAA] = "AAAA", [DNS_MX] = "MX", [DNS_NS] = "NS"};
    struct str text = schema_text(map, "type");

    for (enum dns_type t = DNS_SRV; t < DNS_TYPES; t++)
        if (text.n == strlen(types[t]) && strncasecmp(text.p, types[t], text.n) == 0)
            return t;
    return DNS_SRV;
}

static void read_dnss(struct config_builder *b, const struct yaml *job, struct scrape_job *out)
{
    size_t n;
    const struct yaml *maps = entries(job, "dns_sd_configs", &n);
    struct dns_discovery *all = builder_array(b, n, sizeof *all);

    for (size_t i = 0; all && i < n; i++) {
        int64_t port = 0;

        all[i].names = builder_texts(b, yaml_get(&maps[i], "names"), builder_item, &all[i].names_n);
        all[i].type = read_type(&maps[i]);
        yaml_read_i64(yaml_get(&maps[i], "port"), "port", 0, UINT16_MAX, &port, &b->errors);
        all[i].port = (uint16_t)port;
        all[i].refresh_ms = read_refresh(b, &maps[i], 30000);
    }
    out->dnss = all;
    out->dnss_n = n;
}

void discovery_read(struct config_builder *b, const struct yaml *node, struct scrape_job *job)
{
    read_files(b, node, job);
    read_https(b, node, job);
    read_dnss(b, node, job);
}
