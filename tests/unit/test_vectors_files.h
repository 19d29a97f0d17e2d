// Hand-made vector files: a GGUF builder in which every field can be given a wrong value.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tiller/error.h"
#include "tiller/vector.h"
#include "vectors/vector_format.h"

namespace vector_files {

inline std::string le(std::uint64_t value, int width) {
    std::string out;
    for (int i = 0; i < width; ++i) out += static_cast<char>(value >> (8 * i) & 255);
    return out;
}
inline std::string le32(std::uint64_t value) { return le(value, 4); }
inline std::string le64(std::uint64_t value) { return le(value, 8); }
inline std::string f32(float value) { return le32(std::bit_cast<std::uint32_t>(value)); }
inline std::string f32s(const std::vector<float>& values) {
    std::string out;
    for (const float value : values) out += f32(value);
    return out;
}
inline std::string text(const std::string& value) { return le64(value.size()) + value; }

// GGUF's type numbers.
enum : std::uint32_t { t_u8 = 0, t_i32 = 5, t_u32 = 4, t_f32 = 6, t_string = 8, t_array = 9, t_u64 = 10 };

struct RawTensor {
    std::string name;
    std::vector<std::uint64_t> shape;
    std::string data;
    std::uint32_t type = 0;                    // F32
    std::optional<std::uint64_t> offset = {};  // where the data really is
    std::optional<std::uint32_t> n_dims = {};  // the shape's
    std::optional<std::uint64_t> name_length = {};
};

struct RawKey {
    std::string name;
    std::string rest;  // type and value
    std::optional<std::uint64_t> name_length = {};
};

struct RawFile {
    std::string magic = "GGUF";
    std::uint32_t version = 3;
    std::optional<std::uint64_t> n_tensors, n_keys;
    std::uint64_t alignment = 32;  // of the bytes; general.alignment is a key like others
    std::vector<RawKey> keys;
    std::vector<RawTensor> tensors;
    std::string tail;

    RawFile& add(const std::string& name, std::uint32_t type, const std::string& value) {
        keys.push_back({name, le32(type) + value});
        return *this;
    }
    // Replaces the key, or adds it.
    RawFile& set(const std::string& name, std::uint32_t type, const std::string& value) {
        drop(name);
        return add(name, type, value);
    }
    RawFile& set_text(const std::string& name, const std::string& value) {
        return set(name, t_string, text(value));
    }
    RawFile& set_array(const std::string& name, std::uint32_t type, std::uint64_t count,
                       const std::string& items) {
        return set(name, t_array, le32(type) + le64(count) + items);
    }
    RawFile& drop(const std::string& name) {
        std::erase_if(keys, [&](const RawKey& key) { return key.name == name; });
        return *this;
    }
    RawFile& direction(int layer, const std::vector<float>& values) {
        tensors.push_back({"direction." + std::to_string(layer), {values.size()}, f32s(values)});
        return *this;
    }

    std::string bytes() const {
        const auto pad = [this](std::string& out) {
            while (out.size() % alignment != 0) out += '\0';
        };
        std::string infos, data;
        for (const RawTensor& t : tensors) {
            infos += le64(t.name_length.value_or(t.name.size())) + t.name +
                     le32(t.n_dims.value_or(t.shape.size()));
            for (const std::uint64_t size : t.shape) infos += le64(size);
            infos += le32(t.type) + le64(t.offset.value_or(data.size()));
            data += t.data;
            pad(data);
        }
        std::string out = magic + le32(version) + le64(n_tensors.value_or(tensors.size())) +
                          le64(n_keys.value_or(keys.size()));
        for (const RawKey& key : keys)
            out += le64(key.name_length.value_or(key.name.size())) + key.name + key.rest;
        out += infos;
        pad(out);
        return out + data + tail;
    }
};

/// A control vector as other tools write it: three layers of four values.
inline RawFile plain_file() {
    RawFile file;
    file.set_text("general.architecture", "controlvector");
    file.set_text("controlvector.model_hint", "llama");
    file.add("controlvector.layer_count", t_i32, le32(3));
    file.direction(1, {1, 2, 3, 4}).direction(2, {-1, 0, 1, 0.5f}).direction(3, {5, 6, 7, 8});
    return file;
}

/// The same with tiller's own keys and a head table (4 layers, 2 heads, none in layer 3).
inline RawFile own_file() {
    RawFile file = plain_file();
    file.add("tiller.format_version", t_u32, le32(1));
    file.set_text("tiller.method", "fv")
        .set_text("tiller.site", "residual")
        .set_text("tiller.positions", "steered");
    file.set_text("tiller.operation", "add").add("tiller.scale", t_f32, f32(2));
    file.set_text("tiller.task", "antonym").add("tiller.seed", t_u64, le64(7));
    file.add("tiller.n_layer", t_u32, le32(4)).add("tiller.n_embd", t_u32, le32(4));
    file.set_text("tiller.settings", R"({"n_mean":"100"})");
    file.set_array("tiller.heads.layer", t_u32, 2, le32(1) + le32(0));
    file.set_array("tiller.heads.head", t_u32, 2, le32(0) + le32(1));
    file.set_array("tiller.heads.aie", t_f32, 2, f32(0.5f) + f32(0.25f));
    file.set_array("tiller.aie.n_head", t_u32, 4, le32(2) + le32(2) + le32(2) + le32(0));
    file.set_array("tiller.aie.values", t_f32, 6, f32s({0, 0.25f, 0.5f, 0, 0, -1}));
    file.set_array("tiller.mean_head_output.width", t_u32, 4, le32(2) + le32(2) + le32(2) + le32(0));
    file.set_array("tiller.mean_head_output.values", t_f32, 6, f32s({1, 2, 3, 4, 5, 6}));
    return file;
}

inline const tiller::Checked checked{"some.gguf", "Make it again."};

inline tiller::SteeringVector read(const std::string& bytes) {
    return tiller::vector_from_bytes(bytes, checked);
}

/// A vector in which every field has a value of its own.
inline tiller::SteeringVector full_vector() {
    tiller::SteeringVector v;
    v.method = "fv";
    v.site = tiller::Site::mlp_output;
    v.operation = tiller::Operation::turn;
    v.positions = tiller::Positions::Kind::generated;
    v.directions = {{0, {1.0f, -0.0f, 1e-42f}}, {2, {3.4e38f, -1.17549435e-38f, 0.1f}}, {11, {0, 0, 0}}};
    v.scale = 1.7f;
    v.heads = {{2, 1, 0.75f}, {0, 0, 0.5f}};
    v.aie.assign(12, {0.0f, 0.25f});
    v.aie[5] = {};  // a layer without attention
    v.aie[6] = {1, 2, 3};
    v.mean_head_output.assign(12, {1.0f, -2.0f, 3.5f, 4.0f});
    v.mean_head_output[5] = {};
    v.mean_head_output[6].assign(9, 0.125f);
    v.provenance = {"antonym",
                    "d1",
                    0xffffffffffffffffull,
                    "Some Model",
                    "d2",
                    "d3",
                    "llama",
                    "Q4_K - Medium",
                    12,
                    3,
                    "0.1.0 (\xc3\xa9)",
                    {{"n_mean", "100"}, {"", "\"quote\" \\ \n"}, {"text", std::string("\0 \xe2\x82\xac", 5)}},
                    "d4"};
    return v;
}

/// Projections of one and of two rows.
inline tiller::SteeringVector projection_vector() {
    tiller::SteeringVector v = full_vector();
    v.operation = tiller::Operation::project;
    v.directions = {{0, {1, -2, 3, 0.5f, 0, 0.25f, 1e-3f, 0.5f, -1}}, {11, {0, 0, 0, 0, 1, 0}}};
    return v;
}

/// Runs `call`, which must throw; gives the code and checks the message.
inline tiller::Code code_of(const std::function<void()>& call, const std::string& message) {
    try {
        call();
    } catch (const tiller::Error& error) {
        EXPECT_NE(std::string(error.what()).find(message), std::string::npos) << error.what();
        return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return tiller::Code::interrupted;
}

/// Reads the files with each of their bytes changed in turn: each is read or refused with bad_input, and what
/// is read can be written and read again. How many were read and how many refused.
inline std::pair<int, int> change_any_byte(const std::vector<std::string>& files) {
    int n_read = 0, n_refused = 0;
    for (const std::string& whole : files)
        for (std::size_t i = 0; i < whole.size(); ++i)
            for (const int value : {0, 1, 0x7f, 0x80, 0xff, whole[i] ^ 1, whole[i] ^ 4}) {
                std::string bytes = whole;
                bytes[i] = static_cast<char>(value);
                try {
                    const std::string again = tiller::vector_to_bytes(read(bytes), checked);
                    EXPECT_EQ(tiller::vector_to_bytes(read(again), checked), again);
                    ++n_read;
                } catch (const tiller::Error& error) {
                    EXPECT_EQ(error.code(), tiller::Code::bad_input) << error.what();
                    ++n_refused;
                }
            }
    return {n_read, n_refused};
}

}  // namespace vector_files
