/* assets: the files of the page, made by web/build.sh and linked in.
 *
 * Sorted by path. With `-Dweb=` empty the table has no entry: the API is served, the page is not.
 * Bytes live in .rodata for as long as the program. Any thread.
 */
#ifndef WEB_ASSETS_H
#define WEB_ASSETS_H

#include <stddef.h>

#include "http/server.h"

extern const struct http_asset web_assets[];
extern const size_t            web_assets_n;

#endif
