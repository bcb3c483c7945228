#include "collect/scrape.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "collect/propose.h"
#include "http/fetch.h"

#define ACCEPT                                                                                     \
    "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"               \
    "application/openmetrics-text;version=0.0.1;q=0.5,"                                            \
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

#define ACCEPT_JSON "Accept: application/json, */*;q=0.5"

int scrape_start(struct fetcher *fetcher, const struct scrape_request *request, struct fetch **out,
                 struct err *err)
{
    char timeout[80];
    const char *headers[4] = {request->json ? ACCEPT_JSON : ACCEPT, "User-Agent: earshot"};
    size_t headers_n = 2;
    struct fetch_request fetch = {
        .url = request->url,
        .method = request->method,
        .body = request->body ? str_c(request->body) : (struct str){NULL, 0},
        .headers = headers,
        .timeout_ms = request->timeout_ms,
        .body_max = request->body_max,
        .client = request->client,
        .socket_path = request->socket_path,
        .done = request->done,
        .arg = request->arg,
    };

    (void)snprintf(timeout, sizeof timeout, "X-Prometheus-Scrape-Timeout-Seconds: %.3f",
                   (double)request->timeout_ms / 1000);
    if (request->json && request->body)
        headers[headers_n++] = "Content-Type: application/json";
    else if (!request->json)
        headers[headers_n++] = timeout;
    fetch.headers_n = headers_n;
    return fetch_start(fetcher, &fetch, out, err);
}

/* What the common failures of a wrong address or of missing rights ask for. */
static const char *advice(const struct fetch_result *result)
{
    const char *auth = result->auth ? result->auth : "";

    switch (result->status) {
    case 401:
        if (strcmp(auth, "basic_auth") == 0)
            return "; it does not take the user name or password of basic_auth";
        if (*auth)
            return "; it does not take the credentials of authorization or oauth2";
        return "; it wants credentials (basic_auth, authorization)";
    case 403:
        return *auth ? "; the credentials are known there, but have no right to this"
                     : "; it wants credentials (basic_auth, authorization)";
    case 404:
        return "; check the path (metrics_path, or url)";
    case 407:
        return "; the proxy wants a user and password in proxy_url";
    default:
        return "";
    }
}

static int refuse_status(const struct fetch_result *result, struct err *err)
{
    return err_set(err, ERR_EVAL, "the target answered with HTTP status %d%s", result->status,
                   advice(result));
}

int scrape_judge_status(const struct fetch_result *result, struct err *err)
{
    if (!result->status) {
        if (err)
            *err = result->err;
        return -1;
    }
    return result->status / 100 == 2 ? 0 : refuse_status(result, err);
}

/* JSON where an exposition is expected: how it can be read all the same. */
static int tell_json(struct str body, struct err *err)
{
    char mapping[200];

    if (!propose_mapping(body, mapping, sizeof mapping))
        return -1;
    return err_set(err, ERR_TYPE,
                   "the answer is JSON, no exposition; collect.json reads it: "
                   "{url: ..., metrics: {%s}}",
                   mapping);
}

int scrape_judge(const struct fetch_result *result, enum expo_format *out, struct err *err)
{
    if (scrape_judge_status(result, err) < 0)
        return -1;
    if (result->status != 200)
        return refuse_status(result, err);
    if (expo_format_of(result->content_type, out, err) < 0)
        return tell_json(result->body, err); /* or what it is otherwise */
    return 0;
}

/* The line of an error, without its end, at most 100 bytes of it. */
static struct str line_of(struct str body, uint32_t line)
{
    struct str left = body, found = {NULL, 0};

    for (; line && left.p; line--)
        found = str_split(&left, '\n');
    return str_take(found, 100);
}

int scrape_parse(struct str body, enum expo_format format, struct arena *scratch, struct emit *emit,
                 struct err *err)
{
    struct err why = {.kind = ERR_NONE};

    if (expo_parse(body, format, scratch, emit, &why) == 0)
        return 0;
    if (tell_json(body, &why) < 0 && why.kind == ERR_SYNTAX && why.at.line) {
        struct str line = line_of(body, why.at.line);

        if (line.n && memchr(line.p, 0, line.n))
            return err_set(err, ERR_SYNTAX,
                           "line %u holds a zero byte: this is no text; before it stands: %.*s",
                           why.at.line, STR_ARGS(line));
        return err_set(err, ERR_SYNTAX, "line %u, column %u: %s; the line is: %.*s", why.at.line,
                       why.at.column, why.text, STR_ARGS(line));
    }
    if (err)
        *err = why;
    return -1;
}
