#include "sys/tls.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/err.h"
#include "base/mem.h"

struct tls {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out; /* owned by ssl */
};

/* ---- what went wrong ---- */

static int refuse(struct err *err, const char *what)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    if (reason)
        return err_set(err, ERR_EVAL, "%s: %s", what, reason);
    return err_set(err, ERR_EVAL, "%s", what);
}

static enum tls_step judge(struct tls *t, int rc, const char *what, struct err *err)
{
    long verdict;

    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: /* a memory BIO always takes what is written */
        return TLS_WANTS;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        verdict = SSL_get_verify_result(t->ssl);
        if (!SSL_is_init_finished(t->ssl) && verdict != X509_V_OK) {
            ERR_clear_error();
            (void)err_set(err, ERR_EVAL,
                          "its certificate is not trusted: %s; tls_config.ca_file names the CA "
                          "that signed it",
                          X509_verify_cert_error_string(verdict));
        } else {
            (void)refuse(err, what);
        }
        return TLS_FAILED;
    }
}

/* ---- settings ---- */

static BIO *open_text(struct str text)
{
    return text.n <= INT_MAX ? BIO_new_mem_buf(text.p, (int)text.n) : NULL;
}

static int add_ca(SSL_CTX *context, struct str text, struct err *err)
{
    BIO *bio = open_text(text);
    X509 *cert;
    int n = 0;

    while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
        n += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), cert);
        X509_free(cert);
    }
    BIO_free(bio);
    ERR_clear_error(); /* the end of the text is an error too */
    return n > 0 ? 0 : err_set(err, ERR_SYNTAX, "tls_config.ca holds no PEM certificate");
}

static int add_certificate(SSL_CTX *context, struct str text, struct err *err)
{
    BIO *bio = open_text(text);
    X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
    bool ok = cert && SSL_CTX_use_certificate(context, cert) == 1;

    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        ok = SSL_CTX_add0_chain_cert(context, cert) == 1; /* takes it over */
    BIO_free(bio);
    ERR_clear_error();
    return ok ? 0 : err_set(err, ERR_SYNTAX, "tls_config.cert holds no PEM certificate");
}

/* A key with a pass phrase is refused: there is nobody to ask. */
static int no_phrase(char *buf, int size, int writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)writing;
    (void)arg;
    return -1;
}

static int add_key(SSL_CTX *context, struct str text, struct err *err)
{
    BIO *bio = open_text(text);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL) : NULL;
    int rc = 0;

    if (!key)
        rc = err_set(err, ERR_SYNTAX, "tls_config.key holds no PEM key without a pass phrase");
    else if (SSL_CTX_use_PrivateKey(context, key) != 1)
        rc = err_set(err, ERR_SYNTAX, "tls_config.key does not belong to tls_config.cert");
    EVP_PKEY_free(key);
    BIO_free(bio);
    ERR_clear_error();
    return rc;
}

static int version_of(unsigned minor)
{
    return minor == 0 ? TLS1_VERSION : TLS1_VERSION + (int)minor;
}

static int configure(SSL_CTX *context, const struct tls_settings *s, struct err *err)
{
    SSL_CTX_set_verify(context, s->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_set_min_proto_version(context, version_of(s->min_version)) != 1 ||
        (s->max_version && SSL_CTX_set_max_proto_version(context, version_of(s->max_version)) != 1))
        return refuse(err, "tls_config: OpenSSL does not serve these versions");
    if (s->ca.n > 0) {
        if (add_ca(context, s->ca, err) < 0)
            return -1;
    } else if (!s->insecure && SSL_CTX_set_default_verify_paths(context) != 1) {
        return refuse(err, "the system's certificates cannot be read");
    }
    if (s->cert.n > 0 && add_certificate(context, s->cert, err) < 0)
        return -1;
    return s->key.n > 0 ? add_key(context, s->key, err) : 0;
}

static bool is_address(const char *host)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static int set_name(SSL *ssl, const char *name)
{
    if (is_address(name))
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    return SSL_set_tlsext_host_name(ssl, name) == 1 && SSL_set1_host(ssl, name) == 1;
}

/* ---- life ---- */

static int start(struct tls *t, const struct tls_settings *settings, const char *name,
                 struct err *err)
{
    t->context = SSL_CTX_new(TLS_client_method());
    if (!t->context)
        return refuse(err, "no memory for TLS");
    if (configure(t->context, settings, err) < 0)
        return -1;
    t->ssl = SSL_new(t->context);
    t->in = BIO_new(BIO_s_mem());
    t->out = BIO_new(BIO_s_mem());
    if (!t->ssl || !t->in || !t->out) {
        BIO_free(t->in);
        BIO_free(t->out);
        return refuse(err, "no memory for TLS");
    }
    SSL_set_bio(t->ssl, t->in, t->out);
    SSL_set_connect_state(t->ssl);
    if (set_name(t->ssl, name) != 1)
        return refuse(err, "TLS cannot ask for this host's name");
    return 0;
}

int tls_new(const struct tls_settings *settings, const char *host, struct tls **out,
            struct err *err)
{
    struct tls *t = mem_new(struct tls);

    ERR_clear_error();
    if (start(t, settings, settings->server_name ? settings->server_name : host, err) < 0) {
        tls_free(t);
        return -1;
    }
    *out = t;
    return 0;
}

void tls_free(struct tls *t)
{
    if (!t)
        return;
    SSL_free(t->ssl);
    SSL_CTX_free(t->context);
    mem_free(t);
}

/* ---- bytes ---- */

void tls_feed(struct tls *t, const void *p, size_t n)
{
    if (n > 0 && n <= INT_MAX)
        (void)BIO_write(t->in, p, (int)n); /* a memory BIO takes all, or memory is out: TLS fails */
}

void tls_pending(struct tls *t, struct buf *out)
{
    char part[4096];
    int n;

    while ((n = BIO_read(t->out, part, sizeof part)) > 0)
        buf_add(out, (struct str){part, (size_t)n});
}

enum tls_step tls_handshake(struct tls *t, struct err *err)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(t->ssl);
    return rc == 1 ? TLS_DONE : judge(t, rc, "the TLS handshake failed", err);
}

enum tls_step tls_read(struct tls *t, void *p, size_t cap, size_t *got, struct err *err)
{
    int rc;

    ERR_clear_error();
    rc = SSL_read_ex(t->ssl, p, cap, got);
    return rc == 1 ? TLS_DONE : judge(t, rc, "the TLS connection broke", err);
}

enum tls_step tls_write(struct tls *t, const void *p, size_t n, struct err *err)
{
    size_t written;
    int rc;

    ERR_clear_error();
    rc = SSL_write_ex(t->ssl, p, n, &written); /* all of it: partial writes are off */
    return rc == 1 ? TLS_DONE : judge(t, rc, "the TLS connection broke", err);
}
