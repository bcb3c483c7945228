#include "collect/record.h"

enum record_kind { RECORD_FAMILY, RECORD_SAMPLE, RECORD_CLIPS };

struct record_clips {
    const struct emit_clip *items;
    size_t n;
    uint64_t left_out;
};

struct record_item {
    enum record_kind kind;
    union {
        struct metadata family;
        struct emit_sample sample;
        struct record_clips clips;
    };
};

static struct record_item *add_item(struct record *r, struct err *err)
{
    void *items = r->items;

    if (arena_grow(&r->arena, &items, &r->cap, r->n + 1, sizeof *r->items, err) < 0)
        return NULL;
    r->items = items;
    return &r->items[r->n];
}

static int copy_text(struct record *r, struct str *text, struct err *err)
{
    if (!text->p)
        return 0;
    *text = arena_str(&r->arena, *text, err);
    return text->p ? 0 : -1;
}

static int copy_labels(struct record *r, const struct label **labels, size_t n, struct err *err)
{
    struct label *copy = arena_alloc(&r->arena, n * sizeof *copy, err);

    if (!copy)
        return -1;
    for (size_t i = 0; i < n; i++) {
        copy[i] = (*labels)[i];
        if (copy_text(r, &copy[i].name, err) < 0 || copy_text(r, &copy[i].value, err) < 0)
            return -1;
    }
    *labels = copy;
    return 0;
}

static int add_family(struct emit *e, const struct metadata *family, struct err *err)
{
    struct record *r = CONTAINER_OF(e, struct record, emit);
    struct record_item *item = add_item(r, err);

    if (!item)
        return -1;
    *item = (struct record_item){.kind = RECORD_FAMILY, .family = *family};
    if (copy_text(r, &item->family.family, err) < 0 || copy_text(r, &item->family.help, err) < 0 ||
        copy_text(r, &item->family.unit, err) < 0)
        return -1;
    r->n++;
    return 0;
}

static int add_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    struct record *r = CONTAINER_OF(e, struct record, emit);
    struct record_item *item = add_item(r, err);
    struct emit_sample *s;

    if (!item)
        return -1;
    *item = (struct record_item){.kind = RECORD_SAMPLE, .sample = *sample};
    s = &item->sample;
    s->text = (struct emit_text){.end = NULL}; /* what is replayed is not read from a text */
    if (copy_text(r, &s->name, err) < 0 || copy_labels(r, &s->labels, s->labels_n, err) < 0 ||
        copy_labels(r, &s->exemplar_labels, s->exemplar_labels_n, err) < 0)
        return -1;
    r->n++;
    return 0;
}

static int add_clips(struct emit *e, const struct emit_clip clips[], size_t n, uint64_t left_out,
                     struct err *err)
{
    struct record *r = CONTAINER_OF(e, struct record, emit);
    struct record_item *item = add_item(r, err);
    struct emit_clip *copy = item ? arena_alloc(&r->arena, (n + 1) * sizeof *copy, err) : NULL;

    if (!copy)
        return -1;
    for (size_t i = 0; i < n; i++) {
        copy[i] = clips[i];
        if (copy_text(r, &copy[i].id, err) < 0 || copy_text(r, &copy[i].model, err) < 0 ||
            copy_text(r, &copy[i].name, err) < 0 || copy_text(r, &copy[i].worker, err) < 0 ||
            copy_text(r, &copy[i].status, err) < 0)
            return -1;
    }
    *item = (struct record_item){.kind = RECORD_CLIPS, .clips = {copy, n, left_out}};
    r->n++;
    return 0;
}

void record_init(struct record *r, struct budget *budget)
{
    *r = (struct record){.emit = {.family = add_family, .sample = add_sample, .clips = add_clips}};
    arena_init(&r->arena, budget);
}

void record_fini(struct record *r)
{
    arena_fini(&r->arena);
}

void record_reset(struct record *r)
{
    arena_reset(&r->arena);
    r->items = NULL;
    r->n = r->cap = 0;
}

static int replay(const struct record_item *item, struct emit *emit, struct err *err)
{
    switch (item->kind) {
    case RECORD_FAMILY:
        return emit->family(emit, &item->family, err);
    case RECORD_SAMPLE:
        return emit->sample(emit, &item->sample, err);
    case RECORD_CLIPS:
        break;
    }
    return emit->clips
               ? emit->clips(emit, item->clips.items, item->clips.n, item->clips.left_out, err)
               : 0;
}

int record_replay(const struct record *r, struct emit *emit, struct err *err)
{
    for (size_t i = 0; i < r->n; i++)
        if (replay(&r->items[i], emit, err) < 0)
            return -1;
    return 0;
}
