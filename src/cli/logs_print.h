/* logs_print: a line of a log for people.
 *
 *   2026-11-27 12:43:11.204 worker WARNING Job 9f waiting 120s  event=job_starving job=9f
 *
 * What a program wrote into its log may hold anything: control characters are shown as \xNN.
 */
#ifndef CLI_LOGS_PRINT_H
#define CLI_LOGS_PRINT_H

#include <stdbool.h>

struct buf;
struct json_t;

/* `line` as the API gives it. */
void logs_print(const struct json_t *line, bool source, bool colours, struct buf *out);

#endif
