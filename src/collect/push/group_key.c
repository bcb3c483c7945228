#include "collect/push/group_key.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/base64.h"

#define PREFIX     "/metrics/"
#define BASE64     "@base64"
#define LABELS_MAX 64u
#define SEPARATOR  '\xff'

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int percent_decode(struct str s, struct arena *a, struct str *out, struct err *err)
{
    char *p = arena_alloc(a, s.n, err);
    size_t n = 0;

    if (!p)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '%') {
            p[n++] = s.p[i];
            continue;
        }
        if (i + 2 >= s.n || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
            return err_set(err, ERR_SYNTAX, "bad %% in the path at \"%.*s\"",
                           STR_ARGS(str_take(str_skip(s, i), 20)));
        p[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
        i += 2;
    }
    *out = (struct str){p, n};
    return 0;
}

static int base64_of(struct str name, struct str s, struct arena *a, struct str *out,
                     struct err *err)
{
    char *p = arena_alloc(a, s.n, err);

    if (!p)
        return -1;
    if (!base64_decode(BASE64_URL, s, p, &out->n))
        return err_set(err, ERR_SYNTAX, "invalid base64 encoding for label %.*s=\"%.*s\"",
                       STR_ARGS(str_take(name, 60)), STR_ARGS(str_take(s, 60)));
    out->p = p;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    const struct label *x = a, *y = b;

    return str_cmp(x->name, y->name);
}

static int check(const struct label *label, struct err *err)
{
    if (!name_is_legacy_label(label->name) || str_starts(label->name, STR("__")))
        return err_set(err, ERR_SYNTAX, "improper label name \"%.*s\"",
                       STR_ARGS(str_take(label->name, 60)));
    if (!str_is_utf8(label->value))
        return err_set(err, ERR_SYNTAX, "the value of label %.*s is not UTF-8",
                       STR_ARGS(str_take(label->name, 60)));
    return 0;
}

/* Sorts, refuses labels given twice, writes the text. */
static int finish(struct group_key *key, struct arena *a, struct err *err)
{
    size_t bytes = 0, n = 0, at = 0;
    bool has_job = false;
    char *text;

    qsort(key->labels, key->n, sizeof *key->labels, by_name);
    for (size_t i = 0; i < key->n; i++) {
        if (n && str_eq(key->labels[n - 1].name, key->labels[i].name))
            return err_set(err, ERR_SYNTAX, "label \"%.*s\" is in the path twice",
                           STR_ARGS(str_take(key->labels[i].name, 60)));
        key->labels[n++] = key->labels[i];
        bytes += key->labels[i].name.n + key->labels[i].value.n + 2;
        has_job |= str_eq(key->labels[i].name, STR("job")) && key->labels[i].value.n;
    }
    key->n = n;
    if (!has_job)
        return err_set(err, ERR_SYNTAX, "job name is required");
    text = arena_alloc(a, bytes, err);
    if (!text)
        return -1;
    for (size_t i = 0; i < n; i++) {
        const struct str parts[] = {key->labels[i].name, key->labels[i].value};

        for (size_t k = 0; k < ARRAY_LEN(parts); k++) {
            if (parts[k].n)
                memcpy(text + at, parts[k].p, parts[k].n);
            at += parts[k].n;
            text[at++] = SEPARATOR;
        }
    }
    key->text = (struct str){text, at};
    return 0;
}

int group_key_read(struct str path, struct arena *a, struct group_key *out, struct err *err)
{
    struct group_key key = {arena_new_array(a, struct label, LABELS_MAX, err), 0, {NULL, 0}};
    struct str rest = str_skip(path, sizeof PREFIX - 1);

    if (!key.labels)
        return -1;
    if (!str_starts(path, STR(PREFIX)))
        return err_set(err, ERR_SYNTAX, "job name is required");
    while (rest.p) {
        struct label *label = &key.labels[key.n];
        struct str name = str_split(&rest, '/'), value;
        bool base64;

        if (!rest.p)
            return err_set(err, ERR_SYNTAX,
                           key.n ? "odd number of components in the path: label \"%.*s\" has no "
                                   "value"
                                 : "job name is required",
                           STR_ARGS(str_take(name, 60)));
        if (key.n == LABELS_MAX - 1)
            return err_set(err, ERR_SYNTAX, "more than %u labels in the path", LABELS_MAX - 1);
        value = str_split(&rest, '/');
        if (percent_decode(name, a, &name, err) < 0 || percent_decode(value, a, &value, err) < 0)
            return -1;
        base64 = str_ends(name, STR(BASE64));
        if (base64)
            name.n -= sizeof BASE64 - 1;
        if (key.n == 0 && !str_eq(name, STR("job")))
            return err_set(err, ERR_SYNTAX, "the path does not begin with /metrics/job/NAME");
        if (!base64 && !value.n)
            return err_set(err, ERR_SYNTAX,
                           key.n ? "label \"%.*s\" has no value; an empty one is written "
                                   "%.*s" BASE64 "/="
                                 : "job name is required",
                           STR_ARGS(str_take(name, 60)), STR_ARGS(str_take(name, 60)));
        if (base64 && base64_of(name, value, a, &value, err) < 0)
            return -1;
        *label = (struct label){name, value};
        if (check(label, err) < 0)
            return -1;
        key.n++;
    }
    if (finish(&key, a, err) < 0)
        return -1;
    *out = key;
    return 0;
}

int group_key_of_text(struct str text, struct arena *a, struct group_key *out, struct err *err)
{
    struct group_key key = {arena_new_array(a, struct label, LABELS_MAX, err), 0, {NULL, 0}};

    if (!key.labels)
        return -1;
    while (text.n) {
        struct label *label = &key.labels[key.n];

        if (key.n == LABELS_MAX - 1)
            return err_set(err, ERR_SYNTAX, "more than %u labels in a key", LABELS_MAX - 1);
        label->name = str_split(&text, SEPARATOR);
        if (!text.p)
            return err_set(err, ERR_SYNTAX, "a key ends early");
        label->value = str_split(&text, SEPARATOR);
        if (!text.p)
            return err_set(err, ERR_SYNTAX, "a key ends early");
        if (check(label, err) < 0)
            return -1;
        key.n++;
    }
    if (finish(&key, a, err) < 0)
        return -1;
    *out = key;
    return 0;
}
