#include "engine/weights_digest.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <string_view>

#include "core/parallel.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::engine {
namespace {

std::size_t bytes_of(gguf_type type) {
    switch (type) {
        case GGUF_TYPE_UINT8:
        case GGUF_TYPE_INT8:
        case GGUF_TYPE_BOOL: return 1;
        case GGUF_TYPE_UINT16:
        case GGUF_TYPE_INT16: return 2;
        case GGUF_TYPE_UINT64:
        case GGUF_TYPE_INT64:
        case GGUF_TYPE_FLOAT64: return 8;
        default: return 4;
    }
}

void add_value(Digest& digest, const gguf_context* file, std::int64_t id) {
    const gguf_type type = gguf_get_kv_type(file, id);
    digest.add(std::uint64_t{static_cast<unsigned>(type)});
    if (type == GGUF_TYPE_STRING) {
        digest.add(gguf_get_val_str(file, id));
        return;
    }
    if (type != GGUF_TYPE_ARRAY) {
        digest.add({static_cast<const char*>(gguf_get_val_data(file, id)), bytes_of(type)});
        return;
    }
    const gguf_type element = gguf_get_arr_type(file, id);
    const std::size_t n = gguf_get_arr_n(file, id);
    digest.add(std::uint64_t{static_cast<unsigned>(element)}).add(std::uint64_t{n});
    if (element == GGUF_TYPE_STRING)
        for (std::size_t i = 0; i < n; ++i) digest.add(gguf_get_arr_str(file, id, i));
    else if (n > 0)
        digest.add({static_cast<const char*>(gguf_get_arr_data(file, id)), n * bytes_of(element)});
}

// The first part holds the metadata; the others only say which part they are.
void add_metadata(Digest& digest, const gguf_context* file) {
    std::vector<std::pair<std::string, std::int64_t>> keys;
    for (std::int64_t id = 0; id < gguf_get_n_kv(file); ++id)
        if (const std::string key = gguf_get_key(file, id); !key.starts_with("split."))
            keys.emplace_back(key, id);
    std::sort(keys.begin(), keys.end());
    digest.add(std::uint64_t{keys.size()});
    for (const auto& [key, id] : keys) {
        digest.add(key);
        add_value(digest, file, id);
    }
}

struct Stored {
    std::string name;
    const GgufFile* part;
    const ggml_tensor* tensor;
    std::uint64_t offset;
};

std::vector<Stored> tensors_of(const std::vector<std::unique_ptr<GgufFile>>& parts) {
    std::vector<Stored> all;
    for (const auto& part : parts)
        for (std::int64_t i = 0; i < gguf_get_n_tensors(part->gguf()); ++i) {
            const std::string name = gguf_get_tensor_name(part->gguf(), i);
            all.push_back({name, part.get(), part->tensor(name),
                           gguf_get_data_offset(part->gguf()) + gguf_get_tensor_offset(part->gguf(), i)});
        }
    std::sort(all.begin(), all.end(), [](const Stored& a, const Stored& b) { return a.name < b.name; });
    return all;
}

std::string digest_of(const Stored& stored) {
    constexpr std::size_t chunk = 1 << 20;  // part of the format: each is added with its length
    std::ifstream in(stored.part->path(), std::ios::binary);
    in.seekg(static_cast<std::streamoff>(stored.offset));
    Digest digest;
    std::vector<char> buffer(chunk);
    for (std::size_t left = ggml_nbytes(stored.tensor); left > 0;) {
        const std::size_t n = std::min(left, chunk);
        if (!in.read(buffer.data(), static_cast<std::streamsize>(n)))
            throw Error(Code::environment, fmt::format("{}: tensor {} cannot be read",
                                                       stored.part->path().string(), stored.name));
        digest.add(std::string_view(buffer.data(), n));
        left -= n;
    }
    return digest.hex();
}

}  // namespace

std::string weights_digest(const std::vector<std::unique_ptr<GgufFile>>& parts, int n_thread) {
    const auto tensors = tensors_of(parts);
    std::vector<std::string> digests(tensors.size());
    parallel_for(tensors.size(), n_thread, [&](std::size_t i) { digests[i] = digest_of(tensors[i]); });
    Digest all;
    add_metadata(all, parts.front()->gguf());
    all.add(std::uint64_t{tensors.size()});
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const ggml_tensor& t = *tensors[i].tensor;
        all.add(tensors[i].name).add(ggml_type_name(t.type));
        for (const std::int64_t n : t.ne) all.add(static_cast<std::uint64_t>(n));
        all.add(digests[i]);
    }
    return all.hex();
}

}  // namespace tiller::engine
