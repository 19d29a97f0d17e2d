#include "engine/gguf_file.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <regex>

#include "tiller/error.h"

namespace tiller::engine {
namespace {

[[noreturn]] void bad(const GgufFile& file, const std::string& what) {
    throw Error(Code::bad_input, fmt::format("{}: {}", file.path().string(), what));
}

std::optional<std::int64_t> integer_at(const gguf_context* g, std::int64_t id) {
    switch (gguf_get_kv_type(g, id)) {
        case GGUF_TYPE_UINT8: return gguf_get_val_u8(g, id);
        case GGUF_TYPE_INT8: return gguf_get_val_i8(g, id);
        case GGUF_TYPE_UINT16: return gguf_get_val_u16(g, id);
        case GGUF_TYPE_INT16: return gguf_get_val_i16(g, id);
        case GGUF_TYPE_UINT32: return gguf_get_val_u32(g, id);
        case GGUF_TYPE_INT32: return gguf_get_val_i32(g, id);
        case GGUF_TYPE_INT64: return gguf_get_val_i64(g, id);
        case GGUF_TYPE_UINT64: {
            const auto v = gguf_get_val_u64(g, id);
            if (v > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
            return static_cast<std::int64_t>(v);
        }
        default: return std::nullopt;
    }
}

}  // namespace

GgufFile::GgufFile(const std::filesystem::path& path) : path_(path) {
    std::error_code ec;
    if (!std::filesystem::exists(path, ec))
        throw Error(Code::missing, fmt::format("no such model file: {} (see `tiller models` for known names)",
                                               path.string()));
    if (std::filesystem::is_directory(path, ec))
        throw Error(Code::bad_input, fmt::format("{} is a folder, expected a GGUF file", path.string()));
    ggml_context* tensors = nullptr;
    const gguf_init_params params{/*no_alloc*/ true, &tensors};
    gguf_.reset(gguf_init_from_file(path.c_str(), params));
    tensors_.reset(tensors);
    if (!gguf_)
        throw Error(Code::bad_input,
                    fmt::format("{} is not a whole GGUF file ({} bytes); expected a file that begins with \"GGUF\" and "
                                "a complete header; get it again",
                                path.string(), std::filesystem::file_size(path, ec)));
    // The header may be whole while the tensor data are cut off.
    const std::uint64_t size = std::filesystem::file_size(path, ec);
    for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf_.get()); ++i) {
        const std::uint64_t end = gguf_get_data_offset(gguf_.get()) + gguf_get_tensor_offset(gguf_.get(), i) +
                                  gguf_get_tensor_size(gguf_.get(), i);
        if (end > size)
            throw Error(Code::bad_input,
                        fmt::format("{} is truncated: tensor {} ends at byte {}, the file has {}; get it again",
                                    path.string(), gguf_get_tensor_name(gguf_.get(), i), end, size));
    }
}

bool GgufFile::has(const std::string& key) const { return gguf_find_key(gguf_.get(), key.c_str()) >= 0; }

std::optional<std::string> GgufFile::string(const std::string& key) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_STRING)
        bad(*this, fmt::format("key {} has type {}, expected a string", key,
                               gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return gguf_get_val_str(gguf_.get(), id);
}

std::optional<std::int64_t> GgufFile::integer(const std::string& key) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    const auto value = integer_at(gguf_.get(), id);
    if (!value)
        bad(*this, fmt::format("key {} has type {}, expected an integer", key,
                               gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return value;
}

std::optional<double> GgufFile::real(const std::string& key) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    switch (gguf_get_kv_type(gguf_.get(), id)) {
        case GGUF_TYPE_FLOAT32: return gguf_get_val_f32(gguf_.get(), id);
        case GGUF_TYPE_FLOAT64: return gguf_get_val_f64(gguf_.get(), id);
        default:
            bad(*this, fmt::format("key {} has type {}, expected a float", key,
                                   gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    }
}

std::optional<std::vector<std::int64_t>> GgufFile::per_layer(const std::string& key, int n_layer) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_ARRAY)
        return std::vector<std::int64_t>(static_cast<std::size_t>(n_layer), *integer(key));
    const auto type = gguf_get_arr_type(gguf_.get(), id);
    if (type != GGUF_TYPE_INT32 && type != GGUF_TYPE_UINT32)
        bad(*this, fmt::format("key {} is an array of {}, expected 32-bit integers", key, gguf_type_name(type)));
    const auto n = gguf_get_arr_n(gguf_.get(), id);
    if (n != static_cast<std::size_t>(n_layer))
        bad(*this, fmt::format("key {} has {} entries, expected one for each of {} layers", key, n, n_layer));
    const auto* data = static_cast<const std::int32_t*>(gguf_get_arr_data(gguf_.get(), id));
    return std::vector<std::int64_t>(data, data + n);
}

const ggml_tensor* GgufFile::tensor(const std::string& name) const {
    return tensors_ ? ggml_get_tensor(tensors_.get(), name.c_str()) : nullptr;
}

std::vector<float> GgufFile::values(const std::string& name) const {
    const ggml_tensor* t = tensor(name);
    const auto id = gguf_find_tensor(gguf_.get(), name.c_str());
    if (!t || id < 0) bad(*this, fmt::format("tensor {} is missing", name));
    const auto n = static_cast<std::size_t>(ggml_nelements(t));
    std::vector<char> raw(ggml_nbytes(t));
    std::ifstream in(path_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(gguf_get_data_offset(gguf_.get()) + gguf_get_tensor_offset(gguf_.get(), id)));
    in.read(raw.data(), static_cast<std::streamsize>(raw.size()));
    if (!in) bad(*this, fmt::format("tensor {} cannot be read in full ({} bytes)", name, raw.size()));
    std::vector<float> out(n);
    if (t->type == GGML_TYPE_F32) {
        std::copy_n(reinterpret_cast<const float*>(raw.data()), n, out.begin());
    } else if (const auto* traits = ggml_get_type_traits(t->type); traits && traits->to_float) {
        traits->to_float(raw.data(), out.data(), static_cast<std::int64_t>(n));
    } else {
        bad(*this, fmt::format("tensor {} has type {}, which cannot be converted to float32", name,
                               ggml_type_name(t->type)));
    }
    return out;
}

std::vector<std::filesystem::path> model_parts(const std::filesystem::path& path) {
    static const std::regex pattern("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
    const std::string name = path.filename().string();
    std::smatch match;
    if (!std::regex_match(name, match, pattern)) return {path};
    const int n = std::stoi(match[3]);
    std::vector<std::filesystem::path> parts;
    for (int i = 1; i <= n; ++i) {
        const auto part = path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", match[1].str(), i, n);
        std::error_code ec;
        if (!std::filesystem::exists(part, ec))
            throw Error(Code::missing, fmt::format("part {} of {} of the split model is missing: {}; put all parts "
                                                   "in one folder", i, n, part.string()));
        parts.push_back(part);
    }
    return parts;
}

void check_metadata(const GgufFile& file) {
    const auto architecture = file.string("general.architecture");
    if (!architecture) bad(file, "key general.architecture is missing; this is not a language model");
    if (*architecture == "controlvector")
        bad(file, "this is a steering vector (architecture \"controlvector\"), expected a language model; pass it "
                  "with --vector");
    static const char* encoders[] = {"bert", "modern-bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2",
                                     "jina-bert-v3", "eurobert", "t5encoder", "t5", "clip", "mmproj", "wavtokenizer-dec"};
    for (const char* name : encoders)
        if (*architecture == name)
            throw Error(Code::unsupported, fmt::format("{}: architecture {} is not a decoder-only language model; tiller "
                                                       "steers decoder-only transformers", file.path().string(), name));
    static const char* recurrent[] = {"mamba", "mamba2", "rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"};
    for (const char* name : recurrent)
        if (*architecture == name)
            throw Error(Code::unsupported, fmt::format("{}: architecture {} is recurrent and has no attention heads; "
                                                       "tiller steers transformers", file.path().string(), name));
    const auto positive = [&](const std::string& suffix, std::int64_t limit) {
        const std::string key = *architecture + "." + suffix;
        const auto value = file.integer(key);
        if (!value) bad(file, fmt::format("key {} is missing", key));
        if (*value < 1 || *value > limit) bad(file, fmt::format("key {} is {}, expected 1 to {}", key, *value, limit));
        return *value;
    };
    const auto n_layer = positive("block_count", 512);  // the engine aborts outside of this
    const auto n_embd = positive("embedding_length", 1 << 20);
    positive("context_length", std::int64_t{1} << 31);
    const auto heads = file.per_layer(*architecture + ".attention.head_count", static_cast<int>(n_layer));
    if (!heads) bad(file, fmt::format("key {}.attention.head_count is missing", *architecture));
    for (auto n : *heads)
        if (n < 0 || n > n_embd)
            bad(file, fmt::format("key {}.attention.head_count is {}, expected 0 to {}", *architecture, n, n_embd));
    for (const char* suffix : {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"}) {
        const std::string key = *architecture + "." + suffix;
        if (const auto value = file.real(key); value && !(std::isfinite(*value) && *value >= 0 && *value < 1))
            bad(file, fmt::format("key {} is {}, expected a number from 0 to below 1", key, *value));
    }
    // No weight of an attention output may contradict the head count.
    for (int il = 0; il < n_layer; ++il) {
        const auto* w_o = file.tensor(fmt::format("blk.{}.attn_output.weight", il));
        const auto n_head = (*heads)[static_cast<std::size_t>(il)];
        if (!w_o || n_head == 0) continue;
        if (w_o->ne[0] % n_head != 0)
            bad(file, fmt::format("layer {}: attn_output.weight has {} columns, not a multiple of head_count {}", il,
                                  w_o->ne[0], n_head));
    }
}

}  // namespace tiller::engine
