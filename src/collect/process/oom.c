#include "collect/process/oom.h"

#include "base/mem.h"
#include "collect/host/run.h"

struct oom_source {
    char *path; /* owned */
    size_t users;
    uint64_t kills;      /* as of the last pass */
    uint64_t fresh, old; /* not charged to anyone: of this pass, and of the one before */
};

static bool read_kills(struct host_run *r, const char *path, uint64_t *out)
{
    struct str text, line, word;

    if (files_read_at(r->files, files_root_dir(r->files, FILES_SYS), path, &text) != FILES_READ)
        return false;
    while (scan_line(&text, &line))
        if (scan_word(&line, &word) && str_eq(word, STR("oom_kill")))
            return scan_word_u64(&line, out);
    return false;
}

static void source_free(struct oom_source *s)
{
    mem_free(s->path);
    mem_free(s);
}

void oom_fini(struct oom *o)
{
    for (size_t i = 0; i < o->n; i++)
        source_free(o->sources[i]);
    mem_free(o->sources);
    *o = (struct oom){.n = 0};
}

struct oom_source *oom_join(struct oom *o, struct host_run *r, const char *path)
{
    struct oom_source *s;
    uint64_t kills;

    for (size_t i = 0; i < o->n; i++) {
        if (strcmp(o->sources[i]->path, path) == 0) {
            o->sources[i]->users++;
            return o->sources[i];
        }
    }
    if (!read_kills(r, path, &kills))
        return NULL;
    s = mem_new(struct oom_source);
    s->path = mem_strdup(path);
    s->users = 1;
    s->kills = kills;
    o->sources = mem_grow(o->sources, &o->cap, o->n + 1, sizeof *o->sources);
    return o->sources[o->n++] = s;
}

void oom_leave(struct oom *o, struct oom_source *s)
{
    size_t i = 0;

    if (!s || --s->users)
        return;
    while (o->sources[i] != s)
        i++;
    o->sources[i] = o->sources[--o->n];
    source_free(s);
}

void oom_read(struct oom *o, struct host_run *r)
{
    for (size_t i = 0; i < o->n; i++) {
        struct oom_source *s = o->sources[i];
        uint64_t kills;

        s->old = s->fresh;
        s->fresh = 0;
        if (!read_kills(r, s->path, &kills))
            continue; /* the group has gone with its last process */
        s->fresh = kills > s->kills ? kills - s->kills : 0;
        s->kills = kills;
    }
}

bool oom_take(struct oom_source *s)
{
    if (!s || (!s->old && !s->fresh))
        return false;
    if (s->old)
        s->old--;
    else
        s->fresh--;
    return true;
}
