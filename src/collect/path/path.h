/* path: how full the disk of a folder is, and how many files are below the folder. The entry
 * header.
 *
 *   earshot_path_used_percent{path}   as df tells it, rounded up
 *   earshot_path_size_bytes, earshot_path_avail_bytes
 *   earshot_path_files, earshot_path_file_bytes   regular files below it, once a minute at most
 *
 * Counting files stays on the file system of the folder, follows no links and ends at
 * PATH_FILES_MAX entries or half of the timeout: then both are left out, and the log says so once.
 *
 * Ownership: the settings, clock and log must outlive the collector. Threads: one at a time; it may
 * hang where the file system does.
 */
#ifndef COLLECT_PATH_PATH_H
#define COLLECT_PATH_PATH_H

#include "base/attr.h"

#define PATH_FILES_MAX 200000

struct clock;
struct collector;
struct entry_settings;
struct err;
struct log;

MUST_USE int path_collector(const struct entry_settings *entry, const struct clock *clock,
                            struct log *log, struct collector *out, struct err *err);

#endif
