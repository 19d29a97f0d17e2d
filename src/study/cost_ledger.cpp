#include "study/cost_ledger.h"

#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tiller/error.h"

namespace tiller::study {

using nlohmann::json;

Cost spent(Cost whose, const EngineStats& before, const EngineStats& now) {
    whose.n_decode = now.n_decode - before.n_decode;
    whose.n_token = now.n_token - before.n_token;
    whose.seconds = now.seconds - before.seconds;
    return whose;
}

void add_cost(const std::filesystem::path& folder, const Cost& c) {
    std::ofstream out(folder / "cost.jsonl", std::ios::app);
    out << json{{"model", c.model},       {"task", c.task},       {"method", c.method},  {"phase", c.phase},
                {"n_decode", c.n_decode}, {"n_token", c.n_token}, {"seconds", c.seconds}}
               .dump()
        << "\n";
    if (!out.flush())
        throw Error(Code::environment, fmt::format("cannot write {}", (folder / "cost.jsonl").string()));
}

}  // namespace tiller::study
