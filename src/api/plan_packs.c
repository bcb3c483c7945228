#include "api/plan_packs.h"

#include "base/arena.h"
#include "base/err.h"
#include "collect/recognise/recognise.h"
#include "pack/pack.h"
#include "text/yaml.h"

/* Sources under `collect` of a pack, in words for people. */
static const struct {
    const char *key, *word;
} words[] = {{"metrics", "metrics"},   {"scrape", "metrics"}, {"json", "status"},
             {"redis", "queues"},      {"celery", "queues"},  {"postgres", "database"},
             {"process", "processes"}, {"logs", "log"},       {"gpu", "GPU"},
             {"probe", "probes"},      {"host", "this host"}};

/* "metrics, status, GPU" */
static const char *watched_by(struct arena *a, const struct pack *pack, struct err *err)
{
    const char *text = "";

    for (size_t i = 0; i < ARRAY_LEN(words) && text; i++)
        if (yaml_get(pack->collect, words[i].key) && !strstr(text, words[i].word))
            text = arena_printf(a, err, "%s%s%s", text, *text ? ", " : "", words[i].word);
    return text && !*text ? pack->about : text;
}

static int copy_http(struct arena *a, const struct pack_recognise *from, struct recogniser *out,
                     struct err *err)
{
    struct recognise_http *http = arena_new_array(a, struct recognise_http, from->http_n, err);

    if (!http)
        return -1;
    for (size_t i = 0; i < from->http_n; i++)
        http[i] = (struct recognise_http){.port = from->http[i].port,
                                          .path = from->http[i].path,
                                          .status = from->http[i].status,
                                          .match = from->http[i].match,
                                          .json = from->http[i].json};
    out->http = http;
    out->http_n = from->http_n;
    return 0;
}

static bool is_redis(const struct pack_parameter *address)
{
    return address->value && address->value->kind == YAML_SCALAR &&
           str_starts(address->value->text, STR("redis://"));
}

int plan_recognisers(struct arena *a, const struct packs *packs, struct recogniser **out, size_t *n,
                     struct err *err)
{
    *n = 0;
    *out = arena_new_array(a, struct recogniser, packs->n, err);
    if (!*out)
        return -1;
    for (size_t i = 0; i < packs->n; i++) {
        const struct pack *pack = &packs->items[i];
        const struct pack_recognise *r = &pack->recognise;
        struct recogniser *to = &(*out)[*n];

        /* One that stands for several services would be asked to watch what is not there. */
        if (!pack->address)
            continue;
        *to = (struct recogniser){.pack = pack->name,
                                  .title = pack->title,
                                  .watched = watched_by(a, pack, err),
                                  .has_redis_address = is_redis(pack->address),
                                  .processes = r->processes,
                                  .processes_n = r->processes_n,
                                  .exes = r->exes,
                                  .exes_n = r->exes_n,
                                  .ports = r->ports,
                                  .ports_n = r->ports_n,
                                  .families = r->families,
                                  .families_n = r->families_n};
        if (!to->watched || copy_http(a, r, to, err) < 0)
            return -1;
        (*n)++;
    }
    return 0;
}

const char *plan_pack_entry(struct arena *a, const struct pack *pack, const struct found *f,
                            struct err *err)
{
    SCOPED(buf_fini) struct buf url;

    buf_init(&url, 0);
    if (!pack->address || !f->url)
        return f->options ? arena_printf(a, err, "%s: {%s}", pack->name, f->options) : pack->name;
    for (const char *c = f->url; *c; c++) {
        if (*c == '\'')
            buf_addc(&url, '\'');
        buf_addc(&url, *c);
    }
    return arena_printf(a, err, "%s: {%s: '%s'%s%s}", pack->name, pack->address->name, url.p,
                        f->options ? ", " : "", f->options ? f->options : "");
}

int plan_pack_rules(struct arena *a, const struct pack *pack, const char *const **out, size_t *n,
                    struct err *err)
{
    struct str rest = pack->rules;
    const char **names = NULL;
    size_t cap = 0;

    *n = 0;
    while (rest.p && rest.n) {
        struct str line = str_trim(str_split(&rest, '\n')), name;
        bool known = false;

        if (str_starts(line, STR("- ")))
            line = str_trim(str_skip(line, 2));
        if (!str_starts(line, STR("alert:")))
            continue;
        name = str_trim(str_skip(line, 6));
        for (size_t i = 0; i < *n; i++) /* two levels of one alert */
            known |= str_eq(str_c(names[i]), name);
        if (known)
            continue;
        if (arena_grow(a, (void **)&names, &cap, *n + 1, sizeof *names, err) < 0 ||
            !(names[*n] = arena_cstr(a, name, err)))
            return -1;
        (*n)++;
    }
    *out = names;
    return 0;
}
