#include "promql/lex.h"

#include <stdio.h>
#include <string.h>

#define END_OF_TEXT (-1)

/* Everything with a fixed spelling. Words are matched in any case; the rest only printed. */
static const char *const spellings[TOK_COUNT_OF_TOKENS] = {
    [TOK_LEFT_PAREN] = "(",
    [TOK_RIGHT_PAREN] = ")",
    [TOK_LEFT_BRACE] = "{",
    [TOK_RIGHT_BRACE] = "}",
    [TOK_LEFT_BRACKET] = "[",
    [TOK_RIGHT_BRACKET] = "]",
    [TOK_COMMA] = ",",
    [TOK_COLON] = ":",
    [TOK_EQL] = "=",
    [TOK_ADD] = "+",
    [TOK_SUB] = "-",
    [TOK_MUL] = "*",
    [TOK_DIV] = "/",
    [TOK_MOD] = "%",
    [TOK_POW] = "^",
    [TOK_ATAN2] = "atan2",
    [TOK_EQLC] = "==",
    [TOK_NEQ] = "!=",
    [TOK_LTE] = "<=",
    [TOK_LSS] = "<",
    [TOK_GTE] = ">=",
    [TOK_GTR] = ">",
    [TOK_TRIM_UPPER] = "</",
    [TOK_TRIM_LOWER] = ">/",
    [TOK_AND] = "and",
    [TOK_OR] = "or",
    [TOK_UNLESS] = "unless",
    [TOK_EQL_REGEX] = "=~",
    [TOK_NEQ_REGEX] = "!~",
    [TOK_AT] = "@",
    [TOK_SUM] = "sum",
    [TOK_AVG] = "avg",
    [TOK_COUNT] = "count",
    [TOK_MIN] = "min",
    [TOK_MAX] = "max",
    [TOK_GROUP] = "group",
    [TOK_STDDEV] = "stddev",
    [TOK_STDVAR] = "stdvar",
    [TOK_TOPK] = "topk",
    [TOK_BOTTOMK] = "bottomk",
    [TOK_COUNT_VALUES] = "count_values",
    [TOK_QUANTILE] = "quantile",
    [TOK_LIMITK] = "limitk",
    [TOK_LIMIT_RATIO] = "limit_ratio",
    [TOK_OFFSET] = "offset",
    [TOK_SMOOTHED] = "smoothed",
    [TOK_ANCHORED] = "anchored",
    [TOK_BY] = "by",
    [TOK_WITHOUT] = "without",
    [TOK_ON] = "on",
    [TOK_IGNORING] = "ignoring",
    [TOK_GROUP_LEFT] = "group_left",
    [TOK_GROUP_RIGHT] = "group_right",
    [TOK_FILL] = "fill",
    [TOK_FILL_LEFT] = "fill_left",
    [TOK_FILL_RIGHT] = "fill_right",
    [TOK_BOOL] = "bool",
    [TOK_START] = "start",
    [TOK_END] = "end",
    [TOK_STEP] = "step",
    [TOK_RANGE] = "range",
    [TOK_MAX_OF] = "max_of",
    [TOK_MIN_OF] = "min_of",
};

const char *token_text(enum token t)
{
    return spellings[t];
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(int c)
{
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(int c)
{
    return is_alpha(c) || is_digit(c);
}

struct span text_span(struct str text, uint32_t start, uint32_t end)
{
    struct span at = {1, 1, end > start ? end - start : 0};

    for (uint32_t i = 0; i < start && i < text.n; i++) {
        at.column++;
        if (text.p[i] == '\n') {
            at.line++;
            at.column = 1;
        }
    }
    return at;
}

void item_describe(const struct lex *l, const struct item *item, struct buf *out)
{
    struct str s = {l->text.p + item->start, item->end - item->start};

    switch (item->token) {
    case TOK_EOF:
        buf_adds(out, "end of input");
        return;
    case TOK_IDENTIFIER:
        buf_adds(out, "identifier ");
        quote_append(out, s);
        return;
    case TOK_METRIC_IDENTIFIER:
        buf_adds(out, "metric identifier ");
        quote_append(out, s);
        return;
    case TOK_STRING:
        buf_adds(out, "string ");
        break;
    case TOK_NUMBER:
        buf_adds(out, "number ");
        break;
    case TOK_DURATION:
        buf_adds(out, "duration ");
        break;
    default:
        if (token_is_keyword(item->token) || token_is_operator(item->token) ||
            token_is_aggregator(item->token)) {
            buf_addf(out, "<%s%.*s>",
                     token_is_operator(item->token)     ? "op:"
                     : token_is_aggregator(item->token) ? "aggr:"
                                                        : "",
                     STR_ARGS(s));
            return;
        }
        break;
    }
    quote_append(out, str_take(s, 10));
    if (s.n > 10)
        buf_adds(out, "...");
}

void lex_init(struct lex *l, struct str text)
{
    *l = (struct lex){.text = text};
}

static int peek(const struct lex *l)
{
    return l->pos < l->text.n ? (unsigned char)l->text.p[l->pos] : END_OF_TEXT;
}

static int peek_second(const struct lex *l)
{
    return l->pos + 1 < l->text.n ? (unsigned char)l->text.p[l->pos + 1] : END_OF_TEXT;
}

static bool accept(struct lex *l, const char *set)
{
    int c = peek(l);

    if (c <= 0 || !strchr(set, c))
        return false;
    l->pos++;
    return true;
}

/* The rune at a byte of the text. */
static uint32_t rune_at(const struct lex *l, uint32_t pos, size_t *bytes)
{
    return quote_rune(str_skip(l->text, pos), bytes);
}

/* The character at the position as Go's %q prints a rune, for messages. `out` >= 16 bytes. */
static const char *quoted_char(const struct lex *l, uint32_t pos, char *out)
{
    unsigned char c;
    size_t n;

    if (pos >= l->text.n)
        return "end of input";
    c = (unsigned char)l->text.p[pos];
    if (c == '\'' || c == '\\')
        (void)snprintf(out, 16, "'\\%c'", c);
    else if (c == '\n')
        return "'\\n'";
    else if (c < ' ' || c == 0x7f || rune_at(l, pos, &n) == 0xfffd)
        (void)snprintf(out, 16, "'\\x%02x'", c);
    else
        (void)snprintf(out, 16, "'%.*s'", (int)n, l->text.p + pos);
    return out;
}

/* The character as Go's %#U prints it, U+0071 'q'. `out` >= 32 bytes. */
static const char *named_char(const struct lex *l, uint32_t pos, char *out)
{
    size_t n;
    uint32_t rune = rune_at(l, pos, &n);

    if (rune < ' ' || rune == 0x7f)
        (void)snprintf(out, 32, "U+%04X", rune);
    else
        (void)snprintf(out, 32, "U+%04X '%.*s'", rune, (int)n, l->text.p + pos);
    return out;
}

static int fail(const struct lex *l, uint32_t start, const char *what, struct err *err)
{
    return err_at(err, ERR_SYNTAX, text_span(l->text, start, (uint32_t)l->text.n),
                  "parse error: %s", what);
}

static int fail_char(const struct lex *l, uint32_t start, const char *what, uint32_t at,
                     const char *behind, struct err *err)
{
    char shown[16];

    return err_at(err, ERR_SYNTAX, text_span(l->text, start, (uint32_t)l->text.n),
                  "parse error: %s %s%s", what, quoted_char(l, at, shown), behind);
}

static int fail_escape(const struct lex *l, uint32_t start, const char *what, uint32_t at,
                       const char *behind, struct err *err)
{
    char shown[32];

    return err_at(err, ERR_SYNTAX, text_span(l->text, start, (uint32_t)l->text.n),
                  "parse error: %s %s%s", what, named_char(l, at, shown), behind);
}

static int done(struct lex *l, enum token token, uint32_t start, struct item *out)
{
    *out = (struct item){token, start, l->pos};
    return 0;
}

/* Digits of one escape sequence; the value must be a byte (octal, hex) or a code point. */
static int lex_escape_digits(struct lex *l, uint32_t start, unsigned n, unsigned base,
                             uint32_t value_max, struct err *err)
{
    uint64_t x = 0;

    for (; n; n--, l->pos++) {
        int c = peek(l);
        unsigned d = is_digit(c)            ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                            : 16;

        if (c == END_OF_TEXT)
            return fail(l, start, "escape sequence not terminated", err);
        if (d >= base)
            return fail_escape(l, start, "illegal character", l->pos, " in escape sequence", err);
        x = x * base + d;
    }
    if (x > value_max || (value_max > 255 && x >= 0xd800 && x < 0xe000))
        return fail(l, start, "escape sequence is an invalid Unicode code point", err);
    return 0;
}

/* Behind the backslash. */
static int lex_escape(struct lex *l, uint32_t start, int quote, struct err *err)
{
    int c = peek(l);

    if (c == END_OF_TEXT)
        return fail(l, start, "escape sequence not terminated", err);
    if (c == quote || (c && strchr("abfnrtv\\", c))) {
        l->pos++;
        return 0;
    }
    if (c >= '0' && c <= '7')
        return lex_escape_digits(l, start, 3, 8, 255, err);
    l->pos++;
    switch (c) {
    case 'x':
        return lex_escape_digits(l, start, 2, 16, 255, err);
    case 'u':
        return lex_escape_digits(l, start, 4, 16, 0x10ffff, err);
    case 'U':
        return lex_escape_digits(l, start, 8, 16, 0x10ffff, err);
    default:
        return fail_escape(l, start, "unknown escape sequence", l->pos - 1, "", err);
    }
}

static int lex_string(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    int quote = (unsigned char)l->text.p[l->pos++];
    int c;

    while ((c = peek(l)) != quote) {
        if (c == END_OF_TEXT || (c == '\n' && quote != '`'))
            return fail(l, start,
                        quote == '`' ? "unterminated raw string" : "unterminated quoted string",
                        err);
        l->pos++;
        if (c == '\\' && quote != '`' && lex_escape(l, start, quote, err) < 0)
            return -1;
    }
    l->pos++;
    if (!str_is_utf8((struct str){l->text.p + start, l->pos - start}))
        return fail(l, start, "invalid UTF-8 rune", err);
    return done(l, TOK_STRING, start, out);
}

/* [.]digits with dots, exponents and underscores in reasonable places; true when what follows is
 * no part of a word. Leaves the position where scanning stopped. */
static bool scan_number(struct lex *l)
{
    const char *digits = "0123456789";
    uint32_t start = l->pos;
    bool dot = false, exponent = false;
    int c;

    if (accept(l, "0") && accept(l, "xX")) {
        (void)accept(l, "_");
        digits = "0123456789abcdefABCDEF";
    }
    dot = accept(l, ".");
    (void)accept(l, digits);
    while ((c = peek(l)) > 0 && (strchr(digits, c) || strchr("._eE", c))) {
        if (strchr(digits, c)) {
            l->pos++;
            continue;
        }
        l->pos++;
        if (c == '.') {
            if (dot || digits[10] || accept(l, "_."))
                return false;
            dot = true;
        } else if (c == '_') {
            if (accept(l, "._eE") || peek(l) == END_OF_TEXT)
                return false;
        } else {
            if (exponent)
                return false;
            exponent = true;
            (void)accept(l, "+-");
            if (accept(l, "._eE") || peek(l) == END_OF_TEXT)
                return false;
        }
    }
    return l->pos > start && !is_word(peek(l));
}

/* The rest of 1h30m behind its first number. Units in a wrong order are found when it is parsed. */
static bool scan_duration_rest(struct lex *l)
{
    if (!accept(l, "smhdwy"))
        return false;
    (void)accept(l, "s");
    while (accept(l, "0123456789")) {
        while (accept(l, "0123456789")) {
        }
        if (!accept(l, "smhdw"))
            return false;
        (void)accept(l, "s");
    }
    if (!is_word(peek(l)))
        return true;
    l->pos++; /* the message shows it */
    return false;
}

static int lex_number(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    SCOPED(buf_fini) struct buf shown = {0};

    if (scan_number(l))
        return done(l, TOK_NUMBER, start, out);
    if (scan_duration_rest(l))
        return done(l, TOK_DURATION, start, out);
    buf_init(&shown, 200);
    quote_append(&shown, (struct str){l->text.p + start, l->pos - start});
    return err_at(err, ERR_SYNTAX, text_span(l->text, start, (uint32_t)l->text.n),
                  "parse error: bad number or duration syntax: %s", buf_str(&shown).p);
}

static bool followed_by_paren(const struct lex *l)
{
    uint32_t at = l->pos;

    while (at < l->text.n && is_space((unsigned char)l->text.p[at]))
        at++;
    return at < l->text.n && l->text.p[at] == '(';
}

static enum token word_token(struct str word)
{
    char lower[16];
    size_t i;

    if (word.n >= sizeof lower)
        return TOK_IDENTIFIER;
    for (i = 0; i < word.n; i++)
        lower[i] = (char)(word.p[i] >= 'A' && word.p[i] <= 'Z' ? word.p[i] + 32 : word.p[i]);
    lower[i] = '\0';
    if (!strcmp(lower, "inf") || !strcmp(lower, "nan"))
        return TOK_NUMBER;
    for (int t = TOK_ADD; t < TOK_COUNT_OF_TOKENS; t++)
        if (is_alpha((unsigned char)spellings[t][0]) && !strcmp(lower, spellings[t]))
            return (enum token)t;
    return TOK_IDENTIFIER;
}

static int lex_word(struct lex *l, uint32_t start, struct item *out)
{
    struct str word;
    enum token token;

    while (is_word(peek(l)) || peek(l) == ':')
        l->pos++;
    word = (struct str){l->text.p + start, l->pos - start};
    token = word_token(word);
    /* Young keywords stay usable as metric names where no parenthesis follows. */
    if (token >= TOK_FILL && token <= TOK_FILL_RIGHT && !followed_by_paren(l))
        token = TOK_IDENTIFIER;
    if (token == TOK_IDENTIFIER && memchr(word.p, ':', word.n))
        token = TOK_METRIC_IDENTIFIER;
    return done(l, token, start, out);
}

static int lex_in_braces(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    int c = peek(l);

    if (c == END_OF_TEXT)
        return fail(l, start, "unexpected end of input inside braces", err);
    if (is_alpha(c)) {
        while (is_word(peek(l)))
            l->pos++;
        return done(l, TOK_IDENTIFIER, start, out);
    }
    if (c == '"' || c == '\'' || c == '`')
        return lex_string(l, start, out, err);
    l->pos++;
    switch (c) {
    case ',':
        return done(l, TOK_COMMA, start, out);
    case '=':
        return done(l, accept(l, "~") ? TOK_EQL_REGEX : TOK_EQL, start, out);
    case '!':
        if (accept(l, "~"))
            return done(l, TOK_NEQ_REGEX, start, out);
        if (accept(l, "="))
            return done(l, TOK_NEQ, start, out);
        return fail_char(l, start, "unexpected character after '!' inside braces:", l->pos, "",
                         err);
    case '}':
        l->in_braces = false;
        return done(l, TOK_RIGHT_BRACE, start, out);
    case '{':
        return fail(l, start, "unexpected left brace '{'", err);
    default:
        return fail_char(l, start, "unexpected character inside braces:", start, "", err);
    }
}

/* Words and the colon inside [ ]: before the first number, and from there on. */
static int lex_in_brackets(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    enum token token;

    if (accept(l, ":")) {
        if (!l->in_length && l->had_colon)
            return fail_char(l, start, "unexpected colon", start, "", err);
        if (!l->had_duration)
            return fail(l, l->pos, "unexpected colon before duration in duration expression", err);
        if (l->had_colon)
            return fail(l, l->pos, "unexpected repeated colon in duration expression", err);
        l->had_colon = true;
        return done(l, TOK_COLON, start, out);
    }
    while (is_alpha(peek(l)))
        l->pos++;
    token = word_token((struct str){l->text.p + start, l->pos - start});
    if (token < TOK_STEP || token > TOK_MIN_OF)
        return l->in_length
                   ? fail_char(l, start, "unexpected character in duration expression:", start, "",
                               err)
                   : fail_char(l, start, "unexpected character:", start, ", expected ':'", err);
    l->had_duration = true;
    return done(l, token, start, out);
}

static int lex_operator(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    int c = (unsigned char)l->text.p[l->pos++];

    switch (c) {
    case ',':
        return done(l, TOK_COMMA, start, out);
    case '*':
        return done(l, TOK_MUL, start, out);
    case '/':
        return done(l, TOK_DIV, start, out);
    case '%':
        return done(l, TOK_MOD, start, out);
    case '+':
        return done(l, TOK_ADD, start, out);
    case '-':
        return done(l, TOK_SUB, start, out);
    case '^':
        return done(l, TOK_POW, start, out);
    case '@':
        return done(l, TOK_AT, start, out);
    case '=':
        if (accept(l, "="))
            return done(l, TOK_EQLC, start, out);
        if (peek(l) == '~')
            return fail(l, start, "unexpected character after '=': '~'", err);
        return done(l, TOK_EQL, start, out);
    case '!':
        if (accept(l, "="))
            return done(l, TOK_NEQ, start, out);
        return fail_char(l, start, "unexpected character after '!':", l->pos, "", err);
    case '<':
        return done(l,
                    accept(l, "=")   ? TOK_LTE
                    : accept(l, "/") ? TOK_TRIM_UPPER
                                     : TOK_LSS,
                    start, out);
    case '>':
        return done(l,
                    accept(l, "=")   ? TOK_GTE
                    : accept(l, "/") ? TOK_TRIM_LOWER
                                     : TOK_GTR,
                    start, out);
    default:
        return fail_char(l, start, "unexpected character:", start, "", err);
    }
}

static int lex_bracket(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    int c = (unsigned char)l->text.p[l->pos++];

    switch (c) {
    case '(':
        l->paren_depth++;
        return done(l, TOK_LEFT_PAREN, start, out);
    case ')':
        if (--l->paren_depth < 0)
            return fail(l, l->pos, "unexpected right parenthesis ')'", err);
        return done(l, TOK_RIGHT_PAREN, start, out);
    case '{':
        l->in_braces = true;
        return done(l, TOK_LEFT_BRACE, start, out);
    case '[':
        if (l->in_brackets)
            return fail(l, start, "unexpected left bracket '['", err);
        l->in_brackets = l->in_length = true;
        l->had_colon = l->had_duration = false;
        return done(l, TOK_LEFT_BRACKET, start, out);
    default:
        if (!l->in_brackets)
            return fail(l, start, "unexpected right bracket ']'", err);
        l->in_brackets = l->in_length = false;
        return done(l, TOK_RIGHT_BRACKET, start, out);
    }
}

static void skip_blanks_and_comments(struct lex *l)
{
    for (;;) {
        while (is_space(peek(l)))
            l->pos++;
        if (peek(l) != '#')
            return;
        while (peek(l) != END_OF_TEXT && peek(l) != '\n' && peek(l) != '\r')
            l->pos++;
    }
}

static int lex_end(struct lex *l, uint32_t start, struct item *out, struct err *err)
{
    if (l->in_length)
        return fail(l, start, "unexpected end of input in duration expression", err);
    if (l->paren_depth)
        return fail(l, start, "unclosed left parenthesis", err);
    if (l->in_brackets)
        return fail(l, start, "unclosed left bracket", err);
    return done(l, TOK_EOF, start, out);
}

int lex_next(struct lex *l, struct item *out, struct err *err)
{
    uint32_t start;
    int c;

    skip_blanks_and_comments(l);
    start = l->pos;
    c = peek(l);
    if (l->in_braces)
        return lex_in_braces(l, start, out, err);
    if (c == END_OF_TEXT)
        return lex_end(l, start, out, err);
    if (l->in_length && !is_word(c) && (!c || !strchr(".:()+-*/%^,]", c)))
        return fail_char(l, start, "unexpected character in duration expression:", start, "", err);
    if (c && strchr("(){[]", c))
        return lex_bracket(l, start, out, err);
    if (is_digit(c) || (c == '.' && is_digit(peek_second(l)))) {
        l->had_duration = true;
        l->in_length = false;
        return lex_number(l, start, out, err);
    }
    if (is_alpha(c) || c == ':')
        return l->in_brackets ? lex_in_brackets(l, start, out, err) : lex_word(l, start, out);
    if (c == '"' || c == '\'' || c == '`')
        return lex_string(l, start, out, err);
    return lex_operator(l, start, out, err);
}
