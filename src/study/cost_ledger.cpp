#include "study/cost_ledger.h"

#include <map>
#include <sstream>

#include "core/util.h"
#include "study/summary_fields.h"
#include "tiller/study.h"

namespace tiller {
namespace study {

Cost spent(Cost whose, const EngineStats& before, const EngineStats& now) {
    whose.n_decode = now.n_decode - before.n_decode;
    whose.n_token = now.n_token - before.n_token;
    whose.seconds = now.seconds - before.seconds;
    return whose;
}

std::vector<Cost> shares_of(const Cost& whole, const std::vector<std::string>& methods) {
    std::map<std::string, std::size_t> parts;
    for (const auto& method : methods) ++parts[method];
    std::size_t done = 0;
    const auto share = [&](std::uint64_t all, std::size_t n) {
        return all * (done + n) / methods.size() - all * done / methods.size();
    };
    std::vector<Cost> shares;
    for (const auto& [method, n] : parts) {
        Cost& part = shares.emplace_back(whole);
        part.method = method;
        part.n_decode = share(whole.n_decode, n);
        part.n_token = share(whole.n_token, n);
        part.seconds = whole.seconds * static_cast<double>(n) / static_cast<double>(methods.size());
        done += n;
    }
    return shares;
}

void add_cost(const std::filesystem::path& folder, const Cost& c) {
    append_to_file(folder / "cost.jsonl", JsonWriter::value(c).dump() + "\n");
}

}  // namespace study

std::vector<Cost> read_costs(const std::filesystem::path& folder) {
    std::vector<Cost> costs;
    const auto path = folder / "cost.jsonl";
    if (!std::filesystem::exists(path)) return costs;
    std::istringstream lines(read_file(path, 1 << 26));
    for (std::string line; std::getline(lines, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        try {
            study::JsonReader::value(json, study::JsonPlace{nullptr, "cost", 0, false}, costs.emplace_back());
        } catch (const study::JsonMisfit&) {
            costs.pop_back();  // a line that a killed run left incomplete; no result depends on the ledger
        }
    }
    return costs;
}

}  // namespace tiller
