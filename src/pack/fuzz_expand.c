/* Fuzz target: what a person writes under `packs`. Whatever comes out of it is a tree that can be
 * walked, of which every text is inside its memory. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "pack/pack.h"
#include "text/yaml.h"

#define MEMORY_MAX (64u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t walk(const struct yaml *node)
{
    uint64_t sum = node->text.n ? (unsigned char)node->text.p[node->text.n - 1] : 0;

    assert(node->kind != YAML_LIST || node->n == 0 || node->items);
    assert(node->kind != YAML_MAP || node->n == 0 || node->pairs);
    for (size_t i = 0; node->kind == YAML_LIST && i < node->n; i++)
        sum += walk(&node->items[i]);
    for (size_t i = 0; node->kind == YAML_MAP && i < node->n; i++)
        sum += walk(&node->pairs[i].key) + walk(&node->pairs[i].value);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static volatile uint64_t sink;
    const struct str text = {(const char *)data, size};
    struct yaml_errors errors = {.arena = NULL}, warnings = {.arena = NULL};
    struct pack_uses uses = {.n = 0};
    struct budget budget;
    struct arena arena;
    const struct yaml *root;
    struct err err = {0};

    budget_init(&budget, "fuzz memory", MEMORY_MAX, NULL);
    arena_init(&arena, &budget);
    errors.arena = warnings.arena = &arena;
    if (yaml_parse(&arena, "f", text, &root, &err) == 0 &&
        packs_expand(&arena, root, &errors, &warnings, &uses, &err) == 0)
        for (size_t i = 0; i < uses.n; i++)
            sink += uses.items[i].collect ? walk(uses.items[i].collect) : 0;
    (void)sink; /* read, so that no walk is left out */
    arena_fini(&arena);
    return 0;
}
