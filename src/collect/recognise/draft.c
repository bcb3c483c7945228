#include "collect/recognise/draft.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/recognise/draft_impl.h"
#include "collect/recognise/program.h"
#include "collect/recognise/survey.h"

/* ---- texts ---- */

const char *draft_line(struct drafts *d, const char *fmt, ...)
{
    char text[1024], *kept;
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    program_clean(text, '?');
    kept = arena_cstr(d->arena, str_c(text), d->err);
    d->failed |= !kept;
    return kept ? kept : "";
}

const char *draft_keep(struct drafts *d, const struct buf *b)
{
    char *kept = arena_cstr(d->arena, buf_str(b), d->err);

    d->failed |= !kept || b->overflowed;
    return kept ? kept : "";
}

const char *draft_place(struct drafts *d, const struct survey_socket *s)
{
    const char *place = spot_place(s, d->arena, d->err);

    d->failed |= !place;
    return place ? draft_line(d, "%s", place) : "";
}

const char *draft_who(struct drafts *d, const struct survey_process *p)
{
    char name[PROGRAM_NAME_MAX];

    if (!p)
        return "a program that this user may not see";
    program_name(p, name);
    if (p->unit.n)
        return draft_line(d, "%s (pid %llu, %.*s)", name, (unsigned long long)p->pid,
                          STR_ARGS(str_take(p->unit, 80)));
    return draft_line(d, "%s (pid %llu)", name, (unsigned long long)p->pid);
}

const char *draft_listens(struct drafts *d, const struct spot *s)
{
    return draft_line(d, "%s listens on %s", draft_who(d, s->owner), draft_place(d, s->socket));
}

void draft_quote(struct buf *b, struct str text)
{
    buf_addc(b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            buf_addc(b, '\'');
        buf_addc(b, text.p[i]);
    }
    buf_addc(b, '\'');
}

bool draft_is_plain(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (program_odd(str_skip(text, i)))
            return false;
    return text.n > 0 && str_is_utf8(text);
}

const char *draft_entry(struct drafts *d, const char *key, const char *value)
{
    struct buf entry;
    const char *kept;

    buf_init(&entry, DRAFT_ENTRY_MAX);
    buf_addf(&entry, "%s: ", key);
    draft_quote(&entry, str_c(value));
    kept = draft_keep(d, &entry);
    buf_fini(&entry);
    return kept;
}

struct found *draft_add(struct drafts *d, const char *id, const char *pack, const char *title)
{
    struct scan *s = d->scan;

    if (arena_grow(d->arena, (void **)&s->items, &d->cap, s->n + 1, sizeof *s->items, d->err) < 0) {
        d->failed = true;
        return NULL;
    }
    s->items[s->n] = (struct found){
        .id = id, .pack = pack, .title = title, .evidence = "", .watched = "not collected"};
    return &s->items[s->n++];
}

const char *draft_id(struct drafts *d, const char *what, const struct survey_socket *s)
{
    return s->port ? draft_line(d, "%s-%u", what, s->port)
                   : draft_line(d, "%s-%.*s", what, STR_ARGS(str_take(s->path, 120)));
}

void draft_set_place(struct drafts *d, struct found *f, const struct survey_socket *s)
{
    f->port = s->port;
    if (!s->port)
        f->path = draft_place(d, s);
}

bool draft_is_listed(const struct str names[], size_t n, struct str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* ---- this host ---- */

static void draft_host(struct drafts *d)
{
    struct found *f = draft_add(d, "host", "host", d->behind ? "The machine" : "This host");

    if (!f)
        return;
    f->evidence = d->behind ? "its SSH server lets us in, and it has /proc"
                            : draft_line(d, "%s, which earshot runs on", d->context->host_name);
    f->watched = "processor, memory, disks, network, largest processes";
    f->kind = "host";
    f->entry = "{}";
}

static void draft_gpu(struct drafts *d)
{
    const struct survey *s = d->survey;
    struct found *f;

    if (!s->nvidia && !s->amd)
        return;
    f = draft_add(d, "gpu", "gpu", s->nvidia ? "NVIDIA GPU" : "AMD GPU");
    if (!f)
        return;
    if (s->driver.n)
        f->evidence = draft_line(d, "driver %.*s is loaded", STR_ARGS(str_take(s->driver, 40)));
    else
        f->evidence = "the kernel lists it under /sys/class/drm";
    f->watched = "memory by process, load, heat, power";
    f->kind = "gpu";
    f->entry = "{}";
}

/* ---- all ---- */

/* What can be taken now first, then what needs the person, then what is only told. */
static int turn_of(const struct found *f)
{
    return !f->kind ? 2 : f->needs ? 1 : 0;
}

static void sort(struct scan *s)
{
    for (size_t i = 1; i < s->n; i++) { /* few, and equals keep their order */
        struct found f = s->items[i];
        size_t k = i;

        for (; k > 0 && turn_of(&s->items[k - 1]) > turn_of(&f); k--)
            s->items[k] = s->items[k - 1];
        s->items[k] = f;
    }
}

/* What tells it from the same on another machine. */
static void name_machine(struct drafts *d)
{
    for (size_t i = 0; i < d->scan->n; i++) {
        struct found *f = &d->scan->items[i];

        f->host = d->behind;
        f->id = draft_line(d, "%s/%s", d->behind, f->id);
        f->title = draft_line(d, "%s on %s", f->title, d->behind);
        if (f->needs)
            f->needs = draft_line(d, "%s; all of it in the entry %s of hosts", f->needs, d->behind);
    }
}

int draft_all(const struct recognise_context *context, const struct spots *spots,
              const char *behind, struct arena *a, struct scan *out, struct err *err)
{
    struct drafts d = {.context = context,
                       .spots = spots,
                       .survey = spots->survey,
                       .behind = behind,
                       .arena = a,
                       .scan = out,
                       .err = err};

    draft_host(&d);
    draft_gpu(&d);
    draft_databases(&d);
    draft_lost_workers(&d);
    for (size_t i = 0; i < spots->n; i++)
        if (spots->items[i].kind == SPOT_HTTP)
            draft_http(&d, &spots->items[i]);
        else if (spots->items[i].kind == SPOT_QUIET)
            out->unknown_ports += spots->items[i].socket->port != 0;
    draft_workers(&d);
    draft_nginx(&d);
    draft_docker(&d);
    sort(out);
    if (behind)
        name_machine(&d);
    return d.failed ? -1 : 0;
}
