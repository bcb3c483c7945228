#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <string.h>

#if defined(__x86_64__)
#include <nmmintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>
#endif

uint64_t hash_bytes(const void *p, size_t n)
{
    return XXH3_64bits(p, n);
}

struct hash128 hash_bytes128(const void *p, size_t n)
{
    XXH128_hash_t h = XXH3_128bits(p, n);

    return (struct hash128){h.low64, h.high64};
}

/* Bytewise by table; the reflected Castagnoli polynomial. */
#define CASTAGNOLI_REFLECTED 0x82f63b78u

static uint32_t table[256];
static _Atomic(int) table_ready;

static void table_fill(void)
{
    if (table_ready)
        return;
    /* Two threads may both fill it; they write the same values. */
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;

        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? (c >> 1) ^ CASTAGNOLI_REFLECTED : c >> 1;
        __atomic_store_n(&table[i], c, __ATOMIC_RELAXED);
    }
    table_ready = 1;
}

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *bytes = p;

    table_fill();
    crc = ~crc;
    for (size_t i = 0; i < n; i++)
        crc = __atomic_load_n(&table[(crc ^ bytes[i]) & 0xff], __ATOMIC_RELAXED) ^ (crc >> 8);
    return ~crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_fast(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint64_t c = ~crc;

    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, 8);
        c = _mm_crc32_u64(c, word);
    }
    for (; n; n--)
        c = _mm_crc32_u8((uint32_t)c, *bytes++);
    return ~(uint32_t)c;
}

static int fast_is_there(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__aarch64__)
__attribute__((target("+crc"))) static uint32_t crc32c_fast(uint32_t crc, const void *p, size_t n)
{
    const unsigned char *bytes = p;
    uint32_t c = ~crc;

    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;

        memcpy(&word, bytes, 8);
        c = __crc32cd(c, word);
    }
    for (; n; n--)
        c = __crc32cb(c, *bytes++);
    return ~c;
}

static int fast_is_there(void)
{
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
}
#else
#define crc32c_fast     crc32c_portable
#define fast_is_there() 0
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
    return fast_is_there() ? crc32c_fast(crc, p, n) : crc32c_portable(crc, p, n);
}
