#include "text/regex.h"

#include <memory>
#include <re2/re2.h>
#include <string>

extern "C" {
#include "base/err.h"
}

/* RE2 counts a pattern's program and its automata against this; past it, compiling fails. */
static constexpr int64_t pattern_memory_max = 1 << 20;

/* Groups beyond this are not handed out; nobody writes so many. */
static constexpr size_t groups_max = 64;

struct regex {
    regex(const re2::StringPiece &pattern, const RE2::Options &options, bool anchored_)
        : re(pattern, options), anchored(anchored_)
    {
    }
    RE2 re;
    bool anchored;
};

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

/* People may write (?<name>...) as well as (?P<name>...), which is all that this RE2 knows. */
static std::string with_named_groups(const std::string &p)
{
    std::string out;

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

int regex_new(struct str pattern, bool anchored, struct regex **out, struct err *err)
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(pattern_memory_max);
    options.set_dot_nl(anchored);

    re2::StringPiece text(pattern.p, pattern.n);
    std::string named;
    if (text.find("(?<") != re2::StringPiece::npos) {
        named = with_named_groups(std::string(text.data(), text.size()));
        text = named;
    }
    auto r = std::make_unique<regex>(text, options, anchored);
    if (!r->re.ok()) {
        if (r->re.error_code() == RE2::ErrorPatternTooLarge)
            return err_set(err, ERR_LIMIT, "regular expression is too large: %s",
                           r->re.error().c_str());
        return err_set(err, ERR_SYNTAX, "regular expression: %s", r->re.error().c_str());
    }
    *out = r.release();
    return 0;
}

void regex_free(struct regex *r)
{
    delete r;
}

static bool find(const struct regex *r, struct str text, re2::StringPiece groups[], size_t n)
{
    /* RE2 reads a NULL group as "took no part", so an empty text must not be NULL. */
    re2::StringPiece whole(text.p ? text.p : "", text.n);

    return r->re.Match(whole, 0, text.n, r->anchored ? RE2::ANCHOR_BOTH : RE2::UNANCHORED, groups,
                       (int)n);
}

bool regex_matches(const struct regex *r, struct str text)
{
    return find(r, text, nullptr, 0);
}

bool regex_find(const struct regex *r, struct str text, struct str groups[], size_t n)
{
    re2::StringPiece found[groups_max];
    size_t wanted = n < groups_max ? n : groups_max;
    bool matched = find(r, text, found, wanted);

    for (size_t i = 0; i < n; i++) {
        bool took_part = matched && i < wanted && found[i].data();

        groups[i].p = took_part ? found[i].data() : nullptr;
        groups[i].n = took_part ? found[i].size() : 0;
    }
    return matched;
}

size_t regex_groups(const struct regex *r)
{
    return (size_t)r->re.NumberOfCapturingGroups();
}

int regex_group_index(const struct regex *r, struct str name)
{
    const auto &names = r->re.NamedCapturingGroups();
    auto at = names.find(std::string(name.p, name.n));

    return at == names.end() ? -1 : at->second;
}
