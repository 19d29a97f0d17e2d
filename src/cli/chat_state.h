// A conversation of `tiller chat`: what was said, and how the next answer is made.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/vector_argument.h"
#include "tiller/chat.h"
#include "tiller/row.h"

namespace tiller::cli {

/// A vector that answers are steered with.
struct ChatVector {
    std::string name;    ///< The file's name without its ending; two may have the same.
    std::string path;    ///< Absolute.
    std::string digest;  ///< SHA-256 of the file, hex.
    LayerRange layers;   ///< That were asked for; not given = all.
    SteeringVector vector;
    float scale = 1;  ///< Strength, as after a colon on the command line.
};

/// One of the answers that were made side by side.
struct ChatAnswer {
    float strength = 0;  ///< 0: unsteered.
    std::string text;    ///< Valid UTF-8.
    Finish finish = Finish::unfinished;
};

struct ChatState {
    std::string system;                 ///< System message; empty = none.
    std::vector<ChatMessage> messages;  ///< User and assistant in turn, complete turns only.
    std::vector<ChatVector> vectors;
    bool steering = true;
    /// Answers at these strengths side by side, each in place of all vectors' scales; the first is 0. Empty:
    /// one answer, each vector at its own scale.
    std::vector<float> strengths;
    float temperature = 0.7f, top_p = 0.95f;
    int top_k = 0;
    int n_token = 512;  ///< Longest answer.
    std::uint64_t seed = 0;
    std::uint64_t n_answer = 0;  ///< Answers drawn so far: each has its own seed, seed + n_answer.

    // Not saved.
    std::string unanswered;           ///< A message that got no answer and is not in `messages`.
    std::vector<ChatAnswer> answers;  ///< Of the last turn, where there were several.

    /// Would the next message get several answers?
    bool is_side_by_side() const { return steering && !vectors.empty() && !strengths.empty(); }
    Sampling sampling() const {
        return {temperature, top_p, top_k, static_cast<std::uint32_t>(seed + n_answer)};
    }
};

/// The vector of "FILE[:scale][:positions][@A-B]", checked against the model. Throws as load_checked().
ChatVector load_chat_vector(const std::string& argument, const ModelInfo& info, const Globals& globals,
                            const LayerRange& otherwise = {});

/// The edits of all vectors: none while steering is off. With `strength`, that in place of all scales; at 0
/// there are none.
std::vector<Edit> edits_of_chat(const ChatState& state, std::optional<float> strength = {});

/// "0,0.4,0.8" as strengths: 0 is prepended if missing, duplicates are dropped. Throws usage.
std::vector<float> parse_strengths(const std::string& text);

/// A finite number. Throws usage, naming `what`.
float parse_number(const std::string& what, const std::string& text);

/// Writes the conversation as JSON (docs/formats.md), atomically. Throws environment.
void save_chat(const ChatState& state, const ModelInfo& info, const std::filesystem::path& path);

/// Reads one. Vectors are read again from their files, which must be the same bytes. Notes (the conversation
/// was with another model) go to standard error. Throws missing, bad_input.
ChatState load_chat(const std::filesystem::path& path, const ModelInfo& info, const Globals& globals);

}  // namespace tiller::cli
