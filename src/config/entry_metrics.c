/* An entry of collect.metrics or collect.nginx: one URL, as one target. */
#include <string.h>

#include "base/arena.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "config/schema.h"

/* host:port of a URL, as it is written there, without user and password. */
static struct str authority_of(struct str url)
{
    const char *start = url.n ? memmem(url.p, url.n, "://", 3) : NULL;
    struct str rest = start ? str_skip(url, (size_t)(start + 3 - url.p)) : url;
    const char *at;
    size_t n = 0;

    while (n < rest.n && !strchr("/?#", rest.p[n]))
        n++;
    rest = str_take(rest, n);
    at = rest.n ? memrchr(rest.p, '@', rest.n) : NULL;
    return at ? str_skip(rest, (size_t)(at + 1 - rest.p)) : rest;
}

const char *entry_instance_of(struct config_builder *b, struct str url)
{
    struct str host = authority_of(url);
    const char *colon = host.n ? memrchr(host.p, ':', host.n) : NULL, *p;

    if (colon && !memchr(colon, ']', (size_t)(host.p + host.n - colon)))
        return builder_copy(b, host);
    p = arena_printf(b->arena, &b->err, "%.*s:%s", STR_ARGS(host),
                     str_starts(url, STR("https:")) ? "443" : "80");
    b->failed |= !p;
    return p;
}

const char *entry_exposition_url(struct config_builder *b, const char *given)
{
    const char *start = strstr(given, "://"), *path, *url;

    path = start ? strpbrk(start + 3, "/?#") : NULL;
    if (path && strcmp(path, "/") != 0)
        return given;
    url = arena_printf(b->arena, &b->err, "%s%s", given, path ? "metrics" : "/metrics");
    b->failed |= !url;
    return url;
}

/* Pairs of names that mean the same. */
static void read_aliases(struct config_builder *b, const struct yaml *map,
                         struct metric_aliases *out)
{
    struct metric_alias *items;

    if (!map || map->kind != YAML_MAP || !map->n)
        return;
    items = builder_array(b, map->n, sizeof *items);
    for (size_t i = 0; items && i < map->n; i++) {
        items[i].names[0] = str_c(builder_copy(b, map->pairs[i].key.text));
        items[i].names[1] = str_c(builder_copy(b, map->pairs[i].value.text));
        if (str_eq(items[i].names[0], items[i].names[1]))
            yaml_error(&b->errors, &map->pairs[i].value,
                       "aliases: %.*s is the other name of itself",
                       STR_ARGS(str_take(items[i].names[0], 100)));
    }
    *out = (struct metric_aliases){items, items ? map->n : 0};
}

const void *entry_read_metrics(struct config_builder *b, const struct yaml *node,
                               struct entry_settings *entry)
{
    entry->url = builder_text(b, node, "url", NULL);
    read_aliases(b, yaml_get(node, "aliases"), &entry->aliases);
    if (entry->url && strcmp(entry->kind, "metrics") == 0)
        entry->url = entry_exposition_url(b, entry->url);
    if (entry->url)
        entry->name = entry->instance = entry_instance_of(b, str_c(entry->url));
    else
        yaml_error(&b->errors, node, "collect.%s: url is missing", entry->kind);
    return NULL; /* nothing of its own */
}
