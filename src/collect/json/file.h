/* file: an entry of collect.json that reads a file: the lines it grows by, or one JSON value that
 * is written anew again and again.
 *
 * A line that is no JSON, has no time where there should be one, or is too long is left out,
 * counted, and told once.
 */
#ifndef COLLECT_JSON_FILE_H
#define COLLECT_JSON_FILE_H

#include <stdatomic.h>

#include "collect/collect.h"

struct json_settings;
struct mapping;

/* Takes the mapping over; the rest is borrowed until the collector is freed. */
struct collector json_file_collector(const struct json_settings *settings, struct mapping *mapping,
                                     const struct clock *clock, struct log *log,
                                     atomic_uint_fast64_t *lines_invalid);

#endif
