#include "collect/ssh/snapshot.h"

#define END "end\n"

static bool is_part(struct str part, bool last)
{
    if (!part.n || part.n > 64)
        return false;
    if (part.p[0] == '.')
        return last && (str_eq(part, STR(".time")) || str_eq(part, STR(".machine")) ||
                        str_eq(part, STR(".statfs")));
    for (size_t i = 0; i < part.n; i++)
        if ((unsigned char)part.p[i] <= ' ' || part.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_path(struct str path)
{
    static const char *const roots[] = {"/proc/", "/sys/", "/etc/"};
    struct str rest = path;
    bool below = false;

    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        below |= str_starts(path, str_c(roots[i]));
    if (!below || path.n > SNAPSHOT_PATH_MAX)
        return false;
    rest = str_skip(rest, 1);
    while (rest.p) {
        struct str part = str_split(&rest, '/');

        if (!is_part(part, !rest.p))
            return false;
    }
    return true;
}

/* The line's path; the line is left as what follows it. False: it has none. */
static bool split_line(struct str *line, struct str *path)
{
    struct str rest = *line;

    *path = str_split(&rest, ':');
    if (!rest.p || !is_path(*path))
        return false;
    *line = rest;
    return true;
}

bool snapshot_next(struct str *rest, struct str *path, struct buf *content)
{
    bool begun = false;

    buf_reset(content);
    while (rest->p && rest->n) {
        struct str after = *rest, line = str_split(&after, '\n'), of;

        if (split_line(&line, &of)) {
            if (begun && !str_eq(of, *path))
                return true;
            *path = of;
            begun = true;
            buf_add(content, line);
            buf_addc(content, '\n');
        }
        *rest = after;
    }
    return begun;
}

bool snapshot_is_whole(struct str text, size_t *n)
{
    const size_t size = sizeof END - 1;

    if (!str_ends(text, STR(END)) || (text.n > size && text.p[text.n - size - 1] != '\n'))
        return false;
    *n = text.n - size;
    return true;
}
