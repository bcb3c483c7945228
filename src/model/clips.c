#include "model/clips.h"

#include <string.h>

#include "base/mem.h"
#include "model/emit.h"

enum clip_text { CLIP_ID, CLIP_MODEL, CLIP_NAME, CLIP_WORKER, CLIP_STATUS, CLIP_TEXTS };

struct clip {
    ts_ms start, end;
    bool open, again, failed;
    uint8_t n[CLIP_TEXTS];
    char texts[CLIP_TEXTS][CLIP_TEXT_MAX];
};

void clips_fini(struct clips *c)
{
    mem_free(c->items);
    *c = (struct clips){.items = NULL};
}

static bool says_less(const struct clip *a, const struct clip *b)
{
    if ((a->open || a->again) != (b->open || b->again))
        return b->open || b->again;
    if (a->failed != b->failed)
        return b->failed;
    return a->end - a->start < b->end - b->start;
}

static void find_least(struct clips *c)
{
    c->least = 0;
    for (size_t i = 1; i < c->n; i++)
        if (says_less(&c->items[i], &c->items[c->least]))
            c->least = i;
}

static void fill(struct clip *to, const struct emit_clip *from)
{
    const struct str texts[CLIP_TEXTS] = {[CLIP_ID] = from->id,
                                          [CLIP_MODEL] = from->model,
                                          [CLIP_NAME] = from->name,
                                          [CLIP_WORKER] = from->worker,
                                          [CLIP_STATUS] = from->status};

    for (size_t i = 0; i < CLIP_TEXTS; i++) {
        struct str text = str_take(texts[i], CLIP_TEXT_MAX);

        while (text.n < texts[i].n && text.n && ((unsigned char)text.p[text.n] & 0xc0) == 0x80)
            text.n--; /* cut at a character's beginning */
        to->n[i] = (uint8_t)text.n;
        if (text.n)
            memcpy(to->texts[i], text.p, text.n);
    }
}

void clips_add(struct clips *c, const struct emit_clip *clip, bool failed)
{
    struct clip times = {.start = clip->start,
                         .end = clip->end,
                         .open = clip->open,
                         .again = clip->again,
                         .failed = failed};
    struct clip *to;

    if (c->n < CLIPS_MAX) {
        c->items = mem_grow(c->items, &c->cap, c->n + 1, sizeof *c->items);
        to = &c->items[c->n++];
    } else {
        c->left_out++;
        to = &c->items[c->least];
        if (!says_less(to, &times))
            return;
    }
    *to = times;
    fill(to, clip);
    if (c->n == CLIPS_MAX)
        find_least(c);
}

static struct str text_of(const struct clip *clip, enum clip_text which)
{
    return (struct str){clip->texts[which], clip->n[which]};
}

int clips_emit(struct clips *c, struct emit *emit, struct err *err)
{
    struct emit_clip out[CLIPS_MAX];
    size_t n = c->n;
    uint64_t left_out = c->left_out;

    c->n = 0;
    c->left_out = 0;
    if (!emit->clips || (n == 0 && left_out == 0))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct clip *clip = &c->items[i];

        out[i] = (struct emit_clip){.id = text_of(clip, CLIP_ID),
                                    .model = text_of(clip, CLIP_MODEL),
                                    .name = text_of(clip, CLIP_NAME),
                                    .worker = text_of(clip, CLIP_WORKER),
                                    .status = text_of(clip, CLIP_STATUS),
                                    .start = clip->start,
                                    .end = clip->end,
                                    .open = clip->open,
                                    .again = clip->again};
    }
    return emit->clips(emit, out, n, left_out, err);
}
