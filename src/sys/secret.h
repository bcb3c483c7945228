/* secret: random bytes from the kernel (getrandom). For what must repeat in a test there is
 * base/rng.h.
 *
 * Cannot fail: a kernel that gives no random bytes ends the process, since a guessable token would
 * be worse. Threads: any. (Not random.h: that would hide the <sys/random.h> of libc.)
 */
#ifndef SYS_SECRET_H
#define SYS_SECRET_H

#include <stddef.h>

#define SECRET_TOKEN_BYTES 44 /* with the NUL; 256 bits in URL-safe base64, without padding */
#define SECRET_UUID_BYTES  37 /* with the NUL; version 4 */

void secret_bytes(void *p, size_t n);
void secret_token(char out[SECRET_TOKEN_BYTES]);
void secret_uuid(char out[SECRET_UUID_BYTES]);

#endif
