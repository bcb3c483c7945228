/* edit: adds entries to the text of an earshot.yml and takes them out again, without touching what
 * is there.
 *
 * What is added stands behind a comment that says why, and that carries a checksum of itself and
 * the lines below it:
 *
 *     collect:                 # earshot up
 *       redis:                 # earshot up
 *       # earshot up 5c1f09ab: redis-server (pid 812) listens on 127.0.0.1:6379
 *       - url: redis://127.0.0.1:6379
 *
 * A list in brackets is cut behind the first of them:
 *
 *     packs: [ # earshot up
 *         # earshot up 0f5772e2: redis-server (pid 812) listens on 127.0.0.1:6379
 *         {redis: {url: 'redis://127.0.0.1:6379'}},
 *         host, gpu]
 *
 * Lines whose checksum still holds are as they were written, and only those are taken out; a key
 * that was added goes when nothing is left below it, and a line that was cut is whole again. So a
 * text that nobody changed in between comes out byte for byte as it was before.
 *
 * Threads: any. Text: UTF-8, as text/yaml.h reads it.
 */
#ifndef CONFIG_EDIT_H
#define CONFIG_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct err;

/* The head of a file that did not exist. */
extern const char edit_head[];

struct edit_addition {
    const char *host;    /* in this entry of `hosts`; NULL: at the top */
    const char *section; /* "collect" */
    const char *key;     /* below it: "redis"; NULL: the section is the list itself */
    bool is_map;         /* `key: text`, else an item of the list `key` */
    const char *text;    /* lines without indentation, none at the end */
    const char *comment; /* one line */
};

/* In the order given. On -1 the error says where and what a person has to write otherwise; `out` is
 * worthless then. */
MUST_USE int edit_add(const char *file, struct str text, const struct edit_addition additions[],
                      size_t n, struct buf *out, struct err *err);

struct edit_undone {
    size_t taken;   /* entries */
    size_t changed; /* that a person has changed: they stay */
    bool was_ours;  /* nothing is left but edit_head: the file goes */
};

/* `told`: gets the comment of each entry that is taken out, a line each; NULL: nobody asks. */
void edit_take_back(struct str text, struct buf *out, struct edit_undone *undone, struct buf *told);

#endif
