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

SteeringVector only_layers(SteeringVector vector, int first, int last) {
    if (first < 0 || last < first)
        throw Error(Code::usage,
                    fmt::format("layers {} to {}: expected a range whose first layer is at least 0 "
                                "and at most the last",
                                first, last),
                    Topic::layers);
    std::vector<int> held;
    for (const auto& [layer, direction] : vector.directions) held.push_back(layer);
    std::erase_if(vector.directions,
                  [first, last](const auto& item) { return item.first < first || item.first > last; });
    if (vector.directions.empty())
        throw Error(
            Code::usage,
            fmt::format("layers {} to {}: steering vector {} has no direction there, only in {}", first, last,
                        printable(vector.method), held.empty() ? "none" : layers_text(held)),
            Topic::layers);
    vector.provenance.settings["layers"] =
        first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    return vector;
}

void save_vector(const SteeringVector& vector, const std::filesystem::path& path) {
    write_file_atomic(
        path, vector_to_bytes(vector, {path.string(), "Nothing was written; correct the vector first."}));
}

SteeringVector load_vector(const std::filesystem::path& path) {
    const Checked checked{
        path.string(), "The file is damaged or not a steering vector: copy it again, or extract it again."};
    // Checked before reading: a pipe would block, a device might never end, and a model file is too large to
    // be read only to be refused.
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
