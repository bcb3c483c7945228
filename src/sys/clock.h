/* clock: the real one, from the kernel. For main and for sys itself; all else takes it as an
 * argument. Threads: any.
 */
#ifndef SYS_CLOCK_H
#define SYS_CLOCK_H

#include "base/clock.h"

const struct clock *clock_real(void);

#endif
