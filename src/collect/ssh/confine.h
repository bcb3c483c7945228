/* confine: gives up the rights that a worker does not need.
 *
 * It cannot start programs, gain rights, be looked into by others of the same user (its key is in
 * its memory), write a core file, or write to any file. What the kernel does not know is left out.
 */
#ifndef COLLECT_SSH_CONFINE_H
#define COLLECT_SSH_CONFINE_H

/* For good. Descriptors that are open stay usable. */
void confine(void);

#endif
