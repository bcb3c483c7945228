/* rng: pseudo-random numbers, as an argument, so that a seeded test repeats.
 *
 * xoshiro256** 1.0 by David Blackman and Sebastiano Vigna (https://prng.di.unimi.it), seeded by
 * splitmix64. Not for secrets: those come from sys/secret.
 *
 * Threads: one generator a thread.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound); /* 0 .. bound-1; bound >= 1 */
double rng_unit(struct rng *r);                    /* [0, 1) */

#endif
