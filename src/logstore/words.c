#include "logstore/words.h"

#include "base/err.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word or phrase. */
static int add_phrase(struct str text, struct words *out, struct err *err)
{
    bool begins = text.n && text.p[text.n - 1] == '*';
    size_t at = 0, first = out->n;
    struct token token;

    while (token_next(text, &at, &token)) {
        if (out->n == WORDS_MAX)
            return err_set(err, ERR_SYNTAX, "more than %d words", WORDS_MAX);
        out->follows[out->n] = out->n > first;
        out->phrases |= out->n > first;
        out->begins[out->n] = false;
        out->items[out->n++] = token;
    }
    if (out->n > first)
        out->begins[out->n - 1] = begins;
    return 0;
}

int words_read(struct str text, struct words *out, struct err *err)
{
    out->n = 0;
    out->phrases = false;
    while (text.n) {
        struct str part;
        size_t n = 0;

        if (is_blank(text.p[0])) {
            text = str_skip(text, 1);
            continue;
        }
        if (text.p[0] == '"') {
            text = str_skip(text, 1);
            part = str_split(&text, '"');
            if (!text.p)
                return err_set(err, ERR_SYNTAX, "a quote does not end: \"%.*s",
                               STR_ARGS(str_take(part, 60)));
            if (text.n && text.p[0] == '*') /* "out of mem"* */
                part.n += 2;
        } else {
            while (n < text.n && !is_blank(text.p[n]) && text.p[n] != '"')
                n++;
            part = str_take(text, n);
            text = str_skip(text, n);
        }
        if (add_phrase(part, out, err) < 0)
            return -1;
    }
    return out->n ? 0 : err_set(err, ERR_SYNTAX, "there is no letter or digit in it");
}

void words_put_key(struct str key, struct buf *out)
{
    buf_adds(out, out->n ? " AND \"" : "\"");
    buf_add(out, key);
    buf_addc(out, '"');
}

void words_put_query(const struct words *w, struct buf *out)
{
    for (size_t i = 0; i < w->n; i++) {
        words_put_key((struct str){w->items[i].p, w->items[i].n}, out);
        if (w->begins[i])
            buf_adds(out, " *");
    }
}

static bool is_word(const struct words *w, size_t i, const struct token *token)
{
    const struct str want = {w->items[i].p, w->items[i].n}, is = {token->p, token->n};

    return w->begins[i] ? str_starts(is, want) : str_eq(is, want);
}

bool words_phrase_in(const struct words *w, size_t at, struct str text)
{
    size_t from = 0;
    struct token token;

    while (token_next(text, &from, &token)) {
        size_t i = at, next = from;
        bool same = is_word(w, i, &token);

        while (same && i + 1 < w->n && w->follows[i + 1])
            same = token_next(text, &next, &token) && is_word(w, ++i, &token);
        if (same)
            return true;
    }
    return false;
}
