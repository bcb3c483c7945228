/* Any bytes as the answer to INFO and to CLUSTER INFO: what becomes of it is an exposition that our
 * own parser takes. */
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/findings.h"
#include "collect/redis/info.h"
#include "model/emit.h"
#include "model/expo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e;
    (void)family;
    (void)err;
    return 0;
}

static int take_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    (void)e;
    (void)sample;
    (void)err;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct info_options options = {true, true, 1731900400};
    struct str text = {(const char *)data, size};
    struct emit nobody = {.family = take_family, .sample = take_sample};
    struct expo_writer writer;
    struct findings f;
    struct info_facts facts;
    struct arena a, b;
    struct buf out;
    struct err err;

    arena_init(&a, NULL);
    arena_init(&b, NULL);
    buf_init(&out, 64u << 20);
    findings_init(&f, &a);
    info_read(text, &options, &f, &facts);
    info_read_cluster(text, &f);
    expo_writer_init(&writer, EXPO_TEXT, &out);
    if (findings_emit(&f, &writer.emit, &err) == 0 && !out.overflowed &&
        expo_parse(buf_str(&out), EXPO_TEXT, &b, &nobody, &err) < 0)
        abort();
    buf_fini(&out);
    arena_fini(&b);
    arena_fini(&a);
    return 0;
}
