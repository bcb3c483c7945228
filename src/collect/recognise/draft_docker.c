/* Drafts of Docker and Podman, known by the socket that their API listens at. Nothing is asked: a
 * socket of that name below /run is theirs. */
#include <stdio.h>

#include "base/arena.h"
#include "collect/docker/place.h"
#include "collect/recognise/draft_impl.h"
#include "collect/recognise/program.h"
#include "collect/recognise/survey.h"

/* Elsewhere anybody may make one. */
static const char *engine_at(struct str path)
{
    if (!str_starts(path, STR("/run/")) && !str_starts(path, STR("/var/run/")))
        return NULL;
    return path.n < PLACE_PATH_MAX && draft_is_plain(path) ? place_engine(path) : NULL;
}

void draft_docker(struct drafts *d)
{
    size_t usable = 0;

    for (size_t i = 0; i < d->survey->sockets_n; i++) {
        const struct survey_socket *s = &d->survey->sockets[i];
        const char *engine = s->port ? NULL : engine_at(s->path), *word;
        char needs[PLACE_NEEDS_MAX];
        struct found *f;

        if (!engine)
            continue;
        word = engine[0] == 'D' ? "docker" : "podman";
        f = draft_add(d, draft_id(d, word, s), "docker", engine);
        if (!f)
            return;
        draft_set_place(d, f, s);
        f->evidence = draft_line(d, "%s listens on %s", draft_who(d, s->owner), f->path);
        f->kind = "docker";
        f->url = f->path;
        f->entry = f->options = draft_entry(d, "socket", f->path);
        if (place_is_shut(f->path)) {
            place_needs(f->path, needs);
            f->needs = draft_line(d, "%s", needs);
            continue;
        }
        f->watched = "containers: state, health, restarts, CPU, memory, network";
        if (++usable > 1) /* its containers are no others' of that name */
            f->options = draft_line(
                d, "%s, %s", f->options,
                draft_entry(d, "instance",
                            draft_line(d, "%s-%s-%zu", d->context->host_name, word, usable)));
    }
}
