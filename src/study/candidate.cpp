#include "study/candidate.h"

#include <fmt/format.h>

namespace tiller::study {

std::string few_shot_id(int n_shot) { return fmt::format("{}-shot", n_shot); }

std::string random_id(const std::string& method) { return method + "-random"; }

std::string shuffled_id(const std::string& method) { return method + "-shuffled"; }

Candidate zero_shot() {
    Candidate k{zero_shot_id, "Zero-shot", "none", Kind::baseline};
    k.tried_as = k.id;
    return k;
}

Candidate few_shot(int n_shot) {
    Candidate k{few_shot_id(n_shot), fmt::format("{}-shot prompt", n_shot), "prompt", Kind::baseline};
    k.n_shot = n_shot;
    return k;
}

SettingRecord setting_record(const Candidate& candidate) {
    return {candidate.id,     candidate.label,   candidate.method, candidate.kind,
            candidate.layers, candidate.setting, candidate.clean,  candidate.same_as};
}

std::vector<SettingRecord> setting_records(const std::vector<Candidate>& candidates) {
    std::vector<SettingRecord> records;
    for (const auto& k : candidates) records.push_back(setting_record(k));
    return records;
}

std::string setting_text(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting) text += fmt::format(" {}={}", key, value);
    return text;
}

std::string setting_label(const Setting& setting) {
    std::string text;
    for (const auto& [key, value] : setting)
        text += fmt::format("{}{} {}", text.empty() ? "" : ", ", key, value);
    return text;
}

}  // namespace tiller::study
