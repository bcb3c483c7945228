#include "collect/process/container.h"

#include <jansson.h>
#include <stdio.h>

#include "collect/host/run.h"
#include "text/json.h"

static struct json_t *read_json(struct host_run *r, const char *path)
{
    struct err err;
    struct json_t *json;
    struct str text;

    if (files_read_at(r->files, files_root_dir(r->files, FILES_ROOT), path, &text) != FILES_READ ||
        json_read(text, &json, &err) < 0)
        return NULL;
    return json;
}

/* {"Name": "/api", ...} in a folder of its own */
static struct str ask_docker(struct host_run *r, struct str id)
{
    char path[160];
    struct json_t *json;
    struct str name = STR("");
    const char *text;

    (void)snprintf(path, sizeof path, "var/lib/docker/containers/%.*s/config.v2.json",
                   STR_ARGS(id));
    json = read_json(r, path);
    text = json_string_value(json_object_get(json, "Name"));
    if (text)
        name = host_keep(r, str_c(text + (text[0] == '/')));
    json_decref(json);
    return name;
}

/* [{"id": "...", "names": ["api"]}, ...] for all of root's */
static struct str ask_podman(struct host_run *r, struct str id)
{
    struct json_t *json =
        read_json(r, "var/lib/containers/storage/overlay-containers/containers.json");
    struct str name = STR("");

    for (size_t i = 0; i < json_array_size(json); i++) {
        const struct json_t *one = json_array_get(json, i);
        const char *text = json_string_value(json_array_get(json_object_get(one, "names"), 0));

        if (text && str_eq(str_c(json_string_value(json_object_get(one, "id"))), id))
            name = host_keep(r, str_c(text));
    }
    json_decref(json);
    return name;
}

struct str container_name(struct host_run *r, struct str id)
{
    struct str name = ask_docker(r, id);

    return name.n ? name : ask_podman(r, id);
}
