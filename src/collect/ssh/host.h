/* host: one machine of ssh_hosts.h: its worker, what that says, and the ways that lead there.
 *
 * Threads: the loop's. A host stays as long as ways to it are used, also when it is gone from the
 * configuration: they say so then.
 */
#ifndef COLLECT_SSH_HOST_H
#define COLLECT_SSH_HOST_H

#include "base/attr.h"
#include "collect/ssh/ssh_hosts.h"

struct ssh_host;
struct way;
struct ways;

struct ssh_host_context {
    struct loop *loop;
    struct log *log;
    const struct clock *clock;
    const char *program;
    struct ways *ways;
    bool *told_open; /* that workers are not confined: it is said once */
};

MUST_USE struct ssh_host *ssh_host_new(const struct ssh_host_context *context,
                                       const struct ssh_settings *settings);
/* Others begin anew with another worker; the same change nothing. */
void ssh_host_change(struct ssh_host *h, const struct ssh_settings *settings);
void ssh_host_end(struct ssh_host *h); /* NULL is fine */

const char *ssh_host_name(const struct ssh_host *h);
struct ssh_host_state ssh_host_state(const struct ssh_host *h);
/* For how long nothing has come although something was asked; 0: all is well. */
int64_t ssh_host_silent_ms(const struct ssh_host *h);
/* Takes in what the worker has said by now. */
void ssh_host_listen(struct ssh_host *h);

void ssh_host_add_way(struct ssh_host *h, struct way *w);
void ssh_host_remove_way(struct ssh_host *h, struct way *w);

#endif
