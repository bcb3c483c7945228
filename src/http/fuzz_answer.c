/* Answers of peers: the first byte says in pieces of how many bytes. However they are cut, the end
 * and the body are those of the whole text in one piece. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "http/answer.h"
#include "http/bodies.h"
#include "http/intake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY_MAX 5000

struct once {
    struct bodies *bodies;
    struct intakes all;
};

struct outcome {
    enum answer_end end;
    bool whole;
    struct intake body;
    struct answer answer;
};

static void read_in(struct once *o, struct outcome *out, struct str text, size_t step)
{
    intake_init(&out->body, o->bodies, BODY_MAX);
    intake_enter(&out->body, &o->all);
    answer_init(&out->answer, &out->body, text.n % 2);
    out->end = ANSWER_MORE;
    for (size_t at = 0; at < text.n && out->end == ANSWER_MORE; at += step)
        out->end =
            answer_feed(&out->answer, str_take((struct str){text.p + at, text.n - at}, step));
    out->whole = out->end == ANSWER_WHOLE ||
                 (out->end == ANSWER_MORE && text.n && answer_finish(&out->answer));
    assert(!out->whole || out->answer.headed);
    assert(out->body.n <= BODY_MAX);
    intake_leave(&out->body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct once o;
    struct outcome one, many;
    struct str text = {(const char *)data + 1, size - 1};

    if (size < 1 || size > 20000)
        return 0;
    if (!o.bodies)
        o.bodies = bodies_new();
    read_in(&o, &one, text, text.n ? text.n : 1);
    read_in(&o, &many, text, data[0] ? data[0] : 1);
    assert(one.whole == many.whole);
    if (one.whole) {
        assert(one.answer.status == many.answer.status && one.body.n == many.body.n);
        assert(!one.body.n || memcmp(one.body.p, many.body.p, one.body.n) == 0);
        assert(strcmp(one.answer.type, many.answer.type) == 0);
    }
    intake_fini(&one.body);
    intake_fini(&many.body);
    return 0;
}
