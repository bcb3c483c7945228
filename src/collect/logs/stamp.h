/* stamp: the time that a line of text begins with.
 *
 *   2025-03-04 08:00:01,204        2025-03-04T10:02:11.118204+00:00     [2025-03-04 08:07:10]
 *   2025/03/04 - 14:06:51          Mar  4 09:14:33                      Tue Mar 4 09:14:33 2025
 *   [09:14:33]                     21:04:00.5                           2025-03-04 08:00:01 UTC
 *   [2025-03-04 08:07:10,118: INFO/MainProcess]
 *
 * Threads: any.
 */
#ifndef COLLECT_LOGS_STAMP_H
#define COLLECT_LOGS_STAMP_H

#include <stdbool.h>

#include "base/str.h"

/* How many bytes it takes with its brackets, 0 when there is none; *time is the time itself. */
size_t stamp_read(struct str line, struct str *time);
/* The time of a line that has it further on: of access logs ("[04/Mar/2025:08:00:01 +0000]") and
 * behind a word in capitals ("[GIN] 2025/03/04 - 08:00:01", "INFO 03-04 08:00:01 [engine.py:1]").
 */
bool stamp_find(struct str line, struct str *time);
/* "1127 10:00:01.204123 12 main.go:12] ..." behind the letter of a level. */
bool stamp_read_glog(struct str line, struct str *time);

#endif
