#include "http/route.h"

#include <assert.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/mem.h"

static const struct {
    unsigned bit;
    const char *name;
} methods[] = {{HTTP_GET, "GET"}, {HTTP_GET, "HEAD"},      {HTTP_POST, "POST"},
               {HTTP_PUT, "PUT"}, {HTTP_DELETE, "DELETE"}, {HTTP_OPTIONS, "OPTIONS"}};

unsigned routes_method(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (str_eq(name, str_c(methods[i].name)))
            return methods[i].bit;
    return 0;
}

void routes_allow(unsigned allowed, char out[64])
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(methods); i++)
        if (allowed & methods[i].bit)
            n += (size_t)snprintf(out + n, 64 - n, "%s%s", n ? ", " : "", methods[i].name);
    assert(n < 64);
}

void routes_init(struct routes *t)
{
    *t = (struct routes){0};
    map_init(&t->exact);
}

static void free_entries(struct route_entry *e)
{
    while (e) {
        struct route_entry *next = e->next;

        mem_free(e);
        e = next;
    }
}

void routes_fini(struct routes *t)
{
    struct route_entry *e;

    for (size_t at = 0; (e = map_next(&t->exact, &at));)
        free_entries(e);
    map_fini(&t->exact);
    for (size_t i = 0; i < t->prefixes_n; i++)
        free_entries(t->prefixes[i]);
    mem_free(t->prefixes);
}

static bool is_path(const void *item, const void *key)
{
    return str_eq(((const struct route_entry *)item)->path, *(const struct str *)key);
}

static void add_exact(struct routes *t, struct route_entry *e)
{
    struct route_entry *first = map_get(&t->exact, hash_str(e->path), &e->path, is_path);

    if (!first) {
        map_put(&t->exact, hash_str(e->path), e);
        return;
    }
    while (first->next)
        first = first->next;
    first->next = e;
}

static void add_prefix(struct routes *t, struct route_entry *e)
{
    size_t at = 0;

    while (at < t->prefixes_n && t->prefixes[at]->path.n > e->path.n)
        at++;
    for (size_t i = at; i < t->prefixes_n && t->prefixes[i]->path.n == e->path.n; i++)
        if (str_eq(t->prefixes[i]->path, e->path)) {
            e->next = t->prefixes[i]->next;
            t->prefixes[i]->next = e;
            return;
        }
    t->prefixes = mem_grow(t->prefixes, &t->prefixes_cap, t->prefixes_n + 1, sizeof *t->prefixes);
    memmove(t->prefixes + at + 1, t->prefixes + at, (t->prefixes_n - at) * sizeof *t->prefixes);
    t->prefixes[at] = e;
    t->prefixes_n++;
}

void routes_add(struct routes *t, const struct http_route *route)
{
    struct route_entry *e = mem_new(struct route_entry);

    assert(route->path[0] == '/' && route->handler && route->methods);
    e->path = str_c(route->path);
    e->copy = *route;
    e->route = &e->copy;
    if (e->path.p[e->path.n - 1] == '*') {
        e->path.n--;
        add_prefix(t, e);
    } else {
        add_exact(t, e);
    }
}

void routes_add_asset(struct routes *t, const struct http_asset *asset)
{
    struct route_entry *e = mem_new(struct route_entry);

    e->path = str_c(asset->path);
    e->asset = asset;
    add_exact(t, e);
}

static struct route_found pick(const struct route_entry *e, unsigned method)
{
    struct route_found found = {.methods = 0};

    for (; e; e = e->next) {
        unsigned served = e->route ? e->route->methods : HTTP_GET;

        found.methods |= served;
        if (!(served & method) || found.route || found.asset)
            continue;
        found.route = e->route;
        found.asset = e->asset;
    }
    return found;
}

struct route_found routes_find(const struct routes *t, struct str path, unsigned method)
{
    const struct route_entry *e = map_get(&t->exact, hash_str(path), &path, is_path);

    for (size_t i = 0; !e && i < t->prefixes_n; i++)
        if (str_starts(path, t->prefixes[i]->path))
            e = t->prefixes[i];
    return pick(e, method);
}
