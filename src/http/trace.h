/* trace: what a probe wants to know of a request beside its answer: how long each part of it took,
 * who answered, with which certificate.
 *
 * A traced request (fetch_request.traced) never uses a connection of another one, keeps cookies
 * along its redirects, and goes by way of libcurl. A redirect that is not followed counts too.
 * Times and redirects are those of all its hops together; certificates and sizes are those of the
 * last.
 *
 * Threads: the net thread fills it until `done`; then whoever has the fetch. Ownership: part of the
 * fetch.
 */
#ifndef HTTP_TRACE_H
#define HTTP_TRACE_H

#include <stdbool.h>
#include <stdint.h>

struct fetch_trace {
    double resolve_s, connect_s, tls_s, processing_s, transfer_s;
    char ip[48]; /* the address first asked; "": none */
    unsigned redirects;
    double http_version;    /* 1.1; 0: no answer */
    int64_t content_length; /* -1: it was not told */
    int64_t last_modified;  /* Unix seconds; -1: it was not told */

    /* Of the last hop, when `tls`. */
    bool tls;
    const char *tls_version;                    /* "TLS 1.3" */
    const char *cipher;                         /* as the IANA names it */
    int64_t earliest_expiry;                    /* Unix seconds, of what the peer sent */
    int64_t chain_expiry;                       /* of the chain that was verified; 0: it was not */
    char fingerprint[65];                       /* SHA-256 of the peer's certificate */
    char serial[64];                            /* hexadecimal */
    char subject[256], issuer[256], names[512]; /* RFC 2253; DNS names, by commas; cut */

    struct curl_slist *cookies; /* owned, in curl's own form */
    /* The net thread's. */
    void *easy; /* the handle that is at work */
    unsigned hops;
};

#endif
