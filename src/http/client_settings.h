/* client_settings: how a peer is asked over HTTP: credentials, TLS, proxy, headers, redirects. What
 * a scrape job, an HTTP discovery or a token server of a prometheus.yml may say.
 *
 * Secrets come as text or as the name of a file. A file is read at each use, and blanks and line
 * ends around its content are cut, as Prometheus does.
 *
 * Ownership: of whoever filled it; client_new (http/client.h) copies. Threads: plain data.
 */
#ifndef HTTP_CLIENT_SETTINGS_H
#define HTTP_CLIENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* Both NULL: none. */
struct client_secret {
    const char *text, *file;
};

/* TLS; a minor version of TLS 1, TLS_DEFAULT: at least 1.2. */
enum client_tls_version { TLS_DEFAULT, TLS_1_0, TLS_1_1, TLS_1_2, TLS_1_3 };

struct client_tls {
    struct client_secret ca, cert, key; /* PEM */
    const char *server_name;            /* NULL: the URL's host */
    enum client_tls_version min, max;
    bool insecure_skip_verify;
};

struct client_header {
    const char *name;
    struct client_secret value;
};

/* None of it: asked directly. */
struct client_proxy {
    const char *url;      /* may hold a password; NULL: none */
    const char *no_proxy; /* "10.0.0.0/8,.lan": NULL: none */
    bool from_environment;
    const struct client_header *connect_headers; /* [connect_headers_n] for the proxy alone */
    size_t connect_headers_n;
};

/* The client credentials grant of RFC 6749. */
struct client_oauth2 {
    const char *client_id, *token_url;
    struct client_secret client_secret;
    const char *scopes; /* "a b"; NULL: none */
    const struct client_param {
        const char *name, *value;
    } * params; /* [params_n] */
    size_t params_n;
    struct client_tls tls;
    struct client_proxy proxy;
};

struct client_settings {
    /* At most one of the three ways. */
    bool has_basic_auth;
    struct client_secret username, password;
    struct client_secret login;         /* user:password in one, instead of the two */
    const char *authorization_type;     /* "Bearer"; NULL: no authorization */
    struct client_secret authorization; /* the credentials */
    const struct client_oauth2 *oauth2;

    struct client_tls tls;
    struct client_proxy proxy;
    const struct client_header *headers; /* [headers_n]; a name may come again */
    size_t headers_n;
    bool follow_redirects;
    bool stays_home;  /* redirects to another host or port are refused */
    bool compression; /* gzip is asked of peers that are not near */
};

#endif
