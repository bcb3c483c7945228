/* Whatever nvidia-smi prints, or a process calls itself: labels are sound UTF-8 and values are
 * numbers. */
#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "collect/gpu/gpu_settings.h"
#include "collect/gpu/owner.h"
#include "collect/gpu/report.h"
#include "collect/gpu/smi.h"
#include "model/emit.h"
#include "model/labels.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int on_family(struct emit *e, const struct metadata *family, struct err *err)
{
    (void)e, (void)family, (void)err;
    return 0;
}

static int on_sample(struct emit *e, const struct emit_sample *sample, struct err *err)
{
    (void)e, (void)err;
    assert(isfinite(sample->value));
    for (size_t i = 0; i < sample->labels_n; i++)
        assert(sample->labels[i].value.n > 0 && str_is_utf8(sample->labels[i].value));
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct gpu_settings settings = {.source = GPU_NVIDIA_SMI};
    struct emit emit = {.family = on_family, .sample = on_sample};
    struct str text = {(const char *)data, size}, rest = text, first;
    struct report r = {.settings = &settings};
    struct arena scratch;
    char name[OWNER_BYTES];
    size_t invalid = 0;
    struct err err;

    arena_init(&scratch, NULL);
    r.scratch = &scratch;
    assert(smi_parse(text, &r, &invalid, &err) == 0 && report_emit(&r, &emit, &err) == 0);
    first = str_split(&rest, '\n');
    assert(str_is_utf8(owner_of_texts(first, rest, name)));
    arena_fini(&scratch);
    return 0;
}
