#include "text/regex_names.h"

/* Where a class like [^]a\]] ends: the place behind its bracket. */
static size_t class_end(const std::string &p, size_t i)
{
    i++;
    if (i < p.size() && p[i] == '^')
        i++;
    if (i < p.size() && p[i] == ']')
        i++;
    while (i < p.size() && p[i] != ']') {
        size_t named = p.compare(i, 2, "[:") == 0 ? p.find(":]", i + 2) : std::string::npos;

        i = named != std::string::npos ? named + 2 : p[i] == '\\' ? i + 2 : i + 1;
    }
    return i + 1;
}

std::string regex_named_groups(const std::string &p)
{
    std::string out;

    if (p.find("(?<") == std::string::npos)
        return p;

    for (size_t i = 0; i < p.size();) {
        size_t next = i + 1;

        if (p.compare(i, 3, "(?<") == 0 && i + 3 < p.size() && p[i + 3] != '=' && p[i + 3] != '!') {
            out += "(?P<";
            i += 3;
            continue;
        }
        if (p.compare(i, 2, "\\Q") == 0) {
            size_t end = p.find("\\E", i + 2);

            next = end == std::string::npos ? p.size() : end + 2;
        } else if (p[i] == '\\') {
            next = i + 2;
        } else if (p[i] == '[') {
            next = class_end(p, i);
        }
        out.append(p, i, next - i);
        i = next;
    }
    return out;
}
