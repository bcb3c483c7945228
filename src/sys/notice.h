/* notice: tells that something in a folder has changed (inotify): a file was written and closed,
 * put in place, moved or deleted.
 *
 * Threads: the loop's; notice_folder on any, but not beside notice_free.
 */
#ifndef SYS_NOTICE_H
#define SYS_NOTICE_H

#include "base/attr.h"

struct err;
struct loop;
struct notice;

MUST_USE int notice_new(struct loop *l, void (*fire)(void *arg), void *arg, struct notice **out,
                        struct err *err);
/* Watches this folder too. Again for a folder that is watched: nothing changes, unless another one
 * has taken its place. May wait for a disk. */
MUST_USE int notice_folder(struct notice *n, const char *folder, struct err *err);
void notice_free(struct notice *n); /* NULL is fine */

#endif
