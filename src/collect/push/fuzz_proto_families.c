/* Whatever bytes come as protobuf, they are refused, or become text that the plain parser takes, or
 * refuses with its place. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/push/group_body.h"
#include "collect/push/group_key.h"
#include "collect/push/proto_families.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SCOPED(buf_fini) struct buf text = {.p = NULL};
    struct err err = {.kind = ERR_NONE};
    struct budget budget;
    struct arena arena, scratch;
    struct group_key key;
    struct group_body body;

    budget_init(&budget, "fuzz", 64u << 20, NULL);
    arena_init(&arena, &budget);
    arena_init(&scratch, &budget);
    if (proto_families_to_text((struct str){(const char *)data, size}, &scratch, &text, &err) < 0)
        assert(err.kind != ERR_NONE);
    else if (group_key_read(STR("/metrics/job/j"), &arena, &key, &err) == 0 &&
             group_body_read(buf_str(&text), &key, &budget, &arena, &body, &err) == 0)
        group_body_fini(&body);
    arena_fini(&scratch);
    arena_fini(&arena);
    assert(budget.used_bytes == 0);
    return 0;
}
