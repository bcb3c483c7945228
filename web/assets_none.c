/* Built without the page. One unused entry, since C has no empty array. */
#include "web/assets.h"

const struct http_asset web_assets[1] = {{.path = ""}};
const size_t            web_assets_n = 0;
