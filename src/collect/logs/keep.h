/* keep: entries of a log on their way into the store of lines.
 *
 * What is kept of an entry: when, how grave, which event, its message with the lines that belong to
 * it, and its fields with the groups of the pattern that matched.
 *
 * Threads: one at a time.
 */
#ifndef COLLECT_LOGS_KEEP_H
#define COLLECT_LOGS_KEEP_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct clock;
struct keep;
struct log_record;
struct logs_settings;
struct logstore;
struct patterns_found;

/* All borrowed. */
struct keep *keep_new(struct logstore *store, const struct logs_settings *settings,
                      const struct clock *clock);
void keep_free(struct keep *k); /* NULL is fine */

void keep_begin(struct keep *k); /* before the entries of one reading: it is now */
/* `time_ms`: of an entry that says none itself; 0: not known. */
void keep_line(struct keep *k, const struct log_record *record, const struct patterns_found *found,
               int64_t time_ms);
size_t keep_bytes(const struct keep *k); /* that have not been handed over */
/* May wait for the store. `state`: what is needed to go on behind the last line; n 0: not known. */
void keep_hand_over(struct keep *k, uint64_t serial, struct str state);
void keep_wait(struct keep *k); /* until what was handed over is on the disk */

#endif
