/* ssh_hosts: the machines under `hosts`, each with a tunnel: one worker process (worker.h) and one
 * SSH connection. The folder's entry header.
 *
 * What leads to a target is a *way*: an address as seen from the far machine, and a Unix socket
 * here, in a directory that only we may enter, whose connections come out there. All collectors use
 * ways alike, and none knows of SSH: libcurl and Redis take the path; for libpq the sockets are
 * called .s.PGSQL.N, so that it finds one by directory and port N.
 *
 * We listen, and hand the listening sockets to the worker: it needs no right to make any, and one
 * that died is replaced without anybody's notice. A way that nobody uses any more is closed.
 *
 * Truth: before a cycle the tunnel's state is looked at; after one that failed, what the worker
 * said is read first, then the reason is: the tunnel is down, or the far end has refused, or it is
 * something that the target has to answer for. The worker speaks before it closes, so the words are
 * there by the time that a collector sees its connection closed.
 *
 * Threads: the loop's, but ssh_hosts_path.
 */
#ifndef COLLECT_SSH_SSH_HOSTS_H
#define COLLECT_SSH_SSH_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/clock.h"
#include "collect/ssh/state.h"
#include "collect/via.h"

struct arena;
struct emit;
struct err;
struct log;
struct loop;
struct ssh_hosts;
struct ssh_settings;
struct tunnel_status;

#define SSH_PATH_BYTES 108 /* of a Unix socket's address */

struct ssh_hosts_context {
    struct loop *loop;
    struct log *log;
    const struct clock *clock;
    const char *program; /* has the command ssh-worker; "/proc/self/exe" */
    const char *folder;  /* for sockets: made, mode 0700, emptied at the end */
};

MUST_USE struct ssh_hosts *ssh_hosts_new(const struct ssh_hosts_context *context);
/* Program end; ways that are still referred to stay until they are not. NULL is fine. */
void ssh_hosts_free(struct ssh_hosts *hs);

/* These hosts and no others, from here on; copied. One that is as it was keeps its tunnel. */
void ssh_hosts_apply(struct ssh_hosts *hs, const struct ssh_settings *hosts, size_t n);

/* For collect.h and whoever makes targets. */
struct vias *ssh_hosts_vias(struct ssh_hosts *hs);

struct ssh_host_state {
    const char *name, *address; /* "me@gpu-box:22" */
    enum ssh_state state;
    ts_ms since_ms;
    uint64_t reconnects;
    const char *error; /* plain words; "" when connected */
    size_t ways;       /* in use */
    bool confined;     /* its worker cannot write files or start programs */
};
/* Borrowed until the loop runs again. */
size_t ssh_hosts_n(const struct ssh_hosts *hs);
struct ssh_host_state ssh_hosts_state(const struct ssh_hosts *hs, size_t i);

/* "/…/.s.PGSQL.7": where a target of that host will be found; *number is 7. Any thread, also before
 * the host is there. */
MUST_USE int ssh_hosts_path(struct ssh_hosts *hs, const char *host, const char *place,
                            char out[SSH_PATH_BYTES], uint32_t *number, struct err *err);

/* For collect_set_tunnels. */
MUST_USE int ssh_hosts_list(void *hosts, struct arena *a, struct tunnel_status **out, size_t *n,
                            struct err *err);
/* For self.h: the series earshot_ssh_*. */
void *ssh_hosts_read(void *hosts);
MUST_USE int ssh_hosts_emit(const void *rows, struct emit *emit, struct err *err);
void ssh_hosts_free_rows(void *rows);

#endif
