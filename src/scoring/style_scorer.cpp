#include <fasttext/fasttext.h>
#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <unordered_set>

#include "scoring/temporary_file.h"
#include "scoring/unicode.h"
#include "tasks/item_at.h"
#include "tiller/error.h"
#include "tiller/scoring.h"

namespace tiller {
namespace {

constexpr std::size_t min_training_items = 20;
constexpr const char* input_label = "__label__input";
constexpr const char* output_label = "__label__output";

/// The text as the classifier reads it: one line of case-folded words with blanks in between. Underscores
/// become words of their own, so no text can be mistaken for a label.
std::string line_of(std::string_view text) {
    std::string line;
    for (const auto& word : words_of(fold(text, false))) line += (line.empty() ? "" : " ") + word;
    return line;
}

fasttext::Args training_args(const std::filesystem::path& file) {
    fasttext::Args args;
    args.input = file.string();
    args.model = fasttext::model_name::sup;
    args.loss = fasttext::loss_name::softmax;
    args.lr =
        0.5;  // 0.1 leaves 200 pairs half learnt: 65-69 % of held-out sentences right instead of 86-88 %
    args.dim = 50;
    args.epoch = 50;
    args.minCount = 1;
    args.minCountLabel = 0;
    args.wordNgrams = 2;
    args.minn = 3;
    args.maxn = 6;
    args.bucket =
        100000;       // 20 MB; the default of 2 million would take 400 MB and gains nothing on small tasks
    args.thread = 1;  // more threads race on the weights, and the scores would differ from run to run
    args.seed = 1;
    args.verbose = 0;
    return args;
}

}  // namespace

struct StyleScorer::Impl {
    class Classifier : public fasttext::FastText {
    public:
        /// Frees memory: a dictionary built from text keeps an index for 30 million words (120 MB), one that
        /// was saved and read back an index for its own words only.
        void shrink() {
            std::stringstream bytes;
            dict_->save(bytes);
            dict_ = std::make_shared<fasttext::Dictionary>(args_, bytes);
        }
    };

    Classifier classifier;
    double accuracy = 0;
    int count = 0;

    double score(std::string_view text) const;
    void measure(const Task& task, std::span<const int> held_out);
};

double StyleScorer::Impl::score(std::string_view text) const {
    const std::string line = line_of(text);
    if (line.empty()) return 0.5;
    std::istringstream in(line + "\n");
    std::vector<std::pair<fasttext::real, std::string>> predictions;
    try {
        classifier.predictLine(in, predictions, 2, 0);
    } catch (const std::exception& e) {
        throw Error(Code::environment, fmt::format("the style classifier failed on a text: {}", e.what()));
    }
    for (const auto& [probability, label] : predictions)
        if (label == output_label) return std::clamp(static_cast<double>(probability), 0.0, 1.0);
    return 0.5;
}

void StyleScorer::Impl::measure(const Task& task, std::span<const int> held_out) {
    int right = 0;
    for (const int index : held_out) {
        const Item& item = item_at(task, index);
        right += score(item.input) < 0.5;
        right += score(item.output) > 0.5;
    }
    count = static_cast<int>(2 * held_out.size());
    accuracy = count == 0 ? 0.0 : static_cast<double>(right) / count;
}

StyleScorer StyleScorer::train(const Task& task, std::span<const int> train, std::span<const int> held_out) {
    if (train.size() < min_training_items)
        throw Error(
            Code::bad_input,
            fmt::format(
                "task {}: {} training items are too few for a style classifier; expected at least {}: "
                "add items",
                task.name, train.size(), min_training_items));
    const std::unordered_set<int> trained(train.begin(), train.end());
    for (const int index : held_out)
        if (trained.contains(index))
            throw Error(Code::usage,
                        fmt::format("task {}: item {} is held out and trained on; expected disjoint lists",
                                    task.name, index));
    std::string lines;
    for (const int index : train) {
        const Item& item = item_at(task, index);
        lines += std::string(input_label) + " " + line_of(item.input) + "\n";
        lines += std::string(output_label) + " " + line_of(item.output) + "\n";
    }
    auto impl = std::make_unique<Impl>();
    {
        const TemporaryFile file(lines);
        try {
            impl->classifier.train(training_args(file.path()));
            impl->classifier.shrink();
        } catch (const std::exception& e) {
            throw Error(Code::environment,
                        fmt::format("training the style classifier of task {} from {} failed: {}", task.name,
                                    file.path().string(), e.what()));
        }
    }
    impl->measure(task, held_out);
    return StyleScorer(std::move(impl));
}

StyleScorer::StyleScorer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
StyleScorer::~StyleScorer() = default;
StyleScorer::StyleScorer(StyleScorer&&) noexcept = default;
StyleScorer& StyleScorer::operator=(StyleScorer&&) noexcept = default;

double StyleScorer::score(std::string_view text) const { return impl_->score(text); }
double StyleScorer::held_out_accuracy() const noexcept { return impl_->accuracy; }
int StyleScorer::held_out_count() const noexcept { return impl_->count; }

}  // namespace tiller
