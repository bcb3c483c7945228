#include "collect/nginx/nginx.h"

#include "base/err.h"
#include "collect/collect.h"
#include "model/emit.h"

/* ---- the page ---- */

static struct str skip_blanks(struct str s)
{
    size_t n = 0;

    while (n < s.n && (s.p[n] == ' ' || s.p[n] == '\n' || s.p[n] == '\r' || s.p[n] == '\t'))
        n++;
    return str_skip(s, n);
}

/* The word, then a number; NULL for the word: the number alone. */
static bool read_count(struct str *rest, const char *word, uint64_t *out)
{
    size_t digits = 0;

    *rest = skip_blanks(*rest);
    if (word && !str_starts(*rest, str_c(word)))
        return false;
    *rest = skip_blanks(str_skip(*rest, word ? strlen(word) : 0));
    *out = 0;
    for (; digits < rest->n && rest->p[digits] >= '0' && rest->p[digits] <= '9'; digits++)
        *out = *out * 10 + (uint64_t)(rest->p[digits] - '0');
    *rest = str_skip(*rest, digits);
    return digits > 0 && digits < 20;
}

static bool read_words(struct str *rest, const char *words)
{
    *rest = skip_blanks(*rest);
    if (!str_starts(*rest, str_c(words)))
        return false;
    *rest = str_skip(*rest, strlen(words));
    return true;
}

int nginx_status_parse(struct str body, struct nginx_status *out, struct err *err)
{
    struct str rest = body, first = str_trim(body);

    if (read_count(&rest, "Active connections:", &out->active) &&
        read_words(&rest, "server accepts handled requests") &&
        read_count(&rest, NULL, &out->accepted) && read_count(&rest, NULL, &out->handled) &&
        read_count(&rest, NULL, &out->requests) && read_count(&rest, "Reading:", &out->reading) &&
        read_count(&rest, "Writing:", &out->writing) &&
        read_count(&rest, "Waiting:", &out->waiting))
        return 0;
    return err_set(err, ERR_SYNTAX, "this is no page of stub_status; the answer begins with: %.*s",
                   STR_ARGS(str_take(str_trim(str_split(&first, '\n')), 60)));
}

/* ---- series ---- */

static int put_all(const struct nginx_status *s, struct emit *emit, struct err *err)
{
    const struct {
        const char *name, *help;
        enum metric_type type;
        uint64_t value;
    } rows[] = {
        {"nginx_connections_accepted", "Connections taken.", METRIC_COUNTER, s->accepted},
        {"nginx_connections_active", "Connections that are open.", METRIC_GAUGE, s->active},
        {"nginx_connections_handled", "Connections dealt with.", METRIC_COUNTER, s->handled},
        {"nginx_connections_reading", "Connections whose request is read.", METRIC_GAUGE,
         s->reading},
        {"nginx_connections_waiting", "Idle connections.", METRIC_GAUGE, s->waiting},
        {"nginx_connections_writing", "Connections that are answered.", METRIC_GAUGE, s->writing},
        {"nginx_http_requests_total", "Requests.", METRIC_COUNTER, s->requests},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (emit_value(emit, rows[i].name, rows[i].type, rows[i].help, (double)rows[i].value, err) <
            0)
            return -1;
    return 0;
}

static enum parsed parse(void *arg, int status, struct str body, struct emit *emit,
                         struct arena *scratch, struct err *err)
{
    struct nginx_status s;

    (void)arg;
    (void)scratch;
    if (status != 200 || nginx_status_parse(body, &s, err) < 0 || put_all(&s, emit, err) < 0)
        return PARSED_NOT;
    return PARSED;
}

void nginx_collector(struct collector *out)
{
    *out = (struct collector){.name = "nginx", .parse = parse, .up = "nginx_up"};
}
