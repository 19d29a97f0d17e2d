#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>

#include "test_vectors_files.h"

using namespace tiller;
using namespace vector_files;

namespace {

// Bit for bit, so that -0 and denormals count.
void expect_same(const std::vector<float>& a, const std::vector<float>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i)
        EXPECT_EQ(std::bit_cast<std::uint32_t>(a[i]), std::bit_cast<std::uint32_t>(b[i])) << "at " << i;
}

void expect_same(const SteeringVector& a, const SteeringVector& b) {
    EXPECT_EQ(a.method, b.method);
    EXPECT_EQ(a.site, b.site);
    EXPECT_EQ(a.operation, b.operation);
    EXPECT_EQ(a.positions, b.positions);
    EXPECT_EQ(a.scale, b.scale);
    ASSERT_EQ(a.directions.size(), b.directions.size());
    for (const auto& [layer, direction] : a.directions) {
        ASSERT_TRUE(b.directions.count(layer)) << layer;
        expect_same(direction, b.directions.at(layer));
    }
    ASSERT_EQ(a.heads.size(), b.heads.size());
    for (std::size_t i = 0; i < a.heads.size(); ++i) {
        EXPECT_EQ(a.heads[i].layer, b.heads[i].layer);
        EXPECT_EQ(a.heads[i].head, b.heads[i].head);
        EXPECT_EQ(a.heads[i].aie, b.heads[i].aie);
    }
    ASSERT_EQ(a.aie.size(), b.aie.size());
    for (std::size_t i = 0; i < a.aie.size(); ++i) expect_same(a.aie[i], b.aie[i]);
    ASSERT_EQ(a.mean_head_output.size(), b.mean_head_output.size());
    for (std::size_t i = 0; i < a.mean_head_output.size(); ++i)
        expect_same(a.mean_head_output[i], b.mean_head_output[i]);
    EXPECT_EQ(a.extraction, b.extraction);
    const Provenance &p = a.provenance, &q = b.provenance;
    EXPECT_EQ(p.task, q.task);
    EXPECT_EQ(p.prompts_digest, q.prompts_digest);
    EXPECT_EQ(p.seed, q.seed);
    EXPECT_EQ(p.model_name, q.model_name);
    EXPECT_EQ(p.model_digest, q.model_digest);
    EXPECT_EQ(p.weights_digest, q.weights_digest);
    EXPECT_EQ(p.tokenizer_digest, q.tokenizer_digest);
    EXPECT_EQ(p.architecture, q.architecture);
    EXPECT_EQ(p.quantisation, q.quantisation);
    EXPECT_EQ(p.n_layer, q.n_layer);
    EXPECT_EQ(p.n_embd, q.n_embd);
    EXPECT_EQ(p.program_version, q.program_version);
    EXPECT_EQ(p.settings, q.settings);
}

SteeringVector small_vector() {
    SteeringVector v;
    v.method = "random";
    v.directions = {{3, {1, 2}}};
    return v;
}

TEST(VectorsRoundTrip, AllFields) {
    const SteeringVector v = full_vector();
    expect_same(v, read(vector_to_bytes(v, checked)));
}

TEST(VectorsRoundTrip, Projections) {
    const SteeringVector v = projection_vector();
    const std::string bytes = vector_to_bytes(v, checked);
    expect_same(v, read(bytes));
    EXPECT_EQ(bytes, vector_to_bytes(read(bytes), checked));
}

TEST(VectorsRoundTrip, ProjectionsNeedTheirWidth) {
    const auto refused = [](const SteeringVector& v, const std::string& part) {
        try {
            vector_to_bytes(v, checked);
            ADD_FAILURE() << "nothing was thrown, expected: " << part;
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), Code::bad_input);
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
        }
    };
    SteeringVector v = projection_vector();
    v.provenance.n_embd = 0;
    refused(v, "n_embd is 0 (not known)");
    v = projection_vector();
    v.directions[11].resize(3);  // a centre without rows
    refused(v, "length of direction.11 is 3, expected a multiple of 3 (n_embd), at least 6");
    v.directions[11].resize(7);
    refused(v, "length of direction.11 is 7");
}

// A file of a vector that is ready to use has no word on its kind, as those of older versions.
TEST(VectorsRoundTrip, RawExtractions) {
    SteeringVector v = full_vector();
    const std::string ready = vector_to_bytes(v, checked);
    EXPECT_EQ(ready.find("tiller.kind"), std::string::npos);
    EXPECT_FALSE(read(ready).extraction);
    v.extraction = true;
    const std::string bytes = vector_to_bytes(v, checked);
    expect_same(v, read(bytes));
    EXPECT_TRUE(read(bytes).extraction);
    EXPECT_EQ(bytes, vector_to_bytes(read(bytes), checked));
}

TEST(VectorsRoundTrip, OnlyWhatIsNeeded) {
    const SteeringVector v = small_vector();
    expect_same(v, read(vector_to_bytes(v, checked)));
}

TEST(VectorsRoundTrip, EverySiteOperationAndPositions) {
    SteeringVector v = small_vector();
    for (const Site site : {Site::attention_output, Site::mlp_output, Site::residual})
        for (const Operation operation : {Operation::add, Operation::replace, Operation::turn})
            for (const Positions::Kind kind :
                 {Positions::Kind::last_prompt, Positions::Kind::prompt, Positions::Kind::generated,
                  Positions::Kind::steered, Positions::Kind::all}) {
                v.site = site;
                v.operation = operation;
                v.positions = kind;
                expect_same(v, read(vector_to_bytes(v, checked)));
            }
}

TEST(VectorsRoundTrip, HeadTableWithoutMeansAndMeansWithoutHeadTable) {
    SteeringVector v = full_vector();
    v.mean_head_output.clear();
    expect_same(v, read(vector_to_bytes(v, checked)));
    v = full_vector();
    v.aie.clear();
    expect_same(v, read(vector_to_bytes(v, checked)));
    v.heads.clear();
    expect_same(v, read(vector_to_bytes(v, checked)));
}

TEST(VectorsRoundTrip, LayersAtBothEnds) {
    SteeringVector v = small_vector();
    v.directions = {{0, {1, 2}}, {max_layer, {3, 4}}};
    v.provenance.n_layer = max_layer + 1;
    v.provenance.n_embd = 2;
    expect_same(v, read(vector_to_bytes(v, checked)));
}

TEST(VectorsRoundTrip, EqualVectorsGiveEqualBytes) {
    const std::string once = vector_to_bytes(full_vector(), checked);
    EXPECT_EQ(once, vector_to_bytes(full_vector(), checked));
    EXPECT_EQ(once, vector_to_bytes(read(once), checked));
    SteeringVector other = full_vector();
    other.provenance.seed -= 1;
    EXPECT_NE(once, vector_to_bytes(other, checked));
}

TEST(VectorsRoundTrip, DirectionsHaveTheLayersOwnNumber) {
    SteeringVector v = small_vector();
    const std::string bytes = vector_to_bytes(v, checked);
    EXPECT_NE(bytes.find("direction.3"), std::string::npos);
    EXPECT_EQ(bytes.size() % 32, 0u);
    // The data of the only tensor is the last block.
    EXPECT_EQ(bytes.substr(bytes.size() - 32, 8), f32(1) + f32(2));
}

TEST(VectorsRead, OwnFileByHand) {
    const SteeringVector v = read(own_file().bytes());
    EXPECT_EQ(v.method, "fv");
    EXPECT_EQ(v.scale, 2.0f);
    EXPECT_EQ(v.directions.at(2), (std::vector<float>{-1, 0, 1, 0.5f}));
    EXPECT_EQ(v.aie.at(1).at(0), 0.5f);
    EXPECT_EQ(v.mean_head_output.at(2).at(1), 6.0f);
    EXPECT_EQ(v.provenance.seed, 7u);
    EXPECT_EQ(v.provenance.settings.at("n_mean"), "100");
}

TEST(VectorsRead, PlainControlVector) {
    const SteeringVector v = read(plain_file().bytes());
    EXPECT_EQ(v.method, "control-vector");
    EXPECT_EQ(v.site, Site::residual);
    EXPECT_EQ(v.operation, Operation::add);
    EXPECT_EQ(v.positions, Positions::Kind::all);
    EXPECT_EQ(v.scale, 1.0f);
    EXPECT_EQ(v.provenance.architecture, "llama");
    EXPECT_EQ(v.provenance.n_layer, 0);
    EXPECT_EQ(v.provenance.n_embd, 4);
    EXPECT_EQ(v.directions.at(3), (std::vector<float>{5, 6, 7, 8}));
    expect_same(v, read(vector_to_bytes(v, checked)));
}

TEST(VectorsRead, VersionTwoOtherKeysAndOtherAlignment) {
    RawFile file = plain_file();
    file.version = 2;
    file.alignment = 8;
    file.add("general.alignment", t_u32, le32(8));
    file.add("other.flag", 7, "\1")
        .add("other.f64", 12, le64(0))
        .add("other.i16", 3, "ab")
        .add("other.u8", 0, "x");
    file.set_array("other.names", t_string, 3, text("a") + text("") + text("ccc"));
    file.set_array("other.none", t_string, 0, "");
    file.tensors[1].shape = {4, 1, 1, 1};
    EXPECT_EQ(read(file.bytes()).directions.size(), 3u);
}

TEST(VectorsRead, HalfPrecision) {
    // 1, -2, largest, smallest normal, smallest denormal, -0, largest denormal, 1/3 rounded
    const std::vector<std::uint32_t> halves = {0x3c00, 0xc000, 0x7bff, 0x0400,
                                               0x0001, 0x8000, 0x03ff, 0x3555};
    const std::vector<float> expected = {
        1.0f,  -2.0f,           65504.0f,       6.103515625e-05f, 5.9604644775390625e-08f,
        -0.0f, 6.09755516e-05f, 0.333251953125f};
    RawFile file = plain_file();
    file.tensors.clear();
    std::string data;
    for (const std::uint32_t half : halves) data += le(half, 2);
    file.tensors.push_back({"direction.5", {8}, data, 1});
    expect_same(read(file.bytes()).directions.at(5), expected);
}

TEST(VectorsRead, EveryFiniteHalfIsExact) {
    RawFile file = plain_file();
    file.tensors.clear();
    std::string data;
    std::vector<double> expected;
    for (std::uint32_t half = 0; half < 65536; ++half) {
        const int exponent = static_cast<int>(half >> 10 & 31), mantissa = static_cast<int>(half & 1023);
        if (exponent == 31) continue;
        data += le(half, 2);
        const double size = exponent == 0 ? mantissa * std::pow(2.0, -24)
                                          : (1 + mantissa / 1024.0) * std::pow(2.0, exponent - 15);
        expected.push_back(half & 0x8000 ? -size : size);
    }
    file.tensors.push_back({"direction.1", {expected.size()}, data, 1});
    const std::vector<float> found = read(file.bytes()).directions.at(1);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) ASSERT_EQ(double{found[i]}, expected[i]) << i;
}

// What save_vector refuses, each with a part of the message.
struct Refused {
    const char* name;
    void (*spoil)(SteeringVector&);
    const char* message;

    friend void PrintTo(const Refused& kind, std::ostream* out) { *out << kind.name; }
};

class VectorsRefused : public testing::TestWithParam<Refused> {};

TEST_P(VectorsRefused, BadInput) {
    SteeringVector v = full_vector();
    GetParam().spoil(v);
    try {
        vector_to_bytes(v, checked);
        FAIL() << "was written";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::bad_input);
        EXPECT_NE(std::string(error.what()).find(GetParam().message), std::string::npos) << error.what();
        EXPECT_EQ(std::string(error.what()).rfind("some.gguf: ", 0), 0u) << error.what();
    }
}

const Refused refused[] = {
    {"no_method", [](SteeringVector& v) { v.method.clear(); }, "method is empty"},
    {"head_site", [](SteeringVector& v) { v.site = Site::head_output; }, "site is head_output"},
    {"last_k", [](SteeringVector& v) { v.positions = Positions::Kind::last_k; }, "positions is last_k"},
    {"range", [](SteeringVector& v) { v.positions = Positions::Kind::range; }, "positions is range"},
    {"scale_nan", [](SteeringVector& v) { v.scale = NAN; }, "scale is nan"},
    {"no_direction", [](SteeringVector& v) { v.directions.clear(); }, "number of directions is 0"},
    {"nan", [](SteeringVector& v) { v.directions[2][1] = NAN; }, "direction.2[1] is nan"},
    {"inf", [](SteeringVector& v) { v.directions[0][2] = -INFINITY; }, "direction.0[2] is -inf"},
    {"short_direction", [](SteeringVector& v) { v.directions[2].pop_back(); }, "length of direction.2 is 2"},
    {"empty_direction", [](SteeringVector& v) { v.directions[2].clear(); }, "length of direction.2 is 0"},
    {"all_empty",
     [](SteeringVector& v) {
         v.provenance.n_embd = 0;
         v.directions = {{1, {}}};
     },
     "length of direction.1 is 0, expected at least 1"},
    {"n_embd", [](SteeringVector& v) { v.provenance.n_embd = 4; }, "length of direction.0 is 3, expected 4"},
    {"n_embd_negative", [](SteeringVector& v) { v.provenance.n_embd = -1; }, "n_embd is -1"},
    {"n_layer_negative", [](SteeringVector& v) { v.provenance.n_layer = -1; }, "n_layer is -1"},
    {"n_layer_large", [](SteeringVector& v) { v.provenance.n_layer = 4098; }, "n_layer is 4098"},
    {"layer_negative",
     [](SteeringVector& v) {
         v.directions[-1] = {1, 2, 3};
     },
     "layer of direction.-1"},
    {"layer_beyond",
     [](SteeringVector& v) {
         v.directions[12] = {1, 2, 3};
     },
     "layer of direction.12"},
    {"aie_rows", [](SteeringVector& v) { v.aie.pop_back(); }, "number of layers of aie is 11"},
    {"aie_nan", [](SteeringVector& v) { v.aie[3][1] = NAN; }, "aie of layer 3[1] is nan"},
    {"mean_rows", [](SteeringVector& v) { v.mean_head_output.emplace_back(); },
     "number of layers of mean_head_output is 13"},
    {"mean_rows_aie",
     [](SteeringVector& v) {
         v.provenance.n_layer = 0;
         v.mean_head_output.pop_back();
     },
     "number of layers of mean_head_output is 11, expected 12"},
    {"mean_width", [](SteeringVector& v) { v.mean_head_output[6].pop_back(); },
     "width of mean_head_output of layer 6"},
    {"mean_no_head", [](SteeringVector& v) { v.mean_head_output[5] = {1}; },
     "width of mean_head_output of layer 5"},
    {"mean_inf", [](SteeringVector& v) { v.mean_head_output[6][8] = INFINITY; },
     "mean_head_output of layer 6[8] is inf"},
    {"head_layer", [](SteeringVector& v) { v.heads[1].layer = 12; }, "layer of heads[1] is 12"},
    {"head_layer_negative", [](SteeringVector& v) { v.heads[1].layer = -1; }, "layer of heads[1] is -1"},
    {"head_index", [](SteeringVector& v) { v.heads[0].head = 2; }, "head of heads[0] is 2 of layer 2"},
    {"head_negative", [](SteeringVector& v) { v.heads[0].head = -1; }, "head of heads[0] is -1"},
    {"head_aie", [](SteeringVector& v) { v.heads[0].aie = NAN; }, "aie of heads[0] is nan"},
    {"head_twice", [](SteeringVector& v) { v.heads[1] = v.heads[0]; },
     "head 1 of layer 2 in heads is there twice"},
    {"utf8", [](SteeringVector& v) { v.provenance.task = "\xff\x1b[31m"; }, "task is '\\xff\\x1b[31m'"},
    {"utf8_setting", [](SteeringVector& v) { v.provenance.settings["a"] = "\xc0\x80"; },
     "value of a setting"},
    {"long_text", [](SteeringVector& v) { v.provenance.model_name.assign((16 << 20) + 1, 'x'); },
     "at most 16777216"},
    {"long_settings",
     [](SteeringVector& v) {
         v.provenance.settings = {{"a", std::string(9 << 20, 'x')}, {"b", std::string(9 << 20, 'x')}};
     },
     "settings is"},
};

INSTANTIATE_TEST_SUITE_P(Kinds, VectorsRefused, testing::ValuesIn(refused),
                         [](const auto& kind) { return std::string(kind.param.name); });

}  // namespace
