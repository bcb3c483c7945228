/* tls: the client's side of TLS (OpenSSL) as bytes in and bytes out. It owns no socket: talk.h
 * moves the bytes.
 *
 *   bytes from the peer -> tls_feed ... tls_read -> what the peer wrote
 *   tls_write -> ... tls_pending -> bytes for the peer
 *
 * The peer's certificate is always checked, name included, unless `insecure`. The system's
 * certificates are loaded only where no `ca` is given.
 *
 * Errors: in plain words, with the reason that OpenSSL gives. Threads: one at a time.
 */
#ifndef SYS_TLS_H
#define SYS_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct buf;
struct err;
struct tls;

/* PEM texts; n 0: not given. Borrowed until tls_new returns. */
struct tls_settings {
    struct str ca, cert, key;
    const char *server_name;           /* asked for and checked; NULL: the host */
    unsigned min_version, max_version; /* minor version of TLS 1 (2: TLS 1.2); max 0: the newest */
    bool insecure;
};

MUST_USE int tls_new(const struct tls_settings *settings, const char *host, struct tls **out,
                     struct err *err);
void tls_free(struct tls *t); /* NULL is fine */

void tls_feed(struct tls *t, const void *p, size_t n);
/* Appends to `out` what the peer must get, and forgets it. */
void tls_pending(struct tls *t, struct buf *out);

enum tls_step {
    TLS_DONE,
    TLS_WANTS, /* more bytes of the peer, once what is pending was sent */
    TLS_ENDED, /* the peer has ended it, as it should */
    TLS_FAILED /* err says why */
};
/* Before anything else, until TLS_DONE. */
MUST_USE enum tls_step tls_handshake(struct tls *t, struct err *err);
MUST_USE enum tls_step tls_read(struct tls *t, void *p, size_t cap, size_t *got, struct err *err);
MUST_USE enum tls_step tls_write(struct tls *t, const void *p, size_t n, struct err *err);

#endif
