#include "collect/host/run.h"

#include <errno.h>
#include <stdio.h>

#include "base/log.h"
#include "model/emit.h"

static void broken(struct host_run *r, const char *folder, const char *path, const char *what)
{
    size_t n = strlen(folder);

    r->present = true;
    if (!r->broken && !r->quiet)
        log_warn(r->log, "host", "%s%s%s: %s; left out (collector %s)", folder,
                 n == 0 || folder[n - 1] == '/' ? "" : "/", path, what, r->group);
    r->broken = true;
}

void host_broken(struct host_run *r, enum files_root root, const char *path, const char *what)
{
    broken(r, files_root_path(r->files, root), path, what);
}

void host_broken_at(struct host_run *r, const char *path, const char *what)
{
    broken(r, "", path, what);
}

void host_check_end(struct host_run *r, enum files_root root, const char *path, struct str rest)
{
    if (scan_cut(rest))
        host_broken(r, root, path, "the last line is cut");
}

bool host_read(struct host_run *r, enum files_root root, const char *path, struct str *out)
{
    char why[128];

    switch (files_read(r->files, root, path, out)) {
    case FILES_READ:
        r->present = true;
        return true;
    case FILES_ABSENT:
        return false;
    case FILES_FAILED:
        break;
    }
    host_broken(r, root, path, strerror_r(files_errno(r->files), why, sizeof why));
    return false;
}

bool host_read_u64(struct host_run *r, enum files_root root, const char *path, uint64_t *out)
{
    struct str text;

    if (!host_read(r, root, path, &text))
        return false;
    if (scan_u64(str_trim(text), out))
        return true;
    host_broken(r, root, path, "not a number");
    return false;
}

bool host_attr(struct host_run *r, int dir, const char *name, struct str *out)
{
    struct str text;

    if (files_read_at(r->files, dir, name, &text) != FILES_READ)
        return false;
    r->present = true;
    *out = str_trim(text);
    return true;
}

bool host_attr_u64(struct host_run *r, int dir, const char *name, uint64_t *out)
{
    struct str text;

    return host_attr(r, dir, name, &text) && scan_u64(text, out);
}

bool host_attr_i64(struct host_run *r, int dir, const char *name, int64_t *out)
{
    struct str text;

    return host_attr(r, dir, name, &text) && scan_i64(text, out);
}

struct str host_keep(struct host_run *r, struct str s)
{
    struct str copy = arena_str(r->scratch, s, r->err);

    if (!copy.p)
        r->stopped = true;
    return copy.p ? copy : STR("");
}

void *host_array(struct host_run *r, size_t n, size_t size)
{
    void *items = arena_zalloc_array(r->scratch, n, size, r->err);

    if (!items)
        r->stopped = true;
    return items;
}

bool host_list(struct host_run *r, enum files_root root, const char *path, int *dir,
               struct files_entry **out, size_t *n)
{
    *dir = files_dir(r->files, root, path);
    if (*dir < 0)
        return false;
    if (files_list(r->files, *dir, r->scratch, out, n, r->err) < 0) {
        r->stopped = true;
        return false;
    }
    return true;
}

void host_family(struct host_run *r, enum metric_type type, const char *name, const char *help)
{
    struct metadata m = {.family = str_c(name), .type = type, .help = str_c(help)};

    r->family = m.family;
    if (!r->stopped && r->emit->family(r->emit, &m, r->err) < 0)
        r->stopped = true;
}

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

void host_family_join(struct host_run *r, enum metric_type type, struct str prefix, struct str key,
                      struct str suffix, const char *help_before, struct str help_key,
                      const char *help_after)
{
    size_t at = prefix.n, room = HOST_FAMILY_MAX - 1 - prefix.n - suffix.n;

    key = str_take(key, room);
    memcpy(r->family_name, prefix.p, prefix.n);
    for (size_t i = 0; i < key.n; i++)
        r->family_name[at++] = is_name_char(key.p[i]) ? key.p[i] : '_';
    memcpy(r->family_name + at, suffix.p, suffix.n);
    r->family_name[at + suffix.n] = '\0';
    (void)snprintf(r->family_help, sizeof r->family_help, "%s%.*s%s", help_before,
                   STR_ARGS(str_take(help_key, HOST_FAMILY_MAX)), help_after);
    host_family(r, type, r->family_name, r->family_help);
}

/* An empty value means "no such label", so it goes no further. Names given by people (a mount
 * point) may be any bytes, and a label may not. */
void host_sample(struct host_run *r, double value, struct label labels[], size_t n)
{
    struct emit_sample s = {.name = r->family, .labels = labels, .value = value};

    for (size_t i = 0; i < n; i++) {
        if (!str_is_utf8(labels[i].value)) {
            if (!r->broken && !r->quiet)
                log_warn(r->log, "host", "a label of %.*s is not UTF-8; left out (collector %s)",
                         STR_ARGS(r->family), r->group);
            r->broken = true;
            return;
        }
        if (labels[i].value.n)
            labels[s.labels_n++] = labels[i];
    }
    if (!r->stopped && r->emit->sample(r->emit, &s, r->err) < 0)
        r->stopped = true;
}

void host_sample0(struct host_run *r, double value)
{
    host_sample(r, value, NULL, 0);
}

void host_sample1(struct host_run *r, double value, const char *name, struct str label)
{
    host_sample(r, value, (struct label[]){{str_c(name), label}}, 1);
}

void host_sample2(struct host_run *r, double value, const char *name1, struct str label1,
                  const char *name2, struct str label2)
{
    host_sample(r, value, (struct label[]){{str_c(name1), label1}, {str_c(name2), label2}}, 2);
}

void host_value(struct host_run *r, enum metric_type type, const char *name, const char *help,
                double value)
{
    host_family(r, type, name, help);
    host_sample0(r, value);
}
