#include "collect/propose.h"

#include <jansson.h>
#include <stdio.h>
#include <strings.h>

#include "text/json.h"

#define BODY_BYTES  65536 /* it may be looked at on the loop */
#define METRICS_MAX 3     /* in a message */
#define DEPTH_MAX   4
#define PATH_BYTES  80

struct proposal {
    void (*tell)(void *arg, const char *name, const char *path);
    void *arg;
    size_t metrics, max;
};

/* A name that a path has without quotes and a metric with '_' for '.', and that is text to YAML. */
static bool is_plain(const char *key)
{
    for (size_t i = 0; key[i]; i++)
        if (!(key[i] == '_' || (key[i] >= 'a' && key[i] <= 'z') ||
              (key[i] >= 'A' && key[i] <= 'Z') || (i > 0 && key[i] >= '0' && key[i] <= '9')))
            return false;
    return *key && strcasecmp(key, "null") != 0;
}

static void add(struct proposal *p, const char *path)
{
    char name[PATH_BYTES];

    (void)snprintf(name, sizeof name, "%s", path);
    for (char *c = name; *c; c++)
        if (*c == '.')
            *c = '_';
    p->tell(p->arg, name, path);
    p->metrics++;
}

static void look(struct proposal *p, json_t *object, const char *prefix, unsigned depth)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        char path[PATH_BYTES];
        int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", key);

        if (!is_plain(key) || n < 0 || (size_t)n >= sizeof path || p->metrics >= p->max)
            continue;
        if (json_is_number(value) || json_is_boolean(value))
            add(p, path);
        else if (json_is_object(value) && depth < DEPTH_MAX)
            look(p, value, path, depth + 1);
    }
}

size_t propose_metrics(struct str body, size_t max,
                       void (*tell)(void *arg, const char *name, const char *path), void *arg)
{
    struct proposal p = {.tell = tell, .arg = arg, .max = max};
    json_t *root;

    body = str_trim(body);
    if (body.n == 0 || body.n > BODY_BYTES || body.p[0] != '{' || json_read(body, &root, NULL) < 0)
        return 0;
    look(&p, root, "", 1);
    json_decref(root);
    return p.metrics;
}

/* ---- as a text ---- */

struct sentence {
    char *out;
    size_t size, n, metrics;
    bool full;
};

static void say(void *arg, const char *name, const char *path)
{
    struct sentence *s = arg;
    size_t left = s->size - s->n;
    int n;

    if (s->full)
        return;
    n = snprintf(s->out + s->n, left, "%s%s: %s", s->metrics ? ", " : "", name, path);
    if (n < 0 || (size_t)n >= left) {
        s->out[s->n] = '\0';
        s->full = true;
        return;
    }
    s->n += (size_t)n;
    s->metrics++;
}

bool propose_mapping(struct str body, char *out, size_t size)
{
    struct sentence s = {.out = out, .size = size};

    return propose_metrics(body, METRICS_MAX, say, &s) > 0 && s.n > 0;
}
