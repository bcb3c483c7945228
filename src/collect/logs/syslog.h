/* syslog: one message of syslog taken apart, in any of the forms that programs send.
 *
 *   <165>1 2025-03-04T08:00:01.2Z host app 2214 ID47 [id@1 a="1" b="2"] text      RFC 5424
 *   <34>Mar  4 08:00:01 host su[77]: text                                        RFC 3164
 *   <34>2025-03-04T08:00:01Z host su: text     the same with a better time
 *   <34>Mar  4 08:00:01 su[77]: text           as programs write to /dev/log
 *   <34>text                                   as Python's SysLogHandler sends
 *
 * What is none of these is text. Fields: facility, host, app, pid, msgid, and of structured data
 * id@1.a, id@1.b; those that a message has not, or that are "-", are left out.
 *
 * And messages cut out of a connection's bytes (RFC 6587): "11 <34>message", counted, or lines.
 * Each may come after the other.
 *
 * Ownership: all views point into the message or into the arena given. Threads: any, one at a time
 * for one struct.
 */
#ifndef COLLECT_LOGS_SYSLOG_H
#define COLLECT_LOGS_SYSLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "collect/logs/record.h"
#include "collect/logs/severity.h"

struct syslog_message {
    struct str text;     /* what the program wrote; its p is never NULL */
    struct str time;     /* as written; n 0: none */
    bool yearless;       /* and without a year, nor a zone */
    enum severity level; /* SEVERITY_NONE: it does not say */
    struct log_field fields[LOG_FIELDS_MAX];
    size_t fields_n;
};

/* `raw` with p not NULL. */
void syslog_read(struct str raw, struct arena *a, struct syslog_message *out);

/* A connection. Zeroed but for `bytes_max` and what is called; buf_fini(&f->part) at its end. */
struct syslog_frames {
    size_t bytes_max; /* what of a message is told at most; the rest is passed over */
    void (*message)(void *arg, struct str message);
    void *arg;
    enum { FRAMES_BETWEEN, FRAMES_COUNT, FRAMES_COUNTED, FRAMES_LINE } at;
    size_t left;     /* of a counted one; while it is counted, the count so far */
    struct buf part; /* of the message that has not ended */
};

void syslog_frames_feed(struct syslog_frames *f, struct str bytes);
/* The connection has ended: what has come of a message is one too. */
void syslog_frames_end(struct syslog_frames *f);

#endif
