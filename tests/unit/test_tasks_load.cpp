#include <gtest/gtest.h>

#include "core/util.h"
#include "test_tasks_files.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;
using test::ScratchFolder;

TEST(LoadTask, ReadsItems) {
    const ScratchFolder folder;
    const std::string text =
        "\n[ {\"input\": \"hot\", \"output\": \"cold\"},\n"
        "  {\"output\": [\"small\", \"  little\\n\"], \"input\": [\" big \", \"large\"]},\n"
        "  {\"input\": \"hot\", \"output\": \"cold\"},\n"
        "  {\"input\": \"caf\\u00e9 \\\"noir\\\"\", \"output\": \"\u00c9lan  vital\"} ]\n";
    const auto path = folder.write("opposites.json", text);
    const Task task = load_task(path);
    EXPECT_EQ(task.name, "opposites");
    EXPECT_EQ(task.family, Family::functional);
    EXPECT_EQ(task.path, path);
    EXPECT_EQ(task.digest, sha256(text));
    ASSERT_EQ(task.items.size(), 4u);
    EXPECT_EQ(task.items[1].id, 1);
    EXPECT_EQ(task.items[1].input, "big");
    EXPECT_EQ(task.items[1].output, "small");
    EXPECT_EQ(task.items[1].outputs, (std::vector<std::string>{"small", "little"}));
    EXPECT_EQ(task.items[2].outputs, (std::vector<std::string>{"cold"}));
    EXPECT_EQ(task.items[3].input, "caf\u00e9 \"noir\"");
    EXPECT_EQ(task.items[3].output, "\u00c9lan  vital");  // blanks inside stay
}

TEST(LoadTask, SaysWhatControlTokensNamesAre) {
    const ScratchFolder folder;
    const std::string list = R"([{"input": "a", "output": "b"}])";
    const auto load = [&](const std::string& text) { return load_task(folder.write("t.json", text)); };
    EXPECT_EQ(load(list).control_names, ControlNames::refuse);
    EXPECT_EQ(load("{\"items\": " + list + "}").control_names, ControlNames::refuse);
    const Task parsed = load("{\"special\": true, \"items\": " + list + "}");
    EXPECT_EQ(parsed.control_names, ControlNames::parse);
    ASSERT_EQ(parsed.items.size(), 1u);
    const Task text = load("{\"items\": " + list + ", \"special\": false}");
    EXPECT_EQ(text.control_names, ControlNames::text);
    ASSERT_EQ(text.items.size(), 1u);
    for (const auto& bad :
         {std::string(R"({"special": 1, "items": [{"input": "a", "output": "b"}]})"),
          std::string(R"({"special": true})"), std::string(R"({"special": true, "items": []})"),
          std::string(R"({"special": true, "items": "a"})"),
          std::string(R"({"special": true, "special": true, "items": [{"input": "a", "output": "b"}]})"),
          "{\"items\": " + list + ", \"items\": " + list + "}", "{\"items\": " + list + ", \"more\": true}",
          std::string(R"([{"input": "a", "output": true}])")})
        EXPECT_FALSE(error_of(Code::bad_input, [&] { load(bad); }).empty()) << bad;
    EXPECT_EQ(control_names_of({}), ControlNames::refuse);
    EXPECT_EQ(control_names_of(std::vector<Task>{parsed, parsed}), ControlNames::parse);
    expect_parts(error_of(Code::bad_input,
                          [&] {
                              control_names_of(std::vector<Task>{parsed, text});
                          }),
                 {"special"});
}

TEST(LoadTask, FamilyComesFromTheFolderThenTheName) {
    const ScratchFolder folder;
    const std::string text = R"([{"input": "a", "output": "b"}])";
    const auto family = [&](const std::string& name) { return load_task(folder.write(name, text)).family; };
    EXPECT_EQ(family("extractive/antonym.json"), Family::extractive);
    EXPECT_EQ(family("functional/choose_first_of_3.json"), Family::functional);
    EXPECT_EQ(family("behavioural/rhyme.json"), Family::behavioural);
    EXPECT_EQ(family("x/antonym.json"), Family::functional);
    EXPECT_EQ(family("x/sentiment.json"), Family::functional);
    for (const char* name : {"detoxification", "sentiment_transfer", "formality", "shakespeare"})
        EXPECT_EQ(family(std::string("x/") + name + ".json"), Family::behavioural) << name;
    for (const char* name : {"choose_last", "pick_of_3", "pick_of_5", "alphabetically_first",
                             "animal_v_object", "verb_v_adjective_3"})
        EXPECT_EQ(family(std::string("x/") + name + ".json"), Family::extractive) << name;
    EXPECT_STREQ(family_name(Family::behavioural), "behavioural");
    EXPECT_STREQ(family_name(Family::extractive), "extractive");
    EXPECT_STREQ(family_name(Family::functional), "functional");
}

struct BadFile {
    const char* what;
    std::string text;
    std::initializer_list<const char*> parts;  ///< Of the message.
};

TEST(LoadTask, RefusesWrongFilesAndSaysWhy) {
    const ScratchFolder folder;
    const std::string good = R"({"input": "a", "output": "b"})";
    const BadFile files[] = {
        {"empty file", "", {"malformed", "byte"}},
        {"empty list", "[]", {"empty", "byte 2", "at least one"}},
        {"no list", good, {"an object", "expected a list"}},
        {"a string", "\"a\"", {"a string", "expected a list"}},
        {"null", "null", {"null", "expected a list"}},
        {"cut off", "[" + good, {"malformed", "byte 31"}},
        {"text behind", "[" + good + "] x", {"malformed"}},
        {"comment", "[" + good + "] // x", {"malformed"}},
        {"comma at the end", "[" + good + ",]", {"malformed"}},
        {"item is a string", "[" + good + ", \"a\"]", {"item 1", "a string", "byte 35"}},
        {"item is a list", "[" + good + ", []]", {"item 1", "a list"}},
        {"item is a number", "[1]", {"item 0", "a number"}},
        {"item is null", "[null]", {"item 0", "null"}},
        {"no input", R"([{"output": "b"}])", {"item 0", "no \"input\""}},
        {"no output", "[" + good + R"(,{"input": "b"}])", {"item 1", "no \"output\""}},
        {"empty object", "[{}]", {"item 0", "no \"input\""}},
        {"unknown key", R"([{"input": "a", "output": "b", "note": "c"}])", {"item 0", "\"note\"", "remove"}},
        {"input twice", R"([{"input": "a", "input": "a", "output": "b"}])", {"item 0", "\"input\"", "twice"}},
        {"output twice", R"([{"output": "a", "input": "a", "output": "b"}])", {"\"output\"", "twice"}},
        {"empty input", R"([{"input": "", "output": "b"}])", {"item 0", "\"input\"", "empty", "byte 13"}},
        {"blank output", R"([{"input": "a", "output": " \n\t"}])", {"item 0", "\"output\"", "blank"}},
        {"empty in a list", R"([{"input": "a", "output": ["b", ""]}])", {"item 0", "\"output\"", "empty"}},
        {"empty list of outputs", R"([{"input": "a", "output": []}])", {"item 0", "\"output\"", "list"}},
        {"number",
         R"([{"input": 3, "output": "b"}])",
         {"item 0", "\"input\"", "a number", "quotation marks"}},
        {"fraction", R"([{"input": "a", "output": -1.5e3}])", {"\"output\"", "a number"}},
        {"true", R"([{"input": true, "output": "b"}])", {"\"input\"", "true or false"}},
        {"null value", R"([{"input": "a", "output": null}])", {"\"output\"", "null"}},
        {"object value", R"([{"input": {"a": "b"}, "output": "b"}])", {"\"input\"", "an object"}},
        {"number in a list",
         R"([{"input": "a", "output": ["b", 4]}])",
         {"\"output\"", "a number", "strings only"}},
        {"list in a list",
         R"([{"input": "a", "output": [["b"]]}])",
         {"\"output\"", "a list", "strings only"}},
        {"invalid UTF-8", "[{\"input\": \"a\xff\", \"output\": \"b\"}]", {"malformed", "UTF-8", "byte 14"}},
        {"overlong UTF-8", "[{\"input\": \"a\xc0\xaf\", \"output\": \"b\"}]", {"malformed", "UTF-8"}},
        {"lone surrogate", R"([{"input": "a\ud800", "output": "b"}])", {"malformed"}},
        {"NUL", R"([{"input": "a\u0000b", "output": "b"}])", {"item 0", "NUL"}},
        {"deep", std::string(1000000, '['), {"list"}},
        {"huge number", "[1e99999]", {"malformed"}},
    };
    for (const auto& file : files) {
        SCOPED_TRACE(file.what);
        const auto path = folder.write("bad.json", file.text);
        const auto message = error_of(Code::bad_input, [&] { load_task(path); });
        expect_parts(message, {"bad.json", "expected"});
        expect_parts(message, file.parts);
        EXPECT_LT(message.size(), 1000u);
        EXPECT_TRUE(is_valid_utf8(message));
    }
}

TEST(LoadTask, LongValuesDoNotFillTheMessage) {
    const ScratchFolder folder;
    const auto path = folder.write("bad.json", "[{\"" + std::string(5000, 'k') + "\": \"a\"}]");
    EXPECT_LT(error_of(Code::bad_input, [&] { load_task(path); }).size(), 800u);
    // The cut falls inside the two-byte letter.
    const auto accents = folder.write("bad.json", "[{\"" + std::string(239, 'k') + "\u00e9\u00e9\": \"a\"}]");
    EXPECT_TRUE(is_valid_utf8(error_of(Code::bad_input, [&] { load_task(accents); })));
}

TEST(LoadTask, MissingAndTooLargeFiles) {
    const ScratchFolder folder;
    error_of(Code::missing, [&] { load_task(folder.path() / "none.json"); });
    error_of(Code::bad_input, [&] { load_task(folder.path()); });
    const auto path = folder.write("large.json", "[");
    std::filesystem::resize_file(path, (64ULL << 20) + 1);  // sparse
    expect_parts(error_of(Code::bad_input, [&] { load_task(path); }), {"large.json", "larger"});
}

TEST(LoadSentences, ReadsTrimsAndSkipsBlankOnes) {
    const ScratchFolder folder;
    const auto path = folder.write("s.json", R"(["", " The boat had ", "It rained\n", "It rained"])");
    EXPECT_EQ(load_sentences(path), (std::vector<std::string>{"The boat had", "It rained", "It rained"}));
}

TEST(LoadSentences, RefusesWrongFiles) {
    const ScratchFolder folder;
    const BadFile files[] = {
        {"object", "{}", {"an object"}},
        {"number", "3", {"a number"}},
        {"bare string", "\"a\"", {"a string"}},
        {"list in a list", "[\"a\", [\"b\"]]", {"entry 1", "a list"}},
        {"null in the list", "[\"a\", \"b\", null]", {"entry 2", "null"}},
        {"object in the list", "[{\"a\": 1}]", {"entry 0", "an object"}},
        {"nothing in it", "[]", {"no text"}},
        {"only blanks", "[\"\", \" \"]", {"no text"}},
        {"NUL", R"(["a\u0000"])", {"entry 0", "NUL"}},
        {"cut off", "[\"a\"", {"malformed"}},
    };
    for (const auto& file : files) {
        SCOPED_TRACE(file.what);
        const auto path = folder.write("bad.json", file.text);
        const auto message = error_of(Code::bad_input, [&] { load_sentences(path); });
        expect_parts(message, {"bad.json", "expected", "byte"});
        expect_parts(message, file.parts);
    }
    error_of(Code::missing, [&] { load_sentences(folder.path() / "none.json"); });
}

}  // namespace
}  // namespace tiller
