/* asset: a file of the page: ETag, If-None-Match, and the smallest encoding the client takes.
 * Threads: the loop's. */
#ifndef HTTP_ASSET_H
#define HTTP_ASSET_H

#include "http/server.h"

void asset_serve(struct http_request *r, const struct http_asset *asset);

#endif
