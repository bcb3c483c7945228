/* beacon_script: the script that pages take (beacon.js), as bytes of the program. */
#ifndef COLLECT_PUSH_BEACON_SCRIPT_H
#define COLLECT_PUSH_BEACON_SCRIPT_H

#include "base/str.h"

extern const struct str beacon_script;

#endif
