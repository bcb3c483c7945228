/* answer: the text of an answer or of a line as a JSON value that a mapping can begin in.
 *
 * Errors are for the person who reads the targets page. Threads: any.
 */
#ifndef COLLECT_JSON_ANSWER_H
#define COLLECT_JSON_ANSWER_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct budget;
struct err;
struct json_settings;
struct json_t;

struct answer {
    struct json_t *root; /* owned */
    struct budget *budget;
    size_t charged; /* what jansson takes for it, at most */
};

/* `budget` may be NULL. On failure there is nothing to end. */
MUST_USE int answer_read(struct answer *a, const struct json_settings *settings, struct str text,
                         struct budget *budget, struct err *err);
void answer_end(struct answer *a);

#endif
