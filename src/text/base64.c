#include "text/base64.h"

static int digit_of(enum base64_alphabet alphabet, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (alphabet == BASE64_URL ? '-' : '+'))
        return 62;
    return c == (alphabet == BASE64_URL ? '_' : '/') ? 63 : -1;
}

bool base64_decode(enum base64_alphabet alphabet, struct str in, char *out, size_t *n)
{
    uint32_t bits = 0;
    unsigned held = 0;

    *n = 0;
    while (in.n && in.p[in.n - 1] == '=')
        in.n--;
    for (size_t i = 0; i < in.n; i++) {
        int digit = digit_of(alphabet, in.p[i]);

        if (digit < 0 || in.n % 4 == 1)
            return false;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[(*n)++] = (char)(bits >> held & 0xff);
        }
    }
    return true;
}
