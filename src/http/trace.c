#include "http/trace_use.h"

#include <netdb.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* ---- certificates ---- */

static int64_t expiry_of(const X509 *cert)
{
    struct tm tm = {0};

    return ASN1_TIME_to_tm(X509_get0_notAfter(cert), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static int64_t earliest_of(STACK_OF(X509) * chain)
{
    int64_t earliest = 0;

    for (int i = 0; i < sk_X509_num(chain); i++) {
        int64_t expiry = expiry_of(sk_X509_value(chain, i));

        if (expiry && (!earliest || expiry < earliest))
            earliest = expiry;
    }
    return earliest;
}

static void put_name(const X509_NAME *name, char *out, size_t cap)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = 0;

    if (bio && X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0)
        n = BIO_read(bio, out, (int)cap - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

static void put_hex(const unsigned char *bytes, size_t n, char *out, size_t cap)
{
    out[0] = '\0';
    for (size_t i = 0; i < n && 2 * i + 2 < cap; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void put_serial(X509 *cert, char *out, size_t cap)
{
    const ASN1_INTEGER *serial = X509_get0_serialNumber(cert);

    put_hex(ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial), out, cap);
}

static void put_dns_names(const X509 *cert, char *out, size_t cap)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    size_t used = 0;

    out[0] = '\0';
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        size_t n;

        if (name->type != GEN_DNS)
            continue;
        n = (size_t)ASN1_STRING_length(name->d.dNSName);
        if (used + n + 2 > cap)
            break;
        if (used)
            out[used++] = ',';
        memcpy(out + used, ASN1_STRING_get0_data(name->d.dNSName), n);
        used += n;
        out[used] = '\0';
    }
    GENERAL_NAMES_free(names);
}

static const char *version_of(const SSL *ssl)
{
    switch (SSL_version(ssl)) {
    case TLS1_VERSION:
        return "TLS 1.0";
    case TLS1_1_VERSION:
        return "TLS 1.1";
    case TLS1_2_VERSION:
        return "TLS 1.2";
    case TLS1_3_VERSION:
        return "TLS 1.3";
    default:
        return "unknown";
    }
}

static void read_tls(struct fetch_trace *t, const SSL *ssl)
{
    STACK_OF(X509) *sent = SSL_get_peer_cert_chain(ssl), *verified = SSL_get0_verified_chain(ssl);
    X509 *cert = SSL_get0_peer_certificate(ssl);
    const SSL_CIPHER *cipher = SSL_get_current_cipher(ssl);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    t->tls = true;
    t->tls_version = version_of(ssl);
    t->cipher = cipher && SSL_CIPHER_standard_name(cipher) ? SSL_CIPHER_standard_name(cipher) : "";
    t->earliest_expiry = earliest_of(sent);
    t->chain_expiry =
        SSL_get_verify_result(ssl) == X509_V_OK && verified ? earliest_of(verified) : 0;
    if (!cert)
        return;
    if (X509_digest(cert, EVP_sha256(), digest, &n) == 1)
        put_hex(digest, n, t->fingerprint, sizeof t->fingerprint);
    put_serial(cert, t->serial, sizeof t->serial);
    put_name(X509_get_subject_name(cert), t->subject, sizeof t->subject);
    put_name(X509_get_issuer_name(cert), t->issuer, sizeof t->issuer);
    put_dns_names(cert, t->names, sizeof t->names);
}

/* ---- one hop ---- */

/* Only while an answer comes does curl give its connection's TLS out. */
static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
    struct fetch_trace *t = arg;
    struct curl_tlssessioninfo *info = NULL;

    (void)p;
    if (!t->tls && curl_easy_getinfo(t->easy, CURLINFO_TLS_SSL_PTR, &info) == CURLE_OK && info &&
        info->backend == CURLSSLBACKEND_OPENSSL && info->internals)
        read_tls(t, info->internals);
    return one * n;
}

/* curl tells no address that could not be connected to. */
static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch_trace *t = arg;

    (void)purpose;
    if (!t->hops)
        (void)getnameinfo(&a->addr, a->addrlen, t->ip, sizeof t->ip, NULL, 0, NI_NUMERICHOST);
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

void trace_set_options(struct fetch_trace *t, CURL *easy, bool cookies)
{
    t->tls = false;
    t->easy = easy;
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    curl_easy_setopt(easy, CURLOPT_FILETIME, 1L);
    curl_easy_setopt(easy, CURLOPT_COOKIEFILE, "");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
    for (const struct curl_slist *at = cookies ? t->cookies : NULL; at; at = at->next)
        curl_easy_setopt(easy, CURLOPT_COOKIELIST, at->data);
}

static double seconds_of(CURL *easy, CURLINFO which)
{
    curl_off_t us = 0;

    (void)curl_easy_getinfo(easy, which, &us);
    return (double)us / 1e6;
}

/* curl's times all count from the start of the hop; one that was not come to is 0. */
static void add_times(struct fetch_trace *t, CURL *easy)
{
    double looked_up = seconds_of(easy, CURLINFO_NAMELOOKUP_TIME_T);
    double connected = seconds_of(easy, CURLINFO_CONNECT_TIME_T);
    double tls = seconds_of(easy, CURLINFO_APPCONNECT_TIME_T);
    double ready = tls > 0 ? tls : connected;
    double answered = seconds_of(easy, CURLINFO_STARTTRANSFER_TIME_T);

    t->resolve_s += looked_up;
    if (connected > 0)
        t->connect_s += connected - looked_up;
    if (tls > 0)
        t->tls_s += tls - connected;
    if (answered > ready) {
        t->processing_s += answered - ready;
        t->transfer_s += seconds_of(easy, CURLINFO_TOTAL_TIME_T) - answered;
    }
}

void trace_add_hop(struct fetch_trace *t, CURL *easy)
{
    char *ip = NULL;
    long version = 0, status = 0;
    curl_off_t length = -1, modified = -1;
    struct curl_slist *cookies = NULL;

    add_times(t, easy);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &ip);
    (void)curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    (void)curl_easy_getinfo(easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    (void)curl_easy_getinfo(easy, CURLINFO_FILETIME_T, &modified);
    if (!t->hops++ && ip && ip[0])
        (void)snprintf(t->ip, sizeof t->ip, "%s", ip);
    t->http_version = !status ? 0 : version == CURL_HTTP_VERSION_1_0 ? 1.0 : 1.1;
    t->content_length = status ? length : 0;
    t->last_modified = modified;
    if (curl_easy_getinfo(easy, CURLINFO_COOKIELIST, &cookies) == CURLE_OK) {
        curl_slist_free_all(t->cookies);
        t->cookies = cookies;
    }
}

void trace_init(struct fetch_trace *t, const struct fetch_trace *cookies_of)
{
    *t = (struct fetch_trace){.last_modified = -1};
    for (const struct curl_slist *at = cookies_of ? cookies_of->cookies : NULL; at; at = at->next) {
        struct curl_slist *longer = curl_slist_append(t->cookies, at->data);

        if (!longer)
            return;
        t->cookies = longer;
    }
}

void trace_fini(struct fetch_trace *t)
{
    curl_slist_free_all(t->cookies);
    t->cookies = NULL;
}
