#include "collect/ssh/packet.h"

#include "base/cursor.h"
#include "base/err.h"

static void put_text(struct buf *out, struct str s)
{
    put_vstr(out, str_take(s, PACKET_TEXT_MAX));
}

static struct str text(struct cursor *c)
{
    struct str s = cursor_vstr(c);

    if (s.n > PACKET_TEXT_MAX || (s.n && memchr(s.p, 0, s.n)))
        c->failed = true;
    return s;
}

static void put_login(struct buf *out, const struct packet_login *l)
{
    put_text(out, l->user);
    put_text(out, l->address);
    put_text(out, l->identity_file);
    put_text(out, l->known_hosts);
    put_u16(out, l->port);
}

static void read_login(struct cursor *c, struct packet_login *l)
{
    l->user = text(c);
    l->address = text(c);
    l->identity_file = text(c);
    l->known_hosts = text(c);
    l->port = cursor_u16(c);
}

static void put_host(const struct packet_host *h, struct buf *out)
{
    put_text(out, h->name);
    put_login(out, &h->login);
    put_u8(out, (uint8_t)h->jumps_n);
    for (size_t i = 0; i < h->jumps_n; i++)
        put_login(out, &h->jumps[i]);
    put_svarint(out, h->keepalive_ms);
    put_svarint(out, h->keepalive_count);
}

static void read_host(struct cursor *c, struct packet_host *h)
{
    h->name = text(c);
    read_login(c, &h->login);
    h->jumps_n = cursor_u8(c);
    if (h->jumps_n > SSH_JUMPS_MAX) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < h->jumps_n; i++)
        read_login(c, &h->jumps[i]);
    h->keepalive_ms = cursor_svarint(c);
    h->keepalive_count = cursor_svarint(c);
    if (h->keepalive_ms <= 0 || h->keepalive_count <= 0)
        c->failed = true;
}

void packet_write(const struct packet *p, struct buf *out)
{
    put_u8(out, (uint8_t)p->kind);
    switch (p->kind) {
    case PACKET_HOST:
        put_host(&p->as.host, out);
        break;
    case PACKET_LISTEN:
        put_u32(out, p->as.listen.id);
        put_text(out, p->as.listen.address);
        put_u16(out, p->as.listen.port);
        put_text(out, p->as.listen.command);
        break;
    case PACKET_CLOSE:
    case PACKET_OPENED:
        put_u32(out, p->as.id);
        break;
    case PACKET_STATE:
        put_u8(out, (uint8_t)p->as.state.state);
        put_text(out, p->as.state.text);
        break;
    case PACKET_REFUSED:
        put_u32(out, p->as.refused.id);
        put_text(out, p->as.refused.text);
        break;
    case PACKET_SILENT:
        put_u32(out, p->as.silent_ms);
        break;
    case PACKET_CONFINED:
        put_text(out, p->as.open);
        break;
    }
}

/* False: there is no such kind. */
static bool read_fields(struct cursor *c, struct packet *p)
{
    uint8_t state;

    switch (p->kind) {
    case PACKET_HOST:
        read_host(c, &p->as.host);
        return true;
    case PACKET_LISTEN:
        p->as.listen.id = cursor_u32(c);
        p->as.listen.address = text(c);
        p->as.listen.port = cursor_u16(c);
        p->as.listen.command = text(c);
        return true;
    case PACKET_CLOSE:
    case PACKET_OPENED:
        p->as.id = cursor_u32(c);
        return true;
    case PACKET_STATE:
        state = cursor_u8(c);
        p->as.state.state = state < SSH_STATES ? (enum ssh_state)state : SSH_CONNECTING;
        p->as.state.text = text(c);
        return state < SSH_STATES;
    case PACKET_REFUSED:
        p->as.refused.id = cursor_u32(c);
        p->as.refused.text = text(c);
        return true;
    case PACKET_SILENT:
        p->as.silent_ms = cursor_u32(c);
        return true;
    case PACKET_CONFINED:
        p->as.open = text(c);
        return true;
    }
    return false;
}

int packet_read(struct str bytes, struct packet *out, struct err *err)
{
    struct cursor c = cursor_of(bytes.p, bytes.n);

    *out = (struct packet){.kind = (enum packet_kind)cursor_u8(&c)};
    if (c.failed || !read_fields(&c, out) || c.failed || cursor_left(&c) > 0)
        return err_set(err, ERR_CORRUPT, "a message of %zu bytes is none that is known", bytes.n);
    return 0;
}
