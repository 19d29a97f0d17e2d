#include "study/summary_json.h"
#include "tiller/report.h"

namespace tiller {

std::string report_json(const Summary& summary, const std::vector<Cost>& costs) {
    nlohmann::json tree = summary_tree(summary);
    tree["cost"] = cost_tree(costs);
    return tree.dump(1) + "\n";
}

}  // namespace tiller
