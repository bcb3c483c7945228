/* fields: the fields of a structured line: logfmt, or an object in JSON.
 *
 * Members of objects get their path as a name ("record.level"); lists are one field with their text
 * as it stands; null is no field. A name given twice counts as first given (log_record_field).
 *
 * Ownership: views into the line, or into the arena where a text had to be unescaped or a name put
 * together. Threads: any.
 */
#ifndef COLLECT_LOGS_FIELDS_H
#define COLLECT_LOGS_FIELDS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct log_record;

/* The whole line is one object; otherwise false, and the record has no fields. */
MUST_USE bool fields_read_json(struct str line, struct arena *a, struct log_record *out);
/* Words without = are passed over. False: it has no field at all, or a quote that does not end. */
MUST_USE bool fields_read_logfmt(struct str line, struct arena *a, struct log_record *out);

#endif
