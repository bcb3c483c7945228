#include "http/asset.h"

#include <stdio.h>

#include "http/conn.h"

static bool etag_matches(struct str list, struct str etag)
{
    while (list.p) {
        struct str item = str_trim(str_split(&list, ','));

        if (str_starts(item, STR("W/")))
            item = str_skip(item, 2);
        if (str_eq(item, STR("*")) || str_eq(item, etag))
            return true;
        if (item.n >= 2 && item.p[0] == '"' && str_eq((struct str){item.p + 1, item.n - 2}, etag))
            return true;
    }
    return false;
}

/* The ETag is weak, so that one stands for all three encodings of a file. */
void asset_serve(struct http_request *r, const struct http_asset *asset)
{
    struct str accepts = http_header(r, "accept-encoding"), body = asset->plain;
    struct str etag = str_c(asset->etag ? asset->etag : "");
    char line[160];

    if (str_starts(etag, STR("W/")))
        etag = str_skip(etag, 2);
    if (etag.n >= 2 && etag.p[0] == '"')
        etag = (struct str){etag.p + 1, etag.n - 2};
    if (etag.n) {
        (void)snprintf(line, sizeof line, "W/\"%.*s\"", STR_ARGS(etag));
        http_reply_header(r, "ETag", line);
    }
    http_reply_header(r, "Cache-Control",
                      asset->immutable ? "public, max-age=31536000, immutable" : "no-cache");
    http_reply_header(r, "Vary", "Accept-Encoding");
    if (etag.n && etag_matches(http_header(r, "if-none-match"), etag)) {
        http_reply(r, 304, asset->content_type, (struct str){"", 0});
        return;
    }
    if (asset->brotli.p && (reply_accepts(accepts, STR("br")) || !asset->plain.p)) {
        http_reply_header(r, "Content-Encoding", "br");
        body = asset->brotli;
    } else if (asset->gzip.p && reply_accepts(accepts, STR("gzip"))) {
        http_reply_header(r, "Content-Encoding", "gzip");
        body = asset->gzip;
    }
    http_reply(r, 200, asset->content_type, body);
}
