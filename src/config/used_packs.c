/* `packs`: what their entries stand for is read like what stands under `collect`. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "collect/entry_settings.h"
#include "config/internal.h"
#include "config/schema.h"

void used_packs_find(struct config_builder *b, const struct yaml *packs)
{
    struct schema_check check = {&b->errors, &b->warnings, false};
    struct pack_uses *uses = &b->config->packs;

    if (!packs || packs->kind == YAML_NULL)
        return;
    if (!b->packs) {
        yaml_error(&b->errors, packs, "packs: there are none in this program");
        return;
    }
    if (b->packs->expand(b->arena, packs, &b->errors, &b->warnings, uses, &b->err) < 0)
        b->failed = true;
    for (size_t i = 0; i < uses->n; i++) {
        const struct pack_use *use = &uses->items[i];
        size_t before = b->errors.n;

        if (use->collect)
            schema_check(&schema_collect, use->collect, &check);
        if (use->host)
            schema_check(&schema_hosts, use->host, &check);
        used_packs_relocate(b, before, use);
    }
}

void used_packs_relocate(struct config_builder *b, size_t before, const struct pack_use *use)
{
    for (size_t i = before; i < b->errors.n; i++) {
        struct err *err = &b->errors.items[i];

        if (strcmp(err->file, use->at->file) == 0)
            continue;
        (void)err_context(err, "the pack %s", use->name);
        err->at = use->at->at;
        (void)snprintf(err->file, sizeof err->file, "%s", use->at->file);
    }
}

static void told_twice(struct config_builder *b, const char *key, const struct yaml *at,
                       const struct yaml *other)
{
    yaml_error(&b->errors, at,
               "options of collect.%s are given here and in %s:%u; give them in one place", key,
               other->file, other->at.line);
}

/* Those of a person count, and else the first that has options. */
const struct yaml *used_packs_machine_map(struct config_builder *b, const struct yaml *collect,
                                          const char *key)
{
    const struct pack_uses *uses = &b->config->packs;
    const struct yaml *own = yaml_get(collect, key), *found = own, *found_at = own;

    for (size_t i = 0; i < uses->n; i++) {
        const struct yaml *map = yaml_get(uses->items[i].collect, key);

        if (!map)
            continue;
        if (map->n > 0 && found && (found == own || found->n > 0)) {
            told_twice(b, key, uses->items[i].at, found_at);
        } else if (!found || (found != own && map->n > 0)) {
            found = map;
            found_at = uses->items[i].at;
        }
    }
    return found;
}

void used_packs_read(struct config_builder *b)
{
    const struct pack_uses *uses = &b->config->packs;

    for (size_t i = 0; i < uses->n; i++) {
        size_t before = b->errors.n;

        b->use = &uses->items[i];
        if (!b->use->host)
            used_packs_note(b, b->use, NULL);
        entries_read(b, b->use->collect);
        used_packs_relocate(b, before, b->use);
    }
    b->use = NULL;
}

void used_packs_note(struct config_builder *b, const struct pack_use *use, const char *host)
{
    if (arena_grow(b->arena, (void **)&b->uses, &b->uses_cap, b->uses_n + 1, sizeof *b->uses,
                   &b->err) < 0) {
        b->failed = true;
        return;
    }
    b->uses[b->uses_n] = *use;
    b->uses[b->uses_n++].host_name = host;
}

static void note_by_name(struct config_builder *b, const char *name)
{
    const struct pack_use use = {.name = name};

    for (size_t i = 0; i < b->uses_n; i++)
        if (strcmp(b->uses[i].name, name) == 0)
            return;
    used_packs_note(b, &use, NULL);
}

void used_packs_rules(struct config_builder *b, bool watch)
{
    struct config *c = b->config;
    struct pack_rules_wanted wanted = {.node_job = c->host.job, .warnings = &b->warnings};

    c->pack_rules = "groups: []\n";
    if (watch)
        note_by_name(b, "earshot");
    wanted.uses = b->uses;
    wanted.n = b->uses_n;
    wanted.reserves = b->reserves;
    wanted.reserves_n = b->reserves_n;
    if (b->packs && b->uses_n > 0 &&
        b->packs->rules(b->arena, &wanted, &c->pack_rules, &b->err) < 0)
        b->failed = true;
}

void used_packs_defaults(struct config_builder *b)
{
    note_by_name(b, "host");
    note_by_name(b, "gpu");
}
