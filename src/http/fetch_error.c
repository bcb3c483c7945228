#include "http/fetch_error.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"
#include "http/place.h"

int fetch_error_check_url(const char *url, struct err *err)
{
    struct place p;

    if (place_of(url, &p) < 0)
        return err_set(err, ERR_SYNTAX, "the URL is not http://HOST or https://HOST");
    return 0;
}

static void explain_connect(const struct place *p, const struct fetch_trouble *t, struct err *err)
{
    switch (t->os) {
    case ECONNREFUSED:
        (void)err_set(err, ERR_OS, "connection refused: nothing listens on %.200s port %s", p->host,
                      p->port);
        break;
    case EHOSTUNREACH:
        (void)err_set(err, ERR_OS, "the machine does not answer (no route to %.200s)", p->host);
        break;
    case ENETUNREACH:
        (void)err_set(err, ERR_OS, "there is no network that leads to %.200s", p->host);
        break;
    case ETIMEDOUT:
        (void)err_set(err, ERR_OS, "the machine does not answer (%.200s port %s)", p->host,
                      p->port);
        break;
    default:
        (void)err_set(err, ERR_OS, "cannot connect to %.200s port %s: %.100s", p->host, p->port,
                      t->os ? strerror(t->os) : t->curl_text);
    }
    err->os = t->os;
}

static void explain_timeout(const struct fetch_trouble *t, struct err *err)
{
    double s = (double)t->timeout_ms / 1000;

    if (!t->connected)
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: the machine does not answer", s);
    else if (!t->got)
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: connected, but no answer came", s);
    else
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: the answer stopped after %zu bytes", s,
                      t->got);
}

static void explain_limit(const struct fetch_trouble *t, struct err *err)
{
    if (t->crowded)
        (void)err_set(err, ERR_LIMIT,
                      "the answer was given up after %zu MB: it was the largest of those that "
                      "together took all memory for answers",
                      t->got >> 20);
    else if (t->no_memory)
        (void)err_set(err, ERR_NOMEM, "no memory for an answer of more than %zu bytes", t->got);
    else if (t->body_max >= 1u << 20)
        (void)err_set(err, ERR_LIMIT, "the answer has more than %zu MB", t->body_max >> 20);
    else
        (void)err_set(err, ERR_LIMIT, "the answer has more than %zu bytes", t->body_max);
}

static const char *words_of(CURLcode code)
{
    static const struct {
        CURLcode code;
        const char *words;
    } words[] = {
        {CURLE_GOT_NOTHING, "the connection was closed without an answer"},
        {CURLE_RECV_ERROR, "the connection broke before the answer was whole"},
        {CURLE_SEND_ERROR, "the connection broke while the request was sent"},
        {CURLE_BAD_CONTENT_ENCODING, "the answer says that it is gzip, but it is not"},
        {CURLE_WEIRD_SERVER_REPLY, "the answer is not HTTP"},
        {CURLE_UNSUPPORTED_PROTOCOL, "the answer is not HTTP"},
        {CURLE_OUT_OF_MEMORY, "no memory for a request"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].code == code)
            return words[i].words;
    return NULL;
}

/* What OpenSSL and curl say of a certificate that is not to be trusted, by parts of it, and which
 * key mends it. */
static const char *tls_advice(const char *curl_text)
{
    static const struct {
        const char *part, *advice;
    } advices[] = {
        {"subject name", "it is for another name; set tls_config.server_name to a name in it"},
        {"expired", "it has expired; renew it"},
        {"not yet valid", "it is not valid yet; check the clocks of both machines"},
        {"self-signed", "who signed it is not known; give that certificate as tls_config.ca_file"},
        {"self signed", "who signed it is not known; give that certificate as tls_config.ca_file"},
        {"local issuer", "who signed it is not known; give that certificate as tls_config.ca_file"},
        {"wrong version number",
         "the target speaks no TLS on this port; write http://, or scheme: http"},
        {"alert certificate required",
         "the target wants a certificate; give tls_config.cert_file and key_file"},
        {"alert handshake failure",
         "the target refuses; perhaps it wants a certificate (tls_config.cert_file and key_file)"},
        {"alert bad certificate", "the target does not take tls_config.cert"},
        {"alert unknown ca", "the target does not know who signed tls_config.cert"},
        {"protocol version",
         "no version of TLS that both speak; see tls_config.min_version and max_version"},
        {"unsupported protocol",
         "no version of TLS that both speak; see tls_config.min_version and max_version"},
    };

    for (size_t i = 0; i < ARRAY_LEN(advices); i++)
        if (strcasestr(curl_text, advices[i].part))
            return advices[i].advice;
    return NULL;
}

/* True when it was one of TLS's troubles. */
static bool explain_tls(CURLcode code, const struct place *p, const struct fetch_trouble *t,
                        struct err *err)
{
    const char *advice = p->https ? tls_advice(t->curl_text) : NULL;

    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        (void)err_set(err, ERR_OS, "the certificate of %.100s is not trusted: %.200s", p->host,
                      advice ? advice : t->curl_text);
        return true;
    case CURLE_SSL_CERTPROBLEM:
        (void)err_set(err, ERR_TYPE, "tls_config.cert and key cannot be used: %.200s",
                      t->curl_text);
        return true;
    case CURLE_SSL_CACERT_BADFILE:
        (void)err_set(err, ERR_TYPE,
                      "the trusted certificates cannot be used (tls_config.ca, or the package "
                      "ca-certificates): %.200s",
                      t->curl_text);
        return true;
    case CURLE_SSL_CONNECT_ERROR:
        break;
    default:
        /* An alert may come after the handshake, and break the connection before it is read. */
        if (!advice && p->https && !t->got &&
            (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR))
            advice =
                "the connection broke before an answer; perhaps the target wants a certificate "
                "(tls_config.cert_file and key_file)";
        if (!advice)
            return false;
    }
    (void)err_set(err, ERR_OS, "TLS with %.100s port %s failed: %.200s", p->host, p->port,
                  advice ? advice : t->curl_text);
    return true;
}

static bool explain_proxy(CURLcode code, int status, struct err *err)
{
    if (code == CURLE_COULDNT_CONNECT)
        (void)err_set(err, ERR_OS, "the proxy (proxy_url) cannot be reached");
    else if (code == CURLE_COULDNT_RESOLVE_PROXY)
        (void)err_set(err, ERR_OS, "the name of the proxy (proxy_url) is not known (DNS)");
    else if (status == 407)
        (void)err_set(err, ERR_EVAL, "the proxy wants a user and password; give them in proxy_url");
    else if (status && status != 200)
        (void)err_set(err, ERR_EVAL, "the proxy answered with HTTP status %d", status);
    else
        return false;
    return true;
}

void fetch_error_explain(CURLcode code, const struct fetch_trouble *t, struct err *err)
{
    struct place p;
    const char *words = words_of(code);

    if (place_of(t->url, &p) < 0)
        p = (struct place){.host = "?", .port = "?"};
    if (t->too_large || t->no_memory || t->crowded)
        explain_limit(t, err);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(t, err);
    else if ((t->proxied && explain_proxy(code, t->proxy_status, err)) ||
             explain_tls(code, &p, t, err))
        return;
    else if (code == CURLE_COULDNT_CONNECT)
        explain_connect(&p, t, err);
    else if (code == CURLE_COULDNT_RESOLVE_HOST)
        (void)err_set(err, ERR_OS, "the name %.200s is not known (DNS)", p.host);
    else if (t->endless)
        (void)err_set(err, ERR_LIMIT, "the headers of the answer do not end");
    else if (t->os == ECONNRESET || strcasestr(t->curl_text, "reset by peer"))
        (void)err_set(err, ERR_OS, "the target cut the connection (reset) after %zu bytes", t->got);
    else if (code == CURLE_PARTIAL_FILE)
        (void)err_set(err, ERR_OS, "the answer broke off after %zu bytes", t->got);
    else
        (void)err_set(err, ERR_OS, "%s", words ? words : curl_easy_strerror(code));
}
