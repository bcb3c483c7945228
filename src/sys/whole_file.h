/* whole_file: a file that people write, read whole: a configuration, a list of targets,
 * known_hosts.
 *
 * What cannot be read to its end is an error, never a shorter text: whoever writes the file anew
 * would otherwise cut it.
 */
#ifndef SYS_WHOLE_FILE_H
#define SYS_WHOLE_FILE_H

#include <stdbool.h>

#include "base/attr.h"

struct buf;
struct err;

/* Behind what `out` holds; its max_bytes bounds both. With `absent`, a file that is not there is no
 * error but *absent. Errors do not name the path. Blocks: never on the loop. */
MUST_USE int whole_file_read(const char *path, struct buf *out, bool *absent, struct err *err);

#endif
