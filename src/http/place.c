#include "http/place.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

int place_of(const char *url, struct place *out)
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

static bool is_name_under(const char *host, const char *domain)
{
    size_t n = strlen(host), d = strlen(domain);

    return n >= d && strcasecmp(host + n - d, domain) == 0 && (n == d || host[n - d - 1] == '.');
}

bool place_is_loopback(const struct place *p)
{
    struct in_addr a4;

    return is_name_under(p->host, "localhost") || strcmp(p->host, "[::1]") == 0 ||
           (inet_pton(AF_INET, p->host, &a4) == 1 && ntohl(a4.s_addr) >> 24 == 127);
}

static bool is_near_v4(uint32_t a)
{
    return a >> 24 == 10 || a >> 24 == 127 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
           a >> 16 == 0xa9fe;
}

/* fc00::/7 and fe80::/10, without brackets and zone. */
static bool is_near_v6(const struct place *p)
{
    char text[PLACE_HOST_BYTES];
    struct in6_addr a6;
    size_t n = strcspn(p->host + 1, "]%");

    memcpy(text, p->host + 1, n);
    text[n] = '\0';
    return inet_pton(AF_INET6, text, &a6) == 1 &&
           ((a6.s6_addr[0] & 0xfe) == 0xfc ||
            (a6.s6_addr[0] == 0xfe && (a6.s6_addr[1] & 0xc0) == 0x80));
}

bool place_is_near(const struct place *p)
{
    struct in_addr a4;

    if (place_is_loopback(p))
        return true;
    if (p->host[0] == '[')
        return is_near_v6(p);
    if (inet_pton(AF_INET, p->host, &a4) == 1)
        return is_near_v4(ntohl(a4.s_addr));
    return !strchr(p->host, '.') || is_name_under(p->host, "local") ||
           is_name_under(p->host, "lan");
}
