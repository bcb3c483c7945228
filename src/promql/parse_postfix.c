/* parse_postfix: what stands behind: [range], [range:step], offset, @, anchored, smoothed. */
#include <math.h>

#include "promql/format.h"
#include "promql/parser.h"

static int64_t ms_of_seconds(double seconds)
{
    return (int64_t)round(seconds * 1e9) / 1000000;
}

/* A literal becomes milliseconds, arithmetic stays for later. */
static void set_duration(struct expr *d, int64_t *ms, struct expr **expr)
{
    if (d->kind == EXPR_NUMBER)
        *ms = ms_of_seconds(d->number.value);
    else
        *expr = d;
}

static int parse_positive_duration(struct parser *p, struct expr **out)
{
    struct expr *d;

    if (parse_duration(p, &d) < 0)
        return -1;
    if (d->kind == EXPR_NUMBER && d->number.value <= 0)
        return parser_fail(p, d->start, d->end, "duration must be greater than 0");
    *out = d;
    return 0;
}

static int parse_range(struct parser *p, struct expr *of, uint32_t bracket, struct expr *length,
                       struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_RANGE, of->start, p->item.end);
    const char *wrong = NULL;

    if (!e)
        return -1;
    if (of->kind != EXPR_SELECTOR)
        wrong = "ranges only allowed for vector selectors";
    else if (of->selector.timing.offset_ms || of->selector.timing.offset_expr)
        wrong = "no offset modifiers allowed before range";
    else if (of->selector.timing.at != AT_NONE)
        wrong = "no @ modifiers allowed before range";
    if (wrong)
        return parser_fail(p, bracket, p->item.end, "%s", wrong);
    e->range.selector = of;
    set_duration(length, &e->range.range_ms, &e->range.range_expr);
    *out = e;
    return parser_depth(p, e, of, NULL);
}

static int parse_subquery(struct parser *p, struct expr *of, struct expr *length, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_SUBQUERY, of->start, p->item.end);
    struct expr *step;

    if (!e || parser_advance(p) < 0)
        return -1;
    e->subquery.inner = of;
    set_duration(length, &e->subquery.range_ms, &e->subquery.range_expr);
    if (p->item.token != TOK_RIGHT_BRACKET) {
        p->duration_context = "subquery selector";
        p->duration_expected = "number, duration, step(), range(), or \"]\"";
        if (p->item.token == TOK_COLON)
            return parser_unexpected(p, p->duration_context, p->duration_expected);
        if (parse_positive_duration(p, &step) < 0)
            return -1;
        set_duration(step, &e->subquery.step_ms, &e->subquery.step_expr);
        if (p->item.token != TOK_RIGHT_BRACKET)
            return parser_unexpected(p, "subquery selector", "\"]\"");
    }
    e->end = p->item.end;
    *out = e;
    return parser_depth(p, e, of, NULL);
}

static int parse_brackets(struct parser *p, struct expr *of, struct expr **out)
{
    uint32_t bracket = p->item.start;
    struct expr *length;
    int status;

    if (parser_advance(p) < 0)
        return -1;
    p->duration_context = "subquery or range selector";
    p->duration_expected = DURATION_ITEMS;
    if (p->item.token == TOK_RIGHT_BRACKET || p->item.token == TOK_COLON)
        return parser_unexpected(p, p->duration_context, p->duration_expected);
    if (parse_positive_duration(p, &length) < 0)
        return -1;
    if (p->item.token == TOK_RIGHT_BRACKET)
        status = parse_range(p, of, bracket, length, out);
    else if (p->item.token == TOK_COLON)
        status = parse_subquery(p, of, length, out);
    else
        return parser_unexpected(p, "subquery or range", "\":\" or \"]\"");
    return status < 0 ? -1 : parser_advance(p);
}

/* The timing an offset or @ behind `e` changes, NULL when there is none. */
static struct timing *timing_of(struct expr *e)
{
    switch (e->kind) {
    case EXPR_SELECTOR:
        return &e->selector.timing;
    case EXPR_RANGE:
        return &e->range.selector->selector.timing;
    case EXPR_SUBQUERY:
        return &e->subquery.timing;
    default:
        return NULL;
    }
}

static int parse_offset_modifier(struct parser *p, struct expr *e)
{
    struct timing *timing = timing_of(e);
    struct expr *d;

    if (parser_advance(p) < 0 || parse_offset(p, &d) < 0)
        return -1;
    if (!timing)
        return parser_fail(p, e->start, e->end,
                           "offset modifier must be preceded by an instant vector selector or "
                           "range vector selector or a subquery");
    if (timing->offset_ms || timing->offset_expr)
        return parser_fail(p, e->start, e->end, "offset may not be set multiple times");
    set_duration(d, &timing->offset_ms, &timing->offset_expr);
    e->end = p->last_closing;
    return 0;
}

static int parse_at_time(struct parser *p, struct expr *e, struct timing *timing)
{
    bool negative = p->item.token == TOK_SUB, is_duration;
    char shown[FORMAT_TEXT_MAX];
    double v;

    if ((p->item.token == TOK_ADD || p->item.token == TOK_SUB) && parser_advance(p) < 0)
        return -1;
    if (p->item.token != TOK_NUMBER && p->item.token != TOK_DURATION)
        return parser_unexpected(p, "@", "timestamp");
    if (parser_number(p, &v, &is_duration) < 0)
        return -1;
    v = negative ? -v : v;
    if (!timing)
        return 0;
    if (!isfinite(v) || fabs(v) >= 9.2e15)
        return parser_fail(p, e->start, e->end, "timestamp out of bounds for @ modifier: %s",
                           format_f(v, shown));
    timing->at = AT_TIME;
    timing->at_ms = (ts_ms)round(v * 1000);
    return 0;
}

static int parse_at_modifier(struct parser *p, struct expr *e)
{
    struct timing *timing = timing_of(e);
    bool twice = timing && timing->at != AT_NONE;
    enum token word;

    if (parser_advance(p) < 0)
        return -1;
    word = p->item.token;
    if (word == TOK_START || word == TOK_END) {
        if (parser_advance(p) < 0 || parser_expect(p, TOK_LEFT_PAREN, "@", "timestamp") < 0 ||
            parser_expect(p, TOK_RIGHT_PAREN, "@", "timestamp") < 0)
            return -1;
        if (timing && !twice)
            timing->at = word == TOK_START ? AT_START : AT_END;
    } else if (parse_at_time(p, e, twice ? NULL : timing) < 0) {
        return -1;
    }
    if (!timing)
        return parser_fail(p, e->start, e->end,
                           "@ modifier must be preceded by an instant vector selector or range "
                           "vector selector or a subquery");
    if (twice)
        return parser_fail(p, e->start, e->end, "@ <timestamp> may not be set multiple times");
    e->end = p->last_closing;
    return 0;
}

static int parse_extension(struct parser *p, struct expr *e)
{
    bool anchored = p->item.token == TOK_ANCHORED;
    const char *word = anchored ? "anchored" : "smoothed";
    struct expr *selector = e->kind == EXPR_RANGE ? e->range.selector : e;

    if (!(p->source->features & PROMQL_EXTENDED_RANGES))
        return parser_fail(p, e->start, e->end, "%s modifier is experimental and not enabled",
                           word);
    if (e->kind == EXPR_SUBQUERY)
        return parser_fail(p, e->start, e->end, "%s modifier is not supported for subqueries",
                           word);
    if (selector->kind != EXPR_SELECTOR)
        return parser_fail(p, e->start, e->end, "%s modifier not implemented", word);
    if (anchored)
        selector->selector.anchored = true;
    else
        selector->selector.smoothed = true;
    if (selector->selector.anchored && selector->selector.smoothed)
        return parser_fail(p, e->start, e->end,
                           "anchored and smoothed modifiers cannot be used together");
    return parser_advance(p);
}

int parse_postfix(struct parser *p, struct expr **out)
{
    struct expr *e;

    if (parse_primary(p, &e) < 0)
        return -1;
    for (;;) {
        int status = 0;

        switch (p->item.token) {
        case TOK_LEFT_BRACKET:
            status = parse_brackets(p, e, &e);
            break;
        case TOK_OFFSET:
            status = parse_offset_modifier(p, e);
            break;
        case TOK_AT:
            status = parse_at_modifier(p, e);
            break;
        case TOK_ANCHORED:
        case TOK_SMOOTHED:
            status = parse_extension(p, e);
            break;
        default:
            *out = e;
            return 0;
        }
        if (status < 0)
            return -1;
    }
}
