#include "collect/process/cgroup.h"

#include <stdio.h>

#include "collect/host/scan.h"

#define ID_DIGITS 64

/* id:controllers:/path, one line a hierarchy; the second version's is 0::/path. */
static bool next_line(struct str *text, struct str *controllers, struct str *path)
{
    struct str line;

    while (scan_line(text, &line)) {
        (void)str_split(&line, ':');
        if (!line.p)
            continue;
        *controllers = str_split(&line, ':');
        if (!line.p || !str_starts(line, STR("/")))
            continue;
        *path = line;
        return true;
    }
    return false;
}

/* Calls `is` for each part of each path until it says true. */
static bool any_part(struct str text, bool (*is)(struct str part, struct str wanted),
                     struct str wanted)
{
    struct str controllers, path;

    while (next_line(&text, &controllers, &path))
        while (path.p)
            if (is(str_split(&path, '/'), wanted))
                return true;
    return false;
}

static bool has_ending(struct str unit)
{
    static const char *const endings[] = {".service", ".scope", ".slice",
                                          ".socket",  ".mount", ".swap"};

    for (size_t i = 0; i < ARRAY_LEN(endings); i++)
        if (str_ends(unit, str_c(endings[i])))
            return true;
    return false;
}

static bool is_unit(struct str part, struct str unit)
{
    if (str_eq(part, unit))
        return true;
    return str_starts(part, unit) && !has_ending(unit) &&
           str_eq(str_skip(part, unit.n), STR(".service"));
}

bool cgroup_has_unit(struct str text, struct str unit)
{
    return any_part(text, is_unit, unit);
}

static bool is_machine(struct str part, struct str name)
{
    static const char *const before[] = {"machine-", "lxc.payload.", "lxc."};

    for (size_t i = 0; i < ARRAY_LEN(before); i++) {
        struct str rest = str_skip(part, strlen(before[i]));

        if (str_starts(part, str_c(before[i])) && str_starts(rest, name) &&
            (rest.n == name.n || str_eq(str_skip(rest, name.n), STR(".scope"))))
            return true;
    }
    return false;
}

bool cgroup_has_machine(struct str text, struct str name)
{
    return any_part(text, is_machine, name);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

/* docker-ID.scope, libpod-ID, cri-containerd-ID.scope, or the id alone. What watches a container
 * (conmon) has its id too, and is not in it. */
static struct str id_of(struct str part)
{
    size_t run = 0;

    if (scan_has(part, "conmon"))
        return STR("");
    for (size_t i = 0; i < part.n; i++) {
        run = is_hex(part.p[i]) ? run + 1 : 0;
        if (run == ID_DIGITS && (i + 1 == part.n || !is_hex(part.p[i + 1])))
            return (struct str){part.p + i + 1 - ID_DIGITS, ID_DIGITS};
    }
    return STR("");
}

struct str cgroup_container(struct str text)
{
    struct str controllers, path, found = STR("");

    while (!found.n && next_line(&text, &controllers, &path)) {
        while (path.p) {
            struct str id = id_of(str_split(&path, '/'));

            found = id.n ? id : found;
        }
    }
    return found;
}

static bool has_controller(struct str list, struct str name)
{
    while (list.p)
        if (str_eq(str_split(&list, ','), name))
            return true;
    return false;
}

void cgroup_oom_file(struct str text, char out[CGROUP_PATH_MAX])
{
    struct str controllers, path;

    out[0] = '\0';
    while (next_line(&text, &controllers, &path)) {
        int n = 0;

        if (has_controller(controllers, STR("memory")))
            n = snprintf(out, CGROUP_PATH_MAX, "fs/cgroup/memory%.*s/memory.oom_control",
                         STR_ARGS(path));
        else if (!controllers.n && path.n > 1)
            n = snprintf(out, CGROUP_PATH_MAX, "fs/cgroup%.*s/memory.events", STR_ARGS(path));
        if (n >= CGROUP_PATH_MAX)
            out[0] = '\0';
        else if (n > 0 && controllers.n)
            return; /* where memory is a hierarchy of its own, the second version's does not count
                     */
    }
}

/* Up to the end of the part that has the id in it: what is below is the container's own affair. */
static struct str until_part_with(struct str path, struct str id)
{
    const char *at = id.n && path.n ? memmem(path.p, path.n, id.p, id.n) : NULL;
    const char *end = path.p + path.n, *slash;

    if (!at)
        return STR("");
    slash = memchr(at + id.n, '/', (size_t)(end - at) - id.n);
    return (struct str){path.p, (size_t)((slash ? slash : end) - path.p)};
}

void cgroup_container_folder(struct str text, struct str controller, struct str id,
                             char out[CGROUP_PATH_MAX])
{
    struct str controllers, path;

    out[0] = '\0';
    while (next_line(&text, &controllers, &path)) {
        struct str folder = until_part_with(path, id);
        bool own = has_controller(controllers, controller);
        int n = 0;

        if (!folder.n || scan_has(folder, "/../"))
            continue;
        if (own)
            n = snprintf(out, CGROUP_PATH_MAX, "fs/cgroup/%.*s%.*s", STR_ARGS(controller),
                         STR_ARGS(folder));
        else if (!controllers.n)
            n = snprintf(out, CGROUP_PATH_MAX, "fs/cgroup%.*s", STR_ARGS(folder));
        if (n >= CGROUP_PATH_MAX)
            out[0] = '\0';
        if (own)
            return;
    }
}
