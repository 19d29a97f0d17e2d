#include "study/adjust.h"

#include <algorithm>
#include <map>

#include "study/candidate.h"
#include "study/phrases.h"
#include "tiller/statistics.h"

namespace tiller::study {

std::vector<std::string> control_ids(const std::string& method) {
    return {random_id(method), shuffled_id(method)};
}

void adjust(TaskSummary& t) {
    std::map<Kind, std::vector<PairSummary*>> questions;
    for (auto& pair : t.pairs) {
        const auto* other = t.find(pair.b);
        questions[other ? other->kind : Kind::chosen].push_back(&pair);
    }
    for (auto& [kind, pairs] : questions) {
        std::vector<double> p;
        for (const auto* pair : pairs) p.push_back(pair->p);
        const auto adjusted = holm(p);
        for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i]->p_holm = adjusted[i];
    }
    std::vector<SettingSummary*> settings;
    std::vector<double> p;
    for (auto& s : t.test) {
        if (s.kind != Kind::chosen) continue;
        double greatest = 0;
        for (const auto& pair : t.pairs) {
            const auto* other = pair.a == s.id ? t.find(pair.b) : nullptr;
            if (!other || (other->kind != Kind::baseline && other->kind != Kind::control)) continue;
            greatest = std::max(greatest, pair.difference.mean > 0 ? pair.p : 1.0);  // mutation: same
        }
        if (greatest > 0) settings.push_back(&s), p.push_back(greatest);
    }
    const auto adjusted = holm(p);
    for (std::size_t i = 0; i < settings.size(); ++i) settings[i]->p_works = adjusted[i];
}

}  // namespace tiller::study
