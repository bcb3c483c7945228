/* binary: operators between scalars, and between a vector and a scalar. match.c has the rest. */
#include <math.h>
#include <string.h>

#include "base/err.h"
#include "promql/eval.h"
#include "promql/functions/calls.h"

bool binary_changes_meaning(enum token op)
{
    return op >= TOK_ADD && op <= TOK_ATAN2;
}

static bool compare(enum token op, double l, double r)
{
    switch (op) {
    case TOK_EQLC:
        return l == r;
    case TOK_NEQ:
        return l != r;
    case TOK_LTE:
        return l <= r;
    case TOK_LSS:
        return l < r;
    case TOK_GTE:
        return l >= r;
    default:
        return l > r;
    }
}

double binary_scalar(enum token op, double l, double r)
{
    switch (op) {
    case TOK_ADD:
        return l + r;
    case TOK_SUB:
        return l - r;
    case TOK_MUL:
        return l * r;
    case TOK_DIV:
        return l / r;
    case TOK_MOD:
        return fmod(l, r);
    case TOK_POW:
        return pow(l, r);
    case TOK_ATAN2:
        return atan2(l, r);
    default:
        return compare(op, l, r);
    }
}

double binary_element(enum token op, double l, double r, bool *keep)
{
    *keep = true;
    if (!token_is_comparison(op))
        return binary_scalar(op, l, r);
    *keep = compare(op, l, r);
    return l;
}

struct scalar_side {
    enum token op;
    const double *scalar; /* by step */
    bool scalar_left, returns_bool;
};

static void apply_scalar(const void *arg, const struct grid *grid, double *column)
{
    const struct scalar_side *side = arg;

    for (size_t i = 0; i < grid->n; i++) {
        double v = column[i], s = side->scalar[i];
        bool keep;

        if (is_absent(v))
            continue;
        if (!token_is_comparison(side->op)) {
            column[i] =
                side->scalar_left ? binary_scalar(side->op, s, v) : binary_scalar(side->op, v, s);
            continue;
        }
        /* The vector's value stays, on whichever side it stands. */
        keep = side->scalar_left ? compare(side->op, s, v) : compare(side->op, v, s);
        column[i] = side->returns_bool ? keep : keep ? v : ABSENT;
    }
}

/* Histograms can be trimmed, floats cannot. */
static int trim_floats(struct eval *ev, const struct grid *grid, const struct expr *e, bool any,
                       struct stream **out, struct err *err)
{
    SCOPED(matrix_fini) struct matrix m = {0};
    const char *op = token_text(e->binary.op);

    if (any && annotate_info(&ev->notes, e, err,
                             "incompatible sample types encountered for binary operator \"%s\": "
                             "float %s float",
                             op, op) < 0)
        return -1;
    matrix_init(&m, ev, grid);
    return matrix_stream(&m, out, err);
}

static int vector_scalar(struct eval *ev, const struct grid *grid, const struct expr *e,
                         bool scalar_left, struct stream **out, struct err *err)
{
    const struct expr *vector = scalar_left ? e->binary.right : e->binary.left;
    const struct expr *scalar = scalar_left ? e->binary.left : e->binary.right;
    SCOPED(stream_closep) struct stream *s = NULL;
    struct scalar_side *side;
    double *values;

    if (eval_vector(ev, grid, vector, &s, err) < 0)
        return -1;
    if (e->binary.op == TOK_TRIM_LOWER || e->binary.op == TOK_TRIM_UPPER)
        return trim_floats(ev, grid, e, s->n > 0, out, err);
    if ((binary_changes_meaning(e->binary.op) || e->binary.returns_bool) &&
        stream_drop_names(&s, false, err) < 0)
        return -1;
    side = arena_new(&s->arena, struct scalar_side, err);
    if (!side || eval_scalar(ev, grid, scalar, &s->arena, &values, err) < 0)
        return -1;
    *side = (struct scalar_side){e->binary.op, values, scalar_left, e->binary.returns_bool};
    if (stream_map(&s, apply_scalar, side, err) < 0)
        return -1;
    *out = take(s);
    return 0;
}

int eval_binary(struct eval *ev, const struct grid *grid, const struct expr *e, struct stream **out,
                struct err *err)
{
    if (promql_type_of(e->binary.left) == PROMQL_SCALAR)
        return vector_scalar(ev, grid, e, true, out, err);
    if (promql_type_of(e->binary.right) == PROMQL_SCALAR)
        return vector_scalar(ev, grid, e, false, out, err);
    if (e->binary.op == TOK_TRIM_LOWER || e->binary.op == TOK_TRIM_UPPER)
        return trim_floats(ev, grid, e, true, out, err);
    if (token_is_set_operator(e->binary.op))
        return match_set(ev, grid, e, out, err);
    return match_open(ev, grid, e, out, err);
}
