/* push_settings: what a person may say of pushes (collect.push), as config reads it.
 *
 * Ownership: whoever made it; plain data.
 */
#ifndef COLLECT_PUSH_PUSH_SETTINGS_H
#define COLLECT_PUSH_PUSH_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

struct push_settings {
    bool pushgateway;
    int64_t ttl_ms; /* of a group without a push; 0: for ever */
};

#endif
