#include "model/clips.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/test.h"
#include "model/emit.h"

/* What was told: "ID " of each, then how many were left out. */
static struct buf told;

static int on_clips(struct emit *e, const struct emit_clip clips[], size_t n, uint64_t left_out,
                    struct err *err)
{
    (void)e;
    (void)err;
    for (size_t i = 0; i < n; i++)
        buf_addf(&told, "%.*s ", STR_ARGS(clips[i].id));
    buf_addf(&told, "+%u", (unsigned)left_out);
    return 0;
}

static const char *tell(struct clips *c)
{
    struct emit emit = {.clips = on_clips};
    struct err err;

    buf_reset(&told);
    assert_ok(clips_emit(c, &emit, &err), err);
    return buf_str(&told).n ? told.p : "";
}

static void add(struct clips *c, const char *id, int64_t ms, bool failed)
{
    clips_add(c, &(struct emit_clip){.id = str_c(id), .start = 1000, .end = 1000 + ms}, failed);
}

static void what_is_told_is_told_once(void **state)
{
    struct clips c = {.items = NULL};

    (void)state;
    assert_string_equal(tell(&c), "");
    add(&c, "a", 5, false);
    add(&c, "b", 0, true);
    assert_string_equal(tell(&c), "a b +0");
    assert_string_equal(tell(&c), "");
    clips_fini(&c);
}

static void of_too_many_those_at_work_failed_and_long_ones_stay(void **state)
{
    struct clips c = {.items = NULL};
    const char *is;

    (void)state;
    for (unsigned i = 0; i < 100000; i++)
        add(&c, "short", 10 + i % 7, false);
    add(&c, "long", 500, false);
    add(&c, "failed", 1, true);
    clips_add(&c, &(struct emit_clip){.id = STR("open"), .open = true}, false);
    clips_add(&c, &(struct emit_clip){.id = STR("again"), .again = true}, false);
    add(&c, "late", 11, false);
    assert_int_equal(c.n, CLIPS_MAX);
    is = tell(&c);
    for (size_t i = 0; i < 4; i++)
        assert_non_null(strstr(is, (const char *const[]){"long", "failed", "open", "again"}[i]));
    assert_null(strstr(is, "late"));
    assert_non_null(strstr(is, "+99945"));
    clips_fini(&c);
}

static void a_long_text_is_cut_before_a_character(void **state)
{
    struct clips c = {.items = NULL};
    char id[CLIP_TEXT_MAX + 10];
    const char *is;

    (void)state;
    memset(id, 'x', sizeof id);
    memcpy(id + CLIP_TEXT_MAX - 1, "\xc3\xa4", 3);
    add(&c, id, 1, false);
    is = tell(&c);
    assert_int_equal(strcspn(is, " "), CLIP_TEXT_MAX - 1);
    clips_fini(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_told_is_told_once),
        cmocka_unit_test(of_too_many_those_at_work_failed_and_long_ones_stay),
        cmocka_unit_test(a_long_text_is_cut_before_a_character),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    buf_fini(&told);
    return rc;
}
