/* journal: reads what one unit, the kernel or a container writes to systemd's journal.
 *
 * A line of the journal is a line of a file: what belongs to the one before it is one entry with it
 * (splitter.h), but a message of several lines is an entry by itself. The position is the cursor of
 * the last line that has been told; where that is gone by now, what follows it is read, and a loss
 * counted if the journal no longer goes back to the last time that it was read.
 *
 * Of the two levels that a line may have, the one in its text comes first; the journal's counts
 * otherwise, but not the "info" that it gives every line of a program's output.
 *
 * Threads: one at a time. May hang where the journal's files do.
 */
#ifndef COLLECT_LOGS_JOURNAL_H
#define COLLECT_LOGS_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "collect/logs/source.h"

struct journal;

struct journal_settings {
    const char *folder; /* of journal files; NULL: this machine's journal. Borrowed, as all */
    /* One of both. A unit without an ending is a service; "kernel" is the kernel. */
    const char *unit, *container;
    const struct regex *begins; /* as in splitter.h; NULL: its rules */
    size_t line_max;
    bool from_beginning; /* of what is there at the first look */
};

struct journal *journal_new(const struct journal_settings *settings);
void journal_free(struct journal *j); /* NULL is fine */
/* ERR_OS, ERR_EVAL: there is no journal, or no line of this in it yet. */
MUST_USE int journal_read(struct journal *j, const struct source_pass *pass, struct err *err);
struct source_counts journal_counts(const struct journal *j);

/* A member of an object that is open; and from one. */
void journal_write(const struct journal *j, struct json_writer *w);
void journal_load(struct journal *j, const struct json_t *root);

#endif
