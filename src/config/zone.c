/* Time zones by name, from the machine's tz database. */
#include "text/zone.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "config/internal.h"
#include "sys/whole_file.h"
#include "text/yaml.h"

#define FOLDER         "/usr/share/zoneinfo"
#define ZONE_BYTES_MAX 65536

/* Names are of letters, digits and a few signs, parted by slashes: no way out of the folder. */
static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], before = i > 0 ? s.p[i - 1] : '/';
        bool is_letter = ((c | 32) >= 'a' && (c | 32) <= 'z') || (c >= '0' && c <= '9');

        if (!is_letter && (before == '/' || (c != '/' && c != '_' && c != '-' && c != '+')))
            return false;
    }
    return s.n > 0 && s.n < 64 && s.p[s.n - 1] != '/';
}

static const struct zone *load(struct config_builder *b, struct str name, struct err *err)
{
    const char *path = arena_printf(b->arena, err, FOLDER "/%.*s", STR_ARGS(name));
    struct zone *zone = builder_array(b, 1, sizeof *zone);
    SCOPED(buf_fini) struct buf bytes;

    buf_init(&bytes, ZONE_BYTES_MAX);
    if (!path || !zone || whole_file_read(path, &bytes, NULL, err) < 0 ||
        zone_parse(b->arena, buf_str(&bytes), zone, err) < 0)
        return NULL;
    return zone;
}

const struct zone *builder_zone(struct config_builder *b, const struct yaml *node)
{
    struct str name = node && node->text.n > 0 ? node->text : STR("host");
    const struct zone *zone = NULL;
    struct err err = {0};

    if (str_eq(name, STR("host")))
        return NULL;
    if (str_eq(name, STR("UTC")))
        return &zone_utc;
    if (is_name(name))
        zone = load(b, name, &err);
    if (!zone)
        yaml_error(&b->errors, node,
                   "timezone: no zone \"%.*s\" in " FOLDER
                   "%s%s: write host, UTC or a name such as "
                   "Europe/Berlin (the package tzdata has them)",
                   (int)(name.n < 64 ? name.n : 64), name.p, err.text[0] ? ": " : "", err.text);
    return zone;
}
