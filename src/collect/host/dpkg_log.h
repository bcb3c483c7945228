/* dpkg_log: which packages changed, as dpkg's log tells it, in one line for people.
 *
 *   2026-11-21 14:02:11 upgrade redis-server:amd64 5:7.0.14-1 5:7.0.15-1
 *   2026-11-21 14:02:19 install jq:amd64 <none> 1.6-2.1
 *   2026-11-21 14:02:30 remove htop:amd64 3.2.2-2 <none>
 *
 * Threads: any.
 */
#ifndef COLLECT_HOST_DPKG_LOG_H
#define COLLECT_HOST_DPKG_LOG_H

#include "base/str.h"

/* Of the lines from `since` ("2026-11-21 14:02:00") on: "redis-server 5:7.0.14-1 -> 5:7.0.15-1, jq
 * installed, htop removed and 3 more"; the last thing done to a package counts. Nothing is added
 * when no package changed since then. `log` may begin within a line. */
void dpkg_log_changes(struct str log, struct str since, struct buf *out);

#endif
