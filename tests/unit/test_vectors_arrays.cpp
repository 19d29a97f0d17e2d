// Vectors as arrays: .npz and safetensors files, by numpy and safetensors themselves, and files that lie.
#include <gtest/gtest.h>
#include <unistd.h>
#include <zip.h>

#include <cmath>
#include <filesystem>
#include <functional>
#include <map>

#include "core/util.h"
#include "test_vectors_files.h"
#include "tiller/export.h"
#include "vectors/layer_arrays.h"

using namespace tiller;
using namespace vector_files;

namespace {

std::string from_hex(const std::string& hex) {
    std::string out;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    return out;
}

// What numpy 2.4.6 and safetensors 0.8.0 write of {"layer_1": float32 [1, -2, 0.5], "layer_10": float16
// [0.25, 3, -1]}: savez, savez_compressed, and safetensors.numpy.save with metadata={"format": "np"}; each as
// .hex().
const std::string kSavez = from_hex(
    "504b03042d0000000000000021004d356550ffffffffffffffff0b0014006c617965725f312e6e7079010010008c00000000"
    "0000008c00000000000000934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f7264"
    "6572273a2046616c73652c20277368617065273a2028332c292c207d20202020202020202020202020202020202020202020"
    "20202020202020202020202020202020202020202020202020202020202020202020202020200a0000803f000000c0000000"
    "3f504b03042d000000000000002100c66548ffffffffffffffffff0c0014006c617965725f31302e6e707901001000860000"
    "00000000008600000000000000934e554d5059010076007b276465736372273a20273c6632272c2027666f727472616e5f6f"
    "72646572273a2046616c73652c20277368617065273a2028332c292c207d2020202020202020202020202020202020202020"
    "202020202020202020202020202020202020202020202020202020202020202020202020202020200a0034004200bc504b01"
    "022d032d0000000000000021004d3565508c0000008c0000000b00000000000000000000008001000000006c617965725f31"
    "2e6e7079504b01022d032d000000000000002100c66548ff86000000860000000c00000000000000000000008001c9000000"
    "6c617965725f31302e6e7079504b05060000000002000200730000008d0100000000");
const std::string kCompressed = from_hex(
    "504b03042d0000000800000021004d356550ffffffffffffffff0b0014006c617965725f312e6e7079010010008c00000000"
    "0000004f000000000000009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a2aea3a09e965f54529498179f5f94"
    "920a12774bcc294e058a17672416a402f91ac63a9a3a0ab50a14002e0686067b06068603406c0f00504b03042d0000000800"
    "00002100c66548ffffffffffffffffff0c0014006c617965725f31302e6e70790100100086000000000000004a0000000000"
    "00009bec17ea1b10c9c850c650ad9e925a9c5ca46ea5a06e9366a4aea3a09e965f54529498179f5f94920a12774bcc294e05"
    "8a17672416a402f91ac63a9a3a0ab50a14002e06130627863d00504b01022d032d0000000800000021004d3565504f000000"
    "8c0000000b00000000000000000000008001000000006c617965725f312e6e7079504b01022d032d000000080000002100c6"
    "6548ff4a000000860000000c000000000000000000000080018c0000006c617965725f31302e6e7079504b05060000000002"
    "00020073000000140100000000");
const std::string kSafetensors = from_hex(
    "a0000000000000007b225f5f6d657461646174615f5f223a7b22666f726d6174223a226e70227d2c226c617965725f31223a"
    "7b226474797065223a22463332222c227368617065223a5b335d2c22646174615f6f666673657473223a5b302c31325d7d2c"
    "226c617965725f3130223a7b226474797065223a22463136222c227368617065223a5b335d2c22646174615f6f6666736574"
    "73223a5b31322c31385d7d7d2020202020200000803f000000c00000003f0034004200bc");

// Must throw bad_input with a message like those of all vector files.
void expect_bad(const std::string& bytes, const std::string& message) {
    try {
        read(bytes);
        ADD_FAILURE() << "was read: " << message;
    } catch (const Error& error) {
        const std::string what = error.what();
        EXPECT_EQ(error.code(), Code::bad_input) << what;
        EXPECT_EQ(what.rfind("some.gguf: ", 0), 0u) << what;
        EXPECT_NE(what.find("expected"), std::string::npos) << what;
        EXPECT_NE(what.find(message), std::string::npos) << what;
        EXPECT_LT(what.size(), 700u) << what;
        for (const char c : what) EXPECT_TRUE(c >= ' ' && c <= '~') << what;
    }
}

std::string safetensors(const std::string& header, const std::string& data = std::string(12, '\0')) {
    return le64(header.size()) + header + data;
}
std::string tensor(const std::string& name, const std::string& entry) {
    return safetensors("{\"" + name + "\":{" + entry + "}}");
}
const std::string kEntry = R"("dtype":"F32","shape":[3],"data_offsets":[0,12])";

std::string npy(const std::string& header, const std::string& data = std::string(12, '\0')) {
    return std::string("\x93NUMPY\x01\0", 8) + le(header.size(), 2) + header + data;
}
const std::string kHeader = "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n";

std::string archive(const std::map<std::string, std::string>& entries) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* buffer = zip_source_buffer_create(nullptr, 0, 0, &error);
    zip_source_keep(buffer);
    zip_t* zip = zip_open_from_source(buffer, ZIP_TRUNCATE, &error);
    for (const auto& [name, bytes] : entries)
        zip_file_add(zip, name.c_str(), zip_source_buffer(zip, bytes.data(), bytes.size(), 0), 0);
    EXPECT_EQ(zip_close(zip), 0);
    zip_stat_t stat;
    zip_source_stat(buffer, &stat);
    std::string out(stat.size, '\0');
    zip_source_open(buffer);
    EXPECT_EQ(zip_source_read(buffer, out.data(), out.size()), static_cast<zip_int64_t>(out.size()));
    zip_source_close(buffer);
    zip_source_free(buffer);
    zip_error_fini(&error);
    return out;
}

TEST(VectorsArrays, WhatNumpyAndSafetensorsWrite) {
    for (const auto& bytes : {kSavez, kCompressed, kSafetensors}) {
        const SteeringVector v = read(bytes);
        EXPECT_EQ(v.method, "control-vector");
        EXPECT_EQ(v.site, Site::residual);
        EXPECT_EQ(v.operation, Operation::add);
        EXPECT_EQ(v.positions, Positions::Kind::all);
        EXPECT_EQ(v.scale, 1.0f);
        EXPECT_EQ(v.provenance.architecture, "");
        EXPECT_EQ(v.provenance.n_embd, 3);
        ASSERT_EQ(v.directions.size(), 2u);
        EXPECT_EQ(v.directions.at(1), (std::vector<float>{1, -2, 0.5f}));
        EXPECT_EQ(v.directions.at(10), (std::vector<float>{0.25f, 3, -1}));
    }
}

TEST(VectorsArrays, NamesSayTheLayer) {
    for (const auto& [name, layer] : std::map<std::string, int>{{"10", 10},
                                                                {"layer_10", 10},
                                                                {"direction.10", 10},
                                                                {"layer-10", 10},
                                                                {"model.layers.7", 7},
                                                                {"blk.0.direction", 0},
                                                                {"layer_007", 7}})
        EXPECT_TRUE(read(tensor(name, kEntry)).directions.contains(layer)) << name;
    for (const auto& [name, message] :
         std::map<std::string, std::string>{{"directions", "without a number"},
                                            {"layer_1_v2", "several numbers"},
                                            {"layer_1.5", "several numbers"},
                                            {"-1", "a negative number"},
                                            {"layer_-1", "a negative number"},
                                            {"layer_5000", "no layer's"},
                                            {"layer_99999999999999999999", "no layer's"},
                                            {"hidden_states.3", "hidden states"},
                                            {"\\u001b[2J1", "several numbers"}})
        expect_bad(tensor(name, kEntry), message);
    const std::string two = R"(":{"dtype":"F32","shape":[3],"data_offsets":[12,24]}})";
    const auto both = [&](const std::string& other) {
        return safetensors("{\"layer_1\":{" + kEntry + "},\"" + other + two, std::string(24, '\0'));
    };
    EXPECT_EQ(read(both("layer_2")).directions.size(), 2u);
    expect_bad(both("bias_2"), "'layer_1' is unlike 'bias_2'");  // the header's objects are sorted by name
    expect_bad(both("layer_01"), "there twice");
    expect_bad(both("layer_1"), "there twice");
}

TEST(VectorsArrays, TypesAndShapes) {
    const auto one = [](const std::string& dtype, int width, const std::string& data) {
        return safetensors("{\"3\":{\"dtype\":\"" + dtype + "\",\"shape\":[1,3,1],\"data_offsets\":[0," +
                               std::to_string(3 * width) + "]}}",
                           data);
    };
    const std::vector<float> expected{1, -2, 0.5f};
    EXPECT_EQ(read(one("F32", 4, f32s(expected))).directions.at(3), expected);
    EXPECT_EQ(read(one("BF16", 2, le(0x3f80, 2) + le(0xc000, 2) + le(0x3f00, 2))).directions.at(3), expected);
    EXPECT_EQ(read(one("F16", 2, le(0x3c00, 2) + le(0xc000, 2) + le(0x3800, 2))).directions.at(3), expected);
    EXPECT_EQ(
        read(one("F64", 8, le64(0x3ff0000000000000) + le64(0xc000000000000000) + le64(0x3fe0000000000000)))
            .directions.at(3),
        expected);
    expect_bad(one("I32", 4, f32s(expected)), "dtype of tensor '3' is 'I32'");
    expect_bad(one("F64", 8, le64(0x7e37e43c8800759c) + std::string(16, '\0')), "direction.3[0] is inf");
    expect_bad(one("F32", 4, f32s({1, NAN, 2})), "direction.3[1] is nan");
}

TEST(VectorsArrays, ProjectionsAreRefused) {
    const auto with = [](const std::string& key, const std::string& value) {
        return safetensors("{\"__metadata__\":{\"" + key + "\":\"" + value + "\"},\"3\":{" + kEntry + "}}");
    };
    expect_bad(with("mode", "project"), "metadata 'mode' is 'project'");
    expect_bad(with("steering.operation", "directional_ablation"), "directional_ablation");
    expect_bad(with("projection", "true"), "metadata 'projection'");
    EXPECT_NO_THROW(read(with("projection", "false")));
    EXPECT_NO_THROW(read(with("project", "0")));
    EXPECT_NO_THROW(read(with("note", "an ablation study's vector")));
    EXPECT_EQ(read(with("model_type", "gemma3_text")).provenance.architecture, "gemma3_text");
}

TEST(VectorsArrays, LyingSafetensors) {
    expect_bad(le64(1) + "{", "the header is not JSON");
    expect_bad(le64(0xffffffffffffffff) + "{}", "length of the header is 18446744073709551615");
    expect_bad(le64(3) + "{}", "length of the header is 3");
    expect_bad(safetensors("{}", ""), "number of directions is 0");
    expect_bad(safetensors("{}"), "size of the data is 12 bytes");
    expect_bad(safetensors("{\"1\":3}"), "tensor '1' is something else");
    expect_bad(safetensors("{\"1\":[[[[[[[[1]]]]]]]]}"), "nested deeper");
    expect_bad(safetensors("{\"1\":{" + kEntry + "},\"1\":{" + kEntry + "}}"), "there twice");
    expect_bad(safetensors("{\"__metadata__\":{\"a\":1},\"1\":{" + kEntry + "}}"), "__metadata__");
    for (const std::string none : {"[]", "null"})
        expect_bad(safetensors("{\"__metadata__\":" + none + ",\"1\":{" + kEntry + "}}"), "__metadata__");
    expect_bad(safetensors("{\"__metadata__\":[\"a\"],\"1\":{" + kEntry + "}}"), "__metadata__");
    for (const auto& [entry, message] : std::map<std::string, std::string>{
             {R"("dtype":"F32","shape":[4],"data_offsets":[0,12])", "data_offsets of tensor '1' is 0 and 12"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[0,13])", "is 0 and 13"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[4,16])", "is 4 and 16"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[12,0])", "is 12 and 0"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[18446744073709551604,0])",
              "is 18446744073709551604"},
             {R"("dtype":"F32","shape":[2],"data_offsets":[0,8])", "size of the data is 12 bytes"},
             {R"("dtype":"F32","shape":[2],"data_offsets":[4,12])", "offset of tensor '1' is 4"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[-1,12])", "something else"},
             {R"("dtype":"F32","shape":[3.0],"data_offsets":[0,12])", "something else"},
             {R"("dtype":"F32","shape":[3],"data_offsets":[0])", "something else"},
             {R"("dtype":7,"shape":[3],"data_offsets":[0,12])", "something else"},
             {R"("dtype":"F32","shape":[3])", "something else"},
             {kEntry + R"(,"more":1)", "something else"},
             {R"("dtype":"F32","shape":[],"data_offsets":[0,4])", "shape of array '1' is []"},
             {R"("dtype":"F32","shape":[0],"data_offsets":[0,0])", "shape of array '1' is [0]"},
             {R"("dtype":"F32","shape":[3,2],"data_offsets":[0,24])", "shape of array '1' is [3, 2]"},
             {R"("dtype":"F32","shape":[1048577],"data_offsets":[0,12])", "[1048577]"},
             {R"("dtype":"F32","shape":[4611686018427387905],"data_offsets":[0,4])", "[4611686018427387905]"},
             {R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,3],"data_offsets":[0,12])", "shape of array '1'"}})
        expect_bad(tensor("1", entry), message);
    const std::string overlap = R"({"1":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                R"("2":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})";
    expect_bad(safetensors(overlap), "offset of tensor '2' is 4, expected 8");
}

TEST(VectorsArrays, LyingArchives) {
    EXPECT_EQ(read(archive({{"1.npy", npy(kHeader)}})).directions.at(1).size(), 3u);
    expect_bad(archive({{"1.npy", npy(kHeader)}, {"notes.txt", "x"}}), "entry 'notes.txt'");
    expect_bad(archive({{"1.npy", ""}}), "array '1' is something else");
    expect_bad(archive({{"1.npy", "\x93NUMPX" + std::string(20, '\1')}}), "something else");
    expect_bad(archive({{"1.npy", std::string("\x93NUMPY\x04\0", 8) + std::string(20, '\0')}}),
               "something else");
    const auto header = [](const std::string& descr, const std::string& shape) {
        return archive({{"1.npy", npy("{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" +
                                      shape + "), }")}});
    };
    EXPECT_NO_THROW(read(header("<f4", "1, 3")));
    EXPECT_NO_THROW(read(header("<f4", "3,")));
    expect_bad(header("|O", "3,"), "type of array '1' is '|O'");
    expect_bad(header(">f4", "3,"), "little-endian");
    expect_bad(header("<i4", "3,"), "'<i4'");
    expect_bad(header("<f4", "4,"), "12 bytes of values, expected 16");
    expect_bad(header("<f4", "3, 1048577"), "shape of array '1'");
    expect_bad(header("<f4", "999999999999999999,"), "shape of array '1'");
    expect_bad(header("<f4", "-3,"), "header of array '1'");
    expect_bad(header("<f4", "9999999999999999999999,"), "header of array '1'");
    expect_bad(header("<f4", ""), "shape of array '1' is []");
    expect_bad(archive({{"1.npy", npy("__import__('os')")}}), "header of array '1'");
    expect_bad(archive({{"1.npy", npy(std::string(1025, ' '))}}),
               "length of the header of array '1' is 1025");
    std::string cut = npy(kHeader);
    cut[8] = '\x7f', cut[9] = '\x7f';
    expect_bad(archive({{"1.npy", cut}}), "length of the header of array '1' is 32639");
    // An entry of 64 MB that takes 64 KB in the file.
    expect_bad(archive({{"1.npy", std::string(64 << 20, '\0')}}), "size of array '1' is 67108864 bytes");
}

TEST(VectorsArrays, TruncatedAnywhere) {
    for (const auto& whole : {kSavez, kCompressed, kSafetensors})
        for (std::size_t n = 0; n < whole.size(); ++n) {
            SCOPED_TRACE(n);
            expect_bad(whole.substr(0, n), "");
        }
}

// One byte changed anywhere: the file is read or refused with bad_input.
TEST(VectorsArrays, AnyByteChanged) {
    const auto [n_read, n_refused] = change_any_byte({kSavez, kCompressed, kSafetensors});
    EXPECT_GT(n_read, 50);
    EXPECT_GT(n_refused, 500);
}

TEST(VectorsArrays, ExportsComeBack) {
    SteeringVector v = full_vector();
    v.operation = Operation::add;
    v.site = Site::residual;
    v.positions = Positions::Kind::all;
    v.provenance.settings = {{"n_mean", "100"}, {"text", "\"quote\" \xe2\x82\xac"}};
    const auto path = std::filesystem::temp_directory_path() / ("tiller-arrays-" + std::to_string(getpid()));
    for (const ExportFormat format : {ExportFormat::npz, ExportFormat::safetensors}) {
        const SteeringVector out = exact_export(v, 0.5f, format);
        export_vector(out, path, format);
        const std::string bytes = read_file(path, 1 << 20);
        EXPECT_EQ(bytes.substr(0, 2) == "PK", format == ExportFormat::npz);
        EXPECT_EQ(vector_to_bytes(load_vector(path), checked), vector_to_bytes(out, checked))
            << export_format_name(format);
        export_vector(out, path, format);
        EXPECT_EQ(read_file(path, 1 << 20), bytes) << "equal vectors, equal bytes";
        for (std::size_t n = 0; n < bytes.size(); n += 7) expect_bad(bytes.substr(0, n), "");
    }
    v.provenance.settings["long"] = std::string(70000, 'x');
    try {
        export_vector(exact_export(v, 1, ExportFormat::npz), path, ExportFormat::npz);
        ADD_FAILURE();
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::bad_input);
        EXPECT_NE(std::string(error.what()).find("safetensors instead"), std::string::npos);
    }
    EXPECT_EQ(load_vector(path).provenance.settings.count("long"), 0u) << "the old file is still there";
    std::filesystem::remove(path);
}

}  // namespace
