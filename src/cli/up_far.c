#include "cli/up_far.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/ssh/ssh_hosts.h"
#include "config/config.h"
#include "sys/clock.h"
#include "sys/loop.h"

#define CONNECT_MS 1500
#define LOOK_MS    20

struct up_far {
    struct loop *loop;
    struct loop_timer *timer;
    struct ssh_hosts *hosts;
    int64_t until_ns;
    char folder[64]; /* of sockets */
    struct plan_far ways;
};

/* Has each come to an end, a good one or not? */
static bool are_settled(const struct ssh_hosts *hosts)
{
    for (size_t i = 0; i < ssh_hosts_n(hosts); i++)
        if (ssh_hosts_state(hosts, i).state == SSH_CONNECTING)
            return false;
    return true;
}

static void on_timer(void *arg)
{
    const struct up_far *u = arg;

    if (are_settled(u->hosts) || clock_real()->mono_ns(clock_real()) > u->until_ns)
        loop_stop(u->loop);
}

static int begin(struct up_far *u, const struct config *config, struct arena *a, struct err *err)
{
    struct ssh_hosts_context context = {.clock = clock_real(), .program = "/proc/self/exe"};

    if (loop_new(&u->loop, err) < 0)
        return -1;
    (void)snprintf(u->folder, sizeof u->folder, "/tmp/earshot-up-XXXXXX");
    if (!mkdtemp(u->folder)) {
        u->folder[0] = '\0';
        return err_os(err, errno, "no folder in /tmp");
    }
    context.loop = u->loop;
    context.folder = u->folder;
    u->hosts = ssh_hosts_new(&context);
    ssh_hosts_apply(u->hosts, config->hosts, config->hosts_n);
    u->until_ns = clock_real()->mono_ns(clock_real()) + CONNECT_MS * INT64_C(1000000);
    u->timer = loop_timer_new(u->loop, LOOK_MS, LOOK_MS, on_timer, u);
    loop_run(u->loop);
    return plan_far_open(config, ssh_hosts_vias(u->hosts), a, &u->ways, err);
}

int up_far_open(const struct config *config, struct arena *a, struct up_far **out, struct err *err)
{
    struct up_far *u = mem_new(struct up_far);

    *out = u;
    if (!config || config->hosts_n == 0 || begin(u, config, a, err) == 0)
        return 0;
    up_far_close(u);
    *out = NULL;
    return -1;
}

const struct plan_far *up_far_ways(const struct up_far *u)
{
    return &u->ways;
}

void up_far_close(struct up_far *u)
{
    if (!u)
        return;
    plan_far_close(&u->ways);
    loop_timer_free(u->timer);
    ssh_hosts_free(u->hosts); /* removes the folder */
    if (*u->folder)
        (void)rmdir(u->folder);
    if (u->loop) {
        loop_drain(u->loop);
        loop_free(u->loop);
    }
    mem_free(u);
}
