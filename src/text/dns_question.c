#include "text/dns_question.h"

#include <strings.h>

#include "base/attr.h"
#include "base/cursor.h"
#include "base/err.h"

#define CLASS_IN     1
#define LABEL_MAX    63
#define NAME_MAX_    253
#define RD           0x0100 /* recursion is desired */
#define QR           0x8000 /* this is an answer */
#define POINTER      0xc0
#define RECORDS_READ 1000

uint16_t dns_question_type(struct str name)
{
    static const struct {
        const char *name;
        uint16_t type;
    } types[] = {{"A", 1},       {"NS", 2},    {"CNAME", 5},  {"SOA", 6},   {"PTR", 12},
                 {"MX", 15},     {"TXT", 16},  {"AAAA", 28},  {"SRV", 33},  {"DS", 43},
                 {"DNSKEY", 48}, {"SVCB", 64}, {"HTTPS", 65}, {"ANY", 255}, {"CAA", 257}};

    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (name.n == strlen(types[i].name) && strncasecmp(name.p, types[i].name, name.n) == 0)
            return types[i].type;
    return 0;
}

/* ---- writing; the DNS has its numbers big end first ---- */

static void put_be16(struct buf *out, unsigned v)
{
    put_u8(out, (uint8_t)(v >> 8));
    put_u8(out, (uint8_t)v);
}

static int put_name(const char *name, struct buf *out, struct err *err)
{
    struct str rest = str_c(name);

    if (str_ends(rest, STR(".")))
        rest.n--;
    if (rest.n > NAME_MAX_)
        return err_set(err, ERR_SYNTAX, "a name has at most %d characters", NAME_MAX_);
    while (rest.n) {
        struct str label = str_split(&rest, '.');

        if (label.n == 0 || label.n > LABEL_MAX || (rest.p && rest.n == 0))
            return err_set(err, ERR_SYNTAX, "between the dots of a name stand 1 to %d characters",
                           LABEL_MAX);
        put_u8(out, (uint8_t)label.n);
        buf_add(out, label);
    }
    put_u8(out, 0);
    return 0;
}

int dns_question_write(const char *name, uint16_t type, uint16_t id, struct buf *out,
                       struct err *err)
{
    put_be16(out, id);
    put_be16(out, RD);
    put_be16(out, 1); /* one question, and nothing else */
    put_be16(out, 0);
    put_be16(out, 0);
    put_be16(out, 0);
    if (put_name(name, out, err) < 0)
        return -1;
    put_be16(out, type);
    put_be16(out, CLASS_IN);
    return 0;
}

/* ---- reading ---- */

static unsigned get_be16(struct cursor *c)
{
    unsigned high = cursor_u8(c);

    return high << 8 | cursor_u8(c);
}

/* A name ends with an empty label or with a pointer, which need not be followed. */
static void skip_name(struct cursor *c)
{
    while (!c->failed) {
        unsigned n = cursor_u8(c);

        if ((n & POINTER) == POINTER) {
            (void)cursor_u8(c);
            return;
        }
        if (n == 0)
            return;
        cursor_skip(c, n);
    }
}

static void read_soa(struct str data, struct dns_answer *out)
{
    struct cursor c = cursor_of(data.p, data.n);
    unsigned high;

    skip_name(&c);
    skip_name(&c);
    high = get_be16(&c);
    out->serial = (uint32_t)high << 16 | get_be16(&c);
    out->has_serial = !c.failed;
}

bool dns_question_read(struct str bytes, uint16_t id, struct dns_answer *out)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);
    bool same = get_be16(&c) == id;
    unsigned flags = get_be16(&c), questions = get_be16(&c);

    *out = (struct dns_answer){.rcode = (int)(flags & 15)};
    out->answers = get_be16(&c);
    out->authority = get_be16(&c);
    out->additional = get_be16(&c);
    if (c.failed || !same || !(flags & QR))
        return false;
    for (unsigned i = 0; i < questions && !c.failed; i++) {
        skip_name(&c);
        cursor_skip(&c, 4);
    }
    for (unsigned i = 0; i < out->answers && i < RECORDS_READ && !c.failed; i++) {
        struct str data;
        unsigned type;

        skip_name(&c);
        type = get_be16(&c);
        cursor_skip(&c, 6); /* class, time to live */
        data = cursor_bytes(&c, get_be16(&c));
        if (type == DNS_QUESTION_SOA && !c.failed)
            read_soa(data, out);
    }
    return !c.failed;
}

const char *dns_question_rcode(int rcode)
{
    static const char *const words[] = {"NOERROR",
                                        "FORMERR: the server does not understand the question",
                                        "SERVFAIL: the server could not find out",
                                        "NXDOMAIN: there is no such name",
                                        "NOTIMP: the server does not answer such questions",
                                        "REFUSED: the server does not answer this host"};

    return rcode >= 0 && (size_t)rcode < ARRAY_LEN(words) ? words[rcode] : "an error";
}
