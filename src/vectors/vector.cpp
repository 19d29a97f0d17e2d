#include "tiller/vector.h"

#include <fmt/format.h>

#include <cmath>

#include "core/util.h"
#include "tiller/error.h"
#include "vectors/gguf_reader.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

Checked in_memory(const SteeringVector& vector) {
    return {fmt::format("steering vector {}", printable(vector.method)),
            "Extract it again or correct the caller."};
}

}  // namespace

std::string head_score_name(const SteeringVector& vector) {
    const auto it = vector.provenance.settings.find("head_score");
    return it == vector.provenance.settings.end() ? "AIE" : it->second;
}

std::vector<Edit> edits_of(const SteeringVector& vector, float strength) {
    if (!std::isfinite(strength))
        throw Error(Code::usage, fmt::format("strength is {}, expected a finite number", strength));
    if (vector.extraction)
        throw Error(
            Code::usage,
            fmt::format("{} is a raw extraction (all that the method read, before a setting was chosen) "
                        "and no vector to apply; make one with the method's builder",
                        in_memory(vector).subject));
    check_vector(vector, in_memory(vector));
    std::vector<Edit> edits;
    for (const auto& [layer, direction] : vector.directions) {
        Edit edit;
        edit.site = vector.site;
        edit.layer = layer;
        edit.operation = vector.operation;
        edit.positions.kind = vector.positions;
        edit.vector = std::make_shared<const std::vector<float>>(direction);
        edit.strength = strength;
        edits.push_back(std::move(edit));
    }
    return edits;
}

void require_match(const SteeringVector& vector, const ModelInfo& info, bool force) {
    const Provenance& from = vector.provenance;
    std::string differences;
    const auto differs = [&](const char* what, const std::string& in_vector, const std::string& in_model) {
        differences += fmt::format("{} {} is {}, the model's is {}", differences.empty() ? "" : ";", what,
                                   in_vector, in_model);
    };
    const auto compare_text = [&](const char* what, const std::string& in_vector,
                                  const std::string& in_model) {
        // Empty means not known: plain control vectors of other tools say little about their model.
        if (!in_vector.empty() && !in_model.empty() && in_vector != in_model)
            differs(what, printable(in_vector), printable(in_model));
    };
    const auto compare_count = [&](const char* what, int in_vector, int in_model) {
        if (in_vector != 0 && in_vector != in_model)
            differs(what, fmt::format("{}", in_vector), fmt::format("{}", in_model));
    };

    compare_count("n_layer", from.n_layer, info.n_layer);
    compare_count("n_embd", from.n_embd, info.n_embd);
    for (const auto& [layer, direction] : vector.directions) {
        if (layer < 0 || layer >= info.n_layer)
            differs("layer of a direction", fmt::format("{}", layer), fmt::format("[0, {})", info.n_layer));
        if (!fits_width(vector.operation, direction.size(), static_cast<std::size_t>(info.n_embd)))
            differs(fmt::format("length of direction.{}", layer).c_str(), fmt::format("{}", direction.size()),
                    fmt::format("{}", info.n_embd));
    }
    const bool shapes_fit = differences.empty();
    if (!force) {
        compare_text("architecture", from.architecture, info.architecture);
        compare_text("quantisation", from.quantisation, info.quantisation);
        compare_text("tokenizer_digest", from.tokenizer_digest, info.tokenizer_digest);
        compare_text("model_digest", from.model_digest, info.digest);
    }
    if (differences.empty()) return;
    throw Error(
        Code::bad_input,
        fmt::format(
            "steering vector {} (model {}) does not belong to model {}: the vector's{}. Extract a "
            "vector with this model{}",
            printable(vector.method), printable(from.model_name), printable(info.name), differences,
            shapes_fit ? ", or force the pairing (its shapes fit)." : "; its shapes cannot fit this one."));
}

void save_vector(const SteeringVector& vector, const std::filesystem::path& path) {
    write_file_atomic(
        path, vector_to_bytes(vector, {path.string(), "Nothing was written; correct the vector first."}));
}

SteeringVector load_vector(const std::filesystem::path& path) {
    const Checked checked{
        path.string(), "The file is damaged or not a steering vector: copy it again, or extract it again."};
    // A pipe would block, a device would never end, and a large model should not be read to say that it is
    // large.
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status))
        reject(checked, "the path", "no regular file", "a GGUF file");
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error && size > gguf::max_file_bytes)
        reject(checked, "size", fmt::format("{} bytes", size),
               fmt::format("at most {}", gguf::max_file_bytes));
    return vector_from_bytes(read_file(path, gguf::max_file_bytes), checked);
}

}  // namespace tiller
