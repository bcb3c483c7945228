#include "logstore/tokens.h"

#include <sqlite3.h>
#include <string.h>

#include "text/letter_case.h"

static char lower(unsigned char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z');
}

/* How many bytes the character at the front takes that belongs to no word; 0: it does. Beyond
 * ASCII these are the blocks of punctuation, arrows, frames and pictures. */
static size_t between(const unsigned char *p, size_t n)
{
    size_t bytes = 0;

    if (p[0] < 0x80)
        return !is_letter(p[0]);
    if (p[0] == 0xc2)
        bytes = 2;
    else if (n > 1 && ((p[0] == 0xe2 && p[1] < 0xb0) || (p[0] == 0xe3 && p[1] == 0x80)))
        bytes = 3;
    else if (n > 1 && p[0] == 0xf0 && p[1] == 0x9f)
        bytes = 4;
    return bytes < n ? bytes : n;
}

/* A character is not cut in half. */
static size_t whole_characters(const char *p, size_t n)
{
    if (n <= TOKEN_MAX)
        return n;
    n = TOKEN_MAX;
    while (n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80)
        n--;
    return n ? n : TOKEN_MAX;
}

bool token_next(struct str text, size_t *at, struct token *out)
{
    const unsigned char *p = (const unsigned char *)text.p;
    size_t i = *at, n, skip;
    bool ascii = true;

    while (i < text.n && p[i] != TOKEN_KEY && (skip = between(p + i, text.n - i)) > 0)
        i += skip;
    out->start = i;
    for (; i < text.n; i++) {
        if (p[i] == TOKEN_KEY ? i > out->start : between(p + i, text.n - i) > 0)
            break;
        ascii &= p[i] < 0x80;
        if (i - out->start < TOKEN_MAX)
            out->p[i - out->start] = lower(p[i]);
    }
    out->end = *at = i;
    n = i - out->start;
    out->n = n < TOKEN_MAX ? n : TOKEN_MAX;
    if (!ascii)
        out->n = letter_case_lower(
            (struct str){text.p + out->start, whole_characters(text.p + out->start, n)}, out->p);
    return n > 0;
}

/* ---- FTS5 ---- */

static int tokenizer_create(void *arg, const char **words, int n, Fts5Tokenizer **out)
{
    static char one; /* it has no state; FTS5 wants a pointer that is not NULL */

    (void)arg;
    (void)words;
    (void)n;
    *out = (Fts5Tokenizer *)(void *)&one;
    return SQLITE_OK;
}

static void tokenizer_delete(Fts5Tokenizer *t)
{
    (void)t;
}

static int tokenize(Fts5Tokenizer *t, void *arg, int flags, const char *text, int bytes,
                    int (*found)(void *arg, int flags, const char *token, int n, int start,
                                 int end))
{
    struct str s = {text, bytes > 0 ? (size_t)bytes : 0};
    struct token token;
    size_t at = 0;
    int rc = SQLITE_OK;

    (void)t;
    (void)flags;
    while (rc == SQLITE_OK && token_next(s, &at, &token))
        rc = found(arg, 0, token.p, (int)token.n, (int)token.start, (int)token.end);
    return rc;
}

int tokens_register(struct sqlite3 *db)
{
    fts5_tokenizer ours = {tokenizer_create, tokenizer_delete, tokenize};
    sqlite3_stmt *s = NULL;
    fts5_api *api = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &s, NULL);

    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_pointer(s, 1, &api, "fts5_api_ptr", NULL);
        (void)sqlite3_step(s);
    }
    (void)sqlite3_finalize(s);
    if (rc != SQLITE_OK || !api)
        return rc != SQLITE_OK ? rc : SQLITE_ERROR;
    return api->xCreateTokenizer(api, "earshot", NULL, &ours, NULL);
}
