#include "methods/inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/util.h"
#include "tiller/error.h"

namespace tiller {

int option(const MethodInput& in, const char* key, int fallback) {
    const auto it = in.options.find(key);
    return it == in.options.end() ? fallback : static_cast<int>(it->second);
}

std::vector<Pair> pairs_of(const MethodInput& in) { return pairs_of(in, option(in, "n_pairs", 100)); }

std::vector<Pair> pairs_of(const MethodInput& in, int n) {
    const auto is_on = [&](const char* key) { return option(in, key, 0) != 0; };
    if (!in.pairs.empty()) {
        const auto some = in.pairs.first(std::min(in.pairs.size(), static_cast<std::size_t>(std::max(n, 0))));
        return {some.begin(), some.end()};
    }
    auto pairs = make_pairs(in.task, in.train, n, in.unrelated, in.seed, !is_on("pairs_unstripped"), in.form,
                            {is_on("pairs_repeat"), is_on("pairs_keep_end"), is_on("pairs_bare")});
    if (pairs.empty())
        throw Error(
            Code::bad_input,
            fmt::format("task {}: no pairs to learn from; expected at least one item and n_pairs of 1 or "
                        "more",
                        in.task.name));
    return pairs;
}

std::vector<std::string> positives_of(const MethodInput& in) {
    std::vector<std::string> texts;
    for (const Pair& pair : pairs_of(in)) texts.push_back(pair.positive);
    return texts;
}

std::vector<std::string> texts_of(std::span<const Prompt> prompts) {
    std::vector<std::string> texts;
    for (const Prompt& prompt : prompts) texts.push_back(prompt.text);
    return texts;
}

std::vector<std::string> texts_of(std::span<const Pair> pairs) {
    std::vector<std::string> texts;
    for (const Pair& pair : pairs) texts.insert(texts.end(), {pair.negative, pair.positive});
    return texts;
}

std::string prompts_digest(std::span<const std::string> texts) {
    Digest digest;
    for (const auto& text : texts) digest.add(text);
    return digest.hex();
}

std::string prompts_digest(std::span<const Pair> pairs) {
    Digest digest;
    for (const Pair& pair : pairs) digest.add(pair.negative).add(pair.positive);
    return digest.hex();
}

void require_follows(const Model& model, const std::string& prompt, const std::string& target,
                     std::span<const Token> answer) {
    const std::size_t whole = model.tokenize_prompt(prompt + target).size();
    if (model.tokenize_prompt(prompt).size() + answer.size() == whole) return;
    const auto end = prompt.size() - std::min<std::size_t>(prompt.size(), 12);
    throw Error(
        Code::bad_input,
        fmt::format("the target \"{}\" cannot follow its prompt, which ends in \"{}\": the tokenizer "
                    "joins the two. Expected a prompt that ends before the blank, and a target that begins "
                    "with it: take the blank from the end of every prompt",
                    valid_utf8(target), valid_utf8(prompt.substr(end))));
}

}  // namespace tiller
