#include "study/cost_ledger.h"

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "study/summary_fields.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller {
namespace study {

Cost spent(Cost whose, const EngineStats& before, const EngineStats& now) {
    whose.n_decode = now.n_decode - before.n_decode;
    whose.n_token = now.n_token - before.n_token;
    whose.seconds = now.seconds - before.seconds;
    return whose;
}

void add_cost(const std::filesystem::path& folder, const Cost& c) {
    std::ofstream out(folder / "cost.jsonl", std::ios::app);
    out << JsonWriter::value(c).dump() << "\n";
    if (!out.flush())
        throw Error(Code::environment, fmt::format("cannot write {}", (folder / "cost.jsonl").string()));
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
