/* The client against a server of OpenSSL's, both in memory; certificates are made here. */
#include "sys/tls.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "base/err.h"
#include "base/test.h"

struct peer {
    SSL_CTX *context;
    SSL *ssl;
    BIO *in, *out;
    char pem[4096]; /* its certificate, which is its CA too */
    size_t pem_bytes;
};

static X509 *make_certificate(EVP_PKEY *key)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *names =
        X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:box.test, IP:127.0.0.1");

    assert_int_equal(X509_set_version(cert, 2), 1);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"box", -1, -1,
                                     0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, key);
    (void)X509_add_ext(cert, names, -1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    return cert;
}

static int setup(void **state)
{
    static struct peer p;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = make_certificate(key);
    BIO *bio = BIO_new(BIO_s_mem());

    p.context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(p.context, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(p.context, key), 1);
    p.ssl = SSL_new(p.context);
    p.in = BIO_new(BIO_s_mem());
    p.out = BIO_new(BIO_s_mem());
    SSL_set_bio(p.ssl, p.in, p.out);
    SSL_set_accept_state(p.ssl);
    assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
    p.pem_bytes = (size_t)BIO_read(bio, p.pem, sizeof p.pem);
    BIO_free(bio);
    X509_free(cert);
    EVP_PKEY_free(key);
    *state = &p;
    return 0;
}

static int teardown(void **state)
{
    struct peer *p = *state;

    SSL_free(p->ssl);
    SSL_CTX_free(p->context);
    return 0;
}

/* What the client wants to be sent goes to the peer, and back. */
static void exchange(struct tls *t, struct peer *p)
{
    char part[16384];
    struct buf out;
    int n;

    buf_init(&out, 0);
    tls_pending(t, &out);
    if (out.n > 0)
        (void)BIO_write(p->in, out.p, (int)out.n);
    buf_fini(&out);
    if (!SSL_is_init_finished(p->ssl))
        (void)SSL_do_handshake(p->ssl);
    while ((n = BIO_read(p->out, part, sizeof part)) > 0)
        tls_feed(t, part, (size_t)n);
}

static enum tls_step shake(struct tls *t, struct peer *p, struct err *err)
{
    enum tls_step step = TLS_WANTS;

    for (int i = 0; i < 10 && step == TLS_WANTS; i++) {
        step = tls_handshake(t, err);
        exchange(t, p);
    }
    return step;
}

static struct tls *make(const struct tls_settings *settings, const char *host)
{
    struct tls *t;
    struct err err;

    assert_ok(tls_new(settings, host, &t, &err), err);
    return t;
}

static void bytes_go_both_ways_once_the_certificate_is_trusted(void **state)
{
    struct peer *p = *state;
    struct tls_settings settings = {.ca = {p->pem, p->pem_bytes}};
    struct tls *t = make(&settings, "box.test");
    char text[16];
    size_t n;
    struct err err;

    assert_int_equal(shake(t, p, &err), TLS_DONE);
    assert_int_equal(tls_write(t, "PING", 4, &err), TLS_DONE);
    exchange(t, p);
    assert_int_equal(SSL_read(p->ssl, text, sizeof text), 4);
    assert_memory_equal(text, "PING", 4);
    assert_int_equal(tls_read(t, text, sizeof text, &n, &err), TLS_WANTS);
    assert_int_equal(SSL_write(p->ssl, "+PONG", 5), 5);
    exchange(t, p);
    assert_int_equal(tls_read(t, text, sizeof text, &n, &err), TLS_DONE);
    assert_int_equal(n, 5);
    (void)SSL_shutdown(p->ssl);
    exchange(t, p);
    assert_int_equal(tls_read(t, text, sizeof text, &n, &err), TLS_ENDED);
    tls_free(t);
}

static void an_address_is_checked_as_a_name_is(void **state)
{
    struct peer *p = *state;
    struct tls_settings settings = {.ca = {p->pem, p->pem_bytes}};
    struct tls *t = make(&settings, "127.0.0.1");
    struct err err;

    assert_int_equal(shake(t, p, &err), TLS_DONE);
    tls_free(t);
}

static void a_certificate_that_nobody_vouches_for_is_refused(void **state)
{
    struct tls_settings settings = {.server_name = NULL};
    struct tls *t = make(&settings, "box.test");
    struct err err;

    assert_int_equal(shake(t, *state, &err), TLS_FAILED);
    assert_non_null(strstr(err.text, "its certificate is not trusted"));
    assert_non_null(strstr(err.text, "tls_config.ca_file"));
    tls_free(t);
}

static void a_certificate_of_another_name_is_refused(void **state)
{
    struct peer *p = *state;
    struct tls_settings settings = {.ca = {p->pem, p->pem_bytes}};
    struct tls *t = make(&settings, "other.test");
    struct err err;

    assert_int_equal(shake(t, p, &err), TLS_FAILED);
    assert_non_null(strstr(err.text, "ostname mismatch"));
    tls_free(t);
}

static void server_name_says_which_name_is_meant(void **state)
{
    struct peer *p = *state;
    struct tls_settings settings = {.ca = {p->pem, p->pem_bytes}, .server_name = "box.test"};
    struct tls *t = make(&settings, "10.9.8.7");
    struct err err;

    assert_int_equal(shake(t, p, &err), TLS_DONE);
    tls_free(t);
}

static void insecure_takes_any_certificate(void **state)
{
    struct tls_settings settings = {.insecure = true};
    struct tls *t = make(&settings, "other.test");
    struct err err;

    assert_int_equal(shake(t, *state, &err), TLS_DONE);
    tls_free(t);
}

static void what_is_no_pem_is_named_by_its_key(void **state)
{
    struct tls_settings ca = {.ca = STR("nothing")}, cert = {.cert = STR("x")},
                        key = {.key = STR("x")};
    struct tls *t;
    struct err err;

    (void)state;
    assert_fails(tls_new(&ca, "h", &t, &err), err, ERR_SYNTAX, "tls_config.ca ");
    assert_fails(tls_new(&cert, "h", &t, &err), err, ERR_SYNTAX, "tls_config.cert ");
    assert_fails(tls_new(&key, "h", &t, &err), err, ERR_SYNTAX, "tls_config.key ");
}

static void what_does_not_speak_tls_fails_the_handshake(void **state)
{
    struct tls_settings settings = {.insecure = true};
    struct tls *t = make(&settings, "h");
    struct err err;

    (void)state;
    assert_int_equal(tls_handshake(t, &err), TLS_WANTS);
    tls_feed(t, "-ERR unknown command\r\n", 22);
    assert_int_equal(tls_handshake(t, &err), TLS_FAILED);
    assert_non_null(strstr(err.text, "handshake failed"));
    tls_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_go_both_ways_once_the_certificate_is_trusted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_address_is_checked_as_a_name_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_certificate_that_nobody_vouches_for_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_certificate_of_another_name_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(server_name_says_which_name_is_meant, setup, teardown),
        cmocka_unit_test_setup_teardown(insecure_takes_any_certificate, setup, teardown),
        cmocka_unit_test(what_is_no_pem_is_named_by_its_key),
        cmocka_unit_test(what_does_not_speak_tls_fails_the_handshake),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
