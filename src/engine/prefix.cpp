#include "engine/prefix.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

namespace tiller::engine {
namespace {

using Kind = Positions::Kind;

// The positions as an interval [begin, end).
std::pair<int, int> interval(const Positions& p, int n_prompt) {
    constexpr int forever = std::numeric_limits<int>::max();
    switch (p.kind) {
        case Kind::last_prompt: return {n_prompt - 1, n_prompt};
        case Kind::last_k: return {std::max(n_prompt - p.end, 0), n_prompt};
        case Kind::prompt: return {0, n_prompt};
        case Kind::generated: return {n_prompt, forever};
        case Kind::steered: return {n_prompt - 1, forever};
        case Kind::all: return {0, forever};
        case Kind::range: return {p.begin, p.end};
    }
    return {0, forever};
}

// The bits, so that a change of the sign of zero counts.
bool same_floats(std::span<const float> a, std::span<const float> b) {
    return a.size() == b.size() &&
           (a.data() == b.data() || std::memcmp(a.data(), b.data(), a.size_bytes()) == 0);
}

bool same_edit(const Edit& a, const Edit& b) {
    return a.site == b.site && a.layer == b.layer && a.head == b.head && a.operation == b.operation &&
           same_floats({&a.strength, 1}, {&b.strength, 1}) && same_floats(*a.vector, *b.vector);
}

std::vector<ActingEdit> acting_before(std::span<const Edit> edits, int n_prompt, int n) {
    std::vector<ActingEdit> acting;
    for (const Edit& edit : edits) {
        const auto [begin, end] = interval(edit.positions, n_prompt);
        if (begin < n && end > begin) acting.push_back({edit, begin, std::min(end, n)});
    }
    return acting;
}

// Do both act alike on the first n tokens?
bool act_alike(std::span<const ActingEdit> a, std::span<const ActingEdit> b, int n) {
    const auto next = [n](std::span<const ActingEdit> edits, std::size_t& i) -> const ActingEdit* {
        while (i < edits.size() && edits[i].begin >= n) ++i;
        return i < edits.size() ? &edits[i++] : nullptr;
    };
    for (std::size_t i = 0, j = 0;;) {
        const ActingEdit *x = next(a, i), *y = next(b, j);
        if (!x || !y) return x == y;
        if (x->begin != y->begin || std::min(x->end, n) != std::min(y->end, n) ||
            !same_edit(x->edit, y->edit))
            return false;
    }
}

}  // namespace

void HeldPrefix::cut(int n) {
    if (n >= size()) return;
    tokens.resize(static_cast<std::size_t>(std::max(n, 0)));
    std::erase_if(edits, [n](const ActingEdit& e) { return e.begin >= n; });
    for (ActingEdit& e : edits) e.end = std::min(e.end, n);
}

HeldPrefix prefix_of(const Row& row, int n) {
    HeldPrefix held;
    held.tokens.assign(row.prompt.begin(), row.prompt.begin() + n);
    held.edits = acting_before(row.edits, static_cast<int>(row.prompt.size()), n);
    return held;
}

int shared_length(const HeldPrefix& held, const Row& row, int most) {
    int n = 0;
    most = std::min({most, held.size(), static_cast<int>(row.prompt.size())});
    while (n < most && held.tokens[static_cast<std::size_t>(n)] == row.prompt[static_cast<std::size_t>(n)])
        ++n;
    if (n == 0) return 0;
    const auto own = acting_before(row.edits, static_cast<int>(row.prompt.size()), n);
    if (act_alike(held.edits, own, n)) return n;
    // Agreement ends where an edit of one of them begins or ends, so only such places need a look.
    std::vector<int> places;
    for (const std::span<const ActingEdit> edits : {std::span(held.edits), std::span(own)})
        for (const ActingEdit& e : edits)
            for (int place : {e.begin, e.end})
                if (place > 0 && place < n) places.push_back(place);
    std::sort(places.begin(), places.end(), std::greater<>());
    for (int place : places)
        if (act_alike(held.edits, own, place)) return place;
    return 0;
}

bool may_hide_breaks(const Row& row) {
    const auto replaces = [](const Edit& e) { return e.operation == Operation::replace && e.strength == 1; };
    int first = std::numeric_limits<int>::max();  // layer of an edit whose result may not be a number
    for (const Edit& e : row.edits)
        if (!replaces(e)) first = std::min(first, e.layer);
    return std::any_of(row.edits.begin(), row.edits.end(),
                       [&](const Edit& e) { return replaces(e) && e.layer >= first; });
}

bool reads_early(const Row& row) {
    if (row.want_prompt_logprobs) return true;
    const int n = static_cast<int>(row.prompt.size());
    return std::any_of(row.captures.begin(), row.captures.end(), [n](const Capture& c) {
        const auto [begin, end] = interval(c.positions, n);
        return begin < n - 1 && end > begin;
    });
}

}  // namespace tiller::engine
