#include "engine/float_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <numeric>
#include <string>
#include <vector>

#include "core/system_calls.h"
#include "tiller/error.h"

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace tiller::engine {
namespace {

bool converts(const ggml_tensor& t) {
    const auto* traits = ggml_get_type_traits(t.type);
    return t.type != GGML_TYPE_F32 && traits && traits->to_float;
}

[[noreturn]] void refuse(const char* what) {
    throw Error(Code::environment,
                fmt::format("a float32 copy of the weights cannot be made ({}: {})", what, error_text(errno)),
                Topic::memory);
}

FilePtr nameless_file() {
#ifdef __linux__
    if (const int fd = ::memfd_create("tiller-float32", MFD_CLOEXEC); fd >= 0) {
        if (std::FILE* file = ::fdopen(fd, "w+b")) return FilePtr(file);
        ::close(fd);
    }
#endif
    FilePtr file(std::tmpfile());
    if (!file) refuse("opening");
    return file;
}

void write(std::FILE* file, const void* bytes, std::size_t n) {
    if (n > 0 && std::fwrite(bytes, 1, n, file) != n) refuse("writing");
}

template <class Visit>
void each_tensor(std::span<const std::unique_ptr<GgufFile>> parts, const Visit& visit) {
    for (const auto& part : parts)
        for (std::int64_t i = 0; i < gguf_get_n_tensors(part->gguf()); ++i)
            visit(*part, *part->tensor(gguf_get_tensor_name(part->gguf(), i)));
}

// Some rows at a time: an embedding has hundreds of megabytes.
void write_values(std::FILE* file, const GgufFile& part, const ggml_tensor& t) {
    const auto n_row = static_cast<std::int32_t>(ggml_nrows(&t));
    const auto step = static_cast<std::int32_t>(std::max<std::int64_t>(1, (std::int64_t{1} << 22) / t.ne[0]));
    std::vector<std::int32_t> rows;
    for (std::int32_t begin = 0; begin < n_row; begin += step) {
        rows.resize(static_cast<std::size_t>(std::min(step, n_row - begin)));
        std::iota(rows.begin(), rows.end(), begin);
        const auto values = part.rows(t.name, rows);
        write(file, values.data(), values.size() * sizeof(float));
    }
}

}  // namespace

std::uint64_t float_bytes(std::span<const std::unique_ptr<GgufFile>> parts) {
    std::uint64_t bytes = 0;
    each_tensor(parts, [&](const GgufFile&, const ggml_tensor& t) {
        bytes +=
            converts(t) ? static_cast<std::uint64_t>(ggml_nelements(&t)) * sizeof(float) : ggml_nbytes(&t);
    });
    return bytes;
}

FilePtr float_copy(std::span<const std::unique_ptr<GgufFile>> parts) {
    const std::unique_ptr<gguf_context, decltype(&gguf_free)> copy(gguf_init_empty(), gguf_free);
    gguf_set_kv(copy.get(), parts.front()->gguf());
    for (const char* key : {"split.no", "split.count", "split.tensors.count"})
        gguf_remove_key(copy.get(), key);

    std::size_t n = 0;
    each_tensor(parts, [&](const GgufFile&, const ggml_tensor&) { ++n; });
    const std::unique_ptr<ggml_context, decltype(&ggml_free)> shapes(
        ggml_init({(n + 1) * ggml_tensor_overhead(), nullptr, /*no_alloc*/ true}), ggml_free);
    each_tensor(parts, [&](const GgufFile&, const ggml_tensor& t) {
        ggml_tensor* shape =
            ggml_new_tensor(shapes.get(), converts(t) ? GGML_TYPE_F32 : t.type, GGML_MAX_DIMS, t.ne);
        ggml_set_name(shape, t.name);
        gguf_add_tensor(copy.get(), shape);
    });

    FilePtr file = nameless_file();
    std::vector<char> meta(gguf_get_meta_size(copy.get()));
    gguf_get_meta_data(copy.get(), meta.data());
    write(file.get(), meta.data(), meta.size());
    const std::vector<char> zeros(gguf_get_alignment(copy.get()));
    each_tensor(parts, [&](const GgufFile& part, const ggml_tensor& t) {
        std::size_t bytes = ggml_nbytes(&t);
        if (converts(t)) {
            write_values(file.get(), part, t);
            bytes = static_cast<std::size_t>(ggml_nelements(&t)) * sizeof(float);
        } else {
            const auto raw = part.bytes(t.name);
            write(file.get(), raw.data(), raw.size());
        }
        write(file.get(), zeros.data(), (zeros.size() - bytes % zeros.size()) % zeros.size());
    });
    if (std::fflush(file.get()) != 0) refuse("writing");
    std::rewind(file.get());
    return file;
}

}  // namespace tiller::engine
