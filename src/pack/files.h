/* files: the texts of packs/ as they were when the program was built. */
#ifndef PACK_FILES_H
#define PACK_FILES_H

#include <stddef.h>

#include "base/str.h"

struct pack_file {
    const char *name;                 /* of the pack */
    struct str pack, patterns, rules; /* NAME.yml; n 0: it has none */
};

extern const struct pack_file pack_files[]; /* by name */
extern const size_t pack_files_n;

#endif
