#include "collect/logs/fields.h"

#include "base/arena.h"
#include "collect/logs/record.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static size_t word_length(struct str s, bool stop_at_equals)
{
    size_t n = 0;

    while (n < s.n && !is_blank(s.p[n]) && !(stop_at_equals && s.p[n] == '='))
        n++;
    return n;
}

/* "...": with \" and others inside; *used counts the quotes. */
static bool read_quoted(struct str s, struct arena *a, struct str *out, size_t *used)
{
    bool escaped = false;
    size_t n = 1, m = 0;
    char *text;

    for (; n < s.n && s.p[n] != '"'; n++) {
        if (s.p[n] == '\\') {
            escaped = true;
            n++;
        }
    }
    if (n >= s.n)
        return false;
    *out = (struct str){s.p + 1, n - 1};
    *used = n + 1;
    if (!escaped)
        return true;
    text = arena_alloc(a, out->n + 1, NULL);
    if (!text)
        return false;
    for (size_t i = 0; i < out->n; i++) {
        char c = out->p[i];

        if (c == '\\' && i + 1 < out->n) {
            c = out->p[++i];
            c = (char)(c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c);
        }
        text[m++] = c;
    }
    *out = (struct str){text, m};
    return true;
}

bool fields_read_logfmt(struct str line, struct arena *a, struct log_record *out)
{
    out->fields_n = 0;
    while (line.n) {
        struct str name, value = {line.p, 0};
        size_t used = word_length(line, true);

        name = str_take(line, used);
        line = str_skip(line, used);
        if (line.n == 0 || line.p[0] != '=' || name.n == 0) {
            line = str_skip(line, 1);
            continue;
        }
        line = str_skip(line, 1);
        if (line.n && line.p[0] == '"') {
            if (!read_quoted(line, a, &value, &used)) {
                out->fields_n = 0;
                return false;
            }
        } else {
            used = word_length(line, false);
            value = str_take(line, used);
        }
        line = str_skip(line, used);
        if (out->fields_n < LOG_FIELDS_MAX)
            out->fields[out->fields_n++] = (struct log_field){name, value, false};
    }
    return out->fields_n > 0;
}
