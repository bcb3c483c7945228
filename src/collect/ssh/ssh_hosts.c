#include "collect/ssh/ssh_hosts.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "collect/collect.h"
#include "collect/ssh/host.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/ssh/ways.h"
#include "model/emit.h"
#include "model/metadata.h"
#include "sys/loop.h"

/* What a lane may write while the loop goes on. */
struct rows {
    size_t n;
    struct row {
        char *name; /* owned */
        enum ssh_state state;
        uint64_t reconnects;
        bool confined;
    } items[];
};

struct ssh_hosts {
    struct vias vias; /* first */
    struct ssh_hosts_context context;
    char *folder, *program; /* owned */
    struct ways *ways;
    bool told_open;
    struct ssh_host **items; /* owned; [n] in the order of the configuration */
    size_t n;
};

static int find_via(struct vias *vias, const char *host, const char *place, struct via **out,
                    struct err *err)
{
    struct ssh_hosts *hs = CONTAINER_OF(vias, struct ssh_hosts, vias);

    for (size_t i = 0; i < hs->n; i++)
        if (strcmp(ssh_host_name(hs->items[i]), host) == 0)
            return ways_get(hs->ways, hs->items[i], place, out, err);
    return err_set(err, ERR_TYPE, "no entry of hosts is called %.100s", host);
}

struct ssh_hosts *ssh_hosts_new(const struct ssh_hosts_context *context)
{
    struct ssh_hosts *hs = mem_new(struct ssh_hosts);

    hs->context = *context;
    hs->context.folder = hs->folder = mem_strdup(context->folder);
    hs->context.program = hs->program = mem_strdup(context->program);
    hs->vias.find = find_via;
    hs->ways = ways_new(hs->folder, context->log);
    return hs;
}

void ssh_hosts_free(struct ssh_hosts *hs)
{
    if (!hs)
        return;
    for (size_t i = 0; i < hs->n; i++)
        ssh_host_end(hs->items[i]);
    mem_free(hs->items);
    ways_free(hs->ways);
    mem_free(hs->folder);
    mem_free(hs->program);
    mem_free(hs);
}

/* ---- which hosts ---- */

static struct ssh_host *take_same(struct ssh_hosts *hs, const struct ssh_settings *s)
{
    for (size_t i = 0; i < hs->n; i++)
        if (hs->items[i] && strcmp(ssh_host_name(hs->items[i]), s->name) == 0)
            return take(hs->items[i]);
    return NULL;
}

void ssh_hosts_apply(struct ssh_hosts *hs, const struct ssh_settings *hosts, size_t n)
{
    const struct ssh_host_context context = {.loop = hs->context.loop,
                                             .log = hs->context.log,
                                             .clock = hs->context.clock,
                                             .program = hs->program,
                                             .ways = hs->ways,
                                             .told_open = &hs->told_open};
    struct ssh_host **items = mem_new_array(struct ssh_host *, n + 1);

    for (size_t i = 0; i < n; i++) {
        items[i] = take_same(hs, &hosts[i]);
        if (!items[i])
            items[i] = ssh_host_new(&context, &hosts[i]);
        else
            ssh_host_change(items[i], &hosts[i]);
    }
    for (size_t i = 0; i < hs->n; i++)
        ssh_host_end(hs->items[i]);
    mem_free(hs->items);
    hs->items = items;
    hs->n = n;
}

struct vias *ssh_hosts_vias(struct ssh_hosts *hs)
{
    return &hs->vias;
}

/* ---- what is told of them ---- */

size_t ssh_hosts_n(const struct ssh_hosts *hs)
{
    return hs->n;
}

struct ssh_host_state ssh_hosts_state(const struct ssh_hosts *hs, size_t i)
{
    return ssh_host_state(hs->items[i]);
}

int ssh_hosts_path(struct ssh_hosts *hs, const char *host, const char *place,
                   char out[SSH_PATH_BYTES], uint32_t *number, struct err *err)
{
    return ways_path(hs->ways, host, place, out, number, err);
}

int ssh_hosts_list(void *arg, struct arena *a, struct tunnel_status **out, size_t *n,
                   struct err *err)
{
    const struct ssh_hosts *hs = arg;
    struct tunnel_status *all = arena_new_array(a, struct tunnel_status, hs->n + 1, err);

    if (!all)
        return -1;
    for (size_t i = 0; i < hs->n; i++) {
        struct ssh_host_state s = ssh_host_state(hs->items[i]);

        all[i] = (struct tunnel_status){.host = s.name,
                                        .address = s.address,
                                        .state = ssh_state_name(s.state),
                                        .up = s.state == SSH_CONNECTED,
                                        .words = s.error,
                                        .since_ms = s.since_ms,
                                        .reconnects = s.reconnects};
    }
    *out = all;
    *n = hs->n;
    return 0;
}

void *ssh_hosts_read(void *arg)
{
    const struct ssh_hosts *hs = arg;
    struct rows *rows = mem_zalloc(sizeof *rows + hs->n * sizeof rows->items[0]);

    for (; rows->n < hs->n; rows->n++) {
        struct ssh_host_state s = ssh_host_state(hs->items[rows->n]);

        rows->items[rows->n] = (struct row){mem_strdup(s.name), s.state, s.reconnects, s.confined};
    }
    return rows;
}

void ssh_hosts_free_rows(void *arg)
{
    struct rows *rows = arg;

    for (size_t i = 0; rows && i < rows->n; i++)
        mem_free(rows->items[i].name);
    mem_free(rows);
}

static int emit_one(struct emit *emit, const char *name, const struct row *row, const char *state,
                    double value, struct err *err)
{
    const struct label labels[] = {{STR("host"), str_c(row->name)}, {STR("state"), str_c(state)}};
    const struct emit_sample sample = {
        .name = str_c(name), .labels = labels, .labels_n = state ? 2 : 1, .value = value};

    return emit->sample(emit, &sample, err);
}

static int emit_family(struct emit *emit, const char *name, enum metric_type type, const char *help,
                       struct err *err)
{
    const struct metadata family = {.family = str_c(name), .type = type, .help = str_c(help)};

    return emit->family(emit, &family, err);
}

int ssh_hosts_emit(const void *arg, struct emit *emit, struct err *err)
{
    const struct rows *rows = arg;

    if (!rows->n)
        return 0;
    if (emit_family(emit, "earshot_ssh_up", METRIC_GAUGE, "1 while the tunnel is connected.", err) <
        0)
        return -1;
    for (size_t i = 0; i < rows->n; i++)
        if (emit_one(emit, "earshot_ssh_up", &rows->items[i], NULL,
                     rows->items[i].state == SSH_CONNECTED, err) < 0)
            return -1;
    if (emit_family(emit, "earshot_ssh_state", METRIC_GAUGE,
                    "1 for the state that the tunnel is in, 0 for the others.", err) < 0)
        return -1;
    for (size_t i = 0; i < rows->n; i++)
        for (int state = 0; state < SSH_STATES; state++)
            if (emit_one(emit, "earshot_ssh_state", &rows->items[i],
                         ssh_state_name((enum ssh_state)state),
                         rows->items[i].state == (enum ssh_state)state, err) < 0)
                return -1;
    if (emit_family(emit, "earshot_ssh_reconnects_total", METRIC_COUNTER,
                    "Times the tunnel was connected again.", err) < 0)
        return -1;
    for (size_t i = 0; i < rows->n; i++)
        if (emit_one(emit, "earshot_ssh_reconnects_total", &rows->items[i], NULL,
                     (double)rows->items[i].reconnects, err) < 0)
            return -1;
    if (emit_family(emit, "earshot_ssh_worker_confined", METRIC_GAUGE,
                    "1 while the process of the tunnel can write no file and start no program.",
                    err) < 0)
        return -1;
    for (size_t i = 0; i < rows->n; i++)
        if (emit_one(emit, "earshot_ssh_worker_confined", &rows->items[i], NULL,
                     rows->items[i].confined, err) < 0)
            return -1;
    return 0;
}
