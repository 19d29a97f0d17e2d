// tiller cache: it shows what is there, and removes that and nothing else.
#include <gtest/gtest.h>

#include "support/cli_test.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::expect_parts;
namespace fs = std::filesystem;

class CliCache : public test::CliTest {
protected:
    fs::path at(const std::string& name) const { return folder.path() / "cache" / name; }
};

TEST_F(CliCache, ListsWhatIsThere) {
    expect_parts(run({"cache"}).out, {"cache", "empty"});
    folder.write("cache/digests/a", "12");
    folder.write("cache/digests/b", "345");
    folder.write("cache/models/m.gguf", "model");
    const json all = run_json({"cache", "list"}).at("folders");
    ASSERT_EQ(all.size(), 2u);
    EXPECT_EQ(all[0].at("path"), at("digests").string());
    EXPECT_EQ(all[0].at("files"), 2);
    EXPECT_EQ(all[0].at("bytes"), 5);
    EXPECT_EQ(all[1].at("clean"), "--models");
    expect_parts(run({"cache"}).out, {"digests", "2 files", "models", "--models"});
}

TEST_F(CliCache, CleanRemovesWhatIsAskedForAndNothingElse) {
    const fs::path elsewhere = folder.path() / "elsewhere";
    folder.write("elsewhere/kept", "x");
    folder.write("cache/digests/a", "12");
    folder.write("cache/widened/old.gguf", "copy");
    folder.write("cache/models/m.gguf", "model");
    folder.write("cache/engine/0.5.0/lib.a", "lib");
    folder.write("cache/mine/notes.txt", "of the user");
    fs::create_directory_symlink(elsewhere, at("digests/link"));

    EXPECT_EQ(run_json({"cache", "clean"}).at("bytes"), 6);
    EXPECT_FALSE(fs::exists(at("digests")));
    EXPECT_FALSE(fs::exists(at("widened")));
    EXPECT_TRUE(fs::exists(at("models/m.gguf")));
    EXPECT_TRUE(fs::exists(at("engine/0.5.0/lib.a")));
    EXPECT_TRUE(fs::exists(elsewhere / "kept")) << "links are removed, not what they point to";

    EXPECT_EQ(run_json({"cache", "clean", "--models", "--builds"}).at("bytes"), 8);
    EXPECT_FALSE(fs::exists(at("models")));
    EXPECT_FALSE(fs::exists(at("engine")));
    EXPECT_TRUE(fs::exists(at("mine/notes.txt")));
    expect_parts(run({"cache", "clean"}).out, {"nothing to remove"});
    expect_parts(refusal(2, {"cache", "wipe"}), {"wipe"});
}

}  // namespace
}  // namespace tiller
