#include "promql/parser.h"

static enum match_op match_op_of(enum token t)
{
    switch (t) {
    case TOK_EQL:
        return MATCH_EQ;
    case TOK_NEQ:
        return MATCH_NE;
    case TOK_EQL_REGEX:
        return MATCH_RE;
    default:
        return MATCH_NRE;
    }
}

static bool is_match_op(enum token t)
{
    return t == TOK_EQL || t == TOK_NEQ || t == TOK_EQL_REGEX || t == TOK_NEQ_REGEX;
}

/* One condition: name op "value", "name" op "value", or "metric name". */
static int parse_matcher(struct parser *p, struct matcher *m)
{
    struct item first = p->item;
    struct str name, value;
    enum match_op op;
    struct err why = {0};

    if (first.token != TOK_IDENTIFIER && first.token != TOK_STRING)
        return parser_unexpected(p, "label matching", "identifier or \"}\"");
    if (first.token == TOK_STRING) {
        if (parser_unquote(p, &first, &name) < 0)
            return -1;
    } else {
        name = parser_text(p, &first);
    }
    if (parser_advance(p) < 0)
        return -1;
    if (!is_match_op(p->item.token)) {
        if (first.token == TOK_IDENTIFIER)
            return parser_unexpected(p, "label matching", "label matching operator");
        return matcher_init(m, p->arena, MATCH_EQ, STR(LABEL_NAME), name, p->err);
    }
    op = match_op_of(p->item.token);
    if (parser_advance(p) < 0)
        return -1;
    if (p->item.token != TOK_STRING)
        return parser_unexpected(p, "label matching", "string");
    if (parser_unquote(p, &p->item, &value) < 0)
        return -1;
    if (matcher_init(m, p->arena, op, name, value, &why) < 0) {
        if (why.kind != ERR_SYNTAX) {
            *p->err = why;
            return -1;
        }
        return parser_fail(p, first.start, p->item.end, "%s", why.text);
    }
    if (parser_advance(p) < 0) {
        matcher_fini(m);
        return -1;
    }
    return 0;
}

/* Makes room for one matcher more and registers the array for text_fini. */
static int grow_matchers(struct parser *p, struct matchers_of *list, size_t *cap)
{
    return arena_grow(p->arena, (void **)&list->items, cap, list->n + 1, sizeof *list->items,
                      p->err);
}

static int parse_braces(struct parser *p, struct matchers_of *list, size_t *cap)
{
    if (parser_advance(p) < 0)
        return -1;
    while (p->item.token != TOK_RIGHT_BRACE) {
        if (grow_matchers(p, list, cap) < 0 || parse_matcher(p, &list->items[list->n]) < 0)
            return -1;
        list->n++;
        if (p->item.token == TOK_RIGHT_BRACE)
            break;
        if (p->item.token != TOK_COMMA)
            return parser_unexpected(p, "label matching", "\",\" or \"}\"");
        if (parser_advance(p) < 0)
            return -1;
    }
    return parser_advance(p);
}

int parse_vector_selector(struct parser *p, const struct item *name, struct expr **out)
{
    uint32_t start = name ? name->start : p->item.start;
    struct expr *e = parser_node(p, EXPR_SELECTOR, start, name ? name->end : start);
    struct matchers_of *list = arena_new(p->arena, struct matchers_of, p->err);
    size_t cap = 0;

    if (!e || !list)
        return -1;
    list->next = p->source->matchers;
    p->source->matchers = list;
    if (p->item.token == TOK_LEFT_BRACE) {
        if (parse_braces(p, list, &cap) < 0)
            return -1;
        e->end = p->last_closing;
    }
    if (name) {
        e->selector.name = parser_text(p, name);
        if (grow_matchers(p, list, &cap) < 0 ||
            matcher_init(&list->items[list->n], p->arena, MATCH_EQ, STR(LABEL_NAME),
                         e->selector.name, p->err) < 0)
            return -1;
        list->n++;
    }
    e->selector.matchers = list->items;
    e->selector.matchers_n = list->n;
    *out = e;
    return 0;
}

/* Any word may be a label, but WITHOUT and the numbers inf and nan. */
static bool names_a_label(enum token t)
{
    return t == TOK_IDENTIFIER || t == TOK_METRIC_IDENTIFIER || token_is_aggregator(t) ||
           (token_is_keyword(t) && t != TOK_WITHOUT) || (t >= TOK_START && t <= TOK_MIN_OF) ||
           token_is_set_operator(t) || t == TOK_ATAN2;
}

int parse_grouping(struct parser *p, struct str **out, size_t *out_n)
{
    struct str *labels = NULL;
    size_t n = 0, cap = 0;

    if (parser_expect(p, TOK_LEFT_PAREN, "grouping opts", "\"(\"") < 0)
        return -1;
    while (p->item.token != TOK_RIGHT_PAREN) {
        if (arena_grow(p->arena, (void **)&labels, &cap, n + 1, sizeof *labels, p->err) < 0)
            return -1;
        if (p->item.token == TOK_STRING) {
            if (parser_unquote(p, &p->item, &labels[n]) < 0)
                return -1;
        } else if (names_a_label(p->item.token)) {
            labels[n] = parser_text(p, &p->item);
        } else {
            return parser_unexpected(p, "grouping opts", "label");
        }
        if (labels[n].n == 0 || !str_is_utf8(labels[n]))
            return parser_fail(p, p->item.start, p->item.end,
                               "invalid label name for grouping: \"\"");
        n++;
        if (parser_advance(p) < 0)
            return -1;
        if (p->item.token == TOK_RIGHT_PAREN)
            break;
        if (p->item.token != TOK_COMMA)
            return parser_unexpected(p, "grouping opts", "\",\" or \")\"");
        if (parser_advance(p) < 0)
            return -1;
    }
    *out = labels;
    *out_n = n;
    return parser_advance(p);
}
