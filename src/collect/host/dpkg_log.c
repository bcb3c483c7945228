#include "collect/host/dpkg_log.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"

#define NAMED_MAX   8u
#define CHANGES_MAX 2000u /* of one look; further ones are only counted */
#define WORD_MAX    60u
#define STAMP_BYTES 19u /* 2026-11-21 14:02:11 */

struct change {
    struct str name, before, after; /* n 0: it was not there, or is not any more */
};

struct changes {
    struct change *items; /* owned; [n] */
    size_t n, cap, more;
};

/* Debian's names and versions are; so may be cut anywhere. */
static bool is_plain(struct str line)
{
    for (size_t i = 0; i < line.n; i++)
        if (line.p[i] < ' ' || line.p[i] > '~')
            return false;
    return true;
}

static struct str version(struct str word)
{
    return str_eq(word, STR("<none>")) ? (struct str){word.p, 0} : str_take(word, WORD_MAX);
}

/* Installed and removed again is as if nothing happened, but was something. */
static void note(struct changes *c, struct change change)
{
    for (size_t i = 0; i < c->n; i++)
        if (str_eq(c->items[i].name, change.name)) {
            c->items[i].after = change.after;
            return;
        }
    if (c->n == CHANGES_MAX) {
        c->more++;
        return;
    }
    c->items = mem_grow(c->items, &c->cap, c->n + 1, sizeof *c->items);
    c->items[c->n++] = change;
}

static void read_line(struct changes *c, struct str line, struct str since)
{
    struct str stamp = str_take(line, STAMP_BYTES), what, name;
    struct change change;

    if (line.n <= STAMP_BYTES || line.p[STAMP_BYTES] != ' ' || since.n != STAMP_BYTES ||
        stamp.p[4] != '-' || stamp.p[10] != ' ' || memcmp(stamp.p, since.p, STAMP_BYTES) < 0)
        return;
    line = str_skip(line, STAMP_BYTES + 1);
    what = str_split(&line, ' ');
    if (!str_eq(what, STR("install")) && !str_eq(what, STR("upgrade")) &&
        !str_eq(what, STR("remove")) && !str_eq(what, STR("purge")))
        return;
    name = str_split(&line, ' ');
    change.name = str_take(str_split(&name, ':'), WORD_MAX); /* the architecture is behind */
    change.before = version(str_split(&line, ' '));
    change.after = version(str_split(&line, ' '));
    if (change.name.n && !str_eq(what, STR("purge")))
        note(c, change);
}

static void say(const struct change *c, struct buf *out)
{
    buf_add(out, c->name);
    if (c->before.n && c->after.n)
        buf_addf(out, " %.*s -> %.*s", STR_ARGS(c->before), STR_ARGS(c->after));
    else
        buf_adds(out, c->after.n ? " installed" : " removed");
}

void dpkg_log_changes(struct str log, struct str since, struct buf *out)
{
    struct changes c = {.items = NULL};

    while (log.n) {
        struct str line = str_split(&log, '\n');

        if (is_plain(line))
            read_line(&c, line, since);
    }
    for (size_t i = 0; i < c.n && i < NAMED_MAX; i++) {
        buf_adds(out, i ? ", " : "");
        say(&c.items[i], out);
    }
    if (c.n > NAMED_MAX)
        buf_addf(out, " and %zu more", c.n - NAMED_MAX + c.more);
    mem_free(c.items);
}
