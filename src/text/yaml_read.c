/* The typed readers of text/yaml.h, and the list of mistakes they add to. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "text/duration.h"
#include "text/number.h"
#include "text/yaml.h"

#define ERRORS_MAX 100

/* A place for one more mistake; NULL past ERRORS_MAX or when memory ran out. */
static struct err *next_error(struct yaml_errors *errors)
{
    if (errors->n >= ERRORS_MAX || arena_grow(errors->arena, (void **)&errors->items, &errors->cap,
                                              errors->n + 1, sizeof *errors->items, NULL) < 0) {
        errors->dropped++;
        return NULL;
    }
    err_clear(&errors->items[errors->n]);
    return &errors->items[errors->n++];
}

static void put_error(struct yaml_errors *errors, const struct yaml *at, const char *fmt,
                      va_list args)
{
    struct err *e = next_error(errors);
    char text[sizeof e->text];

    if (!e)
        return;
    (void)vsnprintf(text, sizeof text, fmt, args);
    (void)err_at(e, ERR_TYPE, at->at, "%s", text);
    (void)err_in_file(e, at->file);
}

void yaml_error(struct yaml_errors *errors, const struct yaml *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_error(errors, at, fmt, args);
    va_end(args);
}

void yaml_error_from(struct yaml_errors *errors, const struct yaml *at, const struct err *err)
{
    struct err *e = next_error(errors);

    if (!e)
        return;
    *e = *err;
    /* A place in a scalar of one line can be pointed at; quotes take a column. */
    if (err->at.line == 1 && err->at.column > 0 && at->at.length > 0) {
        e->at.line = at->at.line;
        e->at.column = at->at.column + err->at.column - 1 + (at->quoted ? 1 : 0);
    } else {
        e->at = at->at;
    }
    e->file[0] = '\0';
    (void)err_in_file(e, at->file);
}

static bool is_absent(const struct yaml *node)
{
    return !node || node->kind == YAML_NULL;
}

/* "found a list", for messages; into out (>= 80 bytes). */
static const char *found(const struct yaml *node, char *out)
{
    switch (node->kind) {
    case YAML_NULL:
        return "nothing";
    case YAML_LIST:
        return "a list";
    case YAML_MAP:
        return "a map";
    case YAML_SCALAR:
        break;
    }
    (void)snprintf(out, 80, "%s\"%.*s\"", node->quoted ? "the text " : "",
                   STR_ARGS(str_take(node->text, 60)));
    return out;
}

static void wrong_type(const struct yaml *node, const char *what, const char *expected,
                       struct yaml_errors *errors)
{
    char text[80];

    yaml_error(errors, node, "%s: expected %s, found %s", what, expected, found(node, text));
}

void yaml_read_str(const struct yaml *node, const char *what, struct str *out,
                   struct yaml_errors *errors)
{
    if (is_absent(node))
        return;
    if (node->kind == YAML_SCALAR)
        *out = node->text;
    else
        wrong_type(node, what, "one text", errors);
}

void yaml_read_bool(const struct yaml *node, const char *what, bool *out,
                    struct yaml_errors *errors)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"True", true},   {"TRUE", true},   {"yes", true},
                 {"Yes", true},  {"YES", true},    {"on", true},     {"On", true},
                 {"ON", true},   {"false", false}, {"False", false}, {"FALSE", false},
                 {"no", false},  {"No", false},    {"NO", false},    {"off", false},
                 {"Off", false}, {"OFF", false}};

    if (is_absent(node))
        return;
    for (size_t i = 0; node->kind == YAML_SCALAR && !node->quoted && i < ARRAY_LEN(words); i++) {
        if (str_eq(node->text, str_c(words[i].word))) {
            *out = words[i].value;
            return;
        }
    }
    wrong_type(node, what, "true or false", errors);
}

void yaml_read_i64(const struct yaml *node, const char *what, int64_t min, int64_t max,
                   int64_t *out, struct yaml_errors *errors)
{
    int64_t v;

    if (is_absent(node))
        return;
    if (node->kind != YAML_SCALAR || node->quoted || !number_parse_i64(node->text, &v)) {
        wrong_type(node, what, "a whole number", errors);
        return;
    }
    if (v < min || v > max) {
        if (max == INT64_MAX)
            yaml_error(errors, node, "%s: %" PRId64 " is too small: at least %" PRId64, what, v,
                       min);
        else
            yaml_error(errors, node, "%s: %" PRId64 " is out of range: %" PRId64 " to %" PRId64,
                       what, v, min, max);
        return;
    }
    *out = v;
}

void yaml_read_double(const struct yaml *node, const char *what, double *out,
                      struct yaml_errors *errors)
{
    double v;

    if (is_absent(node))
        return;
    if (node->kind == YAML_SCALAR && !node->quoted && number_parse(node->text, &v))
        *out = v;
    else
        wrong_type(node, what, "a number like 0.5", errors);
}

void yaml_read_duration(const struct yaml *node, const char *what, int64_t *out_ms,
                        struct yaml_errors *errors)
{
    struct err err;
    int64_t ms;

    if (is_absent(node))
        return;
    if (node->kind != YAML_SCALAR) {
        wrong_type(node, what, "a duration like 30s or 1h30m", errors);
        return;
    }
    if (duration_parse(node->text, &ms, &err) < 0)
        yaml_error(errors, node, "%s: %s", what, err.text);
    else
        *out_ms = ms;
}

void yaml_read_size(const struct yaml *node, const char *what, uint64_t *out_bytes,
                    struct yaml_errors *errors)
{
    struct err err;
    uint64_t bytes;

    if (is_absent(node))
        return;
    if (node->kind != YAML_SCALAR) {
        wrong_type(node, what, "a size like 512MB or 20GB", errors);
        return;
    }
    if (size_parse(node->text, &bytes, &err) < 0)
        yaml_error(errors, node, "%s: %s", what, err.text);
    else
        *out_bytes = bytes;
}

bool yaml_check_keys(const struct yaml *map, const char *what, const char *const keys[], size_t n,
                     struct yaml_errors *errors)
{
    if (map->kind != YAML_MAP) {
        wrong_type(map, what, "a map of keys and values", errors);
        return false;
    }
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml *key = &map->pairs[i].key;
        const char *nearest;
        bool known = false;

        for (size_t k = 0; k < n && !known; k++)
            known = str_eq(key->text, str_c(keys[k]));
        if (known)
            continue;
        nearest = str_nearest(key->text, keys, n);
        if (nearest)
            yaml_error(errors, key, "unknown key \"%.*s\" in %s (did you mean \"%s\"?)",
                       STR_ARGS(str_take(key->text, 80)), what, nearest);
        else
            yaml_error(errors, key, "unknown key \"%.*s\" in %s", STR_ARGS(str_take(key->text, 80)),
                       what);
    }
    return true;
}
