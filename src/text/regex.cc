#include "text/regex.h"

#include <memory>
#include <re2/re2.h>
#include <string>

extern "C" {
#include "base/err.h"
}

#include "text/regex_names.h"

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

int regex_new(struct str pattern, bool anchored, struct regex **out, struct err *err)
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(pattern_memory_max);
    options.set_dot_nl(anchored);

    auto r = std::make_unique<regex>(regex_named_groups(std::string(pattern.p, pattern.n)), options,
                                     anchored);
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

struct str regex_group_name(const struct regex *r, int group)
{
    const auto &names = r->re.CapturingGroupNames();
    auto at = names.find(group);

    return at == names.end() ? str{nullptr, 0} : str{at->second.data(), at->second.size()};
}

int regex_group_index(const struct regex *r, struct str name)
{
    const auto &names = r->re.NamedCapturingGroups();
    auto at = names.find(std::string(name.p, name.n));

    return at == names.end() ? -1 : at->second;
}
