// The vectors that requests name, each ready to use.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "serve/fields.h"
#include "tiller/vector.h"

namespace tiller::serve {

/// A vector that fits the model. Immutable; edits at strength 1 share its buffers with all rows, so that rows
/// with the same vector are recognised without comparing values.
struct StoredVector {
    std::string name;    ///< Empty for one that came with a request.
    std::string digest;  ///< "sha256:" and 64 hex digits, of the file's bytes.
    std::string bytes;   ///< The file.
    SteeringVector vector;
    std::vector<Edit> edits;  ///< One per layer, by rising layer, strength 1.

    Json description() const;
};
using VectorPointer = std::shared_ptr<const StoredVector>;

/// Letters, digits, '.', '_' and '-', at most 64 of them, the first a letter or digit.
bool is_vector_name(std::string_view name);
/// Throws Problem 400, for the field "name", unless it is one.
void check_vector_name(const std::string& name);

/// Thread-safe.
class VectorStore {
public:
    /// Uploads and extractions may take `max_bytes` in all.
    VectorStore(ModelInfo info, std::uint64_t max_bytes) : info_(std::move(info)), max_bytes_(max_bytes) {}

    /// Reads a file's bytes without storing them. Throws Problem: 400 (no vector, a raw extraction), 409
    /// vector_model_mismatch; `param` is the place in the request.
    VectorPointer read(std::string name, std::string bytes, const std::string& param) const;

    /// Stores what read() or make() gave. Storing the same bytes under the same name again is no error.
    /// Throws
    /// Problem 409 vector_exists unless `replace`, 413 when `max_bytes` would be exceeded.
    void add(VectorPointer vector, bool replace);
    /// Serialises a vector that the server extracted.
    VectorPointer make(std::string name, const SteeringVector& vector) const;

    /// Throws Problem 404 vector_not_found, naming similar ones.
    VectorPointer find(const std::string& name, const std::string& param) const;
    void remove(const std::string& name);
    /// By name.
    std::vector<VectorPointer> all() const;

    const ModelInfo& info() const { return info_; }

private:
    ModelInfo info_;
    std::uint64_t max_bytes_;
    mutable std::mutex mutex_;
    std::map<std::string, VectorPointer> vectors_;
    std::uint64_t n_bytes_ = 0;
};

}  // namespace tiller::serve
