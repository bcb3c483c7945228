/* confine: gives up the rights that a worker does not need.
 *
 * It cannot start programs, gain rights, be looked into by others of the same user (its key is in
 * its memory), write a core file, or write to any file; the last and the first need Landlock, which
 * not every kernel has.
 */
#ifndef COLLECT_SSH_CONFINE_H
#define COLLECT_SSH_CONFINE_H

#include "base/attr.h"

struct err;

/* For good. Descriptors that are open stay usable. -1: files and programs are not forbidden, since
 * the kernel cannot; all else is. */
MUST_USE int confine(struct err *err);

#endif
