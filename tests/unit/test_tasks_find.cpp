#include <gtest/gtest.h>
#include <unistd.h>

#include "core/paths.h"
#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;
using test::ScratchFolder;

constexpr const char* one_item = R"([{"input": "a", "output": "b"}])";

std::vector<std::string> names(const std::vector<std::filesystem::path>& paths) {
    std::vector<std::string> out;
    for (const auto& path : paths) out.push_back(path.stem().string());
    return out;
}

TEST(ListTasks, SortsByFamilyAndName) {
    const ScratchFolder folder;
    for (const char* name :
         {"tasks/behavioural/detoxification.json", "tasks/functional/synonym.json",
          "tasks/functional/antonym.json", "tasks/extractive/choose_first_of_3.json", "tasks/mine.json",
          "sentences.json", "tasks/functional/notes.txt", "tasks/old/plural.json"})
        folder.write(name, one_item);
    std::filesystem::create_directories(folder.path() / "tasks/functional/folder.json");
    const std::vector<std::string> expected = {"antonym", "mine", "synonym", "choose_first_of_3",
                                               "detoxification"};
    EXPECT_EQ(names(list_tasks(folder.path())), expected);
    EXPECT_EQ(names(list_tasks(folder.path() / "tasks")), expected);  // the folder of tasks itself
}

TEST(ListTasks, FilesLyingInTheFolder) {
    const ScratchFolder folder;
    folder.write("synonym.json", one_item);
    folder.write("choose_first_of_5.json", one_item);
    folder.write("antonym.json", one_item);
    EXPECT_EQ(names(list_tasks(folder.path())),
              (std::vector<std::string>{"antonym", "synonym", "choose_first_of_5"}));
    const ScratchFolder empty;
    EXPECT_TRUE(list_tasks(empty.path()).empty());
}

TEST(ListTasks, MissingFolder) {
    const ScratchFolder folder;
    expect_parts(error_of(Code::missing, [&] { list_tasks(folder.path() / "none"); }),
                 {"none", "does not exist"});
    const auto file = folder.write("file", "x");
    expect_parts(error_of(Code::missing, [&] { list_tasks(file); }), {"file", "not a folder"});
}

TEST(FindTask, ByNameAndByPath) {
    const ScratchFolder folder;
    const auto path = folder.write("tasks/functional/antonym.json", one_item);
    const auto other = folder.write("elsewhere/own.json", R"([{"input": "c", "output": "d"}])");
    EXPECT_EQ(find_task("antonym", folder.path()).path, path);
    EXPECT_EQ(find_task(other.string(), folder.path()).items.at(0).input, "c");
    EXPECT_EQ(find_task(other.string(), folder.path() / "none").name, "own");  // a path needs no data folder
    error_of(Code::missing, [&] { find_task((folder.path() / "none.json").string(), folder.path()); });
    error_of(Code::missing, [&] { find_task("antonym", folder.path() / "none"); });
}

TEST(FindTask, NamesWhatIsNear) {
    const ScratchFolder folder;
    for (const char* name :
         {"antonym", "synonym", "capitalize_first_letter", "capitalize_last_letter", "word_length"})
        folder.write(std::string("tasks/functional/") + name + ".json", one_item);
    const auto message = [&](const char* name) {
        return error_of(Code::usage, [&] { find_task(name, folder.path()); });
    };
    expect_parts(message("antonim"), {"antonim", "antonym", "did you mean"});
    EXPECT_EQ(message("antonim").find("word_length"), std::string::npos);
    expect_parts(message("capitalize"), {"capitalize_first_letter", "capitalize_last_letter"});
    const auto far = message("zzz");
    EXPECT_EQ(far.find("did you mean"), std::string::npos) << far;
    expect_parts(far, {"zzz", "5", "list the tasks"});
    expect_parts(message(""), {"no task"});
    expect_parts(message("../functional/antonym"), {"no task"});  // a name is not a path
    EXPECT_LT(message(std::string(100000, 'x').c_str()).size(), 2000u);
}

TEST(FindTask, TheNearestNameComesFirst) {
    const ScratchFolder folder;
    folder.write("abcdefgh.json", one_item);
    folder.write("abcdefxy.json", one_item);
    const auto message = error_of(Code::usage, [&] { find_task("abcdefgz", folder.path()); });
    EXPECT_LT(message.find("abcdefgh"), message.find("abcdefxy")) << message;
}

TEST(FindTask, OurOwnDataLoads) {
    const auto paths = list_tasks(data_dir());
    ASSERT_GE(paths.size(), 10u);
    for (const auto& path : paths) {
        const Task task = load_task(path);
        EXPECT_EQ(path.parent_path().filename().string(), family_name(task.family)) << path;
        EXPECT_NO_THROW(split_task(task, 1)) << path;
    }
    EXPECT_GT(load_sentences(data_dir() / "truncated_sentences.json").size(), 100u);
}

}  // namespace
}  // namespace tiller
