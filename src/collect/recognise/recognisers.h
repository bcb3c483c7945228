/* recognisers: services that answer Prometheus' formats by themselves, and how each is known.
 */
#ifndef COLLECT_RECOGNISE_RECOGNISERS_H
#define COLLECT_RECOGNISE_RECOGNISERS_H

#include "collect/recognise/recognise.h"

extern const struct recogniser recognisers[];
extern const size_t recognisers_n;

#endif
