#include "pack/expression.h"

#include <ctype.h>
#include <string.h>

#include "text/regex.h"

/* Behind what cannot hold a comparison: a string, a selector, a range. Anything else is one byte.
 */
static size_t skip(struct str expr, size_t i)
{
    char end = expr.p[i] == '"' ? '"' : expr.p[i] == '{' ? '}' : expr.p[i] == '[' ? ']' : '\0';

    if (!end)
        return i + 1;
    for (i++; i < expr.n && expr.p[i] != end; i++) {
        if (expr.p[i] == '\\' && end == '"')
            i++;
        else if (expr.p[i] == '"' && end == '}')
            i = skip(expr, i) - 1;
    }
    return i + 1 < expr.n ? i + 1 : expr.n;
}

/* Of the first comparison that is not `bool`: its first byte in *at; what follows it. */
static struct str first_comparison(struct str expr, size_t *at)
{
    for (size_t i = 0; i < expr.n; i = skip(expr, i)) {
        bool equals = i + 1 < expr.n && expr.p[i + 1] == '=';
        struct str rest = str_skip(expr, i + 1 + equals);

        if ((expr.p[i] == '<' || expr.p[i] == '>' ||
             (equals && (expr.p[i] == '=' || expr.p[i] == '!'))) &&
            !str_starts(rest, STR(" bool"))) {
            *at = i;
            return rest;
        }
    }
    *at = expr.n;
    return STR("");
}

static bool is_number_char(struct str s, size_t i)
{
    char c = s.p[i];

    return isdigit((unsigned char)c) || c == '.' || c == 'e' ||
           ((c == '-' || c == '+') && (i == 0 || s.p[i - 1] == 'e'));
}

struct str expression_threshold(struct str expr)
{
    size_t at, n = 0;
    struct str rest = first_comparison(expr, &at);

    while (rest.n && rest.p[0] == ' ')
        rest = str_skip(rest, 1);
    if (!rest.n || !(isdigit((unsigned char)rest.p[0]) || rest.p[0] == '-'))
        return STR("");
    while (n < rest.n && is_number_char(rest, n))
        n++;
    return str_take(rest, n);
}

bool expression_is_bound(struct str expr)
{
    size_t at;

    (void)first_comparison(expr, &at);
    return at < expr.n && (expr.p[at] == '<' || expr.p[at] == '>') &&
           expression_threshold(expr).n > 0;
}

/* Does a call of rate or increase begin at i? */
static bool begins_call(struct str expr, size_t i, size_t *n)
{
    static const struct str calls[] = {{"rate(", 5}, {"increase(", 9}};

    if (i > 0 && (isalnum((unsigned char)expr.p[i - 1]) || expr.p[i - 1] == '_'))
        return false;
    for (size_t c = 0; c < sizeof calls / sizeof *calls; c++) {
        if (str_starts(str_skip(expr, i), calls[c])) {
            *n = calls[c].n;
            return true;
        }
    }
    return false;
}

/* The ranges inside rate and increase; `out` NULL: whether there is one. */
static bool walk_windows(struct str expr, struct str window, struct buf *out)
{
    size_t inside = 0, n; /* how many parentheses of such a call are open */
    bool found = false;

    for (size_t i = 0; i < expr.n;) {
        size_t next = skip(expr, i);
        struct str part = {expr.p + i, next - i};

        if (!inside && begins_call(expr, i, &n)) {
            inside = 1;
            part.n = n;
        } else if (inside && expr.p[i] == '(') {
            inside++;
        } else if (inside && expr.p[i] == ')') {
            inside--;
        } else if (inside && expr.p[i] == '[' && !memchr(part.p, ':', part.n)) {
            found = true;
            if (out)
                buf_addf(out, "[%.*s]", STR_ARGS(window));
            i = next;
            continue;
        }
        if (out)
            buf_add(out, part);
        i += part.n;
    }
    return found;
}

bool expression_has_window(struct str expr)
{
    return walk_windows(expr, STR(""), NULL);
}

void expression_put_window(struct str expr, struct str window, struct buf *out)
{
    (void)walk_windows(expr, window, out);
}

/* Does the selector, with its braces, ask for this job? */
static bool asks_for(struct str selector, const char *job)
{
    const char *regex = memmem(selector.p, selector.n, "job=~\"", 6);
    const char *equal = memmem(selector.p, selector.n, "job=\"", 5);
    struct str value;

    if (!job)
        return regex != NULL;
    if (!equal)
        return false;
    value = (struct str){equal + 5, selector.n - (size_t)(equal + 5 - selector.p)};
    return str_eq(str_split(&value, '"'), str_c(job));
}

void expression_narrow(struct str expr, const char *job, struct str more, struct buf *out)
{
    for (size_t i = 0; i < expr.n;) {
        struct str part = {expr.p + i, skip(expr, i) - i};

        i += part.n;
        if (*part.p != '{' || !asks_for(part, job)) {
            buf_add(out, part);
            continue;
        }
        buf_add(out, str_take(part, part.n - 1));
        buf_add(out, more);
        buf_addc(out, '}');
    }
}

void expression_put_value(struct str before, struct str text, bool is_regex, struct buf *out)
{
    bool in_string = false, in_regex = false;

    for (size_t i = 0; i < before.n; i++) {
        if (in_string && before.p[i] == '\\') {
            i++;
        } else if (before.p[i] == '"') {
            in_string = !in_string;
            in_regex = in_string && i > 0 && before.p[i - 1] == '~';
        }
    }
    for (size_t i = 0; i < text.n; i++) {
        if (in_regex && !is_regex && regex_is_meta(text.p[i]))
            buf_adds(out, "\\\\");
        if (in_string && (text.p[i] == '"' || text.p[i] == '\\'))
            buf_addc(out, '\\');
        buf_addc(out, text.p[i]);
    }
}
