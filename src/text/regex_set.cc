#include "text/regex_set.h"

#include <algorithm>
#include <memory>
#include <re2/set.h>
#include <string>
#include <vector>

extern "C" {
#include "base/err.h"
}

#include "text/regex_names.h"

/* RE2 counts the program and its automata against this. */
static constexpr int64_t set_memory_max = 16 << 20;

struct regex_set {
    explicit regex_set(const RE2::Options &options) : set(options, RE2::UNANCHORED)
    {
    }
    RE2::Set set;
    size_t n = 0;
};

int regex_set_new(const struct str patterns[], size_t n, struct regex_set **out, struct err *err)
{
    RE2::Options options;

    options.set_log_errors(false);
    options.set_max_mem(set_memory_max);
    auto s = std::make_unique<regex_set>(options);
    for (size_t i = 0; i < n; i++) {
        std::string why;

        if (s->set.Add(regex_named_groups(std::string(patterns[i].p, patterns[i].n)), &why) < 0)
            return err_set(err, ERR_SYNTAX, "regular expression: %s", why.c_str());
    }
    s->n = n;
    if (!s->set.Compile())
        return err_set(err, ERR_LIMIT, "the %zu patterns together are too large", n);
    *out = s.release();
    return 0;
}

void regex_set_free(struct regex_set *s)
{
    delete s;
}

size_t regex_set_match(const struct regex_set *s, struct str text, uint32_t found[])
{
    re2::StringPiece whole(text.p ? text.p : "", text.n);
    RE2::Set::ErrorInfo why = {RE2::Set::kNoError};
    std::vector<int> which;

    if (s->n == 0)
        return 0;
    /* Most texts match none, and that is told without a list, which costs an allocation. */
    if (!s->set.Match(whole, nullptr, &why) && why.kind == RE2::Set::kNoError)
        return 0;
    if (why.kind == RE2::Set::kNoError)
        (void)s->set.Match(whole, &which, &why);
    if (why.kind != RE2::Set::kNoError) {
        for (size_t i = 0; i < s->n; i++)
            found[i] = (uint32_t)i;
        return s->n;
    }
    std::sort(which.begin(), which.end());
    for (size_t i = 0; i < which.size(); i++)
        found[i] = (uint32_t)which[i];
    return which.size();
}
