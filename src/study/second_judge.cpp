#include "study/second_judge.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "study/progress_scope.h"
#include "tiller/scoring.h"

namespace tiller::study {
namespace {

constexpr std::size_t kShown = 8;    // training items whose sentences are in the prompts
constexpr std::size_t kFitted = 16;  // training items that the curve is fitted to, at most
constexpr std::size_t kLeast = 20;   // training items that a judge needs

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    const auto begin = text.find_first_not_of(' ');
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

}  // namespace

std::pair<double, double> logistic_curve(std::span<const double> x, const std::vector<bool>& right) {
    constexpr double ridge = 1e-2;
    double a = 0, b = 0;
    for (int step = 0; step < 50; ++step) {
        double ga = 0, gb = -ridge * b, haa = 1e-9, hab = 0, hbb = ridge;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const double p = logistic(a + b * x[i]), w = p * (1 - p), error = (right[i] ? 1 : 0) - p;
            ga += error, gb += error * x[i];
            haa += w, hab += w * x[i], hbb += w * x[i] * x[i];
        }
        const double det = haa * hbb - hab * hab;
        const double da = (hbb * ga - hab * gb) / det, db = (haa * gb - hab * ga) / det;
        a += da, b += db;
        if (!(std::abs(da) + std::abs(db) > 1e-10)) break;
    }
    return {a, b};
}

SecondJudge SecondJudge::calibrate(TaskContext& c) {
    SecondJudge judge;
    if (c.split.train.size() < kLeast) return judge;
    for (std::size_t i = 0; i < kShown; ++i) {
        const Item& item = c.item(c.split.train[i]);
        judge.wanted_ += "- " + one_line(item.output) + "\n";
        judge.other_ += "- " + one_line(item.input) + "\n";
    }
    judge.wanted_ += "-", judge.other_ += "-";
    std::vector<std::string> texts;
    std::vector<bool> right;
    for (std::size_t i = kShown; i < std::min(c.split.train.size(), kShown + kFitted); ++i) {
        const Item& item = c.item(c.split.train[i]);
        texts.push_back(item.output), right.push_back(true);
        texts.push_back(item.input), right.push_back(false);
    }
    const auto ratios = judge.ratios(c, texts);
    std::tie(judge.offset_, judge.slope_) = logistic_curve(ratios, right);
    judge.count_ = static_cast<int>(texts.size());
    int n_right = 0;
    for (std::size_t i = 0; i < texts.size(); ++i)
        n_right += (judge.offset_ + judge.slope_ * ratios[i] > 0) == right[i];
    // With a falling curve the prompts make the wrong style likelier: such a judge must not be used.
    judge.accuracy_ = judge.slope_ > 0 ? static_cast<double>(n_right) / judge.count_ : 0;
    return judge;
}

std::vector<double> SecondJudge::ratios(TaskContext& c, std::span<const std::string> texts) const {
    const Model& model = c.engine.model();
    std::vector<Row> rows;
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string text = one_line(texts[i]);
        if (text.empty()) continue;
        Row pair[2];  // after sentences of the wanted style, and of the other
        for (std::size_t k = 0; k < 2; ++k) {
            const std::string& prompt = k == 0 ? wanted_ : other_;
            pair[k].prompt = model.tokenize_prompt(prompt);
            pair[k].forced = model.continuation(prompt, " " + text);
        }
        if (pair[0].forced.empty() || pair[1].forced.empty()) continue;
        of.push_back(i);
        for (Row& row : pair) rows.push_back(std::move(row));
    }
    const ProgressScope progress(
        c.engine, [&](std::size_t done, std::size_t all) { c.step("second judge of style", done, all); });
    std::vector<double> out(texts.size(), 0.0);
    if (rows.empty()) return out;
    const auto results = c.engine.fork(rows);
    const auto mean = [](const RowResult& r) {
        double sum = 0;
        for (const float l : r.forced_logprob) sum += static_cast<double>(l);
        return sum / static_cast<double>(r.forced_logprob.size());
    };
    for (std::size_t k = 0; k < of.size(); ++k)
        if (const double ratio = mean(results[2 * k]) - mean(results[2 * k + 1]); std::isfinite(ratio))
            out[of[k]] = ratio;
    return out;
}

std::shared_ptr<const SecondJudge> second_judge_of(TaskContext& c) {
    if (!c.second_judge) c.second_judge = std::make_shared<const SecondJudge>(SecondJudge::calibrate(c));
    return c.second_judge;
}

void add_second_judge(TaskContext& c, std::span<const Candidate> candidates,
                      std::vector<ItemRecord>& records) {
    const auto judge = second_judge_of(c);
    if (!judge->is_usable()) return;
    std::vector<std::string> texts;
    std::vector<ItemRecord*> of;
    for (std::size_t r = 0; r < records.size(); ++r) {
        const Kind kind = candidates[r % candidates.size()].kind;
        if (kind != Kind::baseline && kind != Kind::chosen) continue;
        texts.push_back(parse_answer(records[r].generated.value_or("")));
        of.push_back(&records[r]);
    }
    const auto scores = judge->score(c, texts);
    for (std::size_t i = 0; i < of.size(); ++i)
        of[i]->scores["second_judge"] = of[i]->scores.at("broken_text") > 0 ? 0 : scores[i];
}

std::vector<double> SecondJudge::score(TaskContext& c, std::span<const std::string> texts) const {
    std::vector<double> out;
    for (const double ratio : ratios(c, texts)) out.push_back(logistic(offset_ + slope_ * ratio));
    for (std::size_t i = 0; i < texts.size(); ++i)
        if (one_line(texts[i]).empty()) out[i] = 0.5;
    return out;
}

}  // namespace tiller::study
