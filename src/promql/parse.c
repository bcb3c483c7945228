#include "promql/parser.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "text/duration.h"
#include "text/number.h"

void parser_complain(struct parser *p, uint32_t start, uint32_t end, const char *fmt, ...)
{
    char text[300];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    err_put_at(p->err, ERR_SYNTAX, text_span(p->lex.text, start, end), "parse error: %s", text);
}

void parser_wonder(struct parser *p, const char *context, const char *expected)
{
    SCOPED(buf_fini) struct buf shown = {0};

    if (!context && p->aggregating)
        context = "aggregation";
    buf_init(&shown, 250);
    item_describe(&p->lex, &p->item, &shown);
    parser_complain(p, p->item.start, p->item.end, "unexpected %s%s%s%s%s", buf_str(&shown).p,
                    context ? " in " : "", context ? context : "", expected ? ", expected " : "",
                    expected ? expected : "");
}

int parser_advance(struct parser *p)
{
    switch (p->item.token) {
    case TOK_RIGHT_BRACE:
    case TOK_RIGHT_PAREN:
    case TOK_RIGHT_BRACKET:
    case TOK_DURATION:
    case TOK_NUMBER:
        p->last_closing = p->item.end;
        break;
    default:
        break;
    }
    return lex_next(&p->lex, &p->item, p->err);
}

int parser_expect(struct parser *p, enum token token, const char *context, const char *expected)
{
    if (p->item.token != token)
        return parser_unexpected(p, context, expected);
    return parser_advance(p);
}

int parser_enter(struct parser *p)
{
    if (p->nesting >= PROMQL_NESTING_MAX)
        return err_at(p->err, ERR_LIMIT, text_span(p->lex.text, p->item.start, p->item.end),
                      "parse error: nested more than %u levels deep", PROMQL_NESTING_MAX);
    p->nesting++;
    return 0;
}

struct expr *parser_node(struct parser *p, enum expr_kind kind, uint32_t start, uint32_t end)
{
    struct expr *e = arena_new(p->arena, struct expr, p->err);

    if (!e)
        return NULL;
    e->kind = kind;
    e->start = start;
    e->end = end;
    e->depth = 1;
    e->source = p->source;
    return e;
}

int parser_depth(struct parser *p, struct expr *e, const struct expr *a, const struct expr *b)
{
    uint32_t depth = a ? a->depth : 0;

    if (b && b->depth > depth)
        depth = b->depth;
    if (depth >= e->depth)
        e->depth = depth + 1;
    if (e->depth > PROMQL_NESTING_MAX)
        return err_at(p->err, ERR_LIMIT, text_span(p->lex.text, e->start, e->end),
                      "parse error: nested more than %u levels deep", PROMQL_NESTING_MAX);
    return 0;
}

static size_t put_utf8(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* One escape sequence the lexer found well-formed; *in is behind the backslash. */
static size_t unescape(const char **in, char *out)
{
    static const char letters[] = "a\ab\bf\fn\nr\rt\tv\v";
    const char *p = *in;
    const char *found;
    char digits[9] = {0};
    int n, base = 16;

    *in = p + 1;
    found = strchr("abfnrtv", *p) ? strchr(letters, *p) : NULL;
    if (found) {
        out[0] = found[1];
        return 1;
    }
    switch (*p) {
    case 'x':
        n = 2;
        break;
    case 'u':
        n = 4;
        break;
    case 'U':
        n = 8;
        break;
    default:
        if (*p < '0' || *p > '7') {
            out[0] = *p;
            return 1;
        }
        n = 3;
        base = 8;
        p--;
    }
    memcpy(digits, p + 1, (size_t)n);
    *in = p + 1 + n;
    if (n < 4) {
        out[0] = (char)strtoul(digits, NULL, base);
        return 1;
    }
    return put_utf8((uint32_t)strtoul(digits, NULL, base), out);
}

int parser_unquote(struct parser *p, const struct item *item, struct str *out)
{
    struct str s = parser_text(p, item);
    const char *in = s.p + 1, *end = s.p + s.n - 1;
    char *text = arena_alloc(p->arena, s.n, p->err); /* no escape grows */
    size_t n = 0;

    if (!text)
        return -1;
    while (in < end) {
        if (*in != '\\' || s.p[0] == '`') {
            text[n++] = *in++;
            continue;
        }
        in++;
        n += unescape(&in, text + n);
    }
    text[n] = '\0';
    *out = (struct str){text, n};
    return 0;
}

/* An underscore stands between digits, or between a prefix and a digit. */
static bool underscores_fit(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '_' && (i == 0 || i + 1 == s.n || s.p[i - 1] == '_' ||
                              !strchr("0123456789abcdefABCDEFxX", s.p[i - 1]) ||
                              !strchr("0123456789abcdefABCDEF", s.p[i + 1])))
            return false;
    return true;
}

/* 0x1F, 017 and plain decimals with underscores; what strtod knows beyond that is refused. NULL:
 * read; else what is wrong, in Go's words. */
static const char *number_of(struct str s, double *out)
{
    char text[128];
    char *end;
    size_t n = 0;

    if (!underscores_fit(s))
        return "invalid syntax";
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_')
            continue;
        if (n == sizeof text - 1)
            return "value out of range";
        text[n++] = s.p[i];
    }
    text[n] = '\0';
    if (n > 1 && text[0] == '0' &&
        (text[1] == 'x' || text[1] == 'X' || strspn(text, "01234567") == n)) {
        unsigned long long v;

        errno = 0;
        v = strtoull(text, &end, 0);
        if (*end == '\0' && !errno && v <= INT64_MAX) {
            *out = (double)v;
            return NULL;
        }
    }
    if (number_parse((struct str){text, n}, out))
        return NULL;
    return isinf(strtod(text, &end)) && *end == '\0' ? "value out of range" : "invalid syntax";
}

int parser_number(struct parser *p, double *out, bool *is_duration)
{
    struct item item = p->item;
    struct str s = parser_text(p, &item);
    const char *wrong;
    double v;

    *is_duration = item.token == TOK_DURATION;
    if (*is_duration) {
        int64_t ms;
        struct err why = {0};

        if (duration_parse(s, &ms, &why) < 0)
            return why.kind == ERR_LIMIT
                       ? parser_fail(p, item.start, item.end, "duration out of range")
                       : parser_fail(p, item.start, item.end,
                                     "not a valid duration string: \"%.*s\"",
                                     STR_ARGS(str_take(s, 100)));
        v = (double)ms / 1000;
    } else if ((wrong = number_of(s, &v))) {
        return parser_fail(p, item.start, item.end,
                           "error parsing number: strconv.ParseFloat: parsing \"%.*s\": %s",
                           STR_ARGS(str_take(s, 100)), wrong);
    }
    if (parser_advance(p) < 0)
        return -1;
    *out = v;
    return 0;
}

static int parse_number_expr(struct parser *p, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_NUMBER, p->item.start, p->item.end);

    if (!e || parser_number(p, &e->number.value, &e->number.is_duration) < 0)
        return -1;
    *out = e;
    return 0;
}

static bool names_a_metric(enum token t);

static bool starts_an_expr(enum token t)
{
    return t == TOK_NUMBER || t == TOK_DURATION || t == TOK_STRING || t == TOK_LEFT_PAREN ||
           t == TOK_LEFT_BRACE || t == TOK_ADD || t == TOK_SUB || names_a_metric(t);
}

/* (a, b, c) -> args in the arena; the closing parenthesis is left. */
static int parse_args(struct parser *p, struct expr ***out, size_t *out_n)
{
    struct expr **args = NULL;
    size_t n = 0, cap = 0;
    uint32_t comma;

    if (parser_expect(p, TOK_LEFT_PAREN, NULL, NULL) < 0)
        return -1;
    while (p->item.token != TOK_RIGHT_PAREN) {
        if (arena_grow(p->arena, (void **)&args, &cap, n + 1, sizeof(void *), p->err) < 0 ||
            parse_expr(p, &args[n]) < 0)
            return -1;
        n++;
        if (p->item.token == TOK_RIGHT_PAREN)
            break;
        if (p->item.token != TOK_COMMA)
            return parser_unexpected(p, NULL, NULL);
        comma = p->item.start;
        if (parser_advance(p) < 0)
            return -1;
        if (!starts_an_expr(p->item.token))
            return parser_fail(p, comma, comma + 1,
                               "trailing commas not allowed in function call args");
    }
    *out = args;
    *out_n = n;
    return 0;
}

static int args_depth(struct parser *p, struct expr *e, struct expr *const *args, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (parser_depth(p, e, args[i], NULL) < 0)
            return -1;
    return 0;
}

static int parse_call(struct parser *p, const struct item *name, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_CALL, name->start, name->end);
    struct str s = parser_text(p, name);
    const struct function *f = function_find(s);
    const char *near;

    if (!e || parse_args(p, &e->call.args, &e->call.args_n) < 0)
        return -1;
    if (!f) {
        near = function_nearest(str_take(s, 64));
        return parser_fail(p, name->start, name->end, "unknown function with name \"%.*s\"%s%s%s",
                           (int)(s.n < 100 ? s.n : 100), s.p, near ? " (did you mean \"" : "",
                           near ? near : "", near ? "\"?)" : "");
    }
    if ((f->flags & FUNCTION_EXPERIMENTAL) &&
        !(p->source->features & PROMQL_EXPERIMENTAL_FUNCTIONS))
        return parser_fail(p, name->start, name->end, "function \"%s\" is not enabled", f->name);
    e->end = p->item.end;
    e->call.function = f;
    *out = e;
    return args_depth(p, e, e->call.args, e->call.args_n) < 0 ? -1 : parser_advance(p);
}

static int parse_by(struct parser *p, struct expr *e)
{
    e->aggregate.without = p->item.token == TOK_WITHOUT;
    if (parser_advance(p) < 0)
        return -1;
    return parse_grouping(p, &e->aggregate.labels, &e->aggregate.labels_n);
}

static int parse_aggregate(struct parser *p, const struct item *op, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_AGGREGATE, op->start, op->end);
    struct expr **args;
    size_t n, wanted = aggregator_has_param(op->token) ? 2 : 1;
    bool modified = p->item.token == TOK_BY || p->item.token == TOK_WITHOUT;

    if (!e || (modified && parse_by(p, e) < 0))
        return -1;
    e->aggregate.op = op->token;
    if (p->item.token != TOK_LEFT_PAREN)
        return parser_unexpected(p, "aggregation", NULL);
    p->aggregating++;
    if (parse_args(p, &args, &n) < 0)
        return -1;
    p->aggregating--;
    if (parser_advance(p) < 0)
        return -1;
    if (!modified && (p->item.token == TOK_BY || p->item.token == TOK_WITHOUT) &&
        parse_by(p, e) < 0)
        return -1;
    e->end = p->last_closing;
    if (n == 0)
        return parser_fail(p, e->start, e->end, "no arguments for aggregate expression provided");
    if (op->token >= TOK_LIMITK && !(p->source->features & PROMQL_EXPERIMENTAL_FUNCTIONS))
        return parser_fail(p, e->start, e->end,
                           "%s() is experimental and must be enabled with "
                           "--enable-feature=promql-experimental-functions",
                           token_text(op->token));
    if (n != wanted)
        return parser_fail(p, e->start, e->end,
                           "wrong number of arguments for aggregate expression provided, expected "
                           "%zu, got %zu",
                           wanted, n);
    e->aggregate.inner = args[n - 1];
    e->aggregate.param = n == 2 ? args[0] : NULL;
    *out = e;
    return args_depth(p, e, args, n);
}

/* Words that name a metric where an expression starts, though elsewhere they mean something. */
static bool names_a_metric(enum token t)
{
    switch (t) {
    case TOK_IDENTIFIER:
    case TOK_METRIC_IDENTIFIER:
    case TOK_AND:
    case TOK_OR:
    case TOK_UNLESS:
    case TOK_BY:
    case TOK_WITHOUT:
    case TOK_OFFSET:
    case TOK_SMOOTHED:
    case TOK_ANCHORED:
    case TOK_FILL:
    case TOK_FILL_LEFT:
    case TOK_FILL_RIGHT:
        return true;
    default:
        return token_is_aggregator(t) || (t >= TOK_START && t <= TOK_MIN_OF);
    }
}

static int parse_word(struct parser *p, struct expr **out)
{
    struct item word = p->item;

    if (parser_advance(p) < 0)
        return -1;
    if (token_is_aggregator(word.token) &&
        (p->item.token == TOK_LEFT_PAREN || p->item.token == TOK_BY ||
         p->item.token == TOK_WITHOUT))
        return parse_aggregate(p, &word, out);
    if (p->item.token == TOK_LEFT_PAREN &&
        (word.token == TOK_IDENTIFIER || (word.token >= TOK_START && word.token <= TOK_MIN_OF)))
        return parse_call(p, &word, out);
    return parse_vector_selector(p, &word, out);
}

static int parse_paren(struct parser *p, struct expr **out)
{
    struct expr *e = parser_node(p, EXPR_PAREN, p->item.start, p->item.end);

    if (!e || parser_advance(p) < 0 || parse_expr(p, &e->paren) < 0)
        return -1;
    e->end = p->item.end;
    if (parser_expect(p, TOK_RIGHT_PAREN, NULL, NULL) < 0)
        return -1;
    *out = e;
    return parser_depth(p, e, e->paren, NULL);
}

int parse_primary(struct parser *p, struct expr **out)
{
    struct expr *e;

    switch (p->item.token) {
    case TOK_NUMBER:
    case TOK_DURATION:
        return parse_number_expr(p, out);
    case TOK_STRING:
        e = parser_node(p, EXPR_STRING, p->item.start, p->item.end);
        if (!e || parser_unquote(p, &p->item, &e->string) < 0)
            return -1;
        *out = e;
        return parser_advance(p);
    case TOK_LEFT_PAREN:
        return parse_paren(p, out);
    case TOK_LEFT_BRACE:
        return parse_vector_selector(p, NULL, out);
    default:
        if (names_a_metric(p->item.token))
            return parse_word(p, out);
        return parser_unexpected(p, NULL, NULL);
    }
}

/* ---- operators ---- */

enum { POWER = 6 };

/* How tight an operator binds; 0: none. */
static int precedence(enum token t)
{
    switch (t) {
    case TOK_OR:
        return 1;
    case TOK_AND:
    case TOK_UNLESS:
        return 2;
    case TOK_EQLC:
    case TOK_NEQ:
    case TOK_LTE:
    case TOK_LSS:
    case TOK_GTE:
    case TOK_GTR:
    case TOK_TRIM_UPPER:
    case TOK_TRIM_LOWER:
        return 3;
    case TOK_ADD:
    case TOK_SUB:
        return 4;
    case TOK_MUL:
    case TOK_DIV:
    case TOK_MOD:
    case TOK_ATAN2:
        return 5;
    case TOK_POW:
        return POWER;
    default:
        return 0;
    }
}

static int parse_fill_value(struct parser *p, double *out)
{
    bool negative, is_duration;

    if (parser_advance(p) < 0 || parser_expect(p, TOK_LEFT_PAREN, NULL, NULL) < 0)
        return -1;
    negative = p->item.token == TOK_SUB;
    if ((negative || p->item.token == TOK_ADD) && parser_advance(p) < 0)
        return -1;
    if (p->item.token != TOK_NUMBER && p->item.token != TOK_DURATION)
        return parser_unexpected(p, NULL, NULL);
    if (parser_number(p, out, &is_duration) < 0)
        return -1;
    if (negative)
        *out = -*out;
    return parser_expect(p, TOK_RIGHT_PAREN, NULL, NULL);
}

static int parse_fills(struct parser *p, struct matching *m)
{
    if (p->item.token == TOK_FILL) {
        m->fills_left = m->fills_right = true;
        if (parse_fill_value(p, &m->fill_left) < 0)
            return -1;
        m->fill_right = m->fill_left;
        return 0;
    }
    for (;;) {
        if (p->item.token == TOK_FILL_LEFT && !m->fills_left) {
            m->fills_left = true;
            if (parse_fill_value(p, &m->fill_left) < 0)
                return -1;
        } else if (p->item.token == TOK_FILL_RIGHT && !m->fills_right) {
            m->fills_right = true;
            if (parse_fill_value(p, &m->fill_right) < 0)
                return -1;
        } else {
            return 0;
        }
    }
}

/* bool, on/ignoring, group_left/group_right, fill: between operator and right side. */
static int parse_modifiers(struct parser *p, struct expr *e)
{
    struct matching *m = &e->binary.matching;

    if (p->item.token == TOK_BOOL) {
        e->binary.returns_bool = true;
        if (parser_advance(p) < 0)
            return -1;
    }
    if (p->item.token == TOK_ON || p->item.token == TOK_IGNORING) {
        m->on = p->item.token == TOK_ON;
        if (parser_advance(p) < 0 || parse_grouping(p, &m->labels, &m->labels_n) < 0)
            return -1;
        if (p->item.token == TOK_GROUP_LEFT || p->item.token == TOK_GROUP_RIGHT) {
            m->card = p->item.token == TOK_GROUP_LEFT ? MANY_TO_ONE : ONE_TO_MANY;
            if (parser_advance(p) < 0)
                return -1;
            if (!starts_an_expr(p->item.token))
                return parser_unexpected(p, "grouping opts", "\"(\"");
            if (p->item.token == TOK_LEFT_PAREN &&
                parse_grouping(p, &m->include, &m->include_n) < 0)
                return -1;
        }
    }
    return parse_fills(p, m);
}

static int parse_binary(struct parser *p, int tightness, struct expr **out);

static int parse_unary(struct parser *p, struct expr **out)
{
    struct item sign = p->item;
    struct expr *inner, *e;

    if (sign.token != TOK_ADD && sign.token != TOK_SUB)
        return parse_postfix(p, out);
    if (parser_advance(p) < 0 || parser_enter(p) < 0 || parse_binary(p, POWER, &inner) < 0)
        return -1;
    p->nesting--;
    if (inner->kind == EXPR_NUMBER) {
        if (sign.token == TOK_SUB)
            inner->number.value = -inner->number.value;
        inner->start = sign.start;
        *out = inner;
        return 0;
    }
    e = parser_node(p, EXPR_UNARY, sign.start, inner->end);
    if (!e)
        return -1;
    e->unary.op = sign.token;
    e->unary.inner = inner;
    *out = e;
    return parser_depth(p, e, inner, NULL);
}

static int parse_binary(struct parser *p, int tightness, struct expr **out)
{
    struct expr *left;
    int binds;

    if (parse_unary(p, &left) < 0)
        return -1;
    while ((binds = precedence(p->item.token)) >= tightness && binds) {
        struct expr *e = parser_node(p, EXPR_BINARY, left->start, left->end);

        if (!e)
            return -1;
        e->binary.op = p->item.token;
        e->binary.left = left;
        if (parser_advance(p) < 0 || parse_modifiers(p, e) < 0 || parser_enter(p) < 0 ||
            parse_binary(p, binds == POWER ? POWER : binds + 1, &e->binary.right) < 0)
            return -1;
        p->nesting--;
        e->end = e->binary.right->end;
        if ((e->binary.matching.fills_left || e->binary.matching.fills_right) &&
            !(p->source->features & PROMQL_FILL_MODIFIERS))
            return parser_fail(p, e->start, e->end,
                               "binop fill modifiers are experimental and not enabled");
        if (parser_depth(p, e, left, e->binary.right) < 0)
            return -1;
        left = e;
    }
    *out = left;
    return 0;
}

int parse_expr(struct parser *p, struct expr **out)
{
    if (parser_enter(p) < 0 || parse_binary(p, 1, out) < 0)
        return -1;
    p->nesting--;
    return 0;
}

/* ---- entry ---- */

static int parser_start(struct parser *p, struct arena *a, struct str text, unsigned features,
                        struct err *err)
{
    *p = (struct parser){.arena = a, .err = err};
    if (text.n > PROMQL_TEXT_BYTES_MAX)
        return err_set(err, ERR_LIMIT, "the query is %zu bytes long, at most %u are taken", text.n,
                       PROMQL_TEXT_BYTES_MAX);
    p->source = arena_new(a, struct expr_text, err);
    if (!p->source)
        return -1;
    p->source->text = arena_str(a, text, err);
    if (!p->source->text.p)
        return -1;
    p->source->features = features;
    lex_init(&p->lex, p->source->text);
    return lex_next(&p->lex, &p->item, err);
}

static void text_fini(struct expr_text *source)
{
    for (struct matchers_of *m = source->matchers; m; m = m->next)
        for (size_t i = 0; i < m->n; i++)
            matcher_fini(&m->items[i]);
    source->matchers = NULL;
}

static int parse_whole(struct parser *p, struct expr **out)
{
    struct expr *e;

    if (p->item.token == TOK_EOF)
        return parser_fail(p, 0, 0, "no expression found in input");
    if (parse_expr(p, &e) < 0)
        return -1;
    if (p->item.token != TOK_EOF)
        return parser_unexpected(p, NULL, NULL);
    if (check_expr(e, p->err) < 0)
        return -1;
    *out = e;
    return 0;
}

int promql_parse(struct arena *a, struct str text, unsigned features, struct expr **out,
                 struct err *err)
{
    struct parser p;

    if (parser_start(&p, a, text, features, err) < 0)
        return -1;
    if (parse_whole(&p, out) < 0) {
        text_fini(p.source);
        return -1;
    }
    return 0;
}

void promql_free(struct expr *e)
{
    if (e)
        text_fini((struct expr_text *)e->source); /* ours: made by parser_start */
}

static int parse_selector_whole(struct parser *p, struct expr **out)
{
    struct item name = p->item;
    bool named = names_a_metric(name.token);

    if (!named && name.token != TOK_LEFT_BRACE)
        return parser_unexpected(p, NULL, NULL);
    if (named && parser_advance(p) < 0)
        return -1;
    if (parse_vector_selector(p, named ? &name : NULL, out) < 0)
        return -1;
    if (p->item.token != TOK_EOF)
        return parser_unexpected(p, NULL, NULL);
    return 0;
}

int promql_parse_selector(struct arena *a, struct str text, struct matcher **out, size_t *n,
                          struct err *err)
{
    struct parser p;
    struct expr *e;

    if (parser_start(&p, a, text, 0, err) < 0)
        return -1;
    if (parse_selector_whole(&p, &e) < 0) {
        text_fini(p.source);
        return -1;
    }
    *out = e->selector.matchers;
    *n = e->selector.matchers_n;
    return 0;
}

unsigned promql_feature_of(struct str name)
{
    static const struct {
        const char *name;
        unsigned feature;
    } features[] = {
        {"promql-experimental-functions", PROMQL_EXPERIMENTAL_FUNCTIONS},
        {"promql-duration-expr", PROMQL_NO_FEATURE}, /* on since Prometheus 3.14 */
        {"promql-extended-range-selectors", PROMQL_EXTENDED_RANGES},
        {"promql-delayed-name-removal", PROMQL_DELAYED_NAME_REMOVAL},
        {"promql-binop-fill-modifiers", PROMQL_FILL_MODIFIERS},
    };

    for (size_t i = 0; i < ARRAY_LEN(features); i++)
        if (str_eq(name, str_c(features[i].name)))
            return features[i].feature;
    return 0;
}
