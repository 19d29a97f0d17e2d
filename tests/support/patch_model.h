// Changes weights of a GGUF file on disk: real models that a self-check has to refuse.
#pragma once

#include <ggml.h>
#include <gguf.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/tiny_model.h"

namespace tiller::test {

/// A copy of `model` in which every value of the float32 tensor `name` is `value`.
inline std::filesystem::path patched_model(const std::filesystem::path& model, const std::string& name,
                                           float value) {
    const auto path = temporary_file("patched.gguf");
    std::filesystem::copy_file(model, path);
    ggml_context* data = nullptr;
    const std::unique_ptr<gguf_context, void (*)(gguf_context*)> file(
        gguf_init_from_file(path.c_str(), {true, &data}), gguf_free);
    const std::unique_ptr<ggml_context, void (*)(ggml_context*)> tensors(data, ggml_free);
    const auto id = file ? gguf_find_tensor(file.get(), name.c_str()) : -1;
    if (id < 0) throw std::runtime_error("no tensor " + name + " in " + model.string());
    const std::vector<float> values(
        static_cast<std::size_t>(ggml_nelements(ggml_get_tensor(data, name.c_str()))), value);
    std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(gguf_get_data_offset(file.get()) +
                                          gguf_get_tensor_offset(file.get(), id)));
    out.write(reinterpret_cast<const char*>(values.data()),
              static_cast<std::streamsize>(values.size() * sizeof(float)));
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
    return path;
}

}  // namespace tiller::test
