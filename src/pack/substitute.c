#include "pack/substitute.h"

#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/yaml.h"

#define TEXT_BYTES_MAX 65536 /* of one that is put together */

struct work {
    struct arena *arena;
    const struct bindings *bindings;
    struct err *err;
};

static int put(struct work *w, const struct yaml *node, struct yaml *out, bool *kept);

const struct yaml *bindings_get(const struct bindings *b, struct str name)
{
    for (size_t i = 0; i < b->n; i++)
        if (str_eq(name, str_c(b->items[i].name)))
            return b->items[i].value;
    return NULL;
}

/* A value may go to several places, and what is made there is added to. */
static int copy_tree(struct arena *a, const struct yaml *from, struct yaml *out, struct err *err)
{
    *out = *from;
    if (from->kind == YAML_LIST) {
        out->items = arena_new_array(a, struct yaml, from->n, err);
        for (size_t i = 0; out->items && i < from->n; i++)
            if (copy_tree(a, &from->items[i], &out->items[i], err) < 0)
                return -1;
        return out->items ? 0 : -1;
    }
    if (from->kind != YAML_MAP)
        return 0;
    out->pairs = arena_new_array(a, struct yaml_pair, from->n, err);
    for (size_t i = 0; out->pairs && i < from->n; i++) {
        out->pairs[i].key = from->pairs[i].key;
        if (copy_tree(a, &from->pairs[i].value, &out->pairs[i].value, err) < 0)
            return -1;
    }
    return out->pairs ? 0 : -1;
}

static int look_up(struct work *w, const struct yaml *at, struct str name, const struct yaml **out)
{
    for (size_t i = 0; i < w->bindings->n; i++) {
        if (str_eq(name, str_c(w->bindings->items[i].name))) {
            *out = w->bindings->items[i].value;
            return 0;
        }
    }
    return err_at(w->err, ERR_SYNTAX, at->at, "%s: ${%.*s} is no parameter of the pack", at->file,
                  STR_ARGS(str_take(name, 60)));
}

/* The first ${name} of *rest: what stands before it is added to `out`, *name is what is in it.
 * False: there is none, and all was added. */
static bool next_name(struct str *rest, struct buf *out, struct str *name)
{
    const char *start = rest->n ? memmem(rest->p, rest->n, "${", 2) : NULL;
    const char *end = start ? memchr(start, '}', (size_t)(rest->p + rest->n - start)) : NULL;

    if (!end) {
        buf_add(out, *rest);
        return false;
    }
    buf_add(out, (struct str){rest->p, (size_t)(start - rest->p)});
    *name = (struct str){start + 2, (size_t)(end - start - 2)};
    *rest = str_skip(*rest, (size_t)(end + 1 - rest->p));
    return true;
}

static int put_joined(struct work *w, const struct yaml *node, struct yaml *out, bool *kept)
{
    SCOPED(buf_fini) struct buf text;
    struct str rest = node->text, name;
    const struct yaml *last = node;

    buf_init(&text, TEXT_BYTES_MAX);
    *kept = false;
    while (next_name(&rest, &text, &name)) {
        const struct yaml *value;
        struct str put_in;

        if (look_up(w, node, name, &value) < 0)
            return -1;
        if (!value || value->kind != YAML_SCALAR)
            return 0;
        put_in = value->text;
        while (rest.n && rest.p[0] == '/' && str_ends(put_in, STR("/")))
            put_in.n--;
        while (str_starts(put_in, STR("/")) && str_ends(buf_str(&text), STR("/")))
            put_in = str_skip(put_in, 1);
        buf_add(&text, put_in);
        last = value;
    }
    *out = *last;
    out->text = arena_str(w->arena, buf_str(&text), w->err);
    *kept = true;
    return out->text.p ? 0 : -1;
}

static int put_scalar(struct work *w, const struct yaml *node, struct yaml *out, bool *kept)
{
    struct str text = node->text;
    const struct yaml *value;

    if (!text.n || !memmem(text.p, text.n, "${", 2)) {
        *out = *node;
        return 0;
    }
    if (!str_starts(text, STR("${")) || memchr(text.p, '}', text.n) != text.p + text.n - 1)
        return put_joined(w, node, out, kept);
    if (look_up(w, node, (struct str){text.p + 2, text.n - 3}, &value) < 0)
        return -1;
    *kept = value;
    return value ? copy_tree(w->arena, value, out, w->err) : 0;
}

static int put_list(struct work *w, const struct yaml *node, struct yaml *out)
{
    *out = *node;
    out->n = 0;
    out->items = arena_new_array(w->arena, struct yaml, node->n, w->err);
    for (size_t i = 0; out->items && i < node->n; i++) {
        bool kept = true;

        if (put(w, &node->items[i], &out->items[out->n], &kept) < 0)
            return -1;
        out->n += kept;
    }
    return out->items ? 0 : -1;
}

static bool is_false(const struct yaml *node)
{
    static const char *const words[] = {"false", "no", "off"};

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (str_eq(node->text, str_c(words[i])))
            return true;
    return false;
}

/* Is there a value, and is it not false? */
static int holds(struct work *w, const struct yaml *condition, bool *out)
{
    struct yaml value;

    *out = true;
    if (put(w, condition, &value, out) < 0)
        return -1;
    if (*out && value.kind == YAML_SCALAR)
        *out = !is_false(&value);
    return 0;
}

static int is_wanted(struct work *w, const struct yaml *node, bool *wanted)
{
    const struct yaml *when = yaml_get(node, "when"), *unless = yaml_get(node, "unless");
    bool is = true, is_not = false;

    if ((when && holds(w, when, &is) < 0) || (unless && holds(w, unless, &is_not) < 0))
        return -1;
    *wanted = is && !is_not;
    return 0;
}

/* How many pairs `with` brings. */
static size_t with_n(const struct work *w, const struct yaml *with)
{
    struct str name = with ? with->text : (struct str){NULL, 0};
    const struct yaml *value =
        name.n > 3 ? bindings_get(w->bindings, (struct str){name.p + 2, name.n - 3}) : NULL;

    return value && value->kind == YAML_MAP ? value->n : 0;
}

static int put_pair(struct work *w, const struct yaml_pair *pair, struct yaml *out)
{
    struct yaml_pair *to = &out->pairs[out->n];
    bool kept = true;

    if (str_eq(pair->key.text, STR("when")) || str_eq(pair->key.text, STR("unless")))
        return 0;
    if (put_scalar(w, &pair->key, &to->key, &kept) < 0)
        return -1;
    if (!kept || to->key.kind != YAML_SCALAR)
        return 0;
    if (put(w, &pair->value, &to->value, &kept) < 0)
        return -1;
    if (kept && str_eq(pair->key.text, STR("with"))) {
        const struct yaml with = to->value;

        for (size_t i = 0; with.kind == YAML_MAP && i < with.n; i++)
            out->pairs[out->n++] = with.pairs[i];
        return 0;
    }
    out->n += kept;
    return 0;
}

static int put_map(struct work *w, const struct yaml *node, struct yaml *out, bool *kept)
{
    if (is_wanted(w, node, kept) < 0)
        return -1;
    if (!*kept)
        return 0;
    *out = *node;
    out->n = 0;
    out->pairs = arena_new_array(w->arena, struct yaml_pair,
                                 node->n + with_n(w, yaml_get(node, "with")), w->err);
    for (size_t i = 0; out->pairs && i < node->n; i++)
        if (put_pair(w, &node->pairs[i], out) < 0)
            return -1;
    return out->pairs ? 0 : -1;
}

/* *kept is true before. */
static int put(struct work *w, const struct yaml *node, struct yaml *out, bool *kept)
{
    switch (node->kind) {
    case YAML_NULL:
        *out = *node;
        return 0;
    case YAML_SCALAR:
        return put_scalar(w, node, out, kept);
    case YAML_LIST:
        return put_list(w, node, out);
    case YAML_MAP:
        return put_map(w, node, out, kept);
    }
    return 0;
}

int substitute(struct arena *a, const struct bindings *b, const struct yaml *node,
               struct yaml **out, struct err *err)
{
    struct work w = {a, b, err};
    struct yaml *made = arena_new(a, struct yaml, err);
    bool kept = true;

    if (!made || put(&w, node, made, &kept) < 0)
        return -1;
    *out = kept ? made : NULL;
    return 0;
}
