// A steering vector: directions, how to apply them, and where they came from. Read and written as GGUF;
// the directions are the `direction.N` tensors that other tools know as control vectors. For files that other
// tools read, see tiller/export.h.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tiller/edit.h"
#include "tiller/model.h"

namespace tiller {

/// One attention head and its average indirect effect, or what else its method ranks heads by
/// (head_score_name()).
struct HeadEffect {
    int layer = 0;
    int head = 0;
    float aie = 0;
};

/// Where a vector came from. Everything needed to refuse a wrong pairing and to make the vector again.
struct Provenance {
    std::string task;            ///< Task name, or the trials/pairs file's name.
    std::string prompts_digest;  ///< SHA-256 over every prompt used, in order.
    std::uint64_t seed = 0;
    std::string model_name;
    std::string model_digest;  ///< ModelInfo::digest.
    std::string tokenizer_digest;
    std::string architecture;
    std::string quantisation;
    int n_layer = 0;  ///< 0 = not known (vectors of other tools).
    int n_embd = 0;   ///< 0 = not known.
    std::string program_version;
    std::map<std::string, std::string>
        settings;                ///< Method's own options by name ("n_mean", "n_patch", ...).
    std::string weights_digest;  ///< ModelInfo::weights_digest; empty in vectors of earlier versions.
};

/// Was the vector made with this model? Compares the digests of the weights where both are known, so that
/// shards and one file are the same model; else the digests of the files.
bool is_model_of(const Provenance& provenance, const ModelInfo& info) noexcept;

/// A steering vector of any method.
struct SteeringVector {
    std::string method;          ///< "fv", "icv", "random", ...
    Site site = Site::residual;  ///< Not head_output: its width is not n_embd.
    Operation operation = Operation::add;
    Positions::Kind positions = Positions::Kind::steered;  ///< Not last_k or range: a vector holds no bounds.
    /// layer -> direction [n_embd], or [1 + n_row][n_embd] for Operation::project (each layer its own number
    /// of rows); the edit is made at `site` of that layer ("after this layer" for residual).
    std::map<int, std::vector<float>> directions;
    float scale = 1.0f;  ///< Default strength, for users who give none; alpha for ICV.
    /// All that a method extracted, before a setting was chosen: the input of Method::builder(), which gives
    /// the vectors to apply (there it is false). Applied as it is, it would edit every layer at once.
    bool extraction = false;

    // Only for methods that rank heads; empty otherwise.
    std::vector<HeadEffect> heads;        ///< Chosen heads, by falling score, ties by layer, then head.
    std::vector<std::vector<float>> aie;  ///< [n_layer][n_head]: the score, AIE unless head_score_name().
    std::vector<std::vector<float>> mean_head_output;  ///< [n_layer][n_head * d_head].

    Provenance provenance;
};

/// What the vector's heads are ranked by: the setting "head_score" of its provenance, "AIE" where there is
/// none.
std::string head_score_name(const SteeringVector& vector);
/// Does `aie` hold average indirect effects?
inline bool has_effects(const SteeringVector& vector) {
    return !vector.aie.empty() && !vector.provenance.settings.contains("head_score");
}

/// The edits that apply `vector` at `strength`, which takes the place of vector.scale: the two are not
/// multiplied. One edit per layer; the float buffers are shared by all rows that use the returned edits.
/// Throws usage (strength not finite, a raw extraction), bad_input (no directions, values that are not
/// finite, other broken rules).
std::vector<Edit> edits_of(const SteeringVector& vector, float strength);

/// The vector with only its directions of layers [first, last], both inclusive; the range is kept as the
/// setting "layers". Throws usage when the range is empty or the vector has no direction in it.
SteeringVector only_layers(SteeringVector vector, int first, int last);

/// Throws bad_input, naming every difference, when `vector` was made with another model than `info`. With
/// `force`, only shapes are compared (n_layer, n_embd, the directions). What is empty or 0 in the vector is
/// not known and not compared; the directions always are. The error has two lines, what differs and what to
/// do; `subject` (a file's path) comes first when given.
/// Returns notes, a sentence each, of what is no reason to refuse: another project's name of the same
/// architecture (Hugging Face's "gemma3_text" and "mistral" are the engine's "gemma3" and "llama"), a vector
/// that says nothing of its model, a vector that is 0.
std::vector<std::string> require_match(const SteeringVector& vector, const ModelInfo& info,
                                       bool force = false, const std::string& subject = {});

/// Writes a vector as GGUF (docs/formats.md): to a temporary file in the same folder, synced, then renamed.
/// Throws environment (disk, permission), bad_input (values that are not finite, wrong shapes).
void save_vector(const SteeringVector& vector, const std::filesystem::path& path);

/// Reads a vector. Untrusted input: every size is checked against the file before it is used. Vectors of
/// other tools (docs/formats.md, "Vectors of other tools") are read as method "control-vector", added to the
/// residual stream at all positions; what such a file knows of its model is in the provenance, the rest is
/// empty. A file that says that its directions are projected out is refused. Throws missing, bad_input.
SteeringVector load_vector(const std::filesystem::path& path);

/// Sum of weight * vector, layer by layer; all must have the same site, operation, positions and model. A
/// part that does not know its model (a vector of another tool) goes with every model of its width. Heads and
/// means are dropped; provenance.settings lists the parts ("part.0.weight", ...). `scale` is the parts' own
/// when they agree, else 1. Throws usage when there are no parts, they do not fit together, are raw
/// extractions, or project (the sum of two projections' rows projects on neither), and when a weight or a sum
/// is not finite; bad_input when the sum is 0.
SteeringVector combine(const std::vector<std::pair<SteeringVector, float>>& parts);

}  // namespace tiller
