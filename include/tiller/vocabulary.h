// What a steering vector says in the model's own words: the tokens its direction points at, and vectors
// rebuilt from nothing but these tokens (arXiv 2310.15213, section 3.2).
#pragma once

#include <cstdint>
#include <vector>

#include "tiller/engine.h"
#include "tiller/method.h"
#include "tiller/vector.h"

namespace tiller {

/// The most likely tokens of one direction.
struct VocabularyReading {
    int layer = 0;                     ///< The direction's layer; the reading does not depend on it.
    std::vector<TokenLogprob> top;     ///< Most likely first; log-probabilities over the whole vocabulary.
    std::vector<float> watch_logprob;  ///< Of ReadOptions::watch, in their order.
    std::vector<int> watch_rank;       ///< The same tokens' ranks; 0 = most likely.
};

struct ReadOptions {
    int n_top = 20;                 ///< Tokens wanted, [1, n_vocab].
    int layer = -1;                 ///< Only the direction of this layer; -1 = all.
    float scale = 1;                ///< Factor on the direction; -1 reads what it points away from.
    std::vector<Token> watch = {};  ///< Tokens whose log-probability and rank are wanted.
};

/// D(v) = softmax(W_U LN_f(v)) of each direction v (arXiv 2310.15213, section 3.2), by rising layer. The
/// engine computes it: in a row of one token the residual stream after the last layer is replaced by v, so
/// that the model's own final norm, output head and whatever else it does to logits are applied. Throws
/// bad_input (a vector of another width than the model's or with operation project, a direction that is zero
/// or drives logits to infinity), usage (no such layer, n_top or scale out of range); errors of the engine
/// pass through.
std::vector<VocabularyReading> read_vocabulary(Engine& engine, const SteeringVector& vector,
                                               const ReadOptions& options = {});

struct ReconstructOptions {
    int n_token = 100;        ///< K, [2, n_vocab]. The paper uses 100 and the whole vocabulary.
    int layer = -1;           ///< Only the direction of this layer; -1 = all.
    int n_step = 1000;        ///< Steps of gradient descent at most, at least 1.
    double step_size = 0.05;  ///< Adam's first step size for a direction scaled to a mean square of 1; it
                              ///< falls to 0 in a straight line.
    double enough = 1e-6;     ///< Stop when the loss (nats) is at or below this.
    /// Normalise q over the K tokens only: their order and ratios are matched, whatever other tokens do.
    bool restricted = false;
    std::uint64_t seed = 0;  ///< Of the random start.
};

/// What became of one direction.
struct ReconstructionFit {
    int layer = 0;
    int n_step = 0;  ///< Steps taken.
    /// Of the random start: KL of D(v) from it, both normalised over the K tokens; nats.
    double kl_first = 0;
    double kl_last = 0;       ///< The same of the result.
    double mass = 0;          ///< Probability of the K tokens under D(v), the whole vocabulary.
    double mass_rebuilt = 0;  ///< The same under D(v_hat).
    int n_shared = 0;         ///< Tokens of the K that are among the top K of D(v_hat), too.
    double cosine = 0;        ///< Between v and v_hat.
};

struct Reconstruction {
    SteeringVector vector;                ///< Applied as the given one is; method "reconstruction".
    std::vector<ReconstructionFit> fits;  ///< One per layer, rising.
};

/// Another vector with the same top-K vocabulary (arXiv 2310.15213, section 3.2: how much of a function
/// vector is in the words it points at?). For each direction v, v_hat minimises the cross-entropy -sum p log
/// q less its constant. p is D(v) restricted to its top K tokens and normalised; q is D(v_hat) over the whole
/// vocabulary. This is the reference code's loss: KL over the K tokens minus the log of their mass.
/// q's denominator has only some of the other tokens: ten times on the way, those that v_hat makes likely are
/// looked up and added. Adam starts at a random normal point and stays on the sphere of v's norm; the same
/// call gives the same vector. Needs about 4 * min(45 K, n_vocab) * n_embd bytes. Throws usage (options out
/// of range), environment (not enough memory), unsupported when the output head read from the file does not
/// give the engine's own distribution, and what read_vocabulary() throws. `progress` gets (steps done, steps
/// in all) and may throw to stop.
Reconstruction reconstruct_vocabulary(Engine& engine, const SteeringVector& vector,
                                      const ReconstructOptions& options = {}, const Progress& progress = {});

}  // namespace tiller
