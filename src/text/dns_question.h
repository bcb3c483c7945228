/* dns_question: one question to a name server and its answer, as bytes (RFC 1035).
 *
 * Threads: any. Bytes of an answer are foreign: whatever they are, reading them ends well.
 */
#ifndef TEXT_DNS_QUESTION_H
#define TEXT_DNS_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"

struct buf;
struct err;

#define DNS_QUESTION_SOA 6

/* 0: no type that is known here. "A", "AAAA", "MX" ... in any case. */
uint16_t dns_question_type(struct str name);
/* ERR_SYNTAX: it is no name of the DNS. */
MUST_USE int dns_question_write(const char *name, uint16_t type, uint16_t id, struct buf *out,
                                struct err *err);

struct dns_answer {
    int rcode;
    unsigned answers, authority, additional; /* records in each part, as the head counts them */
    bool has_serial;
    uint32_t serial; /* of the last SOA among the answers */
};
/* False: that is no answer to it (another id, no answer at all, cut within the records that are
 * read). */
MUST_USE bool dns_question_read(struct str bytes, uint16_t id, struct dns_answer *out);
/* "NXDOMAIN: there is no such name". */
const char *dns_question_rcode(int rcode);

#endif
