/* internal: what the searches see of the store. */
#ifndef LOGSTORE_INTERNAL_H
#define LOGSTORE_INTERNAL_H

#include <stddef.h>

struct file;
struct logstore;

/* A copy of the list of files, oldest first; mem_free it. Waits until they have been looked at. */
struct file *logstore_files(struct logstore *s, size_t *n);
const char *logstore_folder(const struct logstore *s);
/* A search met damage in this file: the writer looks at it. */
void logstore_suspect(struct logstore *s, const struct file *file);

#endif
