#include "engine/gguf_file.h"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <new>
#include <regex>

#include "engine/engine_log.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

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

void bad(const GgufFile& file, const std::string& what) {
    throw Error(Code::bad_input, fmt::format("{}: {}", file.path().string(), what));
}

GgufFile::GgufFile(const std::filesystem::path& path) : path_(path) {
    std::error_code ec;
    if (!std::filesystem::exists(path, ec))
        throw Error(Code::missing, fmt::format("no such model file: {}", path.string()), Topic::model);
    if (std::filesystem::is_directory(path, ec))
        throw Error(Code::bad_input, fmt::format("{} is a folder, expected a GGUF file", path.string()));
    ggml_context* tensors = nullptr;
    const gguf_init_params params{/*no_alloc*/ true, &tensors};
    const EngineLog log;
    gguf_.reset(gguf_init_from_file(path.c_str(), params));
    tensors_.reset(tensors);
    if (!gguf_ && log.out_of_memory()) throw std::bad_alloc();
    if (!gguf_)
        throw Error(
            Code::bad_input,
            fmt::format(
                "{} is not a whole GGUF file ({} bytes); expected a file that begins with \"GGUF\" and "
                "a complete header; get it again",
                path.string(), std::filesystem::file_size(path, ec)));
    // The header may be whole while the tensor data are cut off.
    const std::uint64_t size = std::filesystem::file_size(path, ec);
    for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf_.get()); ++i) {
        const std::uint64_t end = gguf_get_data_offset(gguf_.get()) + gguf_get_tensor_offset(gguf_.get(), i) +
                                  gguf_get_tensor_size(gguf_.get(), i);
        if (end > size)
            throw Error(
                Code::bad_input,
                fmt::format("{} is truncated: tensor {} ends at byte {}, the file has {}; get it again",
                            path.string(), gguf_get_tensor_name(gguf_.get(), i), end, size));
    }
}

void GgufFile::forget_tokenizer() {
    for (const char* name : {"tokens", "merges", "scores", "token_type"})
        gguf_remove_key(gguf_.get(), (std::string("tokenizer.ggml.") + name).c_str());
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

std::optional<bool> GgufFile::boolean(const std::string& key) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_BOOL)
        bad(*this, fmt::format("key {} has type {}, expected a truth value", key,
                               gguf_type_name(gguf_get_kv_type(gguf_.get(), id))));
    return gguf_get_val_bool(gguf_.get(), id);
}

std::vector<std::string_view> GgufFile::strings(const std::string& key) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return {};
    if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_ARRAY ||
        gguf_get_arr_type(gguf_.get(), id) != GGUF_TYPE_STRING)
        bad(*this, fmt::format("key {} is no array of strings", key));
    std::vector<std::string_view> values;
    for (std::size_t i = 0; i < gguf_get_arr_n(gguf_.get(), id); ++i)
        values.emplace_back(gguf_get_arr_str(gguf_.get(), id, i));
    return values;
}

std::optional<std::vector<std::int64_t>> GgufFile::per_layer(const std::string& key, int n_layer) const {
    const auto id = gguf_find_key(gguf_.get(), key.c_str());
    if (id < 0) return std::nullopt;
    if (gguf_get_kv_type(gguf_.get(), id) != GGUF_TYPE_ARRAY)
        return std::vector<std::int64_t>(static_cast<std::size_t>(n_layer), *integer(key));
    const auto type = gguf_get_arr_type(gguf_.get(), id);
    if (type != GGUF_TYPE_INT32 && type != GGUF_TYPE_UINT32)
        bad(*this,
            fmt::format("key {} is an array of {}, expected 32-bit integers", key, gguf_type_name(type)));
    const auto n = gguf_get_arr_n(gguf_.get(), id);
    if (n != static_cast<std::size_t>(n_layer))
        bad(*this, fmt::format("key {} has {} entries, expected one for each of {} layers", key, n, n_layer));
    const auto* data = static_cast<const std::int32_t*>(gguf_get_arr_data(gguf_.get(), id));
    return std::vector<std::int64_t>(data, data + n);
}

const ggml_tensor* GgufFile::tensor(const std::string& name) const {
    return tensors_ ? ggml_get_tensor(tensors_.get(), name.c_str()) : nullptr;
}

std::uint64_t GgufFile::offset_of(const std::string& name) const {
    const auto id = gguf_find_tensor(gguf_.get(), name.c_str());
    if (!tensor(name) || id < 0) bad(*this, fmt::format("tensor {} is missing", name));
    return gguf_get_data_offset(gguf_.get()) + gguf_get_tensor_offset(gguf_.get(), id);
}

std::vector<float> GgufFile::to_float(const ggml_tensor& t, const std::vector<std::uint8_t>& raw) const {
    const auto n = raw.size() / ggml_type_size(t.type) * static_cast<std::size_t>(ggml_blck_size(t.type));
    std::vector<float> out(n);
    if (raw.empty()) return out;
    if (t.type == GGML_TYPE_F32) {
        std::memcpy(out.data(), raw.data(), raw.size());
    } else if (const auto* traits = ggml_get_type_traits(t.type); traits && traits->to_float) {
        traits->to_float(raw.data(), out.data(), static_cast<std::int64_t>(n));
    } else {
        bad(*this, fmt::format("tensor {} has type {}, which cannot be converted to float32", t.name,
                               ggml_type_name(t.type)));
    }
    return out;
}

std::vector<std::uint8_t> GgufFile::bytes(const std::string& name) const {
    const std::uint64_t offset = offset_of(name);
    std::vector<std::uint8_t> raw(ggml_nbytes(tensor(name)));
    if (raw.empty()) bad(*this, fmt::format("tensor {} holds no values", name));
    std::ifstream in(path_, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    in.read(reinterpret_cast<char*>(raw.data()), static_cast<std::streamsize>(raw.size()));
    if (!in) bad(*this, fmt::format("tensor {} cannot be read in full ({} bytes)", name, raw.size()));
    return raw;
}

std::vector<float> GgufFile::values(const std::string& name) const {
    const auto raw = bytes(name);
    return to_float(*tensor(name), raw);
}

std::vector<float> GgufFile::rows(const std::string& name, std::span<const std::int32_t> rows) const {
    const std::uint64_t offset = offset_of(name);
    const ggml_tensor* t = tensor(name);
    const std::size_t width = ggml_row_size(t->type, t->ne[0]);
    std::vector<std::uint8_t> raw(width * rows.size());
    std::ifstream in(path_, std::ios::binary);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (rows[i] < 0 || rows[i] >= ggml_nrows(t))
            bad(*this, fmt::format("tensor {} has no row {}, only {}", name, rows[i], ggml_nrows(t)));
        in.seekg(static_cast<std::streamoff>(offset + static_cast<std::size_t>(rows[i]) * width));
        in.read(reinterpret_cast<char*>(raw.data() + i * width), static_cast<std::streamsize>(width));
    }
    if (!in) bad(*this, fmt::format("rows of tensor {} cannot be read ({} bytes each)", name, width));
    return to_float(*t, raw);
}

std::vector<std::filesystem::path> model_parts(const std::filesystem::path& path) {
    static const std::regex pattern("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");
    const std::string name = path.filename().string();
    std::smatch match;
    if (!std::regex_match(name, match, pattern)) return {path};
    const int n = std::stoi(match[3]);
    if (const int i = std::stoi(match[2]); i < 1 || i > n)
        throw Error(Code::bad_input,
                    fmt::format("{} says that it is part {} of {}; give the files their own names back",
                                path.string(), i, n));
    std::vector<std::filesystem::path> parts;
    for (int i = 1; i <= n; ++i) {
        const auto part = path.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", match[1].str(), i, n);
        std::error_code ec;
        if (!std::filesystem::exists(part, ec))
            throw Error(Code::missing,
                        fmt::format("part {} of {} of the split model is missing: {}; put all parts "
                                    "in one folder",
                                    i, n, part.string()));
        parts.push_back(part);
    }
    return parts;
}

}  // namespace tiller::engine
