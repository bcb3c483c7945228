#include "http/answer.h"

#include <llhttp.h>
#include <string.h>
#include <strings.h>

#include "http/intake.h"

_Static_assert(sizeof(llhttp_t) <= ANSWER_PARSER_BYTES, "the parser fits");
_Static_assert(_Alignof(llhttp_t) <= 16, "the parser is aligned");

static llhttp_t *parser_of(struct answer *a)
{
    return (llhttp_t *)(void *)a->parser;
}

static void add(char *to, size_t cap, size_t *n, const char *at, size_t more)
{
    if (*n < cap && more < cap - *n)
        memcpy(to + *n, at, more);
    *n = more < cap && *n < cap ? *n + more : cap;
}

static int on_message_begin(llhttp_t *p)
{
    struct answer *a = p->data;

    a->headed = a->coded = a->moved = false;
    a->type[0] = '\0';
    a->name_n = a->value_n = 0;
    return 0;
}

static int on_name(llhttp_t *p, const char *at, size_t n)
{
    struct answer *a = p->data;

    add(a->name, sizeof a->name, &a->name_n, at, n);
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
    struct answer *a = p->data;

    add(a->value, sizeof a->value, &a->value_n, at, n);
    return 0;
}

static bool is_named(const struct answer *a, const char *name)
{
    return a->name_n == strlen(name) && strncasecmp(a->name, name, a->name_n) == 0;
}

static int on_value_complete(llhttp_t *p)
{
    struct answer *a = p->data;
    struct str value = {a->value, a->value_n};

    if (a->headed) {
        /* a trailer: nothing of it is looked at */
    } else if (is_named(a, "content-type") && value.n < sizeof a->type) {
        memcpy(a->type, value.p, value.n);
        a->type[value.n] = '\0';
    } else if (is_named(a, "content-encoding")) {
        a->coded |= value.n && !(value.n == 8 && strncasecmp(value.p, "identity", 8) == 0);
    } else if (is_named(a, "location")) {
        a->moved = true;
    }
    a->name_n = a->value_n = 0;
    return 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct answer *a = p->data;

    a->headed = true;
    a->status = p->status_code;
    a->moved &= a->follows && p->status_code / 100 == 3;
    a->expected = p->flags & F_CONTENT_LENGTH ? (size_t)p->content_length : 0;
    p->upgrade = 0; /* we never ask for another protocol */
    return a->coded || a->moved ? HPE_USER : 0;
}

static int on_body(llhttp_t *p, const char *at, size_t n)
{
    struct answer *a = p->data;

    a->had_body |= n > 0;
    if (intake_add(a->body, (struct str){at, n}, a->expected) == 0)
        return 0;
    a->refused = true;
    return HPE_USER;
}

static int on_message_complete(llhttp_t *p)
{
    struct answer *a = p->data;

    if (a->status / 100 == 1)
        return 0; /* the answer proper follows */
    a->whole = true;
    a->keeps = llhttp_should_keep_alive(p);
    return HPE_PAUSED;
}

static const llhttp_settings_t *settings(void)
{
    static const llhttp_settings_t s = {
        .on_message_begin = on_message_begin,
        .on_header_field = on_name,
        .on_header_value = on_value,
        .on_header_value_complete = on_value_complete,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_message_complete,
    };

    return &s;
}

void answer_init(struct answer *a, struct intake *body, bool follows)
{
    *a = (struct answer){.body = body, .follows = follows};
    llhttp_init(parser_of(a), HTTP_RESPONSE, settings());
    parser_of(a)->data = a;
}

enum answer_end answer_feed(struct answer *a, struct str bytes)
{
    llhttp_t *p = parser_of(a);
    llhttp_errno_t rc;

    a->had_body = false;
    rc = llhttp_execute(p, bytes.p, bytes.n);
    if (a->whole) {
        a->keeps &= rc == HPE_PAUSED && llhttp_get_error_pos(p) == bytes.p + bytes.n;
        return ANSWER_WHOLE;
    }
    if (a->refused)
        return ANSWER_REFUSED;
    if (a->headed && (a->coded || a->moved))
        return ANSWER_UNUSUAL;
    if (rc != HPE_OK)
        return ANSWER_ODD;
    a->idle_bytes = a->had_body ? 0 : a->idle_bytes + bytes.n;
    return a->idle_bytes > ANSWER_HEAD_MAX ? ANSWER_ENDLESS : ANSWER_MORE;
}

size_t answer_plain_bytes(const struct answer *a)
{
    return a->headed && a->expected > a->body->n ? a->expected - a->body->n : 0;
}

bool answer_finish(struct answer *a)
{
    (void)llhttp_finish(parser_of(a));
    a->keeps = false;
    return a->whole;
}
