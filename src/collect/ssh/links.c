#include "collect/ssh/links.h"

#include <stdio.h>

static bool is_number(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0 && s.n <= 10;
}

/* Of "/proc/812/fd": "fd"; empty: it is no such path. */
static struct str below_process(struct str path)
{
    struct str rest, process;

    if (!str_starts(path, STR("/proc/")))
        return STR("");
    rest = str_skip(path, 6);
    process = str_split(&rest, '/');
    return rest.p && (is_number(process) || str_eq(process, STR("self"))) ? rest : STR("");
}

static bool is_link(struct str path)
{
    struct str below = below_process(path);

    return str_eq(below, STR("exe")) || str_eq(below, STR("ns/net"));
}

/* "... NAME -> TARGET"; the first arrow parts them, for names that we take have none. */
static bool split_arrow(struct str line, struct str *name, struct str *target)
{
    const char *arrow = line.n ? memmem(line.p, line.n, " -> ", 4) : NULL;
    size_t from;

    if (!arrow)
        return false;
    *target = str_skip(line, (size_t)(arrow - line.p) + 4);
    from = (size_t)(arrow - line.p);
    while (from > 0 && line.p[from - 1] != ' ')
        from--;
    *name = (struct str){line.p + from, (size_t)(arrow - line.p) - from};
    return name->n > 0 && target->n > 0 && !memchr(target->p, 0, target->n);
}

/* "/proc/812/fd:" */
static bool begin_folder(struct links *l, struct str line, struct link *out)
{
    if (!str_ends(line, STR(":")))
        return false;
    line.n--;
    if (!str_eq(below_process(line), STR("fd")))
        return false;
    l->folder = line;
    out->target = STR("");
    (void)snprintf(out->path, sizeof out->path, "%.*s", STR_ARGS(line));
    return true;
}

static bool read_line(struct links *l, struct str line, struct link *out)
{
    struct str name;

    if (begin_folder(l, line, out))
        return true;
    if (!str_starts(line, STR("l")) || !split_arrow(line, &name, &out->target))
        return false;
    if (is_link(name))
        (void)snprintf(out->path, sizeof out->path, "%.*s", STR_ARGS(name));
    else if (l->folder.n && is_number(name))
        (void)snprintf(out->path, sizeof out->path, "%.*s/%.*s", STR_ARGS(l->folder),
                       STR_ARGS(name));
    else
        return false;
    return true;
}

bool links_next(struct links *l, struct link *out)
{
    while (l->rest.p && l->rest.n)
        if (read_line(l, str_split(&l->rest, '\n'), out))
            return true;
    return false;
}
