/* pump: what comes over a Unix or TCP socket here goes through a channel of the session, and back.
 *
 * One pump is one connection: a client that was accepted, and the channel that was opened for it:
 * to an address as seen from the far machine, or to a command that runs there. Each side's end is
 * passed on; a side that does not read stops the other (at most PUMP_BYTES_MAX lie here).
 *
 * Threads: that of its session, which does not block by then.
 */
#ifndef COLLECT_SSH_PUMP_H
#define COLLECT_SSH_PUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "collect/ssh/state.h"

struct pump;
struct trunk;

#define PUMP_BYTES_MAX (256u << 10)

/* In the place of an address: a port of the loopback there, which the client names in a line. */
#define PUMP_LOOPBACK "*"

/* Where a way leads to. */
struct pump_end {
    const char *address; /* NULL: `command` */
    uint16_t port;
    const char *command;
};

/* That line: "127.0.0.1:6379", "[::1]:6379". False: it names something else. */
bool pump_read_place(struct str line, struct pump_end *out);

enum pump_event {
    PUMP_NOTHING,
    PUMP_OPENED,  /* the far end has let it through */
    PUMP_REFUSED, /* it has not: pump_words says why */
};

/* Takes the descriptor over. */
MUST_USE struct pump *pump_new(const struct trunk *s, uint32_t way, int fd,
                               const struct pump_end *end);
void pump_free(struct pump *p);

int pump_fd(const struct pump *p); /* -1: poll nothing for it */
uint32_t pump_way(const struct pump *p);
/* poll's events for its descriptor. */
short pump_wants(const struct pump *p);
/* Moves what can be moved, after poll and after the session took what came. */
enum pump_event pump_run(struct pump *p, short events, int64_t now_ms);
bool pump_is_over(const struct pump *p);
/* Is something asked and not answered yet? */
bool pump_waits(const struct pump *p);
const char *pump_words(const struct pump *p);
/* Refused: which of the ways to fail it was, of the address that it leads to. */
enum ssh_state pump_trouble(const struct pump *p);

#endif
