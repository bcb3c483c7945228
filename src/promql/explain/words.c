/* words: what the findings are written with. */
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "promql/explain/parts.h"
#include "text/duration.h"

#define LISTED_MAX 5u
#define ITEM_BYTES 60u

int explain_list(struct arena *a, const struct str items[], size_t n, bool quoted, const char **out,
                 struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};
    size_t shown = n <= LISTED_MAX + 1 ? n : LISTED_MAX;

    for (size_t i = 0; i < shown; i++) {
        struct str item = str_take(items[i], ITEM_BYTES);

        if (i)
            buf_adds(&text, i + 1 == n ? " and " : ", ");
        if (quoted)
            quote_append(&text, item);
        else
            buf_add(&text, item);
    }
    if (shown < n)
        buf_addf(&text, " and %zu more", n - shown);
    *out = arena_cstr(a, buf_str(&text), err);
    return *out ? 0 : -1;
}

const char *explain_splice(const struct explain *x, uint32_t start, uint32_t end,
                           const char *replacement, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};

    buf_add(&text, str_take(x->text, start));
    buf_adds(&text, replacement);
    buf_add(&text, str_skip(x->text, end));
    return arena_cstr(x->arena, buf_str(&text), err);
}

const char *explain_print(const struct explain *x, const struct expr *e, struct err *err)
{
    SCOPED(buf_fini) struct buf text = {0};

    buf_init(&text, 2 * PROMQL_TEXT_BYTES_MAX);
    if (promql_print(e, false, &text, err) < 0)
        return NULL;
    return arena_cstr(x->arena, buf_str(&text), err);
}

const char *explain_duration(const struct explain *x, int64_t ms, struct err *err)
{
    char text[32];

    return arena_cstr(x->arena, str_c(duration_print_long(ms, text)), err);
}

const char *explain_time(const struct explain *x, ts_ms t, struct err *err)
{
    time_t seconds = (time_t)(t / 1000);
    struct tm tm;
    char text[64];

    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &tm))
        return arena_printf(x->arena, err, "%lld ms", (long long)t);
    return arena_cstr(x->arena, str_c(text), err);
}

const char *explain_values(const struct explain *x, const struct measure *m, struct err *err)
{
    if (m->min > m->max)
        return arena_printf(x->arena, err, "not a number");
    if (m->min == m->max)
        return arena_printf(x->arena, err, "%.6g", m->min);
    return arena_printf(x->arena, err, "between %.6g and %.6g", m->min, m->max);
}
