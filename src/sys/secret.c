#include "sys/secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void secret_bytes(void *p, size_t n)
{
    char *at = p;

    while (n) {
        ssize_t got = getrandom(at, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) {
            perror("earshot: the kernel gives no random bytes");
            abort();
        }
        at += got;
        n -= (size_t)got;
    }
}

void secret_token(char out[SECRET_TOKEN_BYTES])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[SECRET_TOKEN_BYTES];

    /* Each character takes 6 bits of a byte of its own: simpler than packing, and as random. */
    secret_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i < SECRET_TOKEN_BYTES - 1; i++)
        out[i] = digits[bytes[i] & 63];
    out[SECRET_TOKEN_BYTES - 1] = '\0';
}

void secret_uuid(char out[SECRET_UUID_BYTES])
{
    uint8_t b[16];

    secret_bytes(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    (void)snprintf(out, SECRET_UUID_BYTES,
                   "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0],
                   b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
                   b[14], b[15]);
}
