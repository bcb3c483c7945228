/* Events: where they are kept, and those of this process and of this host's packages. */
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/serve.h"
#include "collect/host/dpkg_log.h"
#include "config/config.h"
#include "http/server.h"
#include "model/labels.h"
#include "state/events.h"
#include "sys/lanes.h"

/* dpkg writes it anew with each change, and a line about each package. */
#define PACKAGES       "/var/lib/dpkg/status"
#define PACKAGES_LOG   "/var/log/dpkg.log"
#define LOG_BYTES      (512u << 10) /* of its end are read */
#define LAST_RUN_MS    (10 * 60000) /* of dpkg, which nobody saw begin */
#define PACKAGES_MS    60000
#define SAME_CHANGE_MS 30000

void serve_open_state(struct serve *s, struct fs *fs)
{
    const struct state_settings settings = {
        .fs = fs, .folder = s->data, .clock = s->clock, .log = &s->log.log};

    s->state.state = state_new(&settings);
    s->state.events = events_new(
        &(struct events_settings){.state = s->state.state, .clock = s->clock, .log = &s->log.log});
    events_set_retention(s->state.events, s->config->events_retention_ms,
                         s->config->events_retention_bytes);
}

static void tell(struct serve *s, const char *job, const char *instance, const char *kind, ts_ms at,
                 int64_t same_ms, const char *text)
{
    struct label pairs[] = {{STR("instance"), str_c(instance)}, {STR("job"), str_c(job)}};
    SCOPED(arena_fini) struct arena a;
    const struct labels *labels;

    arena_init(&a, NULL);
    if (labels_build_sorted(&a, pairs, ARRAY_LEN(pairs), &labels, NULL) == 0)
        events_tell(s->state.events,
                    &(struct event_told){{kind, at, at, false, labels, text}, NULL, same_ms});
}

void serve_tell(struct serve *s, const char *kind, const char *text)
{
    char address[160];

    serve_address(s, address);
    tell(s, "earshot", address, kind, s->clock->wall_ms(s->clock), 0, text);
}

/* --- packages -----------------------------------------------------------------------------------
 */

struct serve_packages {
    struct serve *serve;
    struct loop_timer *timer; /* owned; NULL: it ends */
    struct lane_job look;
    bool looks;
    ts_ms seen, found; /* when they were last changed; found: by the lane */
    struct buf names;  /* which: by the lane */
};

/* As the log has its times. */
static void local_time(ts_ms at, char out[20])
{
    time_t seconds = (time_t)(at / 1000);
    struct tm tm;

    (void)strftime(out, 20, "%Y-%m-%d %H:%M:%S", localtime_r(&seconds, &tm));
}

/* What changed after the last look; of the first, with the last run of dpkg. */
static void name_packages(struct serve_packages *p)
{
    SCOPED(buf_fini) struct buf log = {.max_bytes = LOG_BYTES};
    FILE *file = fopen(PACKAGES_LOG, "re");
    char since[20];
    char *room;

    buf_reset(&p->names);
    if (!file)
        return;
    if (fseek(file, -(long)LOG_BYTES, SEEK_END) < 0)
        rewind(file); /* it is shorter */
    room = buf_reserve(&log, LOG_BYTES);
    if (room)
        log.n = fread(room, 1, LOG_BYTES, file);
    (void)fclose(file);
    local_time(p->seen ? p->seen + 1000 : p->found - LAST_RUN_MS, since);
    dpkg_log_changes(buf_str(&log), str_c(since), &p->names);
}

static void look_run(struct lane_job *job)
{
    struct serve_packages *p = CONTAINER_OF(job, struct serve_packages, look);
    struct stat st;

    p->found = stat(PACKAGES, &st) == 0
                   ? (ts_ms)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000
                   : 0;
    if (p->found && p->found != p->seen)
        name_packages(p);
}

static void look_done(struct lane_job *job)
{
    struct serve_packages *p = CONTAINER_OF(job, struct serve_packages, look);
    struct serve *s = p->serve;

    p->looks = false;
    if (!job->was_run || !p->found || p->found == p->seen)
        return;
    p->seen = p->found;
    tell(s, s->config->host.job, s->host_name, "packages", p->found, SAME_CHANGE_MS,
         p->names.n ? p->names.p : "packages were installed, upgraded or removed (dpkg)");
}

static void look(void *arg)
{
    struct serve_packages *p = arg;
    struct err err;

    p->looks = p->looks || lanes_submit(p->serve->lanes, LANE_SLOW, &p->look, &err) == 0;
}

void serve_watch_packages(struct serve *s)
{
    struct serve_packages *p = mem_new(struct serve_packages);

    p->serve = s;
    p->look.run = look_run;
    p->look.done = look_done;
    p->timer = loop_timer_new(s->loop, 0, PACKAGES_MS, look, p);
    s->state.packages = p;
}

void serve_stop_watching(struct serve *s)
{
    if (!s->state.packages)
        return;
    loop_timer_free(s->state.packages->timer);
    s->state.packages->timer = NULL;
}

void serve_close_state(struct serve *s)
{
    serve_stop_watching(s);
    if (s->state.packages && !s->state.packages->looks) {
        buf_fini(&s->state.packages->names);
        mem_free(s->state.packages);
    }
    state_free(s->state.state);
    events_free(s->state.events);
}
