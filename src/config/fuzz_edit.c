/* Any text as an earshot.yml: where something can be added, no line is lost, and it comes out again
 * byte for byte. */
#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "config/edit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ADDITIONS 3u

static const struct edit_addition at_top[ADDITIONS] = {
    {NULL, "collect", "host", true, "{}", "this host"},
    {NULL, "collect", "redis", false, "url: redis://127.0.0.1:6379\ninterval: 5s", "answered PING"},
    {NULL, "packs", NULL, false, "vllm: {url: 'http://127.0.0.1:8000'}", "vllm:"},
};

static const struct edit_addition in_host[ADDITIONS] = {
    {"box", "collect", "host", true, "{}", "that machine"},
    {"box", "collect", "redis", false, "url: redis://127.0.0.1:6379\ninterval: 5s",
     "answered PING"},
    {"box", "packs", NULL, false, "vllm: {url: 'http://127.0.0.1:8000'}", "vllm:"},
};

/* A line is as it was, or was cut behind the bracket of a list. */
static bool is_line(struct str now, struct str before)
{
    static const struct str mark = STR(" # earshot up");

    return str_eq(now, before) || (str_ends(now, STR("[ # earshot up")) &&
                                   str_starts(before, str_take(now, now.n - mark.n)));
}

/* Each line of a stands in b, in this order. */
static bool has_lines(struct str b, struct str a)
{
    while (a.p) {
        struct str line = str_split(&a, '\n');
        bool found = false;

        while (b.p && !found)
            found = is_line(str_split(&b, '\n'), line);
        if (!found && (a.p || line.n))
            return false;
    }
    return true;
}

static void check(struct str text, const struct edit_addition additions[])
{
    SCOPED(buf_fini) struct buf there, back;
    struct edit_undone undone;
    struct err err = {0};

    buf_init(&there, 0);
    buf_init(&back, 0);
    edit_take_back(text, &back, &undone, NULL);
    buf_reset(&back);
    if (memmem(text.p, text.n, "# earshot up", 12))
        return; /* marks of its own */
    if (edit_add("e.yml", text, additions, ADDITIONS, &there, &err) < 0) {
        assert(err.text[0]);
        return;
    }
    assert(has_lines(buf_str(&there), text));
    edit_take_back(buf_str(&there), &back, &undone, NULL);
    assert(undone.taken == ADDITIONS && undone.changed == 0);
    assert(str_eq(buf_str(&back), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};

    check(text, at_top);
    check(text, in_host);
    return 0;
}
