// The records of a run folder as JSON, for tests of what is in the file.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "study/journal.h"

namespace tiller::test {

/// The finished units, each with its records.
inline std::map<std::string, std::vector<nlohmann::json>> json_units(const std::filesystem::path& folder) {
    std::map<std::string, std::vector<nlohmann::json>> out;
    for (const auto& [unit, lines] : study::read_units(folder)) {
        auto& records = out[unit];
        for (const auto& line : lines) records.push_back(nlohmann::json::parse(line));
    }
    return out;
}

}  // namespace tiller::test
