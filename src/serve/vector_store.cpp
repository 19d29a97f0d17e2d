#include "serve/vector_store.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "core/names.h"
#include "core/near_names.h"
#include "core/numbers.h"
#include "core/util.h"
#include "serve/problem.h"
#include "tasks/json_events.h"
#include "tiller/error.h"
#include "vectors/vector_format.h"

namespace tiller::serve {
namespace {

Checked checked(const std::string& name) {
    return {name.empty() ? std::string("the vector") : fmt::format("vector {}", name),
            "Send a GGUF file that tiller, llama.cpp or repeng wrote."};
}

}  // namespace

bool is_vector_name(std::string_view name) {
    const auto is_alnum = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    };
    return !name.empty() && name.size() <= 64 && is_alnum(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

void check_vector_name(const std::string& name) {
    if (is_vector_name(name)) return;
    throw Problem(400, "invalid_value",
                  fmt::format("name: {} is no name of a vector (letters, digits, '.', '_', '-', at most 64)",
                              excerpt(name)),
                  "name");
}

Json StoredVector::description() const {
    std::vector<int> layers;
    for (const Edit& edit : edits) layers.push_back(edit.layer);
    return {{"id", name},
            {"name", name},
            {"object", "vector"},
            {"digest", digest},
            {"method", valid_utf8(vector.method)},
            {"task", valid_utf8(vector.provenance.task)},
            {"operation", operation_name(vector.operation)},
            {"site", site_name(vector.site)},
            {"positions", positions_name(vector.positions)},
            {"layers", layers},
            {"scale", shortest(vector.scale)},
            {"bytes", bytes.size()}};
}

VectorPointer VectorStore::read(std::string name, std::string bytes, const std::string& param) const {
    auto stored = std::make_shared<StoredVector>();
    try {
        stored->vector = vector_from_bytes(bytes, checked(name));
        if (stored->vector.extraction)
            throw Error(
                Code::bad_input,
                fmt::format("{} is a raw extraction, all that a method read before a setting was chosen; "
                            "send a vector that `tiller extract` or a comparison's winners/ holds",
                            checked(name).subject));
        if (is_zero(stored->vector))
            reject(checked(name), "its direction", "0 in all layers", "one that changes something");
        stored->edits = edits_of(stored->vector, 1.0f);
    } catch (const Error& error) {
        throw Problem(400, "invalid_value", valid_utf8(error.what()), param);
    }
    try {
        require_match(stored->vector, info_, false, checked(name).subject);
    } catch (const Error& error) {
        throw Problem(409, "vector_model_mismatch", valid_utf8(error.what()), param);
    }
    stored->digest = "sha256:" + sha256(bytes);
    stored->name = std::move(name);
    stored->bytes = std::move(bytes);
    return stored;
}

VectorPointer VectorStore::make(std::string name, const SteeringVector& vector) const {
    std::string bytes = vector_to_bytes(vector, checked(name));
    return read(std::move(name), std::move(bytes), "");
}

void VectorStore::add(VectorPointer vector, bool replace) {
    const std::lock_guard lock(mutex_);
    const auto found = vectors_.find(vector->name);
    const VectorPointer before = found == vectors_.end() ? nullptr : found->second;
    if (before && before->digest == vector->digest) return;
    if (before && !replace)
        throw Problem(409, "vector_exists",
                      fmt::format("there is another vector {} ({}); choose another name, or replace it with "
                                  "?replace=true",
                                  vector->name, before->digest),
                      "name");
    const std::uint64_t others = n_bytes_ - (before ? before->bytes.size() : 0);
    if (others + vector->bytes.size() > max_bytes_)
        throw Problem(
            413, "too_large",
            fmt::format("the vectors here hold {} of at most {} bytes and this one has {}; delete some",
                        n_bytes_, max_bytes_, vector->bytes.size()));
    n_bytes_ = others + vector->bytes.size();
    vectors_[vector->name] = std::move(vector);
}

VectorPointer VectorStore::find(const std::string& name, const std::string& param) const {
    const std::lock_guard lock(mutex_);
    if (const auto it = vectors_.find(name); it != vectors_.end()) return it->second;
    std::vector<std::string> names;
    for (const auto& [known, vector] : vectors_) names.push_back(known);
    const auto near = near_names(name, names);
    if (!near.empty()) names = near;
    if (names.size() > 10) names.resize(10);
    throw Problem(
        404, "vector_not_found",
        fmt::format("there is no vector {}{}", printable(name),
                    names.empty() ? ", and no other; upload one"
                                  : fmt::format("{} {}", near.empty() ? "; there are" : ", did you mean",
                                                fmt::join(names, ", "))),
        param);
}

void VectorStore::remove(const std::string& name) {
    const VectorPointer vector = find(name, "");
    const std::lock_guard lock(mutex_);
    if (vectors_.erase(name) > 0) n_bytes_ -= vector->bytes.size();
}

std::vector<VectorPointer> VectorStore::all() const {
    const std::lock_guard lock(mutex_);
    std::vector<VectorPointer> vectors;
    for (const auto& [name, vector] : vectors_) vectors.push_back(vector);
    return vectors;
}

}  // namespace tiller::serve
