/* Any bytes: a tree that can be walked to its end, or one mistake with a place. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "text/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const struct yaml *node, unsigned depth, struct yaml_errors *errors)
{
    static const char *const keys[] = {"global", "scrape_configs"};
    size_t nodes = 1;
    bool flag;
    int64_t ms;

    assert(depth <= 2 * 64 && node->file);
    yaml_read_bool(node, "x", &flag, errors);
    yaml_read_duration(node, "x", &ms, errors);
    if (node->kind == YAML_MAP)
        (void)yaml_check_keys(node, "x", keys, 2, errors);
    for (size_t i = 0; i < node->n; i++) {
        if (node->kind == YAML_LIST) {
            nodes += walk(&node->items[i], depth + 1, errors);
        } else {
            assert(node->pairs[i].key.text.n > 0);
            nodes += 1 + walk(&node->pairs[i].value, depth + 1, errors);
        }
    }
    return nodes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct budget budget;
    SCOPED(arena_fini) struct arena a;
    struct yaml_errors errors = {.arena = &a};
    const struct yaml *root;
    struct err err = {0};

    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&a, &budget);
    if (yaml_parse(&a, "f", (struct str){(const char *)data, size}, &root, &err) < 0)
        assert(err.kind != ERR_NONE && err.text[0]);
    else
        assert(walk(root, 0, &errors) <= 3 * (size + 100000));
    return 0;
}
