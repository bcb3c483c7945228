/* /etc/os-release, read again when it changes: lines KEY=value, KEY="value", KEY='value'. */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "collect/host/groups.h"
#include "collect/host/run.h"

static const struct {
    const char *key, *label;
} fields[] = {
    {"BUILD_ID", "build_id"},
    {"ID", "id"},
    {"ID_LIKE", "id_like"},
    {"IMAGE_ID", "image_id"},
    {"IMAGE_VERSION", "image_version"},
    {"NAME", "name"},
    {"PRETTY_NAME", "pretty_name"},
    {"VARIANT", "variant"},
    {"VARIANT_ID", "variant_id"},
    {"VERSION", "version"},
    {"VERSION_CODENAME", "version_codename"},
    {"VERSION_ID", "version_id"},
};
enum { ID = 1, ID_LIKE = 2, NAME = 5, VERSION_ID = 11 };

#define OS_VALUE_MAX 256

struct os_state {
    struct timespec mtime;
    ino_t inode;
    char values[ARRAY_LEN(fields)][OS_VALUE_MAX];
};

void os_free(void *state)
{
    mem_free(state);
}

/* Without quotes and backslashes, as a shell would read it. What is too long is cut. */
static void unquote(struct str s, char out[OS_VALUE_MAX])
{
    char quote = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'') ? s.p[0] : '\0';
    size_t n = 0;

    if (quote)
        s = str_skip(s, 1);
    for (size_t i = 0; i < s.n && n + 1 < OS_VALUE_MAX; i++) {
        if (quote && s.p[i] == quote)
            break;
        if (s.p[i] == '\\' && quote != '\'' && i + 1 < s.n)
            i++;
        out[n++] = s.p[i];
    }
    out[n] = '\0';
    if (!str_is_utf8((struct str){out, n}))
        out[0] = '\0';
}

static void parse(struct str text, struct os_state *s)
{
    struct str line;

    memset(s->values, 0, sizeof s->values);
    while (scan_line(&text, &line)) {
        struct str key = str_trim(str_split(&line, '='));

        for (size_t i = 0; line.p && i < ARRAY_LEN(fields); i++) {
            if (str_eq(key, str_c(fields[i].key)))
                unquote(str_trim(line), s->values[i]);
        }
    }
}

static bool refresh(struct host_run *r, const char *path, struct os_state **state)
{
    int root = files_root_dir(r->files, FILES_ROOT);
    struct stat st;
    struct str text;

    if (fstatat(root, path, &st, 0) < 0)
        return false;
    if (*state && (*state)->inode == st.st_ino && (*state)->mtime.tv_sec == st.st_mtim.tv_sec &&
        (*state)->mtime.tv_nsec == st.st_mtim.tv_nsec)
        return true;
    if (files_read_at(r->files, root, path, &text) != FILES_READ) {
        host_broken(r, FILES_ROOT, path, "cannot be read");
        return false;
    }
    if (!*state)
        *state = mem_new(struct os_state);
    (*state)->inode = st.st_ino;
    (*state)->mtime = st.st_mtim;
    parse(text, *state);
    return true;
}

/* The figures "12" or "22.04" that VERSION_ID begins with. */
static bool major_minor(struct str version, double *out)
{
    size_t n = 0;

    while (n < version.n && version.p[n] >= '0' && version.p[n] <= '9')
        n++;
    if (n + 1 < version.n && n && version.p[n] == '.' && version.p[n + 1] >= '0' &&
        version.p[n + 1] <= '9') {
        n++;
        while (n < version.n && version.p[n] >= '0' && version.p[n] <= '9')
            n++;
    }
    return scan_decimal(str_take(version, n), out) && *out > 0;
}

void os_collect(struct host_run *r)
{
    struct os_state *s = *r->state;
    struct label labels[ARRAY_LEN(fields)];
    double version;

    if (!refresh(r, "etc/os-release", &s) && !refresh(r, "usr/lib/os-release", &s))
        return;
    *r->state = s;
    r->present = true;
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        labels[i] = (struct label){str_c(fields[i].label), str_c(s->values[i])};
    host_family(r, METRIC_GAUGE, "node_os_info",
                "A metric with a constant '1' value labeled by build_id, id, id_like, image_id, "
                "image_version, name, pretty_name, variant, variant_id, version, "
                "version_codename, version_id.");
    host_sample(r, 1, labels, ARRAY_LEN(labels));
    if (!major_minor(str_c(s->values[VERSION_ID]), &version))
        return;
    host_family(r, METRIC_GAUGE, "node_os_version",
                "Metric containing the major.minor part of the OS version.");
    host_sample(r, version,
                (struct label[]){{STR("id"), str_c(s->values[ID])},
                                 {STR("id_like"), str_c(s->values[ID_LIKE])},
                                 {STR("name"), str_c(s->values[NAME])}},
                3);
}
