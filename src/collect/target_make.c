#include "collect/target_make.h"

#include <assert.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/scrape_settings.h"
#include "model/labels.h"
#include "model/relabel.h"
#include "text/duration.h"

#define ADDRESS  "__address__"
#define SCHEME   "__scheme__"
#define PATH     "__metrics_path__"
#define INTERVAL "__scrape_interval__"
#define TIMEOUT  "__scrape_timeout__"
#define PARAM    "__param_"

/* --- labels as discovered -----------------------------------------------------------------------
 */

struct list {
    struct label *items; /* [n]; room for all there can be */
    size_t n;
};

/* A name that is there already stays. */
static void put(struct list *l, struct str name, struct str value)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->items[i].name, name))
            return;
    if (value.n)
        l->items[l->n++] = (struct label){name, value};
}

static void put_all(struct list *l, const struct labels *ls)
{
    for (size_t i = 0; ls && i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        put(l, label.name, label.value);
    }
}

static int put_duration(struct list *l, const char *name, int64_t ms, struct arena *a,
                        struct err *err)
{
    char text[32];
    struct str kept = arena_str(a, str_c(duration_print(ms, text)), err);

    if (!kept.p)
        return -1;
    put(l, str_c(name), kept);
    return 0;
}

/* The first value of each parameter. */
static int put_params(struct list *l, const struct scrape_job *job, struct arena *a,
                      struct err *err)
{
    for (size_t i = 0; i < job->params_n; i++) {
        struct str name = job->params[i].name;
        const char *label;

        if (i > 0 && str_eq(job->params[i - 1].name, name))
            continue;
        label = arena_printf(a, err, PARAM "%.*s", STR_ARGS(name));
        if (!label)
            return -1;
        put(l, str_c(label), job->params[i].value);
    }
    return 0;
}

static int discover(const struct scrape_job *job, const struct labels *group,
                    const struct labels *own, struct arena *a, const struct labels **out,
                    struct err *err)
{
    size_t most = own->n + (group ? group->n : 0) + job->params_n + 6;
    struct list l = {.items = arena_alloc(a, most * sizeof *l.items, err)};

    if (!l.items)
        return -1;
    put_all(&l, own);
    put_all(&l, group);
    put(&l, STR("job"), str_c(job->name));
    if (job->host)
        put(&l, STR("host"), str_c(job->host));
    put(&l, STR(SCHEME), str_c(job->scheme));
    put(&l, STR(PATH), str_c(job->metrics_path));
    if (put_duration(&l, INTERVAL, job->interval_ms, a, err) < 0 ||
        put_duration(&l, TIMEOUT, job->timeout_ms, a, err) < 0 || put_params(&l, job, a, err) < 0)
        return -1;
    return labels_build(a, l.items, l.n, out, err);
}

/* --- the URL ------------------------------------------------------------------------------------
 */

static bool is_unreserved(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-_.~", c));
}

/* `more`: what needs no escape besides. A blank is a plus sign in parameters only. */
static void encode(struct buf *out, struct str s, const char *more)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (is_unreserved(c) || (c && strchr(more, c)))
            buf_addc(out, (char)c);
        else if (c == ' ' && !more[0])
            buf_addc(out, '+');
        else
            buf_addf(out, "%%%02X", c);
    }
}

static void add_param(struct buf *out, bool *first, struct str name, struct str value)
{
    buf_addc(out, *first ? '?' : '&');
    *first = false;
    encode(out, name, "");
    buf_addc(out, '=');
    encode(out, value, "");
}

/* __param_x takes the place of the first value of x, or adds one; sorted by name. */
static void add_params(struct buf *out, const struct scrape_job *job, const struct labels *ls)
{
    bool first = true;
    size_t next = 0; /* parameter of the job */

    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);
        struct str name;

        if (!str_starts(label.name, STR(PARAM)))
            continue;
        name = str_skip(label.name, sizeof PARAM - 1);
        for (; next < job->params_n && str_cmp(job->params[next].name, name) < 0; next++)
            add_param(out, &first, job->params[next].name, job->params[next].value);
        if (next < job->params_n && str_eq(job->params[next].name, name))
            next++;
        add_param(out, &first, name, label.value);
    }
    for (; next < job->params_n; next++)
        add_param(out, &first, job->params[next].name, job->params[next].value);
}

static int check_scheme(struct str scheme, struct err *err)
{
    for (size_t i = 0; i < scheme.n; i++)
        if (!is_unreserved((unsigned char)scheme.p[i]))
            scheme.n = 0;
    return scheme.n ? 0 : err_set(err, ERR_EVAL, SCHEME ": expected http or https");
}

static int check_address(struct str address, struct err *err)
{
    bool sound = address.n > 0;

    if (address.n == 0)
        return err_set(err, ERR_EVAL, "it has no address (label " ADDRESS " is empty)");
    for (size_t i = 0; i < address.n; i++) {
        unsigned char c = (unsigned char)address.p[i];

        sound &= c > ' ' && c != 0x7f && !strchr("/?#@\\", c);
    }
    if (!sound)
        return err_set(err, ERR_EVAL,
                       ADDRESS ": \"%.*s\" is not a valid hostname: expected host:port",
                       STR_ARGS(str_take(address, 100)));
    return 0;
}

static int build_url(const struct scrape_job *job, const struct labels *ls, struct arena *a,
                     const char **out, struct err *err)
{
    struct str scheme = labels_get(ls, STR(SCHEME)), address = labels_get(ls, STR(ADDRESS)),
               path = labels_get(ls, STR(PATH));
    SCOPED(buf_fini) struct buf url;

    buf_init(&url, LABELS_BYTES_MAX * 4);
    if (check_address(address, err) < 0 || check_scheme(scheme, err) < 0)
        return -1;
    buf_add(&url, scheme);
    buf_adds(&url, "://");
    buf_add(&url, address);
    if (path.n && path.p[0] != '/')
        buf_addc(&url, '/');
    encode(&url, path, "$&+,/:;=@");
    add_params(&url, job, ls);
    *out = arena_cstr(a, buf_str(&url), err);
    return *out ? 0 : -1;
}

/* --- the target ---------------------------------------------------------------------------------
 */

static int read_duration(const struct labels *ls, const char *name, int64_t *out, struct err *err)
{
    struct str text = labels_get(ls, str_c(name));

    if (duration_parse(text, out, err) < 0) {
        if (err)
            err->kind = ERR_EVAL;
        return err_context(err, "%s", name);
    }
    return *out > 0 ? 0 : err_set(err, ERR_EVAL, "%s must be above 0", name);
}

static int read_times(const struct labels *ls, struct made_target *out, struct err *err)
{
    if (read_duration(ls, INTERVAL, &out->interval_ms, err) < 0 ||
        read_duration(ls, TIMEOUT, &out->timeout_ms, err) < 0)
        return -1;
    if (out->timeout_ms > out->interval_ms)
        return err_set(err, ERR_EVAL, TIMEOUT " %.*s is longer than " INTERVAL " %.*s",
                       STR_ARGS(labels_get(ls, STR(TIMEOUT))),
                       STR_ARGS(labels_get(ls, STR(INTERVAL))));
    return 0;
}

/* What the series carry: no names with two underscores in front, and an instance. */
static int keep_public(const struct labels *ls, struct arena *a, const struct labels **out,
                       struct err *err)
{
    struct label *pairs = arena_alloc(a, (ls->n + 1u) * sizeof *pairs, err);
    size_t n = 0;

    if (!pairs)
        return -1;
    for (size_t i = 0; i < ls->n; i++) {
        struct label label = labels_at(ls, i);

        if (!str_is_utf8(label.value))
            return err_set(err, ERR_EVAL, "label %.*s: its value is not UTF-8",
                           STR_ARGS(str_take(label.name, 100)));
        if (!str_starts(label.name, STR("__")))
            pairs[n++] = label;
    }
    if (labels_get(ls, STR("instance")).n == 0)
        pairs[n++] = (struct label){STR("instance"), labels_get(ls, STR(ADDRESS))};
    return labels_build(a, pairs, n, out, err);
}

int target_make(const struct scrape_job *job, const struct labels *group, const struct labels *own,
                struct arena *a, struct made_target *out, struct err *err)
{
    struct made_target t = {0};
    const struct labels *ls;
    bool kept;

    if (discover(job, group, own, a, &t.discovered, err) < 0 ||
        relabel_apply(&job->relabel, a, t.discovered, &kept, &ls, err) < 0)
        return -1;
    t.dropped = !kept;
    if (kept && (build_url(job, ls, a, &t.url, err) < 0 || read_times(ls, &t, err) < 0 ||
                 keep_public(ls, a, &t.labels, err) < 0))
        return -1;
    *out = t;
    return 0;
}
