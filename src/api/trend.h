/* trend: when does what falls reach zero, at its present pace?
 *
 * The slope is Theil's and Sen's: the median of the slopes between all pairs of points, which a
 * third of wild points does not move (H. Theil 1950; P. K. Sen, JASA 63, 1968). The caller gives
 * the *highest* free space of each slice of time, so that of a saw-tooth (a log that is rotated, a
 * cache that is emptied) only what clean-up does not give back counts.
 *
 * No answer is better than a wrong one: with too few points, too short a time, a fall that is not
 * seen in four of five pairs, or one too slow to matter, there is none.
 *
 * Threads: none of its own. Nothing can fail.
 */
#ifndef API_TREND_H
#define API_TREND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"

#define TREND_POINTS_MAX 64 /* the newest count */

/* `size` is the whole, in the unit of the values; `now` the present value. */
bool trend_runs_out(const ts_ms ts[], const double values[], size_t n, double now, double size,
                    double *seconds);

#endif
