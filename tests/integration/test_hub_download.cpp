// Downloads from a hub on this machine that does everything wrong in turn.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "hub/download.h"
#include "hub/fetch.h"
#include "hub/http.h"
#include "hub/repository.h"
#include "support/hub_server.h"
#include "support/run_program.h"
#include "support/tiny_study.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

namespace fs = std::filesystem;
using test::Answer;
using test::Asked;
using test::slurp;

std::string bytes_of(std::size_t n) {
    std::string bytes(n, '\0');
    for (std::size_t i = 0; i < n; ++i) bytes[i] = static_cast<char>(i * 7 + i / 251);
    return bytes;
}

class HubDownload : public testing::Test {
protected:
    void SetUp() override {
        if (!can_download()) GTEST_SKIP() << "built without libcurl";
        hub.files = {{"m-Q4_K_M.gguf", bytes_of(300000)}, {"m-Q8_0.gguf", bytes_of(1000)}};
        for (const char* name : {"no_proxy", "NO_PROXY"}) ::setenv(name, "127.0.0.1,localhost", 1);
        settings.endpoint = hub.url();
        settings.own = folder.path() / "own";
        settings.hub_cache = folder.path() / "hub";
        settings.llama_cache = folder.path() / "llama";
        settings.first_wait = std::chrono::milliseconds(1);
        settings.stall_seconds = 2;
        settings.say = [this](const std::string& text) {
            const std::lock_guard lock(mutex);
            said += text + "\n";
        };
    }
    Found get(const std::string& name = "hf:user/repo", Freshness freshness = Freshness::here) {
        return fetch(parse_name(name), freshness, settings);
    }
    // What fetching must fail with; nothing may stand under the model's name then.
    std::string refusal(Code code, const std::string& name = "hf:user/repo") {
        try {
            get(name);
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), code) << e.what();
            EXPECT_FALSE(fs::exists(target()));
            return e.what();
        }
        ADD_FAILURE() << "nothing was refused";
        return "";
    }
    fs::path target() const { return settings.own / "user/repo/m-Q4_K_M.gguf"; }
    const std::string& model() { return hub.files.at("m-Q4_K_M.gguf"); }
    // A partial file's size; -1 when there is none.
    long partial() const {
        std::error_code ec;
        for (fs::directory_iterator it(target().parent_path(), ec), end; !ec && it != end; it.increment(ec))
            if (it->path().extension() == ".partial") return static_cast<long>(it->file_size());
        return -1;
    }
    // The n-th question for a file (from 0) is answered by `first`, the others rightly.
    void answer_files(int n, const std::function<Answer(const Asked&)>& answer) {
        hub.instead = [this, n, answer, count = std::make_shared<std::atomic<int>>(0)](
                          const Asked& asked) -> std::optional<Answer> {
            if (asked.path.find("/resolve/") == std::string::npos) return std::nullopt;
            if ((*count)++ < n) return answer(asked);
            return test::FakeHub::file_answer(model(), asked);
        };
    }
    static void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
        for (const auto& part : parts)
            EXPECT_NE(text.find(part), std::string::npos) << part << " in: " << text;
    }

    test::ScratchFolder folder;
    Settings settings;
    std::mutex mutex;
    std::string said;
    test::FakeHub hub;
};

TEST_F(HubDownload, BringsTheFileAndFindsItAgain) {
    const Found found = get();
    EXPECT_TRUE(found.fetched);
    EXPECT_EQ(found.path, target());
    EXPECT_EQ(slurp(target()), model());
    EXPECT_EQ(partial(), -1);
    const auto n = hub.asked().size();
    EXPECT_FALSE(get().fetched);  // without a question
    EXPECT_EQ(hub.asked().size(), n);
    EXPECT_EQ(get("hf:user/repo:q8_0").path.filename(), "m-Q8_0.gguf");
    // A look at the hub: the same bytes stay, others come anew, and so they do by force.
    EXPECT_FALSE(get("hf:user/repo", Freshness::hub).fetched);
    EXPECT_TRUE(get("hf:user/repo", Freshness::again).fetched);
    hub.files["m-Q4_K_M.gguf"][5] ^= 1;
    EXPECT_TRUE(get("hf:user/repo", Freshness::hub).fetched);
    EXPECT_EQ(slurp(target()), model());
}

TEST_F(HubDownload, GoesOnWhereItWasCutOff) {
    // Whole megabytes come in between: the number of cuts is not what ends it.
    answer_files(3, [&](const Asked& asked) {
        Answer answer = test::FakeHub::file_answer(model(), asked);
        answer.cut = 50000;
        return answer;
    });
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(slurp(target()), model());
    std::vector<std::string> ranges;
    for (const auto& asked : hub.asked())
        if (asked.path.find("/resolve/") != std::string::npos) ranges.push_back(asked.header("range"));
    EXPECT_EQ(ranges, (std::vector<std::string>{"", "bytes=50000-", "bytes=100000-", "bytes=150000-"}));
}

TEST_F(HubDownload, GivesUpAndLaterGoesOn) {
    answer_files(100, [&](const Asked&) { return Answer{.body = model(), .cut = 1000}; });
    hub.instead = [&, old = hub.instead](const Asked& asked) -> std::optional<Answer> {
        if (!asked.header("range").empty()) return Answer{.status = 503};
        return old(asked);
    };
    expect_parts(refusal(Code::environment), {"m-Q4_K_M.gguf", "503", "goes on from there"});
    EXPECT_EQ(partial(), 1000);
    hub.instead = [](const Asked&) { return std::nullopt; };
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(hub.asked().back().header("range"), "bytes=1000-");
    EXPECT_EQ(slurp(target()), model());
}

TEST_F(HubDownload, AServerThatKnowsNoRangesSendsAllAgain) {
    answer_files(1, [&](const Asked&) { return Answer{.body = model(), .cut = 1000}; });
    hub.instead = [&, old = hub.instead](const Asked& asked) -> std::optional<Answer> {
        if (!asked.header("range").empty()) return Answer{.body = model()};
        return old(asked);
    };
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(slurp(target()), model());
}

TEST_F(HubDownload, ARangeThatIsRefusedBeginsAgain) {
    answer_files(1, [&](const Asked&) { return Answer{.body = model(), .cut = 1000}; });
    hub.instead = [&, old = hub.instead](const Asked& asked) -> std::optional<Answer> {
        if (!asked.header("range").empty()) return Answer{.status = 416};
        return old(asked);
    };
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(slurp(target()), model());
    // 416 to a question without a range helps nobody.
    fs::remove_all(settings.own);
    answer_files(100, [&](const Asked&) { return Answer{.status = 416}; });
    expect_parts(refusal(Code::environment), {"416"});
}

TEST_F(HubDownload, LiesAboutLengthsAreRefused) {
    answer_files(100, [&](const Asked&) { return Answer{.body = model() + "more"}; });
    expect_parts(refusal(Code::bad_input), {"m-Q4_K_M.gguf", "300004", "300000"});
    answer_files(100, [&](const Asked&) { return Answer{.body = model() + "more", .no_length = true}; });
    expect_parts(refusal(Code::bad_input), {"more than 300000 bytes"});
    answer_files(100, [&](const Asked&) { return Answer{.body = model().substr(1)}; });
    expect_parts(refusal(Code::bad_input), {"299999", "300000"});
    answer_files(100, [&](const Asked&) { return Answer{.body = model().substr(0, 10), .no_length = true}; });
    expect_parts(refusal(Code::environment), {"m-Q4_K_M.gguf", "of 300000 bytes"});
    answer_files(100, [&](const Asked& asked) {
        if (asked.header("range").empty()) return Answer{.body = model(), .cut = 10};
        return Answer{
            .status = 206, .headers = {{"Content-Range", "bytes 0-299999/300000"}}, .body = model()};
    });
    fs::remove_all(settings.own);
    expect_parts(refusal(Code::bad_input), {"bytes 0-299999/300000"});
    EXPECT_EQ(partial(), -1);
}

TEST_F(HubDownload, OtherBytesAreRemoved) {
    std::string other = model();
    other[100] ^= 1;
    answer_files(100, [&](const Asked&) { return Answer{.body = other}; });
    expect_parts(refusal(Code::bad_input), {sha256(model()), sha256(other), "nothing was put in place"});
    EXPECT_EQ(partial(), -1);
    answer_files(100, [&](const Asked&) {
        return Answer{.headers = {{"X-Linked-Etag", '"' + sha256(other) + '"'}}, .body = model()};
    });
    expect_parts(refusal(Code::bad_input), {sha256(model()), sha256(other)});
}

TEST_F(HubDownload, TheAnswersDigestCountsWhereTheListHasNone) {
    std::string other = model();
    other[100] ^= 1;
    const std::string* sent = &other;
    hub.instead = [&](const Asked& asked) -> std::optional<Answer> {
        if (asked.path.find("/tree/") != std::string::npos)
            return Answer{.body = R"([{"type":"file","path":"m-Q4_K_M.gguf","oid":"x","size":300000}])"};
        return Answer{.headers = {{"X-Linked-Etag", '"' + sha256(model()) + '"'}}, .body = *sent};
    };
    expect_parts(refusal(Code::bad_input), {sha256(model()), sha256(other)});
    sent = &model();
    EXPECT_TRUE(get().fetched);
}

TEST_F(HubDownload, AccessIsRefusedInWords) {
    const auto all = [&](Answer answer) {
        hub.instead = [answer](const Asked&) { return std::optional(answer); };
    };
    all({.status = 401});
    expect_parts(refusal(Code::environment), {"hf:user/repo", "401", "set HF_TOKEN", "check the name"});
    all({.status = 401, .headers = {{"X-Error-Code", "GatedRepo"}}});
    expect_parts(refusal(Code::environment), {"accept the terms", "HF_TOKEN"});
    settings.token = "secret";
    all({.status = 403});
    const auto text = refusal(Code::environment);
    expect_parts(text, {"403", "HF_TOKEN, or the token", "may not read it"});
    EXPECT_EQ(text.find("secret"), std::string::npos);
    all({.status = 404});
    expect_parts(refusal(Code::missing), {"hf:user/repo", "404", "check the name"});
    answer_files(100, [&](const Asked&) { return Answer{.status = 404}; });
    expect_parts(refusal(Code::missing), {"m-Q4_K_M.gguf", "404"});
}

TEST_F(HubDownload, WaitsAsLongAsItIsAskedTo) {
    answer_files(2, [&](const Asked&) { return Answer{.status = 429, .headers = {{"Retry-After", "0"}}}; });
    EXPECT_TRUE(get().fetched);
    EXPECT_NE(said.find("429; trying again in 0 s"), std::string::npos) << said;
    fs::remove_all(settings.own);
    answer_files(100, [&](const Asked&) {
        return Answer{.status = 429, .headers = {{"Retry-After", "3600"}}};
    });
    expect_parts(refusal(Code::environment), {"429", "3600 s", "HF_TOKEN"});
    EXPECT_EQ(hub.n_asked("/resolve/"), 4);  // three before, and one
    answer_files(100, [&](const Asked&) { return Answer{.status = 500}; });
    expect_parts(refusal(Code::environment), {"500", "try again later"});
    answer_files(2, [&](const Asked&) { return Answer{.status = 502}; });
    EXPECT_TRUE(get().fetched);
}

TEST_F(HubDownload, ATokenStaysWithItsHost) {
    settings.token = "secret";
    test::HubServer other([&](const Asked& asked) { return test::FakeHub::file_answer(model(), asked); });
    answer_files(100, [&](const Asked&) {
        return Answer{.status = 302,
                      .headers = {{"Location", other.url("localhost") + "/blob"},
                                  {"X-Linked-Etag", '"' + sha256(model()) + '"'}}};
    });
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(slurp(target()), model());
    for (const auto& asked : hub.asked())
        EXPECT_EQ(asked.header("authorization"), "Bearer secret") << asked.path;
    ASSERT_EQ(other.asked().size(), 1u);
    EXPECT_EQ(other.asked()[0].header("authorization"), "");
    EXPECT_EQ(other.asked()[0].path, "/blob");
}

TEST_F(HubDownload, RedirectsOnTheSameHostKeepTheTokenAndEndSomewhere) {
    settings.token = "secret";
    hub.instead = [&](const Asked& asked) -> std::optional<Answer> {
        if (asked.path.find("/resolve/") != std::string::npos)
            return Answer{.status = 307, .headers = {{"Location", "/moved"}}};
        if (asked.path == "/moved") return test::FakeHub::file_answer(model(), asked);
        return std::nullopt;
    };
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(hub.asked().back().header("authorization"), "Bearer secret");
    fs::remove_all(settings.own);
    answer_files(100, [&](const Asked& asked) {
        return Answer{.status = 302, .headers = {{"Location", asked.path}}};
    });
    expect_parts(refusal(Code::environment), {"redirects more than 10 times"});
    answer_files(100, [&](const Asked&) {
        return Answer{.status = 302, .headers = {{"Location", "file:///etc/passwd"}}};
    });
    expect_parts(refusal(Code::environment), {"file:///etc/passwd", "not followed"});
}

TEST_F(HubDownload, WhatIsNoListIsRefused) {
    for (const char* text :
         {"", "<html>", "{}", "[1]", "[{}]", R"([{"path":1}])", R"([{"type":"file","path":"a.gguf"}])",
          R"([{"path":"a.gguf","size":-1}])", R"([{"path":"../a.gguf","size":1}])",
          R"([{"path":"/a.gguf","size":1}])", R"([{"path":"a.gguf","size":1,"lfs":{"oid":"12"}}])",
          R"([{"path":"a.gguf","size":1e99}])", R"([{"path":"a.gguf","path":"b.gguf","size":1}])"}) {
        hub.instead = [&](const Asked&) { return std::optional(Answer{.body = text}); };
        expect_parts(refusal(Code::bad_input), {"no list of files", "HF_ENDPOINT"});
    }
    hub.instead = [&](const Asked&) { return std::optional(Answer{.body = "[]"}); };
    expect_parts(refusal(Code::bad_input), {"no GGUF model"});
}

TEST_F(HubDownload, ListsHavePages) {
    hub.instead = [&](const Asked& asked) -> std::optional<Answer> {
        if (asked.path.find("/tree/") == std::string::npos) return std::nullopt;
        if (asked.path.find("cursor") != std::string::npos) return Answer{.body = hub.list().dump()};
        return Answer{.headers = {{"Link", '<' + hub.url() + asked.path + "&cursor=2>; rel=\"next\""}},
                      .body = R"([{"type":"file","path":"README.md","size":1}])"};
    };
    EXPECT_TRUE(get().fetched);
    fs::remove_all(settings.own);
    hub.instead = [&](const Asked&) {
        return std::optional(
            Answer{.headers = {{"Link", "<http://localhost:1/x>; rel=\"next\""}}, .body = "[]"});
    };
    expect_parts(refusal(Code::bad_input), {"another host"});
}

TEST_F(HubDownload, NobodyListening) {
    {
        test::HubServer gone([](const Asked&) { return Answer{}; });
        settings.endpoint = gone.url();
    }
    settings.n_try = 2;
    expect_parts(refusal(Code::environment),
                 {"hf:user/repo", settings.endpoint, "network", "HF_HUB_OFFLINE"});
}

TEST_F(HubDownload, ASilentServerCountsAsCutOff) {
    settings.stall_seconds = 1, settings.n_try = 1;
    answer_files(100, [&](const Asked&) { return Answer{.body = model(), .pause_ms = 4000}; });
    expect_parts(refusal(Code::environment), {"m-Q4_K_M.gguf", "goes on from there"});
}

TEST_F(HubDownload, StopsWhenItIsAskedTo) {
    std::atomic<bool> stop = false;
    settings.stop = [&] { return stop.load(); };
    settings.progress = [&](const std::string& file, std::size_t done, std::size_t all) {
        EXPECT_EQ(file, "m-Q4_K_M.gguf");
        EXPECT_EQ(all, 300000u);
        EXPECT_LE(done, all);
        stop = true;
    };
    answer_files(100, [&](const Asked& asked) {
        Answer answer = test::FakeHub::file_answer(model(), asked);
        answer.pause_ms = 300;
        return answer;
    });
    expect_parts(refusal(Code::interrupted), {"goes on from there"});
    EXPECT_GT(partial(), 0);
    settings.stop = [] { return false; };
    EXPECT_TRUE(get().fetched);
    EXPECT_EQ(slurp(target()), model());
}

TEST_F(HubDownload, TwoAtOnceBringItOnce) {
    answer_files(100, [&](const Asked& asked) {
        Answer answer = test::FakeHub::file_answer(model(), asked);
        answer.pause_ms = 50;
        return answer;
    });
    const std::vector<RemoteFile> files = list_files(parse_name("hf:user/repo:Q4_K_M"), settings);
    const Name name = parse_name("hf:user/repo:Q4_K_M");
    std::atomic<int> n_fetched = 0;
    {
        std::vector<std::jthread> both;
        for (int i = 0; i < 2; ++i)
            both.emplace_back(
                [&] { n_fetched += download(name, choose(files, name)[0], target(), false, settings); });
    }
    EXPECT_EQ(n_fetched, 1);
    EXPECT_EQ(hub.n_asked("/resolve/"), 1);
    EXPECT_EQ(slurp(target()), model());
}

TEST_F(HubDownload, AllPartsOfASplitModelCome) {
    hub.files = {{"q/m-00001-of-00002.gguf", bytes_of(5000)}, {"q/m-00002-of-00002.gguf", bytes_of(3000)}};
    const Found found = get("hf:user/repo");
    EXPECT_EQ(found.path, settings.own / "user/repo/q/m-00001-of-00002.gguf");
    EXPECT_EQ(slurp(settings.own / "user/repo/q/m-00002-of-00002.gguf"), bytes_of(3000));
    // A part that is gone comes back, and only that.
    fs::remove(settings.own / "user/repo/q/m-00002-of-00002.gguf");
    EXPECT_TRUE(get("hf:user/repo").fetched);
    EXPECT_EQ(hub.n_asked("00001-of"), 1);
    EXPECT_EQ(hub.n_asked("00002-of"), 2);
}

TEST_F(HubDownload, OtherProgramsCachesAreLookedAt) {
    const auto write = [](const fs::path& path, const std::string& bytes) {
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
    };
    // The hub's package: files are links to blobs, which are called by their digest.
    const fs::path repo = settings.hub_cache / "models--user--repo";
    write(repo / "blobs" / sha256(model()), model());
    fs::create_directories(repo / "snapshots/rev");
    fs::create_symlink(fs::path("../../blobs") / sha256(model()), repo / "snapshots/rev/m-Q4_K_M.gguf");
    fs::create_symlink("../../blobs/nothing", repo / "snapshots/rev/m-Q8_0.gguf");
    EXPECT_EQ(get("hf:user/repo").path, repo / "snapshots/rev/m-Q4_K_M.gguf");
    EXPECT_TRUE(hub.asked().empty());
    EXPECT_FALSE(get("hf:user/repo", Freshness::hub).fetched);
    // llama.cpp's: a name holds the repository's. Which file a quantisation is, is in a manifest or in the
    // list.
    write(settings.llama_cache / "user_repo_m-Q8_0.gguf", hub.files.at("m-Q8_0.gguf"));
    EXPECT_EQ(get("hf:user/repo:m-Q8_0.gguf").path, settings.llama_cache / "user_repo_m-Q8_0.gguf");
    EXPECT_EQ(get("hf:user/repo:Q8_0").path, settings.llama_cache / "user_repo_m-Q8_0.gguf");
    settings.offline = true;
    EXPECT_THROW(get("hf:user/repo:Q8_0"), Error);
    write(settings.llama_cache / "manifest=user=repo=q8_0.json",
          R"({"ggufFile":{"rfilename":"m-Q8_0.gguf"}})");
    EXPECT_EQ(get("hf:user/repo:Q8_0").path, settings.llama_cache / "user_repo_m-Q8_0.gguf");
    EXPECT_EQ(hub.n_asked("/resolve/"), 0);
    // A file of another size than the hub's is none of its.
    settings.offline = false;
    fs::remove(settings.llama_cache / "manifest=user=repo=q8_0.json");
    write(settings.llama_cache / "user_repo_m-Q8_0.gguf", "short");
    EXPECT_TRUE(get("hf:user/repo:Q8_0").fetched);
}

TEST_F(HubDownload, OfflineAsksNobody) {
    settings.offline = true;
    expect_parts(refusal(Code::missing), {"hf:user/repo", "HF_HUB_OFFLINE", settings.own.string()});
    EXPECT_TRUE(hub.asked().empty());
    settings.offline = false;
    get("hf:user/repo:Q8_0");
    settings.offline = true;
    EXPECT_EQ(get("hf:user/repo").path.filename(), "m-Q8_0.gguf");  // what there is
}

}  // namespace
}  // namespace tiller::hub
