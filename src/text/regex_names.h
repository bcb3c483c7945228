/* regex_names: people may write (?<name>...) as well as (?P<name>...), which is all that this RE2
 * knows. For the C++ shims only. Threads: any. */
#ifndef TEXT_REGEX_NAMES_H
#define TEXT_REGEX_NAMES_H

#include <string>

std::string regex_named_groups(const std::string &pattern);

#endif
