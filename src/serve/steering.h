// The field "steering" of a request: from JSON or text to data, from data and the store to edits.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/fields.h"
#include "serve/vector_store.h"
#include "tiller/edit.h"

namespace tiller::serve {

/// One vector as a request asks for it.
struct SteeringTerm {
    std::string path;            ///< Its place in the request, for errors.
    std::string name_path;       ///< The place of `name`.
    std::string name;            ///< Of the store; empty: `data` has the file.
    std::string data;            ///< The GGUF file's bytes.
    std::optional<float> scale;  ///< Strength; absent = the vector's own.
    std::vector<int> layers;     ///< Empty = all of the vector's.
    std::optional<Positions::Kind>
        prompt;  ///< all, last_prompt, or generated for "none"; absent = the vector's.
    std::optional<Positions::Kind> positions;  ///< In place of prompt and generation: the text form's.
    std::optional<bool> generation;            ///< Absent = the vector's.
};
/// What one choice is steered by; empty = unsteered.
using SteeringTerms = std::vector<SteeringTerm>;

inline constexpr std::size_t kMostTerms = 64;  ///< Vectors of one choice, however they are written.

/// The parsed field.
struct SteeringField {
    bool given = false;                  ///< Not absent, null or "".
    bool is_list = false;                ///< An entry per choice; otherwise one for all.
    std::vector<SteeringTerms> entries;  ///< At least one.

    const SteeringTerms& of_choice(std::size_t i) const { return entries[is_list ? i : 0]; }
};

/// Reads the text form: "formal:0.7@8-12", "0.7 formal + -0.2 verbose". Throws Problem 400 that names `path`.
SteeringTerms parse_steering_text(std::string_view text, const std::string& path);

/// Reads the field, of which `value` is null where it is absent. Throws Problem 400.
SteeringField parse_steering(const Json* value, const std::string& path);

/// What is done to one row.
struct Steering {
    std::vector<Edit> edits;
    Json applied;  ///< {"applied": [...], "edits": n}; null when unsteered.
};

/// Looks names up and makes the edits. As on the command line, vectors that turn the same site share its turn
/// (share_turns()). Throws Problem 400 (a layer that the vector does not have), 404, 409.
Steering apply_steering(const SteeringTerms& terms, const VectorStore& store);

}  // namespace tiller::serve
