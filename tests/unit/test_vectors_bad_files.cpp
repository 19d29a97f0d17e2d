// Files that are not vector files, each in its own way. Every one must give bad_input within a second, with
// the file's name and the thing that is wrong.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "test_vectors_files.h"

using namespace tiller;
using namespace vector_files;

namespace {

constexpr std::uint64_t wrap = 0xffffffffffffffffull;

struct BadFile {
    std::string name;
    std::string bytes;
    std::string message;

    friend void PrintTo(const BadFile& file, std::ostream* out) { *out << file.name; }
};

std::string spoiled(void (*spoil)(RawFile&), RawFile file = own_file()) {
    spoil(file);
    return file.bytes();
}

std::string text_key(const std::string& key, const std::string& value) {
    RawFile file = own_file();
    return file.set_text(key, value).bytes();
}
std::string typed_key(const std::string& key, std::uint32_t type, const std::string& value) {
    RawFile file = own_file();
    return file.set(key, type, value).bytes();
}
std::string array_key(const std::string& key, std::uint32_t type, std::uint64_t count,
                      const std::string& items) {
    RawFile file = own_file();
    return file.set_array(key, type, count, items).bytes();
}
std::string without(const std::string& key) {
    RawFile file = own_file();
    return file.drop(key).bytes();
}
std::string tensor_name(const std::string& name) {
    RawFile file = plain_file();
    file.tensors[1].name = name;
    return file.bytes();
}
std::string direction_value(float value) {
    RawFile file = plain_file();
    file.tensors[1].data = f32s({1, value, 3, 4});
    return file.bytes();
}
std::string settings(const std::string& json) { return text_key("tiller.settings", json); }

void add_header(std::vector<BadFile>& files) {
    const auto add = [&](const char* name, const std::string& bytes, const char* message) {
        files.push_back({name, bytes, message});
    };
    add("empty", "", "the file's mark at byte 0");
    add("mark", spoiled([](RawFile& f) { f.magic = "GGML"; }), "expected 'GGUF'");
    add("mark_control", spoiled([](RawFile& f) { f.magic = "\x1b[2J"; }), "'\\x1b[2J'");
    add("version_0", spoiled([](RawFile& f) { f.version = 0; }), "GGUF version is 0");
    add("version_1", spoiled([](RawFile& f) { f.version = 1; }), "GGUF version is 1");
    add("version_4", spoiled([](RawFile& f) { f.version = 4; }), "GGUF version is 4");
    add("version_big_endian", spoiled([](RawFile& f) { f.version = 0x03000000; }),
        "GGUF version is 50331648");
    add("n_tensors_0", spoiled([](RawFile& f) { f.n_tensors = 0; }), "number of directions is 0");
    add("n_tensors_1", spoiled([](RawFile& f) { f.n_tensors = 1; }), "size is");
    add("n_tensors_more", spoiled([](RawFile& f) { f.n_tensors = 4; }), "dimensions of tensor ''");
    add("n_tensors_limit", spoiled([](RawFile& f) { f.n_tensors = 65537; }), "number of tensors is 65537");
    add("n_tensors_wrap", spoiled([](RawFile& f) { f.n_tensors = wrap; }),
        "number of tensors is 18446744073709551615");
    add("n_keys_0", spoiled([](RawFile& f) { f.n_keys = 0; }), "tensor");
    add("n_keys_more", spoiled([](RawFile& f) { f.n_keys = f.keys.size() + 1; }), "");
    add("n_keys_most", spoiled([](RawFile& f) { f.n_keys = 65536; }), "");
    add("n_keys_limit", spoiled([](RawFile& f) { f.n_keys = 65537; }), "number of keys is 65537");
    add("n_keys_wrap", spoiled([](RawFile& f) { f.n_keys = wrap; }),
        "number of keys is 18446744073709551615");
    add("nothing", RawFile().bytes(), "key 'general.architecture' is not there");
    add("no_tensors", spoiled([](RawFile& f) { f.tensors.clear(); }), "number of directions is 0");
    add("tail", spoiled([](RawFile& f) { f.tail = "x"; }), "size is");
    add("tail_block", spoiled([](RawFile& f) { f.tail.assign(32, '\0'); }), "size is");
}

void add_keys(std::vector<BadFile>& files) {
    const auto add = [&](const char* name, const std::string& bytes, const char* message) {
        files.push_back({name, bytes, message});
    };
    add("key_length_0", spoiled([](RawFile& f) { f.keys[0].name_length = 0; }), "type of key ''");
    add("key_length_more", spoiled([](RawFile& f) { f.keys.back().name_length = 60000; }), "bytes left");
    add("key_length_limit", spoiled([](RawFile& f) { f.keys[0].name_length = 65536; }),
        "length of a key is 65536");
    add("key_length_wrap", spoiled([](RawFile& f) { f.keys[0].name_length = wrap; }), "length of a key");
    add("key_twice", spoiled([](RawFile& f) { f.add("tiller.seed", t_u64, le64(8)); }),
        "key 'tiller.seed' is there twice");
    add("key_type_13", typed_key("a", 13, "1234"), "type of key 'a' is 13");
    add("key_type_wrap", typed_key("a", 0xffffffff, "1234"), "type of key 'a' is 4294967295");
    add("string_length_more", typed_key("a", t_string, le64(100000) + "x"), "key 'a' at byte");
    add("string_length_limit", typed_key("a", t_string, le64((16 << 20) + 1) + "x"),
        "length of key 'a' is 16777217");
    add("string_length_wrap", typed_key("a", t_string, le64(wrap) + "x"), "length of key 'a'");
    add("array_nested", array_key("a", t_array, 1, le32(t_u8) + le64(1) + "x"),
        "type of items of key 'a' is array");
    add("array_type", array_key("a", 99, 1, "x"), "type of items of key 'a' is 99");
    add("array_count_more", array_key("a", t_f32, 5000, f32(1)), "number of items of key 'a' is 5000");
    add("array_count_wrap", array_key("a", t_f32, (1ull << 62) + 1, f32(1)), "number of items of key 'a'");
    add("array_count_max", array_key("a", t_u8, wrap, "x"),
        "number of items of key 'a' is 18446744073709551615");
    add("strings_count_wrap", array_key("a", t_string, wrap, text("x")), "of key 'a'");
    add("strings_length_wrap", array_key("a", t_string, 1, le64(wrap)), "item 0 of key 'a'");
    add("strings_length_limit", array_key("a", t_string, 1, le64((16 << 20) + 1)), "item 0 of key 'a'");
    add("alignment_0", typed_key("general.alignment", t_u32, le32(0)), "general.alignment is 0");
    add("alignment_24", typed_key("general.alignment", t_u32, le32(24)), "general.alignment is 24");
    add("alignment_max", typed_key("general.alignment", t_u32, le32(0x80000000)),
        "general.alignment is 2147483648");
    add("alignment_other", typed_key("general.alignment", t_u32, le32(64)), "offset of tensor 'direction.2'");
    add("alignment_type", typed_key("general.alignment", t_u64, le64(32)),
        "type of key 'general.alignment' is u64");
    add("architecture_model", text_key("general.architecture", "llama"), "'llama'");
    add("architecture_type", typed_key("general.architecture", t_u32, le32(1)),
        "type of key 'general.architecture' is u32, expected string");
    add("architecture_missing", without("general.architecture"), "'general.architecture' is not there");
    add("hint_type", spoiled([](RawFile& f) { f.set("controlvector.model_hint", t_u8, "x"); }, plain_file()),
        "type of key 'controlvector.model_hint' is u8");
    add("hint_utf8",
        spoiled([](RawFile& f) { f.set_text("controlvector.model_hint", "\x80"); }, plain_file()),
        "expected valid UTF-8");
}

void add_own_keys(std::vector<BadFile>& files) {
    const auto add = [&](const char* name, const std::string& bytes, const char* message) {
        files.push_back({name, bytes, message});
    };
    add("format_missing", without("tiller.format_version"), "'tiller.format_version' is not there");
    add("format_0", typed_key("tiller.format_version", t_u32, le32(0)), "'tiller.format_version' is 0");
    add("format_2", typed_key("tiller.format_version", t_u32, le32(2)), "from a newer tiller");
    add("format_type", typed_key("tiller.format_version", t_string, text("1")), "is string, expected u32");
    add("method_missing", without("tiller.method"), "'tiller.method' is not there");
    add("method_empty", text_key("tiller.method", ""), "method is empty");
    add("method_type", array_key("tiller.method", t_string, 1, text("fv")),
        "is array of string, expected string");
    add("site_missing", without("tiller.site"), "'tiller.site' is not there");
    add("site_unknown", text_key("tiller.site", "Residual"), "key 'tiller.site' is 'Residual'");
    add("site_head", text_key("tiller.site", "head_output"), "site is head_output");
    add("operation_unknown", text_key("tiller.operation", "multiply"),
        "'multiply', expected add, replace, turn or project");
    add("positions_unknown", text_key("tiller.positions", ""), "key 'tiller.positions' is ''");
    add("kind_unknown", text_key("tiller.kind", "winner"),
        "key 'tiller.kind' is 'winner', expected 'extraction'");
    add("kind_type", typed_key("tiller.kind", t_u32, le32(1)), "is u32, expected string");
    add("positions_range", text_key("tiller.positions", "range"), "positions is range");
    add("scale_missing", without("tiller.scale"), "'tiller.scale' is not there");
    add("scale_nan", typed_key("tiller.scale", t_f32, f32(NAN)), "scale is nan");
    add("scale_type", typed_key("tiller.scale", 12, le64(0)), "is f64, expected f32");
    add("task_type", typed_key("tiller.task", t_u32, le32(0)), "is u32, expected string");
    add("seed_type", typed_key("tiller.seed", t_u32, le32(0)),
        "type of key 'tiller.seed' is u32, expected u64");
    add("n_layer_type", typed_key("tiller.n_layer", t_i32, le32(4)), "is i32, expected u32");
    add("n_layer_max", typed_key("tiller.n_layer", t_u32, le32(0xffffffff)),
        "'tiller.n_layer' is 4294967295");
    add("n_layer_2_20", typed_key("tiller.n_layer", t_u32, le32(1 << 20)), "n_layer is 1048576");
    add("n_layer_small", typed_key("tiller.n_layer", t_u32, le32(3)), "layer of direction.3 is 3");
    add("n_embd_max", typed_key("tiller.n_embd", t_u32, le32(0x80000000)), "'tiller.n_embd' is 2147483648");
    add("n_embd_other", typed_key("tiller.n_embd", t_u32, le32(5)), "length of direction.1 is 4, expected 5");
    add("settings_type", typed_key("tiller.settings", t_array, le32(t_u8) + le64(2) + "{}"),
        "is array of u8");
    add("settings_empty", settings(""), "not JSON");
    add("settings_half", settings("{\"a\":"), "not JSON");
    add("settings_tail", settings("{} x"), "not JSON");
    add("settings_text", settings("\"a\""), "the whole in tiller.settings is a string, expected an object");
    add("settings_array", settings("[]"), "is an array, expected an object");
    add("settings_null", settings("null"), "is null, expected an object");
    add("settings_number", settings(R"({"a":1})"),
        "a value in tiller.settings is a number, expected a string");
    add("settings_negative", settings(R"({"a":-1})"), "is a number, expected a string");
    add("settings_float", settings(R"({"a":1.5})"), "is a number, expected a string");
    add("settings_true", settings(R"({"a":true})"), "is a truth value, expected a string");
    add("settings_nested", settings(R"({"a":{}})"), "is an object, expected a string");
    add("settings_twice", settings(R"({"a":"1","a":"2"})"), "setting 'a' in tiller.settings is there twice");
    add("settings_deep", settings(std::string(1 << 20, '[')), "is an array, expected an object");
    add("settings_surrogate", settings(R"({"a":"\ud800"})"), "not JSON");
}

void add_heads(std::vector<BadFile>& files) {
    const auto add = [&](const char* name, const std::string& bytes, const char* message) {
        files.push_back({name, bytes, message});
    };
    add("heads_missing", without("tiller.heads.head"), "all three or none");
    add("heads_no_layer", without("tiller.heads.layer"), "'tiller.heads.layer' is not there");
    add("heads_count", array_key("tiller.heads.head", t_u32, 1, le32(0)), "is 2, 1 and 2, expected the same");
    add("heads_type", array_key("tiller.heads.head", t_i32, 2, le32(0) + le32(1)),
        "is array of i32, expected array of u32");
    add("heads_layer_wrap", array_key("tiller.heads.layer", t_u32, 2, le32(0xffffffff) + le32(0)),
        "heads[0] is layer");
    add("heads_layer", array_key("tiller.heads.layer", t_u32, 2, le32(1) + le32(4)),
        "layer of heads[1] is 4");
    add("heads_head_wrap", array_key("tiller.heads.head", t_u32, 2, le32(0) + le32(0x80000000)),
        "heads[1] is layer");
    add("heads_head", array_key("tiller.heads.head", t_u32, 2, le32(0) + le32(2)),
        "head of heads[1] is 2 of layer 0");
    add("heads_aie", array_key("tiller.heads.aie", t_f32, 2, f32(NAN) + f32(0)), "aie of heads[0] is nan");
    add("aie_missing", without("tiller.aie.values"), "'tiller.aie.values' is not there");
    add("aie_no_rows", array_key("tiller.aie.n_head", t_u32, 0, ""),
        "number of items of key 'tiller.aie.n_head' is 0");
    add("aie_rows", array_key("tiller.aie.n_head", t_u32, 3, le32(2) + le32(2) + le32(2)),
        "layers of aie is 3, expected 4");
    add("aie_sum", array_key("tiller.aie.n_head", t_u32, 4, le32(2) + le32(2) + le32(2) + le32(1)),
        "expected 7");
    add("aie_sum_wrap",
        array_key("tiller.aie.n_head", t_u32, 4, le32(6) + le32(0x80000000) + le32(0x80000000) + le32(0)),
        "is 6, expected 4294967302");
    add("aie_many_rows", array_key("tiller.aie.n_head", t_u32, 100000, std::string(400000, '\0')),
        "is 100000, expected 1 to 4097");
    add("aie_inf", array_key("tiller.aie.values", t_f32, 6, f32s({0, INFINITY, 0, 0, 0, 0})),
        "aie of layer 0[1] is inf");
    add("mean_width",
        array_key("tiller.mean_head_output.width", t_u32, 4, le32(3) + le32(1) + le32(2) + le32(0)),
        "width of mean_head_output of layer 0 is 3");
    add("mean_nan", array_key("tiller.mean_head_output.values", t_f32, 6, f32s({0, 0, 0, 0, 0, NAN})),
        "mean_head_output of layer 2[1] is nan");
}

void add_tensors(std::vector<BadFile>& files) {
    const auto add = [&](const std::string& name, const std::string& bytes, const std::string& message) {
        files.push_back({name, bytes, message});
    };
    const std::pair<const char*, const char*> names[] = {
        {"empty", ""},
        {"other", "tiller.aie"},
        {"bare", "direction"},
        {"no_index", "direction."},
        {"index_minus_1", "direction.-1"},
        {"index_plus_2", "direction.+2"},
        {"index_0x", "direction.0x"},
        {"index_0x2", "direction.0x2"},
        {"index_02", "direction.02"},
        {"index_space", "direction. 2"},
        {"index_tail", "direction.2a"},
        {"index_dot", "direction.2.1"},
        {"index_4097", "direction.4097"},
        {"index_2_20", "direction.1048576"},
        {"index_2_31", "direction.2147483648"},
        {"index_2_32", "direction.4294967298"},
        {"index_2_64", "direction.18446744073709551618"},
        {"index_control", "direction.\x1b[31m"},
        {"prefix_case", "Direction.2"},
        {"prefix_more", "xdirection.2"},
    };
    for (const auto& [name, tensor] : names)
        add(std::string("tensor_") + name, tensor_name(tensor), "expected direction.N with N from 0 to 4096");
    add("tensor_index_nul", tensor_name(std::string("direction.2\0x", 13)), "'direction.2\\x00x'");
    add("tensor_twice", tensor_name("direction.1"), "tensor 'direction.1' is there twice");
    const auto tensor = [&](const char* name, void (*spoil)(RawTensor&), const char* message) {
        RawFile file = plain_file();
        spoil(file.tensors[1]);
        files.push_back({name, file.bytes(), message});
    };
    tensor(
        "name_length_0", [](RawTensor& t) { t.name_length = 0; }, "number of dimensions of tensor ''");
    tensor(
        "name_length_more", [](RawTensor& t) { t.name_length = 60000; }, "bytes left");
    tensor(
        "name_length_wrap", [](RawTensor& t) { t.name_length = wrap; }, "length of name of a tensor");
    tensor(
        "dims_0", [](RawTensor& t) { t.n_dims = 0; }, "number of dimensions of tensor 'direction.2' is 0");
    tensor(
        "dims_5", [](RawTensor& t) { t.n_dims = 5; }, "is 5, expected 1 to 4");
    tensor(
        "dims_max", [](RawTensor& t) { t.n_dims = 0xffffffff; }, "is 4294967295, expected 1 to 4");
    tensor(
        "dims_2",
        [](RawTensor& t) {
            t.shape = {2, 2};
        },
        "dimension 1 of tensor 'direction.2' is 2");
    tensor(
        "dims_column",
        [](RawTensor& t) {
            t.shape = {1, 1, 1, 4};
        },
        "dimension 3 of tensor 'direction.2' is 4");
    tensor(
        "size_0", [](RawTensor& t) { t.shape = {0}; }, "dimension 0 of tensor 'direction.2' is 0");
    tensor(
        "size_0_of_2",
        [](RawTensor& t) {
            t.shape = {4, 0};
        },
        "dimension 1 of tensor 'direction.2' is 0");
    tensor(
        "size_more", [](RawTensor& t) { t.shape = {100}; }, "offset of tensor 'direction.3'");
    tensor(
        "size_2_31", [](RawTensor& t) { t.shape = {1ull << 31}; }, "dimension 0 of tensor 'direction.2'");
    tensor(
        "size_wrap", [](RawTensor& t) { t.shape = {wrap}; }, "dimension 0 of tensor 'direction.2'");
    tensor(
        "size_negative", [](RawTensor& t) { t.shape = {1ull << 63}; }, "dimension 0 of tensor 'direction.2'");
    tensor(
        "size_product",
        [](RawTensor& t) {
            t.shape = {1ull << 32, 1ull << 32};
        },
        "dimension 0 of");
    tensor(
        "size_product_small",
        [](RawTensor& t) {
            t.shape = {100, 100, 100, 100};
        },
        "dimension 1 of");
    tensor(
        "length_other", [](RawTensor& t) { t.shape = {3}; }, "length of direction.2 is 3, expected 4");
    tensor(
        "type_q4_0", [](RawTensor& t) { t.type = 2; }, "type of tensor 'direction.2' is 2");
    tensor(
        "type_bf16", [](RawTensor& t) { t.type = 30; }, "type of tensor 'direction.2' is 30");
    tensor(
        "type_max", [](RawTensor& t) { t.type = 0xffffffff; }, "is 4294967295, expected 0 (F32) or 1 (F16)");
    tensor(
        "offset_0", [](RawTensor& t) { t.offset = 0; }, "offset of tensor 'direction.2' is 0, expected 32");
    tensor(
        "offset_odd", [](RawTensor& t) { t.offset = 33; }, "offset of tensor 'direction.2' is 33");
    tensor(
        "offset_next", [](RawTensor& t) { t.offset = 64; }, "offset of tensor 'direction.2' is 64");
    tensor(
        "offset_wrap", [](RawTensor& t) { t.offset = wrap - 31; }, "offset of tensor 'direction.2'");
    tensor(
        "half_nan",
        [](RawTensor& t) {
            t.type = 1;
            t.data = le(0x3c00, 2) + le(0x7e00, 2) + le64(0);
        },
        "direction.2[1] is nan");
    tensor(
        "half_inf",
        [](RawTensor& t) {
            t.type = 1;
            t.data = le(0xfc00, 2) + le64(0);
        },
        "direction.2[0] is -inf");
    add("nan", direction_value(NAN), "direction.2[1] is nan");
    add("minus_inf", direction_value(-INFINITY), "direction.2[1] is -inf");
    add("inf", direction_value(INFINITY), "direction.2[1] is inf");
}

std::vector<BadFile> bad_files() {
    std::vector<BadFile> files;
    add_header(files);
    add_keys(files);
    add_own_keys(files);
    add_heads(files);
    add_tensors(files);
    return files;
}

void expect_bad(const std::string& bytes, const std::string& message) {
    const auto start = std::chrono::steady_clock::now();
    try {
        read(bytes);
        ADD_FAILURE() << "was read";
    } catch (const Error& error) {
        const std::string what = error.what();
        EXPECT_EQ(error.code(), Code::bad_input) << what;
        EXPECT_EQ(what.rfind("some.gguf: ", 0), 0u) << what;
        EXPECT_NE(what.find("expected"), std::string::npos) << what;
        EXPECT_NE(what.find("Make it again."), std::string::npos) << what;
        EXPECT_NE(what.find(message), std::string::npos) << what;
        EXPECT_LT(what.size(), 600u) << what;
        for (const char c : what) EXPECT_TRUE(c >= ' ' && c <= '~') << what;
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
}

class VectorsBadFile : public testing::TestWithParam<BadFile> {};
TEST_P(VectorsBadFile, BadInput) { expect_bad(GetParam().bytes, GetParam().message); }
INSTANTIATE_TEST_SUITE_P(Kinds, VectorsBadFile, testing::ValuesIn(bad_files()),
                         [](const auto& file) { return file.param.name; });

TEST(VectorsBadFiles, TruncatedAnywhere) {
    for (const std::string& whole :
         {plain_file().bytes(), own_file().bytes(), vector_to_bytes(full_vector(), checked)})
        for (std::size_t n = 0; n < whole.size(); ++n) {
            SCOPED_TRACE(n);
            expect_bad(whole.substr(0, n), "");
        }
}

// One byte changed anywhere: the file is read or refused with bad_input, and what is read can be written.
TEST(VectorsBadFiles, AnyByteChanged) {
    const auto [n_read, n_refused] =
        change_any_byte({own_file().bytes(), vector_to_bytes(full_vector(), checked)});
    EXPECT_GT(n_read, 100);
    EXPECT_GT(n_refused, 100);
}

TEST(VectorsBadFiles, LargeOnesAreRefusedFast) {
    RawFile file = plain_file();  // two million empty strings, one too many promised
    expect_bad(file.set_array("a", t_string, 2000001, std::string(16000000, '\0')).bytes(), "");
    file = plain_file();  // as many keys as there may be, the last one there twice
    for (int i = 0; i < 65532; ++i) file.add("key." + std::to_string(i), t_u8, "x");
    file.add("key.0", t_u8, "x");
    ASSERT_EQ(file.keys.size(), 65536u);
    expect_bad(file.bytes(), "key 'key.0' is there twice");
    file = plain_file();
    file.tensors.clear();
    for (int i = 0; i < 65536; ++i) file.direction(i, {1});
    expect_bad(file.bytes(), "direction.4097");
    file = own_file();
    expect_bad(file.set_text("tiller.settings", std::string(16 << 20, '[')).bytes(), "is an array");
}

}  // namespace
