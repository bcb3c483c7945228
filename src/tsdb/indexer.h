/* indexer: gathers the label sets of a block while its series stream by, then writes the sections
 * SYM, PAIRS, SERIES and POST.
 *
 * Symbols can only be numbered when all are known, so the indexer keeps each distinct (name, value)
 * pair once and each series as a list of provisional pair numbers (a few bytes a label): memory of
 * the order of the index, not of the samples. Posting lists are made in rounds of at most 4 MiB.
 *
 * Threads: one. Errors: of the section writer; ERR_LIMIT past 2^32 pairs or 4 GiB of index.
 */
#ifndef TSDB_INDEXER_H
#define TSDB_INDEXER_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/attr.h"
#include "base/map.h"
#include "base/str.h"

struct err;
struct labels;
struct section_writer;

struct indexer_pair; /* opaque */

struct indexer {
    struct budget budget;
    struct arena arena; /* pairs and their text */
    struct map by_text;
    struct indexer_pair **pairs; /* owned; in order of appearance, later of text */
    size_t pairs_n, pairs_cap;
    struct indexer_pair **last; /* owned; pairs of the series before */
    size_t last_n, last_cap;
    struct buf series; /* uvarint n, then n uvarint provisional numbers, each */
    uint32_t series_n;
};

void indexer_init(struct indexer *x);
void indexer_fini(struct indexer *x);

/* The label set of the next series; sets come in ascending order. */
MUST_USE int indexer_add(struct indexer *x, const struct labels *labels, struct err *err);
MUST_USE int indexer_write(struct indexer *x, struct section_writer *w, struct err *err);

#endif
