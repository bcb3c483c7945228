#include "text/json_path.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/number.h"

/* --- reading a path ----------------------------------------------------------------------------
 */

struct parser {
    struct arena *arena;
    struct str text;
    size_t at;
    struct json_step steps[JSON_PATH_STEPS_MAX];
    size_t n, stars;
    struct err *err;
};

static int fail(const struct parser *p, const char *what)
{
    struct span at = {1, (uint32_t)p->at + 1, 1};

    return err_at(p->err, ERR_SYNTAX, at, "path \"%.*s\", column %zu: %s",
                  STR_ARGS(str_take(p->text, 100)), p->at + 1, what);
}

static bool is_at_end(const struct parser *p)
{
    return p->at == p->text.n;
}

static char peek(const struct parser *p)
{
    return is_at_end(p) ? '\0' : p->text.p[p->at];
}

static int add(struct parser *p, struct json_step step)
{
    if (p->n == JSON_PATH_STEPS_MAX)
        return fail(p, "more than 32 parts");
    if (step.kind == JSON_STEP_EACH && ++p->stars > JSON_PATH_STARS_MAX)
        return fail(p, "more than 9 times *");
    p->steps[p->n++] = step;
    return 0;
}

/* Behind the opening quote. */
static int read_quoted(struct parser *p)
{
    struct json_step step = {.kind = JSON_STEP_MEMBER};
    char *name = arena_alloc(p->arena, p->text.n - p->at + 1, p->err);

    if (!name)
        return -1;
    while (!is_at_end(p) && peek(p) != '"') {
        if (peek(p) == '\\') {
            p->at++;
            if (peek(p) != '"' && peek(p) != '\\')
                return fail(p, "behind a \\ comes \" or \\");
        }
        name[step.name.n++] = p->text.p[p->at++];
    }
    if (is_at_end(p))
        return fail(p, "the quote is not closed");
    p->at++;
    name[step.name.n] = '\0';
    step.name.p = name;
    return add(p, step);
}

static bool ends_name(char c)
{
    return c == '.' || c == '[' || c == ']' || c == '"' || c == '*';
}

static int read_name(struct parser *p)
{
    struct json_step step = {.kind = JSON_STEP_MEMBER};
    size_t start = p->at;

    while (!is_at_end(p) && !ends_name(peek(p))) {
        unsigned char c = (unsigned char)peek(p);

        if (c <= ' ' || c == 0x7f)
            return fail(p, "a name with blanks or control characters stands in quotes: a.\"b c\"");
        p->at++;
    }
    if (p->at == start)
        return fail(p, "expected a name, *, or a name in quotes");
    step.name = arena_str(p->arena, (struct str){p->text.p + start, p->at - start}, p->err);
    return step.name.p ? add(p, step) : -1;
}

/* Behind the opening bracket. */
static int read_index(struct parser *p)
{
    struct json_step step = {.kind = JSON_STEP_INDEX};
    size_t start = p->at;

    if (peek(p) == '*')
        return fail(p, "each element is written a.*");
    while (peek(p) >= '0' && peek(p) <= '9') {
        if (step.index > (UINT32_MAX - 9) / 10)
            return fail(p, "the index is too large");
        step.index = step.index * 10 + (uint32_t)(peek(p) - '0');
        p->at++;
    }
    if (p->at == start)
        return fail(p, "expected an index like [0]");
    if (peek(p) != ']')
        return fail(p, "expected ]");
    p->at++;
    return add(p, step);
}

static int read_part(struct parser *p)
{
    switch (peek(p)) {
    case '*':
        p->at++;
        return add(p, (struct json_step){.kind = JSON_STEP_EACH});
    case '"':
        p->at++;
        return read_quoted(p);
    default:
        return read_name(p);
    }
}

static int read_steps(struct parser *p)
{
    if (peek(p) != '[' && read_part(p) < 0)
        return -1;
    while (!is_at_end(p)) {
        char c = peek(p);

        if (c != '.' && c != '[')
            return fail(p, "expected . or [ behind a part");
        p->at++;
        if ((c == '.' ? read_part(p) : read_index(p)) < 0)
            return -1;
    }
    return 0;
}

int json_path_parse(struct arena *a, struct str text, struct json_path *out, struct err *err)
{
    struct parser p = {.arena = a, .text = text, .err = err};
    struct json_path path = {.relative = peek(&p) == '.'};
    struct json_step *steps;

    p.at = path.relative;
    if (is_at_end(&p) && !path.relative)
        return fail(&p, "it is empty");
    if (!is_at_end(&p) && read_steps(&p) < 0)
        return -1;
    path.text = arena_str(a, text, err);
    steps = arena_alloc(a, p.n * sizeof *steps, err);
    if (!path.text.p || !steps)
        return -1;
    if (p.n)
        memcpy(steps, p.steps, p.n * sizeof *steps);
    path.steps = steps;
    path.n = p.n;
    path.stars = p.stars;
    *out = path;
    return 0;
}

/* --- following it ------------------------------------------------------------------------------
 */

struct walk {
    const struct json_path *path;
    struct json_place place;
    char indexes[JSON_PATH_STARS_MAX][16];
    int (*found)(void *arg, const struct json_place *place);
    void *arg;
};

static json_t *follow(const struct json_step *step, json_t *from)
{
    return step->kind == JSON_STEP_MEMBER
               ? json_object_getn(from, step->name.p, step->name.n)
               : json_array_get(from, step->index); /* NULL for what is no object, no array */
}

static int walk_from(struct walk *w, size_t at, json_t *value, bool *there);

static int walk_each(struct walk *w, size_t at, json_t *from)
{
    size_t depth = w->place.took_n++, i;
    char *text = w->indexes[depth];
    const char *key;
    json_t *item;
    bool below;

    if (json_is_object(from)) {
        json_object_foreach(from, key, item)
        {
            w->place.took[depth] = str_c(key);
            w->place.element = item;
            if (walk_from(w, at, item, &below) < 0)
                return -1;
        }
    } else {
        json_array_foreach(from, i, item)
        {
            int n = snprintf(text, sizeof w->indexes[0], "%zu", i);

            w->place.took[depth] = (struct str){text, (size_t)n};
            w->place.element = item;
            if (walk_from(w, at, item, &below) < 0)
                return -1;
        }
    }
    w->place.took_n = depth;
    return 0;
}

static int walk_from(struct walk *w, size_t at, json_t *value, bool *there)
{
    const struct json_path *path = w->path;
    bool stars_left = false;

    for (; value && at < path->n; at++) {
        if (path->steps[at].kind == JSON_STEP_EACH) {
            *there = json_is_object(value) || json_is_array(value);
            return *there ? walk_each(w, at + 1, value) : 0;
        }
        value = follow(&path->steps[at], value);
    }
    for (; at < path->n; at++)
        stars_left |= path->steps[at].kind == JSON_STEP_EACH;
    *there = value;
    if (stars_left)
        return 0; /* there are no elements to speak of */
    w->place.value = value;
    return w->found(w->arg, &w->place);
}

int json_path_walk(const struct json_path *path, json_t *root,
                   int (*found)(void *arg, const struct json_place *place), void *arg, bool *there)
{
    struct walk w = {.path = path, .place.element = root, .found = found, .arg = arg};

    return walk_from(&w, 0, root, there);
}

json_t *json_path_get(const struct json_path *path, json_t *root)
{
    for (size_t i = 0; root && i < path->n; i++)
        root = follow(&path->steps[i], root);
    return root;
}

struct str json_scalar_text(const json_t *value, char space[JSON_TEXT_MAX])
{
    switch (value ? json_typeof(value) : JSON_NULL) {
    case JSON_STRING:
        return (struct str){json_string_value(value), json_string_length(value)};
    case JSON_INTEGER:
        return (struct str){space, number_print_i64(json_integer_value(value), space)};
    case JSON_REAL:
        return (struct str){space, number_print_f(json_real_value(value), space)};
    case JSON_TRUE:
        return STR("true");
    case JSON_FALSE:
        return STR("false");
    default:
        return (struct str){NULL, 0};
    }
}
