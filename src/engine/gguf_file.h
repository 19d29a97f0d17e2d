// What tiller reads from a model's GGUF file by itself: metadata checks before the engine sees the file
// (it aborts the process on some values), shapes, and single tensors.
#pragma once

#include <ggml.h>
#include <gguf.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/model_parts.h"

namespace tiller::engine {

/// One part of a model, metadata only.
class GgufFile {
public:
    /// Throws missing or bad_input.
    explicit GgufFile(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    bool has(const std::string& key) const;
    /// Values of a key; throw bad_input when the key has another type. nullopt when absent.
    std::optional<std::string> string(const std::string& key) const;
    std::optional<std::int64_t> integer(const std::string& key) const;
    std::optional<double> real(const std::string& key) const;
    std::optional<bool> boolean(const std::string& key) const;
    /// An array of strings; empty when absent. They live as long as the file, those of the tokenizer until
    /// they are forgotten.
    std::vector<std::string_view> strings(const std::string& key) const;
    /// An integer key or an array of integers: one value per layer.
    std::optional<std::vector<std::int64_t>> per_layer(const std::string& key, int n_layer) const;

    /// Shape and type, or null.
    const ggml_tensor* tensor(const std::string& name) const;
    /// All values as float32, ggml order (ne[0] fastest). Throws bad_input (not in this file, unknown type).
    std::vector<float> values(const std::string& name) const;
    /// Some rows of a matrix [n_row][ne[0]] as float32, in the order asked for; only these are read from
    /// disk. Throws bad_input (not in this file, no such row, unknown type).
    std::vector<float> rows(const std::string& name, std::span<const std::int32_t> rows) const;
    /// A tensor's bytes as they are in the file. Throws bad_input.
    std::vector<std::uint8_t> bytes(const std::string& name) const;

    const gguf_context* gguf() const { return gguf_.get(); }
    /// Frees the arrays of the tokenizer, which take tens of megabytes that the engine holds as well.
    void forget_tokenizer();

private:
    std::vector<float> to_float(const ggml_tensor& tensor, const std::vector<std::uint8_t>& raw) const;
    std::uint64_t offset_of(const std::string& name) const;
    struct FreeGguf {
        void operator()(gguf_context* p) const { gguf_free(p); }
    };
    struct FreeGgml {
        void operator()(ggml_context* p) const { ggml_free(p); }
    };
    std::filesystem::path path_;
    std::unique_ptr<gguf_context, FreeGguf> gguf_;
    std::unique_ptr<ggml_context, FreeGgml> tensors_;
};

/// Throws bad_input with the file's name in front.
[[noreturn]] void bad(const GgufFile& file, const std::string& what);

/// Refuses metadata that the engine would abort on or that no transformer decoder has.
/// Throws bad_input or unsupported, naming the key, the value and what was expected.
void check_metadata(const GgufFile& file);

/// Refuses tensors of types that the engine's graphs abort on. For every part of a model. Throws bad_input.
void check_tensors(const GgufFile& file);

/// For architectures that turn positions into heads (RoPE): refuses a file that says 0 values of each are
/// turned, with which the engine's first step never ends. Throws bad_input.
void check_turned(const GgufFile& file, const std::string& architecture);

}  // namespace tiller::engine
