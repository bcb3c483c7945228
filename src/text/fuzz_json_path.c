/* The first line is a path, the rest a JSON text. No place is visited twice, each is where the path
 * says, and a path without * leads where json_path_get leads. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "text/iso_time.h"
#include "text/json.h"
#include "text/json_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
    const struct json_path *path;
    json_t *root;
    size_t places, values;
};

static int on_place(void *arg, const struct json_place *place)
{
    struct check *c = arg;
    char space[JSON_TEXT_MAX];
    struct str text = json_scalar_text(place->value, space);
    struct iso_time time;

    assert(++c->places <= c->values);
    assert(place->took_n == c->path->stars);
    assert(place->element);
    for (size_t i = 0; i < place->took_n; i++)
        assert(str_is_utf8(place->took[i]));
    if (c->path->stars == 0)
        assert(place->value == json_path_get(c->path, c->root));
    assert(!text.p || str_is_utf8(text));
    if (text.p && iso_time_parse(text, &time))
        assert(time.nanos >= 0 && time.nanos < 1000000000);
    return 0;
}

static size_t count(const json_t *v)
{
    size_t n = 1, i;
    const char *key;
    json_t *item;

    json_object_foreach((json_t *)v, key, item) n += count(item);
    json_array_foreach(v, i, item) n += count(item);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line = str_split(&rest, '\n');
    struct json_path path;
    struct arena a;
    struct err err = {0};
    struct check c = {.path = &path};
    bool there;

    arena_init(&a, NULL);
    if (json_path_parse(&a, line, &path, &err) < 0) {
        assert(err.text[0] && (err.at.column <= line.n + 1));
    } else if (rest.p && json_read(rest, &c.root, NULL) == 0) {
        c.values = count(c.root);
        assert(c.values <= json_count_values(rest));
        assert(json_path_walk(&path, c.root, on_place, &c, &there) == 0);
        json_decref(c.root);
    }
    arena_fini(&a);
    return 0;
}
