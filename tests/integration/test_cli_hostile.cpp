// What comes from files does nothing to a terminal, and what a vector cannot do is said: zeros, numbers that
// leave the finite ones.
#include "support/cli_test.h"
#include "tiller/vector.h"

namespace tiller::test {
namespace {

class CliHostile : public CliTest {
protected:
    // Colours, a window's title, a bell, what 8-bit terminals take for ESC [, writing from right to left.
    const std::string hostile =
        "x\x1b[31m\x1b]0;title\x07\r\xc2\x9b"
        "2J\u202ey";

    static void expect_clean(const ProgramResult& result, const std::string& what) {
        for (const std::string* text : {&result.out, &result.err}) {
            for (const char c : *text) {
                const auto byte = static_cast<unsigned char>(c);
                EXPECT_TRUE(byte >= 0x20 || c == '\n' || c == '\t') << what << ": byte " << int{byte};
            }
            EXPECT_EQ(text->find("\xc2\x9b"), std::string::npos) << what;
            EXPECT_EQ(text->find("\u202e"), std::string::npos) << what;
        }
    }
    SteeringVector vector(float value) const {
        SteeringVector v;
        v.method = "fv";
        v.site = Site::residual;
        v.directions[1] = std::vector<float>(48, value);
        v.provenance.n_layer = 3, v.provenance.n_embd = 48;
        return v;
    }
    // The library refuses to write one.
    void write_zero_vector(const std::string& name) const {
        save_vector(vector(0x1.5p7f), folder.path() / name);
        std::string bytes = slurp(folder.path() / name);
        const float value = 0x1.5p7f;
        const std::string one(reinterpret_cast<const char*>(&value), 4);
        for (auto at = bytes.find(one); at != std::string::npos; at = bytes.find(one, at))
            bytes.replace(at, 4, std::string(4, '\0'));
        std::ofstream(folder.path() / name, std::ios::binary) << bytes;
    }
};

TEST_F(CliHostile, NamesFromFilesAreEscaped) {
    TinyOptions tiny;
    tiny.metadata = [&](gguf_context* g) { gguf_set_val_str(g, "general.name", hostile.c_str()); };
    make_model("h.gguf", tiny);
    SteeringVector v = vector(1);
    v.method = hostile;
    v.provenance.task = hostile, v.provenance.model_name = hostile, v.provenance.architecture = hostile;
    v.provenance.settings[hostile] = hostile;
    save_vector(v, folder.path() / "h-vector.gguf");
    const std::string pairs =
        nlohmann::json::array({{{"negative", hostile}, {"positive", hostile + "z"}}}).dump();
    folder.write("pairs.json", pairs);
    folder.write("bad.json", "{\"" + hostile + "\": 1}");
    folder.write("data/functional/" + std::string("h\x1b[31m.json"),
                 R"([{"input": "a", "output": "b"}, {"input": "c", "output": "d"}])");
    for (const Arguments& arguments : std::vector<Arguments>{
             {"show", "h-vector.gguf"},
             {"show", "h-vector.gguf", "--json"},
             {"combine", "h-vector.gguf", "h-vector.gguf", "-o", "sum.gguf"},
             {"generate", "-m", "m.gguf", "--vector", "h-vector.gguf", "-p", "the"},
             {"doctor", "-m", "h.gguf"},
             {"next", "-m", "h.gguf", "-p", std::string(3000, 'a')},
             {"extract", "mean-diff", "-m", "h.gguf", "--pairs", "pairs.json", "-o", "o.gguf", "--no-check"},
             {"extract", "mean-diff", "-m", "h.gguf", "--pairs", "bad.json", "-o", "p.gguf", "--no-check"},
             {"tasks", "--data-dir", "data"},
             {"eval", "-m", "m.gguf", "-t", hostile, "--vector", "h-vector.gguf"},
             {hostile},
         }) {
        const auto result = run(arguments);
        expect_clean(result, testing::PrintToString(arguments));
        EXPECT_FALSE(result.out.empty() && result.err.empty());
    }
    EXPECT_NE(run({"show", "h-vector.gguf"}).out.find("\\u001b[31m"), std::string::npos);
}

TEST_F(CliHostile, GeneratedTextIsLeftAloneInAPipe) {
    const auto text = run({"generate", "-m", "m.gguf", "-p", "a\tb\x01", "-n", "1"});
    EXPECT_NE(text.out.find('\x01'), std::string::npos) << text.err;
}

TEST_F(CliHostile, ZeroVectorsAreRefusedWhenMadeAndNamedWhenUsed) {
    save_vector(vector(1), folder.path() / "v.gguf");
    EXPECT_NE(refusal(3, {"combine", "v.gguf", "v.gguf:-1", "-o", "zero.gguf"}).find("0 in all layers"),
              std::string::npos);
    EXPECT_FALSE(is_there("zero.gguf"));
    folder.write("same.json", R"([{"negative": "the cat", "positive": "the cat"},
                                  {"negative": "a dog", "positive": "a dog"}])");
    for (const char* method : {"mean-diff", "icv", "repe"}) {
        const auto error = refusal(3, {"extract", method, "-m", "m.gguf", "--pairs", "same.json", "-o",
                                       "zero.gguf", "--no-check", "--quiet"});
        EXPECT_NE(error.find("each of the 2 pairs are the same"), std::string::npos) << error;
        EXPECT_FALSE(is_there("zero.gguf"));
    }
    write_zero_vector("zero.gguf");
    const auto used = run({"generate", "-m", "m.gguf", "--vector", "zero.gguf", "-p", "the", "-n", "2"});
    EXPECT_EQ(used.code, 0) << used.err;
    EXPECT_NE(used.err.find("zero.gguf is 0 in all layers"), std::string::npos) << used.err;
}

TEST_F(CliHostile, ABrokenRowIsNoResult) {
    save_vector(vector(1), folder.path() / "v.gguf");
    const auto text =
        run({"generate", "-m", "m.gguf", "--vector", "v.gguf:3e38", "-p", "the cat", "-n", "4", "--quiet"});
    EXPECT_NE(text.err.find("broken"), std::string::npos) << text.out << text.err;
    const auto scores = run({"eval", "-m", "m.gguf", "-t", "data/functional/twice.json", "--vector",
                             "v.gguf:3e38", "--quiet", "--n-test", "4"});
    EXPECT_EQ(scores.code, 0);
    EXPECT_NE(scores.err.find("4 of 4 steered items broke"), std::string::npos) << scores.err;
    for (const char* name : {"logprob", "rank"}) {
        const auto at = scores.out.find(name);
        ASSERT_NE(at, std::string::npos) << scores.out;
        const std::string line = scores.out.substr(at, scores.out.find('\n', at) - at);
        EXPECT_EQ(line.find_first_of("0123456789"), std::string::npos) << line;
    }
    const auto json = run_json({"eval", "-m", "m.gguf", "-t", "data/functional/twice.json", "--vector",
                                "v.gguf:3e38", "--quiet", "--n-test", "4"});
    EXPECT_EQ(json.at("n_broken"), 4);
    EXPECT_TRUE(json.at("metrics").at("logprob").is_null());
    EXPECT_EQ(json.at("metrics").at("exact").at("steered").at("mean"), 0);
    EXPECT_EQ(refusal(3, {"next", "-m", "m.gguf", "-p", "the", "--vector", "v.gguf:3e38"}).find("json"),
              std::string::npos);
}

TEST_F(CliHostile, AModelThatGivesNaNByItselfIsSaidToBeTheModel) {
    TinyOptions tiny;
    tiny.constants = {{"output_norm.weight", std::numeric_limits<float>::quiet_NaN()}};
    make_model("nan.gguf", tiny);
    for (const Arguments& arguments :
         std::vector<Arguments>{{"next", "-m", "nan.gguf", "-p", "the"},
                                {"generate", "-m", "nan.gguf", "-p", "the", "-n", "2"}}) {
        const auto error = refusal(3, arguments);
        EXPECT_NE(error.find("without any vector"), std::string::npos) << error;
    }
}

TEST_F(CliHostile, AnEngineThatAbortsIsAnError) {
    // No check of tiller's knows this value; the engine asserts on it.
    TinyOptions tiny;
    tiny.architecture = "gemma2";
    tiny.metadata = [](gguf_context* g) {
        const std::int32_t none[] = {0, 0, 0};
        gguf_set_arr_data(g, "gemma2.attention.sliding_window_pattern", GGUF_TYPE_INT32, none, 3);
    };
    make_model("abort.gguf", tiny);
    const auto error = refusal(3, {"next", "-m", "abort.gguf", "-p", "the"});
    EXPECT_NE(error.find("abort.gguf: the engine cannot compute with this file"), std::string::npos) << error;
    EXPECT_NE(error.find("GGML_ASSERT"), std::string::npos) << error;
}

TEST_F(CliHostile, AModelIsTriedOnce) {
    ASSERT_EQ(run({"next", "-m", "m.gguf", "-p", "the"}).code, 0);
    const auto tried = folder.path() / "cache" / "tried";
    ASSERT_TRUE(std::filesystem::exists(tried));
    const auto count = [&] {
        return std::distance(std::filesystem::directory_iterator(tried),
                             std::filesystem::directory_iterator());
    };
    EXPECT_EQ(count(), 1);
    ASSERT_EQ(run({"next", "-m", "m.gguf", "-p", "cat"}).code, 0);
    EXPECT_EQ(count(), 1);
    // --exact loads other weights with other kernels.
    ASSERT_EQ(run({"next", "-m", "m.gguf", "-p", "cat", "--exact"}).code, 0);
    EXPECT_EQ(count(), 2);
}

TEST_F(CliHostile, AFileAtItsLimitIsAFullDisk) {
    ProgramOptions limited = options;
    limited.file_limit = 1024;
    limited.ignores_file_limit = false;
    save_vector(vector(1), folder.path() / "v.gguf");
    const auto result = run_program({"combine", "v.gguf", "v.gguf", "-o", "sum.gguf"}, limited);
    EXPECT_EQ(result.signal, 0);
    EXPECT_EQ(result.code, 4) << result.err;
    EXPECT_FALSE(is_there("sum.gguf"));
}

// Memory may run out anywhere, also where C++ ends the process without asking: in the destructor of the JSON
// library, which takes some.
TEST_F(CliHostile, MemoryThatRunsOutIsNoCrash) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "sanitizers reserve more address space than any limit leaves";
#endif
    std::filesystem::copy(std::string(TILLER_TESTS_DIR) + "/unit/old_runs/tuned", folder.path() / "run");
    ProgramOptions limited = options;
    limited.memory_limit = 16u << 20;
    while (run_program({"completion", "bash"}, limited).code != 0) {  // less than the program needs to start
        limited.memory_limit += 1u << 20;
        ASSERT_LT(limited.memory_limit, rlim_t{4096} << 20);
    }
    int n_refused = 0;
    for (int i = 0; i < 200; ++i, limited.memory_limit += 128u << 10) {
        const auto result = run_program({"report", "run"}, limited);
        EXPECT_EQ(result.signal, 0) << limited.memory_limit << "\n" << result.err;
        if (result.code == 0) break;
        EXPECT_EQ(result.code, 4) << limited.memory_limit << "\n" << result.err;
        EXPECT_NE(result.err.find("out of memory"), std::string::npos) << result.err;
        ++n_refused;
    }
    EXPECT_GT(n_refused, 0);
    EXPECT_LT(n_refused, 200);
}

TEST_F(CliHostile, ParsersAreQuotedWithoutTheirNumbers) {
    folder.write("bad.json", "[{\"negative\": \"a\", \"positive\": }]");
    folder.write("nul.json", R"([{"negative": "a\u0000b", "positive": "c"}])");
    const auto error = refusal(3, {"extract", "icv", "-m", "m.gguf", "--pairs", "bad.json", "-o", "v.gguf"});
    EXPECT_EQ(error.find("json.exception"), std::string::npos) << error;
    EXPECT_NE(error.find("line 1, column"), std::string::npos) << error;
    EXPECT_NE(
        refusal(3, {"extract", "icv", "-m", "m.gguf", "--pairs", "nul.json", "-o", "v.gguf"}).find("NUL"),
        std::string::npos);
}

}  // namespace
}  // namespace tiller::test
