// Which model a name on a hub means.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hub/choose.h"
#include "hub/http.h"
#include "hub/name.h"
#include "tiller/error.h"

namespace tiller::hub {
namespace {

Code code_of(const std::function<void()>& call, const std::string& part) {
    try {
        call();
    } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find(part), std::string::npos) << e.what();
        return e.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return Code::interrupted;
}

std::vector<RemoteFile> list_of(const std::vector<std::string>& paths) {
    std::vector<RemoteFile> files;
    for (const auto& path : paths) files.push_back({path, 1, ""});
    return files;
}

std::string chosen(const std::vector<std::string>& paths, const std::string& name) {
    return choose(list_of(paths), parse_name(name)).front().path;
}

TEST(HubNames, HaveARepositoryAndWhatStandsBehindIt) {
    const auto expect = [](const char* text, const char* repo, const char* tag, const char* file) {
        const Name name = parse_name(text);
        EXPECT_EQ(name.repo, repo) << text;
        EXPECT_EQ(name.tag, tag) << text;
        EXPECT_EQ(name.file, file) << text;
    };
    expect("hf:user/re.po_1-GGUF", "user/re.po_1-GGUF", "", "");
    expect("hf:user/repo:Q4_K_M", "user/repo", "Q4_K_M", "");
    expect("hf:user/repo:a/b.gguf", "user/repo", "", "a/b.gguf");
    expect("hf:user/repo/a/b.gguf", "user/repo", "", "a/b.gguf");
    EXPECT_EQ(parse_name("hf:u/r/x.gguf").text(), "hf:u/r:x.gguf");
    EXPECT_FALSE(is_name("user/repo"));
    for (const char* bad :
         {"hf:", "hf:user", "hf:/repo", "hf:user/", "hf:us er/repo", "hf:../repo", "hf:a/..",
          "hf:u/r:", "hf:u/r:../x.gguf", "hf:u/r//x.gguf", "hf:u/r/x.bin", "hf:u/r:Q4 K",
          "hf:u/r:.hidden.gguf", "hf:u/r:a\\b.gguf", "hf:u/r:a\nb.gguf", "u/r"})
        EXPECT_EQ(code_of([&] { parse_name(bad); }, "expected hf:user/repo"), Code::usage) << bad;
}

TEST(HubNames, AQuantisationIsAWordOfAFilesName) {
    EXPECT_TRUE(holds_tag("model-Q4_K_M.gguf", "q4_k_m"));
    EXPECT_TRUE(holds_tag("model.q8_0.gguf", "Q8_0"));
    EXPECT_TRUE(holds_tag("Q8_0/model-00001-of-00002.gguf", "Q8_0"));
    EXPECT_TRUE(holds_tag("model-UD-Q4_K_XL.gguf", "UD-Q4_K_XL"));
    EXPECT_FALSE(holds_tag("model-Q4_K_M.gguf", "Q4_K"));
    EXPECT_FALSE(holds_tag("model-IQ4_XS.gguf", "Q4_XS"));
    EXPECT_FALSE(holds_tag("model-Q8_01.gguf", "Q8_0"));
}

TEST(HubNames, ChooseAFile) {
    const std::vector<std::string> usual = {"README.md",     "m-Q2_K.gguf",        "m-Q8_0.gguf",
                                            "m-Q4_K_M.gguf", "mmproj-Q4_K_M.gguf", "m-imatrix.gguf"};
    EXPECT_EQ(chosen(usual, "hf:u/r"), "m-Q4_K_M.gguf");
    EXPECT_EQ(chosen(usual, "hf:u/r:q2_k"), "m-Q2_K.gguf");
    EXPECT_EQ(chosen(usual, "hf:u/r:m-Q8_0.gguf"), "m-Q8_0.gguf");
    EXPECT_EQ(chosen({"m-Q2_K.gguf", "m-q8_0.gguf"}, "hf:u/r"), "m-q8_0.gguf");
    EXPECT_EQ(chosen({"m-Q6_K.gguf", "m-F16.gguf"}, "hf:u/r"), "m-F16.gguf");  // the first by name
    EXPECT_EQ(code_of([&] { chosen(usual, "hf:u/r:Q5_K_M"); }, "m-Q2_K.gguf, m-Q4_K_M.gguf"), Code::usage);
    EXPECT_EQ(code_of([&] { chosen(usual, "hf:u/r:x.gguf"); }, "m-Q2_K.gguf"), Code::usage);
    EXPECT_EQ(code_of([&] { chosen({"a.safetensors"}, "hf:u/r"); }, "no GGUF model"), Code::bad_input);
}

TEST(HubNames, SplitModelsComeWhole) {
    const std::vector<std::string> parts = {"Q8_0/m-00002-of-00003.gguf", "Q8_0/m-00001-of-00003.gguf",
                                            "Q8_0/m-00003-of-00003.gguf", "other-Q4_0.gguf"};
    const auto model = choose(list_of(parts), parse_name("hf:u/r:Q8_0"));
    ASSERT_EQ(model.size(), 3u);
    EXPECT_EQ(model[0].path, "Q8_0/m-00001-of-00003.gguf");
    EXPECT_EQ(model[2].path, "Q8_0/m-00003-of-00003.gguf");
    EXPECT_EQ(choose(list_of(parts), parse_name("hf:u/r/Q8_0/m-00002-of-00003.gguf")).size(), 3u);
    auto lacking = parts;
    lacking.erase(lacking.begin());
    EXPECT_EQ(code_of([&] { choose(list_of(lacking), parse_name("hf:u/r")); }, "m-00002-of-00003.gguf"),
              Code::bad_input);
    EXPECT_EQ(choose(list_of(lacking), parse_name("hf:u/r"), MissingPart::skip).front().path,
              "other-Q4_0.gguf");
}

TEST(HubNames, OriginsAreSchemeHostAndPort) {
    EXPECT_EQ(origin_of("HTTPS://Hub.Example/a"), "https://hub.example:443");
    EXPECT_EQ(origin_of("http://hub.example:81?x"), "http://hub.example:81");
    EXPECT_EQ(origin_of("https://hub.example@evil.example/"), "https://evil.example:443");
    EXPECT_EQ(origin_of("ftp://hub.example/"), "");
    EXPECT_EQ(origin_of("hub.example"), "");
    EXPECT_EQ(encode_path("a b/c%?#\xc3\xa9.gguf"), "a%20b/c%25%3F%23%C3%A9.gguf");
}

}  // namespace
}  // namespace tiller::hub
