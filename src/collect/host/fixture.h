/* fixture: a machine written down in one text, laid out as files below a temporary directory.
 *
 *   == proc/loadavg   a file with the lines that follow
 *   =! proc/stat      the same without its last newline: a cut file
 *
 * Paths begin with proc/, sys/, etc/, run/, var/ or dev/ and stay below the directory whatever they
 * say, since the fuzzer writes them too.
 */
#ifndef COLLECT_HOST_FIXTURE_H
#define COLLECT_HOST_FIXTURE_H

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "collect/host/host.h"

struct fixture {
    char dir[64], proc[80], sys[80];
    char textfiles[80]; /* var/textfile, where the machine has it; "": none is read */
    struct manual_clock clock;
    struct log log;
    char logged[2000]; /* all lines, each with its newline */
    struct collector collectors[HOST_COLLECTORS];
};

void fixture_open(struct fixture *f, struct str machine);
/* Lays more text over what is there; files given again are replaced. */
void fixture_write(struct fixture *f, struct str machine);
/* Not for the fuzzer: a link may lead out of the directory. */
void fixture_link(struct fixture *f, const char *name, const char *target);
void fixture_remove(struct fixture *f, const char *path);
/* One pass of both collectors, as text 0.0.4. */
void fixture_collect(struct fixture *f, struct buf *out);
void fixture_close(struct fixture *f);

#endif
