#include "http/fetch_error.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"

#define HOST_BYTES 256

struct place {
    char host[HOST_BYTES], port[8];
    bool https;
};

/* -1: not a URL that we fetch. */
static int place_of(const char *url, struct place *out)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *host = NULL, *port = NULL;
    int rc = -1;

    if (u && curl_url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
        curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK &&
        (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) && *host &&
        strlen(host) < sizeof out->host && strlen(port) < sizeof out->port) {
        memcpy(out->host, host, strlen(host) + 1);
        memcpy(out->port, port, strlen(port) + 1);
        out->https = strcmp(scheme, "https") == 0;
        rc = 0;
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    curl_url_cleanup(u);
    return rc;
}

int fetch_error_check_url(const char *url, struct err *err)
{
    struct place p;

    if (place_of(url, &p) < 0)
        return err_set(err, ERR_SYNTAX, "the URL is not http://HOST or https://HOST");
    return 0;
}

int fetch_error_check_redirect(const char *from, const char *to, struct err *err)
{
    struct place a, b;

    if (place_of(from, &a) < 0 || place_of(to, &b) < 0)
        return err_set(err, ERR_EVAL, "the answer is a redirect to something that is not http");
    if (strcasecmp(a.host, b.host) != 0)
        return err_set(err, ERR_EVAL,
                       "the answer is a redirect to another host (%.100s), which is not followed",
                       b.host);
    if (a.https && !b.https)
        return err_set(err, ERR_EVAL,
                       "the answer is a redirect from https to http, which is not followed");
    return 0;
}

bool fetch_error_is_loopback(const char *url)
{
    struct place p;

    return place_of(url, &p) == 0 &&
           (strcasecmp(p.host, "localhost") == 0 || strncmp(p.host, "127.", 4) == 0 ||
            strcmp(p.host, "[::1]") == 0);
}

static void explain_connect(CURL *easy, const struct place *p, const struct fetch_trouble *t,
                            struct err *err)
{
    long os = 0;

    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &os);
    switch (os) {
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
                      os ? strerror((int)os) : t->curl_text);
    }
    err->os = (int)os;
}

static void explain_timeout(CURL *easy, const struct fetch_trouble *t, struct err *err)
{
    curl_off_t connected = 0;
    double s = (double)t->timeout_ms / 1000;

    (void)curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (!connected)
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: the machine does not answer", s);
    else if (!t->got)
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: connected, but no answer came", s);
    else
        (void)err_set(err, ERR_TIMEOUT, "timeout after %g s: the answer stopped after %zu bytes", s,
                      t->got);
}

static void explain_limit(const struct fetch_trouble *t, struct err *err)
{
    if (t->no_memory)
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
        {CURLE_COULDNT_RESOLVE_PROXY, "the proxy's name is not known"},
        {CURLE_SSL_CACERT_BADFILE, "the file with trusted certificates cannot be read; install "
                                   "ca-certificates"},
    };

    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].code == code)
            return words[i].words;
    return NULL;
}

void fetch_error_explain(CURL *easy, CURLcode code, const struct fetch_trouble *t, struct err *err)
{
    struct place p = {.host = "?", .port = "?"};
    const char *words = words_of(code);

    (void)place_of(t->url, &p);
    if (t->too_large || t->no_memory)
        explain_limit(t, err);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        explain_timeout(easy, t, err);
    else if (code == CURLE_COULDNT_CONNECT)
        explain_connect(easy, &p, t, err);
    else if (code == CURLE_COULDNT_RESOLVE_HOST)
        (void)err_set(err, ERR_OS, "the name %.200s is not known (DNS)", p.host);
    else if (code == CURLE_PARTIAL_FILE)
        (void)err_set(err, ERR_OS, "the answer broke off after %zu bytes", t->got);
    else if (code == CURLE_PEER_FAILED_VERIFICATION)
        (void)err_set(err, ERR_OS, "the certificate of %.100s is not trusted: %.200s", p.host,
                      t->curl_text);
    else if (code == CURLE_SSL_CONNECT_ERROR)
        (void)err_set(err, ERR_OS, "TLS with %.100s port %s failed: %.200s", p.host, p.port,
                      t->curl_text);
    else
        (void)err_set(err, ERR_OS, "%s", words ? words : curl_easy_strerror(code));
}
