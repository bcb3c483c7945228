/* splitter: a log's bytes cut into entries: a line, and the lines that belong to it.
 *
 * With a pattern, a line that it matches begins an entry. Without one, a line belongs to the one
 * before it when it is blank, begins with white space, `Traceback`, `During handling`,
 * `The above exception` or `Caused by`, ends with the words that a traceback begins with, or is the
 * name of the exception after one.
 *
 * The splitter holds no bytes: it is asked again with more of them, from the start of the entry
 * that did not end. What is too long is cut: the rest of it is passed over and counted.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_SPLITTER_H
#define COLLECT_LOGS_SPLITTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct regex;

#define SPLITTER_LINES_MAX 1000 /* of one entry */

/* What the bytes given end with. */
enum splitter_end {
    SPLITTER_MORE,    /* more may come at once */
    SPLITTER_SETTLED, /* nothing has come for a while: whole lines are whole entries */
    SPLITTER_ENDED,   /* nothing will come: a line without a newline is one too */
};

struct splitter {
    const struct regex *begins; /* borrowed; NULL: the rules above */
    size_t line_max;            /* bytes; an entry has four times as many at most */
    enum splitter_skip { SPLITTER_WHOLE, SPLITTER_REST_OF_LINE, SPLITTER_REST_OF_ENTRY } skip;
    uint64_t cut; /* entries */
};

/* How many bytes must fit into a caller's buffer. */
static inline size_t splitter_need(const struct splitter *s)
{
    return 5 * s->line_max + 1;
}

/* Takes one entry off the front: *used bytes are done with, and *entry is the entry in them without
 * its final newline, n 0 when they hold none. False: more bytes are needed; *used may be more than
 * 0 then too. */
bool splitter_next(struct splitter *s, struct str bytes, enum splitter_end end, struct str *entry,
                   size_t *used);

#endif
