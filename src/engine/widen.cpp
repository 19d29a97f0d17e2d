#include "engine/widen.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "tiller/error.h"

namespace tiller::engine {
namespace {

constexpr std::size_t kBlock = 32;               // values in a block
constexpr std::size_t kQ5 = 2 + 4 + kBlock / 2;  // float16 scale, high bits, low nibbles
constexpr std::size_t kQ8 = 2 + kBlock;          // float16 scale, bytes

bool has_amx() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);)
        if (line.rfind("flags", 0) == 0) return line.find(" amx_int8") != std::string::npos;
    return false;
}

// Embeddings are also looked up by row, which needs no matrix unit; they are widened only with the matrices.
bool is_matrix(const ggml_tensor* t) { return t->type == GGML_TYPE_Q5_0 && ggml_n_dims(t) >= 2; }

void write_copy(const GgufFile& file, const std::filesystem::path& path) {
    std::ofstream out(path, std::ios::binary);
    const gguf_context* source = file.gguf();
    const std::unique_ptr<gguf_context, decltype(&gguf_free)> copy(gguf_init_empty(), gguf_free);
    gguf_set_kv(copy.get(), source);
    const auto n = gguf_get_n_tensors(source);
    const std::unique_ptr<ggml_context, decltype(&ggml_free)> shapes(
        ggml_init({static_cast<std::size_t>(n + 1) * ggml_tensor_overhead(), nullptr, true}), ggml_free);
    for (std::int64_t i = 0; i < n; ++i) {
        const ggml_tensor* t = file.tensor(gguf_get_tensor_name(source, i));
        ggml_tensor* shape =
            ggml_new_tensor(shapes.get(), is_matrix(t) ? GGML_TYPE_Q8_0 : t->type, GGML_MAX_DIMS, t->ne);
        ggml_set_name(shape, t->name);
        gguf_add_tensor(copy.get(), shape);
    }
    std::vector<char> meta(gguf_get_meta_size(copy.get()));
    gguf_get_meta_data(copy.get(), meta.data());
    out.write(meta.data(), static_cast<std::streamsize>(meta.size()));
    const std::size_t alignment = gguf_get_alignment(copy.get());
    for (std::int64_t i = 0; i < n; ++i) {
        const char* name = gguf_get_tensor_name(source, i);
        std::vector<std::uint8_t> bytes = file.bytes(name);
        if (is_matrix(file.tensor(name))) bytes = widen_q5_0(bytes);
        bytes.resize((bytes.size() + alignment - 1) / alignment * alignment);
        out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    out.close();
    if (!out) throw Error(Code::environment, fmt::format("cannot write {}", path.string()));
}

}  // namespace

std::vector<std::uint8_t> widen_q5_0(std::span<const std::uint8_t> blocks) {
    const std::size_t n = blocks.size() / kQ5;
    std::vector<std::uint8_t> out(n * kQ8);
    for (std::size_t b = 0; b < n; ++b) {
        const std::uint8_t* in = blocks.data() + b * kQ5;
        std::uint8_t* to = out.data() + b * kQ8;
        std::memcpy(to, in, 2);
        std::uint32_t high = 0;
        std::memcpy(&high, in + 2, 4);
        const std::uint8_t* nibbles = in + 6;
        for (std::size_t j = 0; j < kBlock / 2; ++j) {
            const int low = (nibbles[j] & 15) | static_cast<int>((high >> j & 1) << 4);
            const int up = (nibbles[j] >> 4) | static_cast<int>((high >> (j + kBlock / 2) & 1) << 4);
            to[2 + j] = static_cast<std::uint8_t>(low - 16);
            to[2 + j + kBlock / 2] = static_cast<std::uint8_t>(up - 16);
        }
    }
    return out;
}

std::optional<std::filesystem::path> widened_model(const GgufFile& file, const std::string& digest,
                                                   const std::filesystem::path& cache_dir) {
    if (!has_amx()) return std::nullopt;
    bool any = false;
    for (std::int64_t i = 0; i < gguf_get_n_tensors(file.gguf()); ++i)
        any = any || is_matrix(file.tensor(gguf_get_tensor_name(file.gguf(), i)));
    if (!any) return std::nullopt;
    const auto path = cache_dir / "widened" / (digest + ".gguf");
    if (std::filesystem::exists(path)) return path;
    const auto temporary = path.parent_path() / fmt::format(".{}.{}.tmp", digest, ::getpid());
    try {
        std::filesystem::create_directories(path.parent_path());
        // Twice the size is the most that widening can give, and leaves the disk some room.
        if (std::filesystem::space(path.parent_path()).available <
            2 * std::filesystem::file_size(file.path()))
            return std::nullopt;
        write_copy(file, temporary);
        std::filesystem::rename(temporary, path);
        return path;
    } catch (const std::exception&) {
        std::error_code ec;
        std::filesystem::remove(temporary, ec);
        return std::nullopt;  // the original works as well, only slower
    }
}

}  // namespace tiller::engine
