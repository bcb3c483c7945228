/* worker: the process that holds the SSH session of one entry of `hosts` (earshot ssh-worker).
 *
 * It speaks with machines that may be hostile, with a library that is not ours, and holds the key
 * meanwhile: so it is a process of its own, with only the rights it needs (confine.h). earshot
 * gives it listening sockets, each with where it leads to; the worker accepts, opens a channel for
 * each connection and pumps (pump.h). It connects by itself, again and again: after 1 s, then
 * twice as long each time, up to 30 s from one attempt's start to the next. A machine whose key is
 * unknown or another is not tried again before known_hosts has changed.
 *
 * It ends when earshot does.
 */
#ifndef COLLECT_SSH_WORKER_H
#define COLLECT_SSH_WORKER_H

/* Never returns before the end; the exit status. `control` is helper.h's socket. */
int worker_run(int control);

#endif
