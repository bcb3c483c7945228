#include "collect/docker/place.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_PLACES 4
#define USER_MAX     40
#define NAMES_MAX    16384 /* bytes of an entry of /etc/passwd or /etc/group with its members */

const char *place_engine(struct str path)
{
    if (str_ends(path, STR("/docker.sock")))
        return "Docker";
    return str_ends(path, STR("/podman.sock")) ? "Podman" : NULL;
}

static struct str without_var(const char *path)
{
    return str_skip(str_c(path), str_starts(str_c(path), STR("/var/run/")) ? strlen("/var") : 0);
}

bool place_is_same(const char *a, const char *b)
{
    return str_eq(without_var(a), without_var(b));
}

bool place_is_shut(const char *path)
{
    return access(path, R_OK | W_OK) < 0 && errno == EACCES;
}

static bool is_socket(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

/* The system's, then the user's own: engines without root. */
static void usual(size_t i, char out[PLACE_PATH_MAX])
{
    unsigned user = (unsigned)geteuid();

    switch (i) {
    case 0:
        (void)snprintf(out, PLACE_PATH_MAX, "/var/run/docker.sock");
        break;
    case 1:
        (void)snprintf(out, PLACE_PATH_MAX, "/run/podman/podman.sock");
        break;
    case 2:
        (void)snprintf(out, PLACE_PATH_MAX, "/run/user/%u/docker.sock", user);
        break;
    default:
        (void)snprintf(out, PLACE_PATH_MAX, "/run/user/%u/podman/podman.sock", user);
        break;
    }
}

bool place_find(char out[PLACE_PATH_MAX])
{
    char path[PLACE_PATH_MAX];
    bool found = false;

    for (size_t i = 0; i < USUAL_PLACES; i++) {
        usual(i, path);
        if (!is_socket(path) || (found && place_is_shut(path)))
            continue;
        memcpy(out, path, sizeof path);
        found = true;
        if (!place_is_shut(path))
            break;
    }
    return found;
}

/* ---- what it takes ---- */

static void user_name(char out[USER_MAX])
{
    char space[NAMES_MAX];
    struct passwd entry, *found = NULL;

    (void)snprintf(out, USER_MAX, "%u", (unsigned)geteuid());
    if (getpwuid_r(geteuid(), &entry, space, sizeof space, &found) == 0 && found)
        (void)snprintf(out, USER_MAX, "%s", found->pw_name);
}

/* False: there is none but root's, or its name is not known. */
static bool group_name(const char *path, char out[USER_MAX])
{
    char space[NAMES_MAX];
    struct group entry, *found = NULL;
    struct stat st;

    if (stat(path, &st) < 0 || st.st_gid == 0 || !(st.st_mode & S_IWGRP) ||
        getgrgid_r(st.st_gid, &entry, space, sizeof space, &found) != 0 || !found)
        return false;
    (void)snprintf(out, USER_MAX, "%s", found->gr_name);
    return true;
}

void place_needs(const char *path, char out[PLACE_NEEDS_MAX])
{
    const char *engine = place_engine(str_c(path));
    bool podman = engine && strcmp(engine, "Podman") == 0;
    char user[USER_MAX], group[USER_MAX];

    user_name(user);
    if (group_name(path, group))
        (void)snprintf(out, PLACE_NEEDS_MAX,
                       "the user %s in the group %s: usermod -aG %s %s, then start earshot anew; "
                       "whoever is in that group can become root",
                       user, group, group, user);
    else
        (void)snprintf(out, PLACE_NEEDS_MAX,
                       "a socket that the user %s may open, as that of a %s without root "
                       "(docs/docker-collector.md)",
                       user, podman ? "Podman" : "Docker");
}
