// Models by their names on a hub, through the program.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "hub/http.h"
#include "support/cli_test.h"
#include "support/hub_server.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::Answer;
using test::Arguments;
using test::Asked;
using test::expect_parts;

class CliHub : public test::CliTest {
protected:
    void SetUp() override {
        if (!hub::can_download()) GTEST_SKIP() << "built without libcurl";
        test::CliTest::SetUp();
        hub.files = {{"tiny-Q4_K_M.gguf", test::slurp(folder.path() / "m.gguf")}, {"README.md", "tiny"}};
        options.environment["HF_ENDPOINT"] = hub.url();
        options.environment["HF_HOME"] = (folder.path() / "hf").string();
        options.environment["LLAMA_CACHE"] = (folder.path() / "llama").string();
    }
    static Arguments next(const Arguments& model) {
        Arguments all = {"next", "-p", "the cat", "--threads", "1"};
        all.insert(all.end(), model.begin(), model.end());
        return all;
    }
    fs::path file() const { return folder.path() / "cache/models/hf/user/repo/tiny-Q4_K_M.gguf"; }
    // Answers for files come in pieces, with a pause before each.
    void be_slow(int pause_ms) {
        hub.instead = [this, pause_ms](const Asked& asked) -> std::optional<Answer> {
            if (asked.path.find("/resolve/") == std::string::npos) return std::nullopt;
            Answer answer = test::FakeHub::file_answer(hub.files.at("tiny-Q4_K_M.gguf"), asked);
            answer.pause_ms = pause_ms;
            return answer;
        };
    }
    long partial() const {
        std::error_code ec;
        for (fs::directory_iterator it(file().parent_path(), ec), end; !ec && it != end; it.increment(ec))
            if (it->path().extension() == ".partial") return static_cast<long>(it->file_size());
        return -1;
    }
    void await_partial() const {
        for (int i = 0; i < 2000 && partial() < 65536; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        ASSERT_GE(partial(), 65536);
    }

    test::FakeHub hub;
};

TEST_F(CliHub, AModelIsFetchedOnceAndUsedByAnyOfItsNames) {
    const auto expected = run(next({"-m", "m.gguf"}));
    ASSERT_EQ(expected.code, 0) << expected.err;
    const auto first = run(next({"-hf", "user/repo"}));
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(first.out, expected.out);
    expect_parts(first.err, {"hf:user/repo: tiny-Q4_K_M.gguf", "SHA-256"});
    const auto n = hub.asked().size();
    for (const Arguments& names : {Arguments{"-hf", "user/repo:q4_k_m"}, Arguments{"-m", "hf:user/repo"},
                                   Arguments{"--hf-repo", "hf:user/repo/tiny-Q4_K_M.gguf"}})
        EXPECT_EQ(run(next(names)).out, expected.out);
    EXPECT_EQ(hub.asked().size(), n);
    EXPECT_EQ(test::slurp(file()), hub.files.at("tiny-Q4_K_M.gguf"));
}

TEST_F(CliHub, ModelsGetAndPath) {
    expect_parts(refusal(4, {"models", "path", "hf:user/repo"}), {"hf:user/repo", "tiller models get"});
    EXPECT_TRUE(hub.asked().empty());
    const auto got = run_json({"models", "get", "hf:user/repo:Q4_K_M"});
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].at("name"), "hf:user/repo:Q4_K_M");
    EXPECT_EQ(got[0].at("path"), file().string());
    EXPECT_EQ(got[0].at("fetched"), true);
    EXPECT_EQ(run_json({"models", "get", "hf:user/repo"}).at(0).at("fetched"), false);
    EXPECT_EQ(run_json({"models", "get", "--force", "hf:user/repo"}).at(0).at("fetched"), true);
    EXPECT_EQ(run({"models", "path", "hf:user/repo"}).out, file().string() + "\n");
    // Damaged where it lies: noticed and mended.
    std::fstream(file(), std::ios::binary | std::ios::in | std::ios::out).seekp(200).put('!').flush();
    const auto mended = run({"models", "get", "hf:user/repo"});
    EXPECT_EQ(mended.code, 0);
    expect_parts(mended.err, {"another SHA-256", "fetching it anew", "ready"});
    EXPECT_EQ(test::slurp(file()), hub.files.at("tiny-Q4_K_M.gguf"));
}

TEST_F(CliHub, ExitCodesSayWhatKindOfFault) {
    expect_parts(refusal(2, next({"-hf"})), {"-hf", "user/repo:Q4_K_M"});
    expect_parts(refusal(2, next({"-hf", "repo"})), {"hf:repo", "expected hf:user/repo"});
    expect_parts(refusal(2, {"models", "get", "hf:user/re po", "gemma3-270m"}), {"user/re po"});
    EXPECT_TRUE(hub.asked().empty());
    expect_parts(refusal(2, next({"-hf", "user/repo:Q8_0"})), {"Q8_0", "tiny-Q4_K_M.gguf"});
    expect_parts(refusal(4, next({"-hf", "user/none"})), {"hf:user/none", "404"});
    hub.instead = [](const Asked&) { return std::optional(Answer{.status = 401}); };
    expect_parts(refusal(4, next({"-hf", "user/repo"})), {"401", "HF_TOKEN"});
    options.environment["HF_HUB_OFFLINE"] = "1";
    expect_parts(refusal(4, next({"-hf", "user/repo"})), {"HF_HUB_OFFLINE"});
    options.environment.erase("HF_HUB_OFFLINE");
    hub.instead = [this](const Asked& asked) -> std::optional<Answer> {
        if (asked.path.find("/resolve/") == std::string::npos) return std::nullopt;
        std::string other = hub.files.at("tiny-Q4_K_M.gguf");
        other.back() ^= 1;
        return Answer{.body = other};
    };
    expect_parts(refusal(3, next({"-hf", "user/repo"})), {"SHA-256", "nothing was put in place"});
    EXPECT_FALSE(fs::exists(file()));
    options.environment["HF_ENDPOINT"] = "ftp://somewhere";
    expect_parts(refusal(2, next({"-hf", "user/repo"})), {"HF_ENDPOINT", "ftp://somewhere"});
    options.environment["HF_ENDPOINT"] = "http://hub.example";
    options.environment["HF_TOKEN"] = "secret";
    const auto text = refusal(2, next({"-hf", "user/repo"}));
    expect_parts(text, {"HF_TOKEN", "unencrypted"});
    EXPECT_EQ(text.find("secret"), std::string::npos);
}

TEST_F(CliHub, ATokenIsSent) {
    options.environment["HF_TOKEN"] = "secret";
    EXPECT_EQ(run({"models", "get", "hf:user/repo"}).code, 0);
    ASSERT_EQ(hub.asked().size(), 2u);
    for (const auto& asked : hub.asked()) EXPECT_EQ(asked.header("authorization"), "Bearer secret");
}

TEST_F(CliHub, AKilledDownloadGoesOn) {
    ASSERT_GT(hub.files.at("tiny-Q4_K_M.gguf").size(), 200000u);
    be_slow(100);
    {
        test::Program program({"models", "get", "hf:user/repo"}, options);
        await_partial();
        program.send(SIGKILL);
        EXPECT_EQ(program.wait().signal, SIGKILL);
    }
    EXPECT_FALSE(fs::exists(file()));
    const long kept = partial();
    ASSERT_GE(kept, 65536);
    be_slow(0);
    const auto second = run({"models", "get", "hf:user/repo"});
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_EQ(hub.asked().back().header("range"), "bytes=" + std::to_string(kept) + "-");
    EXPECT_EQ(test::slurp(file()), hub.files.at("tiny-Q4_K_M.gguf"));
    EXPECT_EQ(partial(), -1);
}

TEST_F(CliHub, AnInterruptedDownloadSaysSo) {
    be_slow(100);
    test::Program program({"models", "get", "hf:user/repo"}, options);
    await_partial();
    program.send(SIGINT);
    const auto result = program.wait();
    EXPECT_EQ(result.code, 130);
    expect_parts(result.err, {"interrupted", "goes on from there"});
}

TEST_F(CliHub, TwoProcessesAtOnce) {
    be_slow(30);
    test::Program a({"models", "get", "hf:user/repo"}, options),
        b({"models", "get", "hf:user/repo"}, options);
    const auto first = a.wait(), second = b.wait();
    EXPECT_EQ(first.code, 0) << first.err;
    EXPECT_EQ(second.code, 0) << second.err;
    EXPECT_EQ(hub.n_asked("/resolve/"), 1);
    EXPECT_EQ(test::slurp(file()), hub.files.at("tiny-Q4_K_M.gguf"));
}

TEST_F(CliHub, AFullDiskLeavesNoModel) {
    options.file_limit = 100000;
    expect_parts(refusal(4, {"models", "get", "hf:user/repo"}), {"cannot write", "TILLER_CACHE_DIR"});
    EXPECT_FALSE(fs::exists(file()));
}

}  // namespace
}  // namespace tiller
