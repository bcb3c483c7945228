/* name: names of any UTF-8 for those who know the old alphabet [a-zA-Z0-9_:] alone.
 *
 * A client says in its Accept header how it wants such names: as they are, or in one of three
 * spellings (https://prometheus.io/docs/instrumenting/escaping_schemes/). Only NAME_VALUES can be
 * read back:
 *
 *   http.status:sum   underscores  http_status:sum
 *                     dots         http_dot_status:sum        ("_" is written "__")
 *                     values       U__http_2e_status:sum      ("_" is written "__")
 *
 * Threads: none of its own.
 */
#ifndef MODEL_NAME_H
#define MODEL_NAME_H

#include "base/attr.h"
#include "base/str.h"

struct arena;
struct err;

enum name_escaping { NAME_UTF8, NAME_UNDERSCORES, NAME_DOTS, NAME_VALUES };

/* The words of the `escaping` parameter of a media type. -1: none of them. */
MUST_USE int name_escaping_of(struct str word, enum name_escaping *out);
const char *name_escaping_word(enum name_escaping scheme);

/* `legacy`: the name is in the old alphabet and does not begin with a digit. */
void name_escape(struct buf *out, struct str name, bool legacy, enum name_escaping scheme);
/* What U__... stands for; any other name, and one that is not sound, is itself. In the arena. */
MUST_USE int name_unescape(struct arena *a, struct str name, struct str *out, struct err *err);

#endif
