#include "cli/stream.h"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "cli/common.h"
#include "tiller/stepper.h"

namespace tiller::cli {
namespace {

// Texts that are generated in parallel, printed one after the other.
class InOrder {
public:
    explicit InOrder(std::span<const std::string> heads)
        : texts_(heads.begin(), heads.end()), ended_(heads.size()) {}

    void add(std::size_t row, const std::string& text, bool last) {
        texts_[row] += text;
        ended_[row] = ended_[row] || last;
        std::string out;
        for (; shown_ < texts_.size(); ++shown_) {
            out += std::exchange(texts_[shown_], {});
            if (!ended_[shown_]) break;
            out += "\n";
        }
        if (!out.empty()) print_data(out);
    }

private:
    std::vector<std::string> texts_;  // what of each was not printed yet
    std::vector<bool> ended_;
    std::size_t shown_ = 0;
};

}  // namespace

bool prints_to_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

bool prints_in_colour() {
    const char *no = std::getenv("NO_COLOR"), *terminal = std::getenv("TERM");
    return prints_to_terminal() && (no == nullptr || *no == '\0') &&
           (terminal == nullptr || std::string_view(terminal) != "dumb");
}

std::vector<RowResult> stream_rows(Engine& engine, std::span<const Row> rows,
                                   std::span<const std::string> heads) {
    StepperOptions options;
    for (const Row& row : rows)
        options.row_tokens = std::max(options.row_tokens, static_cast<int>(row.n_token()));
    // Too long for the model: Stepper::add() names the row's parts.
    options.row_tokens = std::min(options.row_tokens, engine.info().n_ctx_train);
    const int fit = engine.memory_need(options.row_tokens).n_rows;
    options.n_rows = static_cast<int>(std::min(rows.size(), static_cast<std::size_t>(fit)));
    Stepper stepper(engine, options);
    InOrder order(heads);
    std::vector<RowId> ids;
    for (std::size_t i = 0; i < rows.size(); ++i)
        ids.push_back(stepper.add(rows[i], [&order, i](const TokenEvent& event) {
            order.add(i, event.text, event.finish != Finish::unfinished);
            return true;
        }));
    while (stepper.step()) {
    }
    std::vector<RowResult> results;
    for (const RowId id : ids) results.push_back(*stepper.take(id));
    return results;
}

}  // namespace tiller::cli
