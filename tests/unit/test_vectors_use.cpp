// Names, edits, pairing with a model, sums, and files on disk.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "core/names.h"
#include "core/util.h"
#include "test_vectors_files.h"

using namespace tiller;
using namespace vector_files;
namespace fs = std::filesystem;

namespace {

TEST(VectorsNames, ThereAndBack) {
    for (const Site site : {Site::head_output, Site::attention_output, Site::mlp_output, Site::residual})
        EXPECT_EQ(site_from_name(site_name(site)), site);
    for (const Operation operation :
         {Operation::add, Operation::replace, Operation::turn, Operation::project})
        EXPECT_EQ(operation_from_name(operation_name(operation)), operation);
    using Kind = Positions::Kind;
    for (const Kind kind : {Kind::last_prompt, Kind::last_k, Kind::prompt, Kind::generated, Kind::steered,
                            Kind::all, Kind::range})
        EXPECT_EQ(positions_from_name(positions_name(kind)), kind);
    EXPECT_STREQ(site_name(Site::residual), "residual");
    EXPECT_STREQ(operation_name(Operation::turn), "turn");
    EXPECT_STREQ(positions_name(Kind::last_k), "last_k");
    EXPECT_FALSE(site_from_name("Residual"));
    EXPECT_FALSE(site_from_name("unknown"));
    EXPECT_FALSE(operation_from_name(""));
    EXPECT_FALSE(positions_from_name("ALL"));
}

TEST(VectorsNames, UnknownEnumerators) {
    EXPECT_STREQ(site_name(static_cast<Site>(99)), "unknown");
    EXPECT_STREQ(operation_name(static_cast<Operation>(99)), "unknown");
    EXPECT_STREQ(positions_name(static_cast<Positions::Kind>(99)), "unknown");
}

TEST(VectorsEdits, OnePerLayer) {
    const SteeringVector v = full_vector();
    const std::vector<Edit> edits = edits_of(v, 2.5f);
    ASSERT_EQ(edits.size(), 3u);
    auto direction = v.directions.begin();
    for (const Edit& edit : edits) {
        EXPECT_EQ(edit.site, Site::mlp_output);
        EXPECT_EQ(edit.layer, direction->first);
        EXPECT_EQ(edit.head, -1);
        EXPECT_EQ(edit.operation, Operation::turn);
        EXPECT_EQ(edit.positions.kind, Positions::Kind::generated);
        EXPECT_EQ(*edit.vector, direction->second);
        EXPECT_EQ(edit.strength, 2.5f);  // not times scale
        ++direction;
    }
    const std::vector<Edit> copy = edits;
    EXPECT_EQ(copy[1].vector.get(), edits[1].vector.get());
}

TEST(VectorsEdits, RefusesWhatCannotBeApplied) {
    SteeringVector v = full_vector();
    EXPECT_EQ(code_of([&] { edits_of(v, NAN); }, "strength is nan"), Code::usage);
    EXPECT_EQ(code_of([&] { edits_of(v, INFINITY); }, "strength is inf"), Code::usage);
    v.extraction = true;
    EXPECT_EQ(code_of([&] { edits_of(v, 1); }, "is a raw extraction"), Code::usage);
    EXPECT_EQ(code_of([&] { combine({{v, 1.0f}}); }, "part 0 is a raw extraction"), Code::usage);
    v.extraction = false;
    v.directions[2][0] = NAN;
    EXPECT_EQ(code_of([&] { edits_of(v, 1); }, "direction.2[0] is nan"), Code::bad_input);
    v.directions.clear();
    EXPECT_EQ(code_of([&] { edits_of(v, 1); }, "number of directions is 0"), Code::bad_input);
}

ModelInfo its_model() {
    ModelInfo info;
    info.name = "Some Model";
    info.architecture = "llama";
    info.quantisation = "Q4_K - Medium";
    info.digest = "d2";
    info.tokenizer_digest = "d3";
    info.n_layer = 12;
    info.n_embd = 3;
    return info;
}

TEST(VectorsMatch, ItsOwnModel) {
    EXPECT_NO_THROW(require_match(full_vector(), its_model()));
    EXPECT_NO_THROW(require_match(full_vector(), its_model(), true));
    ModelInfo renamed = its_model();
    renamed.name = "other file name";
    EXPECT_NO_THROW(require_match(full_vector(), renamed));
}

TEST(VectorsMatch, OtherModelOfTheSameShapeNeedsForce) {
    const std::pair<const char*, void (*)(ModelInfo&)> others[] = {
        {"model_digest is 'd2', the model's is 'x'", [](ModelInfo& m) { m.digest = "x"; }},
        {"tokenizer_digest is 'd3', the model's is 'x'", [](ModelInfo& m) { m.tokenizer_digest = "x"; }},
        {"architecture is 'llama', the model's is 'gemma3'", [](ModelInfo& m) { m.architecture = "gemma3"; }},
        {"quantisation is 'Q4_K - Medium', the model's is 'F16'",
         [](ModelInfo& m) { m.quantisation = "F16"; }},
    };
    for (const auto& [message, change] : others) {
        ModelInfo info = its_model();
        change(info);
        EXPECT_EQ(code_of([&] { require_match(full_vector(), info); }, message), Code::bad_input);
        EXPECT_EQ(code_of([&] { require_match(full_vector(), info); }, "force the pairing"), Code::bad_input);
        EXPECT_NO_THROW(require_match(full_vector(), info, true));
    }
}

TEST(VectorsMatch, OtherShapesAreRefusedEvenWithForce) {
    for (const bool force : {false, true}) {
        ModelInfo info = its_model();
        info.n_layer = 24;
        EXPECT_EQ(
            code_of([&] { require_match(full_vector(), info, force); }, "n_layer is 12, the model's is 24"),
            Code::bad_input);
        info = its_model();
        info.n_embd = 4;
        EXPECT_EQ(
            code_of([&] { require_match(full_vector(), info, force); }, "n_embd is 3, the model's is 4"),
            Code::bad_input);
        SteeringVector plain = read(plain_file().bytes());  // says nothing about its number of layers
        info.architecture = "llama";
        EXPECT_NO_THROW(require_match(plain, info, force));
        info.n_layer = 3;
        EXPECT_EQ(code_of([&] { require_match(plain, info, force); },
                          "layer of a direction is 3, the model has layers 0 to 2"),
                  Code::bad_input);
        plain.provenance.n_embd = 0;
        info.n_embd = 8;
        EXPECT_EQ(code_of([&] { require_match(plain, info, force); }, "cannot fit"), Code::bad_input);
    }
}

TEST(VectorsMatch, NamesEveryDifference) {
    ModelInfo info = its_model();
    info.digest = info.tokenizer_digest = info.architecture = info.quantisation = "x";
    info.n_layer = 1;
    info.n_embd = 2;
    for (const char* what :
         {"n_layer", "n_embd", "architecture", "quantisation", "tokenizer_digest", "model_digest"})
        EXPECT_EQ(code_of([&] { require_match(full_vector(), info); }, what), Code::bad_input);
}

TEST(VectorsCombine, SumsWithWeights) {
    SteeringVector a = full_vector(), b = full_vector();
    a.directions = {{1, {1, 2, 3}}, {2, {1, 1, 1}}};
    b.directions = {{2, {10, 20, 30}}, {5, {1, 0, -1}}};
    b.provenance.task = "synonym";
    b.provenance.seed = 4;
    const SteeringVector sum = combine({{a, 2.0f}, {b, -0.5f}});
    EXPECT_EQ(sum.method, "combine");
    EXPECT_EQ(sum.directions.size(), 3u);
    EXPECT_EQ(sum.directions.at(1), (std::vector<float>{2, 4, 6}));
    EXPECT_EQ(sum.directions.at(2), (std::vector<float>{-3, -8, -13}));
    EXPECT_EQ(sum.directions.at(5), (std::vector<float>{-0.5f, 0, 0.5f}));
    EXPECT_EQ(sum.site, Site::mlp_output);
    EXPECT_EQ(sum.operation, Operation::turn);
    EXPECT_EQ(sum.positions, Positions::Kind::generated);
    EXPECT_EQ(sum.scale, 1.7f);
    EXPECT_TRUE(sum.heads.empty() && sum.aie.empty() && sum.mean_head_output.empty());
    const Provenance& from = sum.provenance;
    EXPECT_EQ(from.task, "antonym + synonym");
    EXPECT_EQ(from.model_digest, "d2");
    EXPECT_EQ(from.n_layer, 12);
    EXPECT_EQ(from.seed, 0u);
    EXPECT_EQ(from.settings.at("part.0.weight"), "2");
    EXPECT_EQ(from.settings.at("part.1.weight"), "-0.5");
    EXPECT_EQ(from.settings.at("part.1.seed"), "4");
    EXPECT_EQ(from.settings.at("part.1.task"), "synonym");
    EXPECT_EQ(from.settings.at("part.0.settings.n_mean"), "100");
    EXPECT_EQ(from.prompts_digest.size(), 64u);
    EXPECT_NO_THROW(require_match(sum, its_model()));
    EXPECT_EQ(vector_to_bytes(read(vector_to_bytes(sum, checked)), checked), vector_to_bytes(sum, checked));
}

TEST(VectorsCombine, OneIsScaled) {
    const SteeringVector sum = combine({{full_vector(), 1.0f}});
    EXPECT_EQ(sum.directions, full_vector().directions);
    EXPECT_EQ(sum.provenance.seed, full_vector().provenance.seed);
}

TEST(VectorsCombine, DifferentScalesGiveOne) {
    SteeringVector b = full_vector();
    b.scale = 3;
    EXPECT_EQ(combine({{full_vector(), 0.5f}, {b, 0.5f}}).scale, 1.0f);
}

TEST(VectorsCombine, RefusesProjections) {
    const SteeringVector v = projection_vector();
    EXPECT_EQ(code_of(
                  [&] {
                      combine({{v, 1.0f}, {v, 1.0f}});
                  },
                  "is project, whose rows cannot be added"),
              Code::usage);
}

TEST(VectorsMatch, ProjectionsFitByTheirRows) {
    ModelInfo info = its_model();
    EXPECT_NO_THROW(require_match(projection_vector(), info));
    SteeringVector v = projection_vector();
    v.directions[0].pop_back();
    EXPECT_EQ(code_of([&] { require_match(v, info); }, "length of direction.0 is 8, the model's is 3"),
              Code::bad_input);
}

TEST(VectorsCombine, RefusesMisfits) {
    const std::pair<const char*, void (*)(SteeringVector&)> misfits[] = {
        {"site of part 1 is 'residual'", [](SteeringVector& v) { v.site = Site::residual; }},
        {"operation of part 1 is 'add'", [](SteeringVector& v) { v.operation = Operation::add; }},
        {"positions of part 1 is 'all'", [](SteeringVector& v) { v.positions = Positions::Kind::all; }},
        {"architecture of part 1", [](SteeringVector& v) { v.provenance.architecture = "x"; }},
        {"model_digest of part 1",
         [](SteeringVector& v) { v.provenance.model_digest = v.provenance.weights_digest = "x"; }},
        {"tokenizer_digest of part 1", [](SteeringVector& v) { v.provenance.tokenizer_digest = "x"; }},
        {"quantisation of part 1", [](SteeringVector& v) { v.provenance.quantisation = "x"; }},
        {"n_layer of part 1 is 13",
         [](SteeringVector& v) {
             v.provenance.n_layer = 13;
             v.aie.clear(), v.heads.clear(), v.mean_head_output.clear();
         }},
    };
    for (const auto& [message, change] : misfits) {
        SteeringVector other = full_vector();
        change(other);
        EXPECT_EQ(code_of([&] { combine({{full_vector(), 1.0f}, {other, 1.0f}}); }, message), Code::usage);
    }
    SteeringVector a = read(plain_file().bytes()), b = a;
    a.provenance.n_embd = b.provenance.n_embd = 0;
    b.directions = {{1, {1, 2}}};
    EXPECT_EQ(code_of(
                  [&] {
                      combine({{a, 1.0f}, {b, 1.0f}});
                  },
                  "length of the directions of part 1"),
              Code::usage);
    EXPECT_EQ(code_of([&] { combine({}); }, "no vectors"), Code::usage);
    EXPECT_EQ(code_of([&] { combine({{a, NAN}}); }, "weight of part 0"), Code::usage);
    EXPECT_EQ(code_of([&] { combine({{full_vector(), 1e30f}}); }, "too large for float32"), Code::usage);
    b.directions.clear();
    EXPECT_EQ(code_of([&] { combine({{b, 1.0f}}); }, "number of directions"), Code::bad_input);
}

class VectorsOnDisk : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "tiller-vectors-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override {
        std::error_code error;
        fs::permissions(folder_, fs::perms::owner_all, error);
        fs::remove_all(folder_, error);
    }
    // The folder holds one file with these bytes and nothing else.
    void expect_only(const fs::path& path, const std::string& bytes) {
        EXPECT_EQ(read_file(path, 1 << 20), bytes);
        EXPECT_EQ(std::distance(fs::directory_iterator(folder_), fs::directory_iterator()), 1);
    }
    fs::path folder_;
};

TEST_F(VectorsOnDisk, SaveAndLoad) {
    const fs::path path = folder_ / "a.gguf";
    save_vector(full_vector(), path);
    expect_only(path, vector_to_bytes(full_vector(), checked));
    EXPECT_EQ(vector_to_bytes(load_vector(path), checked), vector_to_bytes(full_vector(), checked));
    SteeringVector other = full_vector();
    other.provenance.seed = 1;
    save_vector(other, path);
    expect_only(path, vector_to_bytes(other, checked));
}

TEST_F(VectorsOnDisk, BadVectorLeavesTheOldFile) {
    const fs::path path = folder_ / "a.gguf";
    save_vector(full_vector(), path);
    SteeringVector bad = full_vector();
    bad.directions[2][0] = NAN;
    EXPECT_EQ(code_of([&] { save_vector(bad, path); }, path.string() + ": direction.2[0] is nan"),
              Code::bad_input);
    expect_only(path, vector_to_bytes(full_vector(), checked));
}

TEST_F(VectorsOnDisk, NoSuchFolder) {
    EXPECT_EQ(code_of([&] { save_vector(full_vector(), folder_ / "none" / "a.gguf"); }, "none"),
              Code::environment);
    EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(VectorsOnDisk, PathIsAFolder) {
    EXPECT_EQ(code_of([&] { save_vector(full_vector(), folder_); }, folder_.string()), Code::environment);
    EXPECT_TRUE(fs::is_empty(folder_));
}

// A limit on the size of files stands in for a full disk: write() fails in the middle of the file.
TEST_F(VectorsOnDisk, DiskFullLeavesTheOldFile) {
    const fs::path path = folder_ / "a.gguf";
    save_vector(full_vector(), path);
    SteeringVector larger = full_vector();
    larger.provenance.settings["more"].assign(100000, 'x');
    rlimit old{};
    ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
    const auto old_handler = signal(SIGXFSZ, SIG_IGN);
    for (const rlim_t limit : {0, 1, 4096, 65536}) {
        const rlimit small{limit, old.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
        Code code = Code::interrupted;
        try {
            save_vector(larger, path);
        } catch (const Error& error) {
            code = error.code();
        }
        setrlimit(RLIMIT_FSIZE, &old);
        EXPECT_EQ(code, Code::environment) << limit;
        expect_only(path, vector_to_bytes(full_vector(), checked));
    }
    signal(SIGXFSZ, old_handler);
    save_vector(larger, path);
    expect_only(path, vector_to_bytes(larger, checked));
}

TEST_F(VectorsOnDisk, UnwritableFolderLeavesTheOldFile) {
    const fs::path path = folder_ / "a.gguf";
    save_vector(full_vector(), path);
    fs::permissions(folder_, fs::perms(0555));
    SteeringVector other = full_vector();
    other.provenance.seed = 1;
    // In a child, because root may write everywhere and must become somebody else first.
    EXPECT_EXIT(
        {
            if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) _exit(99);
            try {
                save_vector(other, path);
                _exit(98);
            } catch (const Error& error) {
                _exit(exit_code(error.code()));
            }
        },
        testing::ExitedWithCode(4), "");
    expect_only(path, vector_to_bytes(full_vector(), checked));
}

TEST_F(VectorsOnDisk, LoadWhatIsNotAVectorFile) {
    EXPECT_EQ(code_of([&] { load_vector(folder_ / "none.gguf"); }, "none.gguf"), Code::missing);
    EXPECT_EQ(code_of([&] { load_vector(folder_); }, folder_.string()), Code::bad_input);
    const fs::path pipe = folder_ / "pipe";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(code_of([&] { load_vector(pipe); }, "no regular file"), Code::bad_input);
    EXPECT_EQ(code_of([&] { load_vector("/dev/zero"); }, "no regular file"), Code::bad_input);
    const fs::path empty = folder_ / "empty.gguf";
    std::ofstream(empty).close();
    EXPECT_EQ(code_of([&] { load_vector(empty); }, "empty.gguf: the file's mark"), Code::bad_input);
}

TEST_F(VectorsOnDisk, FileBeyondTheLimit) {
    const fs::path path = folder_ / "large.gguf";
    std::ofstream(path).close();
    fs::resize_file(path, (1ull << 30) + 1);  // sparse
    EXPECT_EQ(code_of([&] { load_vector(path); }, "large.gguf"), Code::bad_input);
}

}  // namespace
