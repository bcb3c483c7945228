#include "collect/ssh/ways.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/ssh/host.h"
#include "collect/ssh/pump.h"
#include "collect/ssh/ssh_hosts.h"
#include "http/place.h"

#define WAYS_MAX 65535u /* a port, for libpq */
#define BACKLOG  64
#define SHELL    "exec /bin/sh"

/* What a number stands for. */
struct number {
    char *host, *address; /* owned; address "": the shell; PUMP_LOOPBACK */
    uint16_t port;
    struct way *open; /* the loop's; NULL: nobody listens */
};

struct ways {
    char *folder; /* owned */
    struct log *log;
    bool made;             /* the folder is there; the loop's */
    pthread_mutex_t lock;  /* guards: numbers, n, but not what is open */
    struct number **items; /* owned; [n] number i + 1 */
    size_t n, cap;
};

struct ways *ways_new(const char *folder, struct log *log)
{
    struct ways *ws = mem_new(struct ways);

    ws->folder = mem_strdup(folder);
    ws->log = log;
    pthread_mutex_init(&ws->lock, NULL);
    return ws;
}

void ways_free(struct ways *ws)
{
    if (!ws)
        return;
    if (ws->made)
        (void)rmdir(ws->folder);
    for (size_t i = 0; i < ws->n; i++) {
        mem_free(ws->items[i]->host);
        mem_free(ws->items[i]->address);
        mem_free(ws->items[i]);
    }
    mem_free(ws->items);
    pthread_mutex_destroy(&ws->lock);
    mem_free(ws->folder);
    mem_free(ws);
}

/* ---- numbers ---- */

/* "http://[::1]:8000/metrics", "10.0.0.7:6379": address without brackets, and port. */
static int parse(const char *place, char address[PLACE_HOST_BYTES], uint16_t *port, struct err *err)
{
    char url[PLACE_HOST_BYTES + 32];
    struct place p;
    size_t n;

    if (strcmp(place, VIA_SHELL) == 0 || strcmp(place, VIA_LOOPBACK) == 0) {
        (void)snprintf(address, PLACE_HOST_BYTES, "%s",
                       strcmp(place, VIA_LOOPBACK) == 0 ? PUMP_LOOPBACK : "");
        *port = 0;
        return 0;
    }
    if (strstr(place, "://"))
        n = 0;
    else
        n = (size_t)snprintf(url, sizeof url, "http://%s", place);
    if (n >= sizeof url || place_of(n ? url : place, &p) < 0)
        return err_set(err, ERR_SYNTAX, "\"%.100s\" is no address that a tunnel can lead to",
                       place);
    n = strlen(p.host);
    if (p.host[0] == '[' && n > 2) {
        memmove(p.host, p.host + 1, n - 2);
        p.host[n - 2] = '\0';
    }
    memcpy(address, p.host, sizeof p.host);
    *port = (uint16_t)strtoul(p.port, NULL, 10);
    return 0;
}

/* Under the lock. NULL: there are too many. */
static struct number *find(struct ways *ws, const char *host, const char *address, uint16_t port,
                           uint32_t *out)
{
    struct number *number;

    for (size_t i = 0; i < ws->n; i++) {
        number = ws->items[i];
        *out = (uint32_t)i + 1;
        if (number->port == port && strcmp(number->host, host) == 0 &&
            strcmp(number->address, address) == 0)
            return number;
    }
    if (ws->n == WAYS_MAX)
        return NULL;
    number = mem_new(struct number);
    number->host = mem_strdup(host);
    number->address = mem_strdup(address);
    number->port = port;
    ws->items = mem_grow(ws->items, &ws->cap, ws->n + 1, sizeof *ws->items);
    ws->items[ws->n++] = number;
    *out = (uint32_t)ws->n;
    return number;
}

static int path_of(const struct ways *ws, uint32_t number, char out[SSH_PATH_BYTES],
                   struct err *err)
{
    int n = snprintf(out, SSH_PATH_BYTES, "%s/.s.PGSQL.%u", ws->folder, number);

    if (n > 0 && n < SSH_PATH_BYTES)
        return 0;
    return err_set(err, ERR_LIMIT,
                   "the path of the data directory is too long for the sockets of tunnels (%.200s)",
                   ws->folder);
}

int ways_path(struct ways *ws, const char *host, const char *place, char *out, uint32_t *number,
              struct err *err)
{
    char address[PLACE_HOST_BYTES];
    struct number *found;
    uint16_t port;

    if (parse(place, address, &port, err) < 0)
        return -1;
    pthread_mutex_lock(&ws->lock);
    found = find(ws, host, address, port, number);
    pthread_mutex_unlock(&ws->lock);
    if (!found)
        return err_set(err, ERR_LIMIT, "more than %u addresses behind hosts", WAYS_MAX);
    return path_of(ws, *number, out, err);
}

/* ---- sockets ---- */

static int make_folder(struct ways *ws, struct err *err)
{
    if (ws->made)
        return 0;
    if (mkdir(ws->folder, 0700) < 0 && errno != EEXIST)
        return err_os(err, errno, "%s cannot be made", ws->folder);
    if (chmod(ws->folder, 0700) < 0)
        return err_os(err, errno, "%s cannot be closed to others", ws->folder);
    ws->made = true;
    return 0;
}

static int listen_at(const char *path, int *fd, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    (void)unlink(path); /* of one of us that was killed */
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return err_os(err, errno, "cannot make a socket");
    if (bind(*fd, (const struct sockaddr *)(const void *)&address, sizeof address) == 0 &&
        listen(*fd, BACKLOG) == 0)
        return 0;
    (void)err_os(err, errno, "cannot listen at %s", path);
    (void)close(*fd);
    return -1;
}

static int via_check(struct via *v, struct err *err)
{
    struct way *w = (struct way *)(void *)v;
    struct ssh_host_state s;

    ssh_host_listen(w->host);
    s = ssh_host_state(w->host);
    if (s.state == SSH_CONNECTED)
        return 0;
    return err_set(err, ERR_OS, "tunnel to %.60s is down: %s", s.name,
                   *s.error ? s.error : ssh_state_name(s.state));
}

static bool via_explain(struct via *v, struct err *err)
{
    struct way *w = (struct way *)(void *)v;
    int64_t silent_ms;

    if (via_check(v, err) < 0)
        return true;
    silent_ms = ssh_host_silent_ms(w->host);
    if (w->is_refused)
        (void)err_set(err, ERR_OS, "far end refused: %s", w->refusal);
    else if (silent_ms)
        (void)err_set(err, ERR_TIMEOUT,
                      "tunnel to %.60s is down: nothing has come from it for %g s",
                      ssh_host_name(w->host), (double)silent_ms / 1000);
    return !w->is_refused && silent_ms;
}

static void via_free(struct via *v)
{
    struct way *w = (struct way *)(void *)v;
    struct ways *ws = w->ways;

    ssh_host_remove_way(w->host, w);
    (void)close(w->fd);
    (void)unlink(w->path);
    ws->items[w->id - 1]->open = NULL;
    mem_free(w->path);
    mem_free(w->address);
    mem_free(w);
}

static int open_way(struct ways *ws, struct ssh_host *host, const struct number *number,
                    uint32_t id, struct way **out, struct err *err)
{
    char path[SSH_PATH_BYTES];
    struct way *w;
    int fd;

    if (path_of(ws, id, path, err) < 0 || make_folder(ws, err) < 0 || listen_at(path, &fd, err) < 0)
        return -1;
    w = mem_new(struct way);
    w->ways = ws;
    w->host = host;
    w->id = id;
    w->fd = fd;
    w->path = mem_strdup(path);
    w->address = mem_strdup(number->address);
    w->port = number->port;
    w->command = *number->address ? NULL : SHELL;
    w->via = (struct via){.host = ssh_host_name(host),
                          .socket_path = w->path,
                          .check = via_check,
                          .explain = via_explain,
                          .free = via_free};
    *out = w;
    return 0;
}

int ways_get(struct ways *ws, struct ssh_host *host, const char *place, struct via **out,
             struct err *err)
{
    char address[PLACE_HOST_BYTES];
    struct number *number;
    uint16_t port;
    uint32_t id;

    if (parse(place, address, &port, err) < 0)
        return -1;
    pthread_mutex_lock(&ws->lock);
    number = find(ws, ssh_host_name(host), address, port, &id);
    pthread_mutex_unlock(&ws->lock);
    if (!number)
        return err_set(err, ERR_LIMIT, "more than %u addresses behind hosts", WAYS_MAX);
    if (!number->open) {
        if (open_way(ws, host, number, id, &number->open, err) < 0)
            return -1;
        ssh_host_add_way(host, number->open);
    }
    *out = via_ref(&number->open->via);
    return 0;
}
