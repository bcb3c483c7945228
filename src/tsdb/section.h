/* section: writes the sections of a block one after another and keeps their checksums.
 *
 * Bytes are gathered to pages of 64 KiB, so the memory is one page and four bytes a page written.
 *
 * Threads: one. Errors: of the file system; after one the file is to be thrown away.
 */
#ifndef TSDB_SECTION_H
#define TSDB_SECTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/str.h"
#include "tsdb/block_layout.h"

struct err;
struct fs;
struct fs_file;

struct section {
    uint16_t type;
    uint64_t offset, bytes; /* in the file */
    uint64_t table;         /* offset in the section; == bytes when there is none */
    uint64_t count;
    uint32_t crc; /* of the whole section */
};

struct section_writer {
    struct fs *fs;
    struct fs_file *file; /* borrowed */
    uint64_t offset;      /* of the file's end, pages not yet written included */
    struct buf page;
    struct buf page_crcs; /* u32 each, of all sections */
    struct section done[SECTION_TYPES];
    size_t done_n;
    struct section now;
};

void section_writer_init(struct section_writer *w, struct fs *fs, struct fs_file *file,
                         uint64_t offset);
void section_writer_fini(struct section_writer *w);

void section_begin(struct section_writer *w, enum section_type type);
MUST_USE int section_put(struct section_writer *w, struct str bytes, struct err *err);
/* Bytes of the running section so far. */
uint64_t section_bytes(const struct section_writer *w);
/* Writes the table and ends the section. Offsets in tables are u32, so ERR_LIMIT when the body is
 * 4 GiB or more and there is a table. */
MUST_USE int section_end(struct section_writer *w, struct str table, uint64_t count,
                         struct err *err);

#endif
