/* selectors: the vector selectors of an expression, left to right. */
#include "base/arena.h"
#include "model/source.h"
#include "promql/ast.h"
#include "promql/query.h"

struct found {
    struct arena *a;
    struct source_selector *items;
    size_t n, cap;
};

static int add(struct found *f, const struct expr *e, struct err *err)
{
    if (arena_grow(f->a, (void **)&f->items, &f->cap, f->n + 1, sizeof *f->items, err) < 0)
        return -1;
    f->items[f->n++] = (struct source_selector){e->selector.matchers, e->selector.matchers_n};
    return 0;
}

/* The depth of an expression is bounded when it is parsed. */
static int find(struct found *f, const struct expr *e, struct err *err)
{
    switch (e->kind) {
    case EXPR_SELECTOR:
        return add(f, e, err);
    case EXPR_RANGE:
        return find(f, e->range.selector, err);
    case EXPR_SUBQUERY:
        return find(f, e->subquery.inner, err);
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.args_n; i++)
            if (find(f, e->call.args[i], err) < 0)
                return -1;
        return 0;
    case EXPR_AGGREGATE:
        if (e->aggregate.param && find(f, e->aggregate.param, err) < 0)
            return -1;
        return find(f, e->aggregate.inner, err);
    case EXPR_BINARY:
        return find(f, e->binary.left, err) < 0 ? -1 : find(f, e->binary.right, err);
    case EXPR_UNARY:
        return find(f, e->unary.inner, err);
    case EXPR_PAREN:
        return find(f, e->paren, err);
    default:
        return 0;
    }
}

int promql_selectors(const struct expr *e, struct arena *a, struct source_selector **out, size_t *n,
                     struct err *err)
{
    struct found f = {.a = a};

    if (find(&f, e, err) < 0)
        return -1;
    *out = f.items;
    *n = f.n;
    return 0;
}
