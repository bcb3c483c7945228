/* severity: how grave a line or an event is, and the words that programs have for it.
 *
 * Threads: any.
 */
#ifndef COLLECT_LOGS_SEVERITY_H
#define COLLECT_LOGS_SEVERITY_H

#include "base/str.h"

enum severity {
    SEVERITY_NONE, /* it does not say */
    SEVERITY_DEBUG,
    SEVERITY_INFO,
    SEVERITY_WARNING,
    SEVERITY_ERROR,
    SEVERITY_CRITICAL,
    SEVERITIES
};

const char *severity_name(enum severity severity); /* "warning" */
/* "WARN", "warning", "wrn": any case; SEVERITY_NONE when it is no such word. */
enum severity severity_of(struct str word);
/* Of a priority of syslog without its facility, 0 to 7. */
enum severity severity_of_priority(unsigned priority);

#endif
