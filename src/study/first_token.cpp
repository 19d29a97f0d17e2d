#include "study/first_token.h"
#include "study/progress_scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/util.h"
#include "methods/inputs.h"
#include "tiller/error.h"

namespace tiller::study {
namespace {

Row row_of(const Engine& engine, const Prompt& prompt) {
    Row row;
    row.prompt = engine.model().tokenize_prompt(prompt.text);
    row.watch = answer_tokens(engine.model(), prompt);
    if (row.watch.empty())
        throw Error(Code::bad_input, fmt::format("item {}: no right answer gives a token after its prompt; "
                                                 "expected at least one: mend the task file",
                                                 prompt.item));
    return row;
}

HitsRecord record_of(std::span<const RowResult> results) {
    HitsRecord record;
    for (const RowResult& r : results) {
        const float best = *std::max_element(r.watch_logprob.begin(), r.watch_logprob.end());
        const bool good = !r.broken && std::isfinite(best);
        record.hits += good && *std::min_element(r.watch_rank.begin(), r.watch_rank.end()) == 0 ? '1' : '0';
        record.logprobs.push_back(good ? std::round(static_cast<double>(best) * 1e6) / 1e6
                                       : std::numeric_limits<double>::quiet_NaN());
    }
    return record;
}

void add(const HitsRecord& record, std::size_t at, ItemScores& scores) {
    scores.hit.push_back(record.hits.at(at) == '1');
    scores.logprob.push_back(record.logprobs.at(at));
}

}  // namespace

std::vector<Token> answer_tokens(const Model& model, const Prompt& prompt) {
    std::vector<Token> tokens;
    for (const auto& target : prompt.targets) {
        const auto continuation = model.continuation(prompt.text, target);
        if (continuation.empty()) continue;
        require_follows(model, prompt.text, target, continuation);
        tokens.push_back(continuation.front());
    }
    return tokens;
}

std::vector<ItemScores> score_forks(Engine& engine, Journal& journal, const std::string& name,
                                    const std::string& key, std::span<const Prompt> prompts,
                                    std::span<const std::vector<Edit>> settings, const Progress& progress) {
    std::vector<ItemScores> scores(settings.size());
    for (std::size_t i = 0; i < prompts.size(); ++i) {
        const std::string unit =
            fmt::format("{}/{}#{}", name, prompts[i].item,
                        Digest().add(key).add(name).add(prompts[i].text).hex().substr(0, 16));
        if (!journal.has(unit)) {
            std::vector<Row> rows(settings.size(), row_of(engine, prompts[i]));
            for (std::size_t k = 0; k < settings.size(); ++k) rows[k].edits = settings[k];
            journal.append<HitsRecord>(unit, {record_of(engine.fork(rows))});
        }
        const auto record = journal.records<HitsRecord>(unit).at(0);
        for (std::size_t k = 0; k < settings.size(); ++k) add(record, k, scores[k]);
        if (progress) progress(i + 1, prompts.size());
    }
    return scores;
}

ItemScores score_unsteered(Engine& engine, Journal& journal, const std::string& name, const std::string& key,
                           std::span<const Prompt> prompts, const Progress& progress) {
    Digest digest;
    digest.add(key).add(name);
    for (const Prompt& prompt : prompts) digest.add(prompt.text);
    const std::string unit = fmt::format("{}#{}", name, digest.hex().substr(0, 16));
    if (!journal.has(unit)) {
        std::vector<Row> rows;
        for (const Prompt& prompt : prompts) rows.push_back(row_of(engine, prompt));
        const ProgressScope shown(engine, progress);
        journal.append<HitsRecord>(unit, {record_of(engine.run(rows))});
    }
    ItemScores scores;
    const auto record = journal.records<HitsRecord>(unit).at(0);
    for (std::size_t i = 0; i < prompts.size(); ++i) add(record, i, scores);
    return scores;
}

}  // namespace tiller::study
