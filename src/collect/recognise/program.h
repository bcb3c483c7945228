/* program: what a process is called by people: "redis-server", and not "python3" but its script.
 *
 * Threads: any.
 */
#ifndef COLLECT_RECOGNISE_PROGRAM_H
#define COLLECT_RECOGNISE_PROGRAM_H

#include <stdbool.h>

#include "base/str.h"

struct survey_process;

#define PROGRAM_NAME_MAX 64

/* The last part of a path. */
struct str program_base(struct str path);
/* Bytes of the control character, or of what is an end of line to YAML, that `s` begins with; 0: it
 * begins with neither. */
size_t program_odd(struct str s);
/* Writes `instead` over each byte of those, and '?' over what is no UTF-8. */
void program_clean(char *text, char instead);
/* The script or module that an interpreter runs, else the program. "" when nothing is known. */
void program_name(const struct survey_process *p, char out[PROGRAM_NAME_MAX]);
/* The same as the name of a job: [a-z0-9_-], "port-8000" when nothing is known. */
void program_job(const struct survey_process *p, unsigned port, char out[PROGRAM_NAME_MAX]);
/* Is there such a word in the command line? */
bool program_has_word(const struct survey_process *p, struct str word);
/* Behind "-Q x", "-Qx", "--queues x" or "--queues=x"; p NULL: it is not there. */
struct str program_option(const struct survey_process *p, const char *letter, const char *name);

#endif
