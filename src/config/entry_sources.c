/* What a pack asks is asked by nobody else: two readings of one source would be two truths. */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "model/labels.h"
#include "pack/pack_settings.h"

struct entry_source {
    const char *kind; /* what asks one way is one kind: "http", "redis" */
    const char *host; /* of the entry of `hosts`, from where it is asked; NULL: from here */
    const char *place;
    const char *key; /* "collect.json" */
    const struct yaml *at;
    const struct pack_use *use; /* NULL: a person's own entry */
};

static void add(struct config_builder *b, const struct entry_source *source)
{
    if (arena_grow(b->arena, (void **)&b->sources, &b->sources_cap, b->sources_n + 1,
                   sizeof *b->sources, &b->err) < 0)
        b->failed = true;
    else
        b->sources[b->sources_n++] = *source;
}

void entries_note_source(struct config_builder *b, const struct yaml *node,
                         const struct entry_settings *entry, const char *place)
{
    static const char *const over_http[] = {"json", "metrics", "nginx"};
    const char *kind = entry->kind;

    for (size_t i = 0; i < ARRAY_LEN(over_http); i++)
        if (entry->url && strcmp(kind, over_http[i]) == 0)
            kind = "http";
    if (place)
        add(b, &(struct entry_source){.kind = kind,
                                      .host = b->host,
                                      .place = place,
                                      .key = entry->kind,
                                      .at = b->use ? b->use->at : node,
                                      .use = b->use});
}

/* The targets that a scrape job lists itself. */
static void note_job(struct config_builder *b, const struct scrape_job *job)
{
    for (size_t i = 0; i < job->static_groups_n; i++) {
        const struct target_group *group = &job->static_groups[i];

        for (size_t k = 0; k < group->targets_n; k++) {
            struct str address = labels_get(group->targets[k], STR("__address__"));
            const char *place = arena_printf(b->arena, &b->err, "%s://%.*s%s", job->scheme,
                                             STR_ARGS(address), job->metrics_path);

            b->failed |= !place;
            if (place)
                add(b, &(struct entry_source){
                           .kind = "http", .host = job->host, .place = place, .key = "scrape"});
        }
    }
}

static bool is_same_host(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const struct entry_source *find_other(const struct config_builder *b, size_t i)
{
    const struct entry_source *s = &b->sources[i];

    for (size_t k = 0; k < b->sources_n; k++) {
        const struct entry_source *other = &b->sources[k];

        if (k != i && !other->use && strcmp(other->kind, s->kind) == 0 &&
            is_same_host(other->host, s->host) && strcmp(other->place, s->place) == 0)
            return other;
    }
    return NULL;
}

static void tell(struct config_builder *b, const struct entry_source *s,
                 const struct entry_source *other)
{
    const char *shown = mask_url(b->arena, str_c(s->place), &b->err);
    char where[160] = "";

    b->failed |= !shown;
    if (other->at)
        (void)snprintf(where, sizeof where, " (%.120s:%u)", other->at->file, other->at->at.line);
    yaml_error(&b->errors, s->at,
               "the pack %s asks %.200s, which collect.%s%s asks too; leave one of them out",
               s->use->name, shown ? shown : "", other->key, where);
}

void entries_check_sources(struct config_builder *b)
{
    if (b->config->packs.n == 0)
        return;
    for (size_t i = 0; i < b->config->jobs_n; i++)
        note_job(b, &b->config->jobs[i]);
    for (size_t i = 0; i < b->sources_n; i++) {
        const struct entry_source *other = b->sources[i].use ? find_other(b, i) : NULL;

        if (other)
            tell(b, &b->sources[i], other);
    }
}
