/* findings: the samples of one cycle, gathered in the order in which a server tells them and then
 * written family by family, as an exposition must be.
 *
 * After the first failure (memory, more than FINDINGS_MAX samples, a label that is too long or no
 * text) nothing more is taken; findings_emit says what it was.
 *
 * Ownership: families and names of labels are borrowed until findings_emit returns; values of
 * labels are copied. Threads: one at a time.
 */
#ifndef COLLECT_FINDINGS_H
#define COLLECT_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/err.h"
#include "model/labels.h"
#include "model/metadata.h"

#define FINDINGS_MAX       50000
#define FINDINGS_VALUE_MAX 4096 /* bytes of a label's value */

struct arena;
struct emit;
struct finding;

struct findings {
    struct arena *arena;
    struct finding *items;
    size_t n, cap;
    struct err err;
    bool failed;
};

/* What a sample is one of; a constant somewhere. */
struct finding_family {
    struct str name, help;
    enum metric_type type;
};

void findings_init(struct findings *f, struct arena *a);
void findings_add(struct findings *f, const struct finding_family *family, double value,
                  const struct label labels[], size_t n);
/* The same for a sample whose name is the family's and "_sum" or "_count". */
void findings_add_part(struct findings *f, const struct finding_family *family, const char *suffix,
                       double value, const struct label labels[], size_t n);
/* Families in the order of their names; samples of one as they were added. */
MUST_USE int findings_emit(struct findings *f, struct emit *emit, struct err *err);

#endif
