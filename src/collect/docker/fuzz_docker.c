/* Fuzz target: what an engine answers, and a table of interfaces. The first byte says which. What
 * is kept of it is within its bounds and sound text. */
#include <assert.h>
#include <math.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/docker/answers.h"
#include "collect/docker/usage.h"

#define LIST_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct container_list *list)
{
    assert(list->n <= LIST_MAX);
    for (size_t i = 0; i < list->n; i++) {
        const struct container_line *line = &list->items[i];

        assert(line->id.n > 0 && line->id.n <= CONTAINER_ID_MAX);
        assert(line->name.n > 0 && line->name.n <= CONTAINER_NAME_MAX);
        assert(line->image.n <= CONTAINER_IMAGE_MAX && line->state < CONTAINER_STATES);
        for (size_t k = 0; k < i; k++)
            assert(!str_eq(list->items[k].name, line->name));
    }
}

static void check_usage(const struct container_usage *usage)
{
    assert(usage->nets_n <= CONTAINER_NETS_MAX);
    assert(!usage->has_cpu || usage->cpu_s >= 0);
    assert(!usage->has_memory || usage->working_set >= 0);
    for (size_t i = 0; i < usage->nets_n; i++)
        for (size_t k = 0; k < 4; k++)
            assert(usage->nets[i].received[k] >= 0 && usage->nets[i].sent[k] >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data + 1, size - 1};
    struct container_list list;
    struct container_facts facts;
    struct container_usage usage = {.nets = NULL};
    struct budget budget;
    struct arena a;
    struct err err;

    if (size == 0)
        return 0;
    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&a, &budget);
    switch (data[0]) {
    case 'L':
        if (answers_list(text, LIST_MAX, &a, &list, &err) == 0)
            check_list(&list);
        break;
    case 'F':
        if (answers_facts(text, &a, &facts, &err) == 0)
            assert(facts.state < CONTAINER_STATES && facts.health <= HEALTH_NONE &&
                   isfinite(facts.started_s) && facts.pid != 1);
        break;
    case 'U':
        if (answers_usage(text, &a, &usage, &err) == 0)
            check_usage(&usage);
        break;
    default:
        if (usage_nets(text, &a, &usage, &err) == 0)
            check_usage(&usage);
    }
    arena_fini(&a);
    assert(budget.used_bytes == 0);
    return 0;
}
