// Draws the tokens of one row.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "engine/handles.h"
#include "engine/vocabulary_pass.h"
#include "tiller/row.h"

namespace tiller::engine {

class Sampler {
public:
    /// `sampling`, whose values validate_rows has seen, must outlive the sampler.
    Sampler(const Sampling& sampling, std::span<const Token> prompt);
    /// The next token after these logits [n_vocab], whose largest is `best`. Each call draws one and counts
    /// it among the generated ones.
    Token draw(std::span<const float> logits, const Peak& best);

private:
    bool changes_logits() const;
    std::span<const float> adjusted(std::span<const float> logits);
    Token choose(std::span<const float> logits, const Peak& best);

    const Sampling* sampling_;
    SamplerHandle chain_;               // null: greedy
    std::map<Token, int> n_generated_;  // 0 for tokens of only the prompt; filled when penalties need it
    std::vector<float> adjusted_;
    std::vector<llama_token_data> candidates_;
};

}  // namespace tiller::engine
