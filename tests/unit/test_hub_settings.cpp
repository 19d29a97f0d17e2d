// Where the hub's token comes from, and to whom it goes.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <string>

#include "hub/settings.h"
#include "tiller/error.h"
#include "unit/test_tasks_files.h"

namespace tiller::hub {
namespace {

class HubToken : public testing::Test {
protected:
    void SetUp() override {
        for (const char* name : kNames) {
            if (const char* value = std::getenv(name)) before_[name] = value;
            ::unsetenv(name);
        }
        set("HOME", folder.path().string());
        folder.write(".cache/huggingface/token", "of-home\n");
    }
    void TearDown() override {
        for (const char* name : kNames) {
            if (before_.contains(name))
                ::setenv(name, before_[name].c_str(), 1);
            else
                ::unsetenv(name);
        }
    }
    static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
    static std::string token() { return settings_from_environment().token; }

    test::ScratchFolder folder;

private:
    static constexpr const char* kNames[] = {"HF_ENDPOINT", "HF_TOKEN",       "HF_TOKEN_PATH",
                                             "HF_HOME",     "XDG_CACHE_HOME", "HOME"};
    std::map<std::string, std::string> before_;
};

TEST_F(HubToken, TheVariableIsNearerThanTheFiles) {
    EXPECT_EQ(token(), "of-home");
    folder.write("hf/token", "of-hf-home");
    set("HF_HOME", (folder.path() / "hf").string());
    EXPECT_EQ(token(), "of-hf-home");
    folder.write("elsewhere", "of-path \r\n");
    set("HF_TOKEN_PATH", (folder.path() / "elsewhere").string());
    EXPECT_EQ(token(), "of-path");
    set("HF_TOKEN", "of-variable");
    EXPECT_EQ(token(), "of-variable");
}

TEST_F(HubToken, NobodyIsLoggedIn) {
    set("HF_HOME", (folder.path() / "nowhere").string());
    EXPECT_EQ(token(), "");
}

// Who logged in did so at the usual hub; the address may be another's.
TEST_F(HubToken, AnotherHubDoesNotGetWhatIsStored) {
    set("HF_ENDPOINT", "https://hub.example");
    EXPECT_EQ(token(), "");
    set("HF_TOKEN", "for-this-one");
    EXPECT_EQ(token(), "for-this-one");
}

TEST_F(HubToken, AFileThatHoldsNoTokenIsNamedAndNotShown) {
    folder.write("hf/token", "two words");
    set("HF_HOME", (folder.path() / "hf").string());
    try {
        token();
        FAIL() << "it was taken";
    } catch (const Error& error) {
        const std::string text = error.what();
        EXPECT_EQ(error.code(), Code::usage);
        EXPECT_NE(text.find("hf/token"), std::string::npos) << text;
        EXPECT_EQ(text.find("two words"), std::string::npos) << text;
    }
}

}  // namespace
}  // namespace tiller::hub
