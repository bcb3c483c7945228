#include "collect/recognise/sockets.h"

#include <string.h>

#include "collect/host/scan.h"

#define STATE_ESTABLISHED 0x01
#define STATE_LISTEN      0x0A
#define UNIX_ACCEPTS      0x10000 /* __SO_ACCEPTCON of the kernel's <linux/net.h> */
#define UNIX_STREAM       1

/* "0100007F:0CCD": words of 32 bits as this machine holds them, in hexadecimal digits. */
static bool read_address(struct str word, uint8_t address[16], size_t *n, uint16_t *port)
{
    struct str digits = str_split(&word, ':');
    uint64_t value;

    if (!word.p || (digits.n != 8 && digits.n != 32) || !scan_hex(word, &value) ||
        value > UINT16_MAX)
        return false;
    *port = (uint16_t)value;
    *n = digits.n / 2;
    for (size_t i = 0; i < digits.n; i += 8) {
        uint32_t part;

        if (!scan_hex((struct str){digits.p + i, 8}, &value))
            return false;
        part = (uint32_t)value;
        memcpy(address + i / 2, &part, sizeof part);
    }
    return true;
}

static bool all_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

/* IPv4 within IPv6 is IPv4. */
static void unmap(uint8_t address[16], size_t *n)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    if (*n == 16 && memcmp(address, mapped, sizeof mapped) == 0) {
        memmove(address, address + 12, 4);
        *n = 4;
    }
}

static bool is_loopback(const uint8_t *a, size_t n)
{
    return n == 4 ? a[0] == 127 : all_zero(a, 15) && a[15] == 1;
}

/* The address that we would ask: another of 127.0.0.0/8 is not it. */
static bool is_reached(const uint8_t *a, size_t n)
{
    static const uint8_t first[4] = {127, 0, 0, 1};

    return all_zero(a, n) || (n == 4 ? memcmp(a, first, 4) == 0 : is_loopback(a, n));
}

static bool read_tcp(struct str line, struct tcp_row *out)
{
    uint8_t local[16], remote[16];
    size_t local_n, remote_n;
    struct str word;
    uint64_t state;

    *out = (struct tcp_row){.listens = false};
    if (!scan_word(&line, &word) || !scan_word(&line, &word) ||
        !read_address(word, local, &local_n, &out->port) || !scan_word(&line, &word) ||
        !read_address(word, remote, &remote_n, &out->remote_port) || !scan_word(&line, &word) ||
        !scan_hex(word, &state) || (state != STATE_LISTEN && state != STATE_ESTABLISHED))
        return false;
    for (int i = 0; i < 3; i++) /* queues, timer, retransmits */
        if (!scan_word(&line, &word))
            return false;
    if (!scan_word_u64(&line, &out->user) || !scan_word(&line, &word) ||
        !scan_word_u64(&line, &out->inode))
        return false;
    unmap(local, &local_n);
    unmap(remote, &remote_n);
    out->listens = state == STATE_LISTEN;
    out->reach = is_reached(local, local_n) ? REACH_LOOPBACK : REACH_OTHER;
    out->v6 = local_n == 16 && !all_zero(local, 16);
    out->local_there = is_loopback(remote, remote_n);
    return true;
}

bool sockets_next_tcp(struct str *text, struct tcp_row *out)
{
    struct str line;

    while (scan_line(text, &line))
        if (read_tcp(line, out))
            return true;
    return false;
}

/* In a URL what follows some signs is not the path: "/tmp/x&passfile=/root/.pgpass"; others no URL
 * takes, so that all of the plan would be refused. Nobody has such a socket but to have us connect
 * in ways that nobody asked for, or not at all. */
static bool has_odd_signs(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] <= ' ' || (unsigned char)path.p[i] >= 0x7f ||
            strchr("%?#&@", path.p[i]))
            return true;
    return false;
}

/* "ffff8880: 00000002 00000000 00010000 0001 01 23456 /run/redis.sock" */
static bool read_unix(struct str line, struct unix_row *out)
{
    struct str word;
    uint64_t flags, type;

    for (int i = 0; i < 3; i++)
        if (!scan_word(&line, &word))
            return false;
    if (!scan_word(&line, &word) || !scan_hex(word, &flags) || !(flags & UNIX_ACCEPTS) ||
        !scan_word(&line, &word) || !scan_hex(word, &type) || type != UNIX_STREAM ||
        !scan_word(&line, &word) || !scan_word_u64(&line, &out->inode))
        return false;
    out->path = str_trim(line); /* it may hold blanks */
    return str_starts(out->path, STR("/")) && !has_odd_signs(out->path);
}

bool sockets_next_unix(struct str *text, struct unix_row *out)
{
    struct str line;

    while (scan_line(text, &line))
        if (read_unix(line, out))
            return true;
    return false;
}
