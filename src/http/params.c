/* params: query strings and form bodies, decoded. */
#include "http/params.h"

#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/head.h"

#define PARAMS_MAX 10000 /* each is small, but there is no use for so many */

int params_decode(struct arena *a, struct str text, struct http_param **list, size_t *n,
                  size_t *cap, struct err *err)
{
    while (text.p && text.n) {
        struct str pair = str_split(&text, '&');
        struct str name;
        struct http_param param;
        void *items = *list;

        if (!pair.n)
            continue;
        if (*n == PARAMS_MAX)
            return err_set(err, ERR_LIMIT, "there are more than %d parameters", PARAMS_MAX);
        name = str_split(&pair, '=');
        if (head_unescape(a, name, true, &param.name, err) < 0 ||
            head_unescape(a, pair.p ? pair : (struct str){"", 0}, true, &param.value, err) < 0)
            return -1;
        if (arena_grow(a, &items, cap, *n + 1, sizeof param, err) < 0)
            return -1;
        *list = items;
        (*list)[(*n)++] = param;
    }
    return 0;
}

static bool is_form(const struct http_request *r)
{
    static const struct str form = {"application/x-www-form-urlencoded", 33};
    struct str type = http_header(r, "content-type");

    return type.n >= form.n && strncasecmp(type.p, form.p, form.n) == 0 &&
           (type.n == form.n || type.p[form.n] == ';' || type.p[form.n] == ' ');
}

int http_params(const struct http_request *r, struct http_param **out, size_t *n, struct err *err)
{
    struct http_param *list = NULL;
    size_t count = 0, cap = 0;

    /* The body first, as Go's FormValue does: where both name a parameter, the body's counts. */
    if (is_form(r) && params_decode(r->arena, r->body, &list, &count, &cap, err) < 0)
        return -1;
    if (params_decode(r->arena, r->raw_query, &list, &count, &cap, err) < 0)
        return -1;
    *out = list;
    *n = count;
    return 0;
}
