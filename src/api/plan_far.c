/* The machines under `hosts`: ways to what runs there, for a plan. */
#include "api/plan.h"
#include "base/arena.h"
#include "base/err.h"
#include "collect/ssh/ssh_settings.h"
#include "collect/via.h"
#include "config/config.h"

static const char *find_way(struct plan_far *far, struct vias *vias, const char *host,
                            const char *place, struct arena *a, struct err *err)
{
    struct via *via;

    if (vias->find(vias, host, place, &via, err) < 0)
        return NULL;
    far->vias[far->vias_n++] = via;
    if (via->check(via, err) < 0)
        return NULL;
    return arena_cstr(a, str_c(via->socket_path), err);
}

/* -1: no memory. */
static int open_one(struct plan_far *far, const struct ssh_settings *s, struct vias *vias,
                    struct arena *a, struct err *err)
{
    struct recognise_far *f = &far->items[far->n++];
    struct err why;

    f->host = arena_cstr(a, str_c(s->name), err);
    f->user = s->user ? arena_cstr(a, str_c(s->user), err) : NULL;
    if (!f->host || (s->user && !f->user))
        return -1;
    if (s->os == SSH_OS_WINDOWS) {
        f->why = "it runs Windows, which has no /proc to look at";
        return 0;
    }
    f->shell_path = find_way(far, vias, s->name, VIA_SHELL, a, &why);
    f->loopback_path = f->shell_path ? find_way(far, vias, s->name, VIA_LOOPBACK, a, &why) : NULL;
    if (f->loopback_path)
        return 0;
    f->why = arena_cstr(a, str_c(why.text), err);
    return f->why ? 0 : -1;
}

int plan_far_open(const struct config *config, struct vias *vias, struct arena *a,
                  struct plan_far *out, struct err *err)
{
    size_t n = config ? config->hosts_n : 0;

    *out = (struct plan_far){.items = arena_new_array(a, struct recognise_far, n, err),
                             .vias = arena_new_array(a, struct via *, 2 * n, err)};
    if (!out->items || !out->vias)
        return -1;
    for (size_t i = 0; i < n; i++)
        if (!config->hosts[i].of_pack && open_one(out, &config->hosts[i], vias, a, err) < 0)
            return -1;
    return 0;
}

void plan_far_close(struct plan_far *far)
{
    while (far->vias_n > 0)
        via_unref(far->vias[--far->vias_n]);
}
