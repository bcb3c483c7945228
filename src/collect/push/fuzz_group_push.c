/* A path up to the first newline, then a body: key, families, the groups as bytes and back. */
#include <assert.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/group_body.h"
#include "collect/push/group_key.h"
#include "collect/push/groups.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void push(struct push_groups *groups, struct str path, struct str body,
                 struct budget *budget, struct arena *a)
{
    struct group_body families;
    struct group_key key, again;
    struct err err = {.kind = ERR_NONE};

    if (group_key_read(path, a, &key, &err) < 0) {
        assert(err.kind != ERR_NONE);
        return;
    }
    assert(group_key_of_text(key.text, a, &again, &err) == 0 && str_eq(key.text, again.text));
    if (group_body_read(body, &key, budget, a, &families, &err) < 0) {
        assert(err.kind != ERR_NONE);
        return;
    }
    (void)!push_groups_push(groups, &key, &families, GROUPS_PUT, 1000, &err);
    group_body_fini(&families);
}

/* What was written reads as the same. */
static void write_and_read(struct push_groups *groups, struct budget *budget)
{
    SCOPED(buf_fini) struct buf bytes = {.p = NULL};
    struct push_groups *again = push_groups_new(budget);
    struct err err;

    push_groups_write(groups, &bytes);
    assert(push_groups_read(again, buf_str(&bytes), &err) == 0);
    assert(push_groups_count(again).groups == push_groups_count(groups).groups);
    assert(push_groups_count(again).series == push_groups_count(groups).series);
    push_groups_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str body = {(const char *)data, size}, path = str_split(&body, '\n');
    struct budget budget;
    struct arena arena;
    struct push_groups *groups;

    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&arena, &budget);
    groups = push_groups_new(&budget);
    (void)!push_groups_read(groups, (struct str){(const char *)data, size}, NULL);
    push(groups, path, body.p ? body : STR(""), &budget, &arena);
    write_and_read(groups, &budget);
    push_groups_free(groups);
    arena_fini(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
