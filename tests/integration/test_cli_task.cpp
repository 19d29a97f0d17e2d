// tiller task: from a table to a task file, and what it can show.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/cli_test.h"
#include "support/tiny_study.h"
#include "tiller/task.h"

namespace tiller {
namespace {

using nlohmann::json;
using test::expect_parts;

class CliTask : public test::CliTest {
protected:
    void write(const std::string& name, const std::string& text) const {
        std::ofstream(folder.path() / name, std::ios::binary) << text;
    }
    Task made(const std::vector<std::string>& arguments) const {
        std::vector<std::string> all = {"task", "new", "-o", "new.json"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        const auto r = run(all);
        EXPECT_EQ(r.code, 0) << r.err;
        return r.code == 0 ? load_task(folder.path() / "new.json") : Task{};
    }
};

TEST_F(CliTask, EveryFormBecomesTheSameTask) {
    write("a.csv",
          "\xEF\xBB\xBFword,x,opposite\r\nhot,1,cold\r\n\"up, high\",2,down\r\nwet,3,dry\r\nbig,4,small\r\n");
    write("b.tsv", "hot\tcold\nup, high\tdown\nwet\tdry\nbig\tsmall\n");
    write("c.txt", "hot -> cold\n\nup, high\tdown\nwet -> dry\nbig -> small\n");
    write(
        "d.jsonl",
        "{\"q\": \"hot\", \"a\": \"cold\"}\n{\"q\": \"up, high\", \"a\": \"down\"}\n{\"q\": \"wet\", \"a\": "
        "\"dry\"}\n{\"q\": \"big\", \"a\": \"small\"}\n");
    const Task table = made({"a.csv", "--input", "Word", "--answer", "3"});
    ASSERT_EQ(table.items.size(), 4u);
    EXPECT_EQ(table.items[1].input, "up, high");
    EXPECT_EQ(table.items[1].output, "down");
    EXPECT_EQ(table.family, Family::functional);
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"b.tsv", "--no-header"},
                                                      {"c.txt"},
                                                      {"d.jsonl", "--input", "q", "--answer", "a"}})
        EXPECT_EQ(made(arguments).digest, table.digest) << arguments[0];
}

TEST_F(CliTask, ListsOfTwoSidesAreBehavioural) {
    write("p.json",
          R"({"negative": ["bad", "sad", "dull", "slow"], "positive": ["good", "glad", "bright", "fast"]})");
    const Task task = made({"p.json"});
    EXPECT_EQ(task.family, Family::behavioural);
    EXPECT_EQ(task.items[3].input, "slow");
    EXPECT_EQ(task.items[3].output, "fast");
    EXPECT_EQ(made({"p.json", "--family", "functional"}).family, Family::functional);
}

TEST_F(CliTask, WhatIsNoTaskLeavesNothing) {
    write("one.csv", "input\na\n");
    write("quote.csv", "input,output\na,\"b\n");
    write("blank.csv", "input,output\na,\n");
    write("no.txt", "a -> b\nc d\n");
    write("uneven.json", R"({"negative": ["a"], "positive": ["b", "c"]})");
    write("empty.txt", "\n\n");
    write("latin.txt", "caf\xE9 -> x\n");
    for (const auto& [name, said] : {std::pair("one.csv", "output"), std::pair("quote.csv", "quote"),
                                     std::pair("blank.csv", "nothing was written"),
                                     std::pair("no.txt", "line 2"), std::pair("uneven.json", "equal length"),
                                     std::pair("empty.txt", "no item"), std::pair("latin.txt", "UTF-8")}) {
        const auto r = run({"task", "new", name, "-o", "out.json"});
        EXPECT_EQ(r.code, 3) << name << r.err;
        expect_parts(r.err, {said});
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            EXPECT_FALSE(entry.path().filename().string().starts_with("out")) << entry.path();
    }
    EXPECT_EQ(run({"task", "new", "one.csv", "-o", "out.csv"}).code, 2);
    EXPECT_EQ(run({"task", "new", "absent.csv", "-o", "out.json"}).code, 4);
}

TEST_F(CliTask, CheckFindsWhatWasSeen) {
    std::string text = "input,output\n";
    for (const char* word : {"wa", "Wa", "wA", "WA"})
        for (int i = 0; i < 10; ++i) text += word + std::to_string(i) + ",v" + std::to_string(i % 5) + "\n";
    write("dup.csv", text);
    const json found = run_json({"task", "check", "dup.csv", "-m", "m.gguf"});
    EXPECT_EQ(found.at("repeated").size(), 30u);
    EXPECT_GT(found.at("leaks").size(), 5u);
    EXPECT_EQ(found.at("split").at("train"), 28);
    EXPECT_FALSE(found.at("shared_first_tokens").empty());
    const auto r = run({"task", "check", "dup.csv"});
    EXPECT_EQ(r.code, 0);
    expect_parts(r.out, {"40 items", "items that stand twice (each input counts once): 30", "were seen",
                         "and 25 more", "p < 0.05"});
}

// A comparison on such a file says so before it starts, and in its report.
TEST_F(CliTask, AComparisonSaysWhatWasSeen) {
    std::string text = "input,output\n";
    for (const char* copy : {"x", "X", "x"})
        for (const char* word : test::kWords) text += fmt::format("{1}{0},{0} {0}\n", word, copy);
    write("dup.csv", text);
    Plan plan = test::tiny_plan("m.gguf", "data");
    plan.tasks = {"dup.csv"};
    plan.methods = {"icv"};
    write("p.toml", plan_toml(plan));
    const auto r = run({"compare", "--plan", "p.toml", "-o", "run", "--threads", "1"});
    ASSERT_EQ(r.code, 0) << r.err;
    expect_parts(r.err, {"dup: 40 of 120 items have the input of another one and count once", "80 are left",
                         "of 6 test items have an input that stands among the training items"});
    const json summary = json::parse(std::ifstream(folder.path() / "run/summary.json"));
    EXPECT_NE(summary.at("notes").at(0).get<std::string>().find("was seen"), std::string::npos);
}

}  // namespace
}  // namespace tiller
