/* tally: is it an exposition, and whose?
 *
 * Threads: any.
 */
#ifndef COLLECT_RECOGNISE_TALLY_H
#define COLLECT_RECOGNISE_TALLY_H

#include "base/str.h"
#include "collect/recognise/spot.h"

/* False: it is none. A body that was cut (`whole` false) counts up to its last line. */
bool tally_read(struct str body, struct str content_type, bool whole, const struct sign signs[],
                size_t signs_n, struct tally *out);

#endif
