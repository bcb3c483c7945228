#include "collect/gpu/grouping.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/host/run.h"
#include "collect/process/identity.h"
#include "collect/process/match.h"
#include "collect/process/process_settings.h"

#define ANCESTORS_MAX 16

struct grouping {
    struct match *matches; /* owned; [n], in the order in which they take a process */
    size_t n;
    struct host_run run; /* of the reading under way */
    struct err err;      /* of that, which only says that a process is in no group */
};

int grouping_new(const struct gpu_settings *settings, struct grouping **out, struct err *err)
{
    struct grouping *g = mem_new(struct grouping);
    size_t most = 0;

    for (size_t i = 0; i < settings->groups_n; i++)
        most += settings->groups[i]->n;
    *g = (struct grouping){.matches = mem_new_array(struct match, most)};
    for (size_t i = 0; i < settings->groups_n; i++) {
        for (size_t k = 0; k < settings->groups[i]->n; k++) {
            if (match_init(&g->matches[g->n], &settings->groups[i]->items[k], err) < 0) {
                grouping_free(g);
                return -1;
            }
            g->n++;
        }
    }
    *out = g;
    return 0;
}

void grouping_free(struct grouping *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->n; i++)
        match_fini(&g->matches[i]);
    mem_free(g->matches);
    mem_free(g);
}

void grouping_begin(struct grouping *g, struct files *files, struct arena *scratch)
{
    uint64_t was;

    g->run = (struct host_run){
        .files = files, .scratch = scratch, .err = &g->err, .group = "gpu", .quiet = true};
    for (size_t i = 0; i < g->n; i++)
        (void)match_read_pid_file(&g->matches[i], &g->run, &was);
}

/* "4242 (name of it) S 4200 ...": its name, and who started it; 0: it has ended, or nobody did. */
static uint32_t read_stat(struct grouping *g, uint32_t pid, struct identity *id)
{
    const char *open, *close;
    char path[32];
    struct str text;
    uint64_t parent = 0;

    (void)snprintf(path, sizeof path, "%u/stat", pid);
    if (files_read_at(g->run.files, id->proc, path, &text) != FILES_READ || !text.n)
        return 0;
    open = memchr(text.p, '(', text.n);
    close = memrchr(text.p, ')', text.n);
    if (!open || !close || close < open)
        return 0;
    id->name = host_keep(&g->run, (struct str){open + 1, (size_t)(close - open - 1)});
    text = str_skip(text, (size_t)(close - text.p) + 4); /* ") S " */
    return scan_u64(str_split(&text, ' '), &parent) ? (uint32_t)parent : 0;
}

static struct str find(struct grouping *g, struct identity *id, bool inherited)
{
    for (size_t i = 0; i < g->n; i++)
        if ((!inherited || g->matches[i].settings->children) && match_takes(&g->matches[i], id))
            return str_c(g->matches[i].settings->name);
    return STR("");
}

struct str grouping_of(struct grouping *g, uint32_t pid)
{
    struct str name = STR("");

    for (int depth = 0; g->n && pid > 1 && depth < ANCESTORS_MAX && !name.n; depth++) {
        struct identity id = {
            .run = &g->run, .proc = files_root_dir(g->run.files, FILES_PROC), .pid = pid};
        uint32_t parent = read_stat(g, pid, &id);

        name = find(g, &id, depth > 0);
        pid = parent;
    }
    return name;
}
