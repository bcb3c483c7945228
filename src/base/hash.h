/* hash: XXH3 for tables in memory, CRC32C for bytes on disk.
 *
 * XXH3: https://github.com/Cyan4973/xxHash (inline). Its values never reach the disk.
 * CRC32C: the Castagnoli polynomial 0x1EDC6F41 (RFC 3720, B.4), by SSE4.2 or ARMv8 where the
 * processor has it.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

uint64_t hash_bytes(const void *p, size_t n);

static inline uint64_t hash_str(struct str s)
{
    return hash_bytes(s.p, s.n);
}

/* For tables that keep no copy of their keys: two keys of a process never share all 128 bits. */
struct hash128 {
    uint64_t low, high;
};
struct hash128 hash_bytes128(const void *p, size_t n);

/* Mixes b into a; order matters. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    uint64_t x = (a ^ b) * 0x9e3779b97f4a7c15u;

    return (x ^ (x >> 32)) + b;
}

/* `crc` is 0 for the first call, or the value of the call before to go on. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* The portable fall-back, for the test that holds both against each other. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n);

#endif
