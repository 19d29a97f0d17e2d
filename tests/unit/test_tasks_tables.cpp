// Tasks from tables and lines: the same items as from a list, and what is refused with its line.
#include <gtest/gtest.h>

#include <string>

#include "tasks/table_file.h"
#include "tiller/task.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

using test::error_of;
using test::expect_parts;
using Cells = std::vector<std::string>;

class TaskTables : public testing::Test {
protected:
    Task load(const std::string& name, const std::string& bytes) const {
        return load_task(folder.write(name, bytes));
    }
    std::string refusal(const std::string& name, const std::string& bytes) const {
        return error_of(Code::bad_input, [&] { load(name, bytes); });
    }
    test::ScratchFolder folder;
};

TEST(Table, CellsAsSpreadsheetsWriteThem) {
    const Table t = read_table(
        "\xef\xbb\xbf"
        "a, B ,c\r\n1,\"x, \"\"y\"\"\nz\",\r\n\r\n\"\",o\"k,3",
        ',', "f");
    EXPECT_EQ(t.head.cells, (Cells{"a", " B ", "c"}));
    ASSERT_EQ(t.rows.size(), 2u);
    EXPECT_EQ(t.rows[0].cells, (Cells{"1", "x, \"y\"\nz", ""}));
    EXPECT_EQ(t.rows[0].line, 2u);
    EXPECT_EQ(t.rows[1].cells, (Cells{"", "o\"k", "3"}));
    EXPECT_EQ(t.rows[1].line, 5u);
    EXPECT_EQ(t.column("b"), 1u);
    EXPECT_EQ(read_table("x\ty\na,b\tc\n", '\t', "f").rows[0].cells, (Cells{"a,b", "c"}));
}

TEST(Table, BrokenOnesAreRefusedWithTheirLine) {
    const auto refused = [](const std::string& bytes) {
        return error_of(Code::bad_input, [&] { read_table(bytes, ',', "f.csv"); });
    };
    expect_parts(refused("a,b\n1,2\n3\n"), {"f.csv, line 3", "1 cells", "expected 2"});
    expect_parts(refused("a,b\n1,\"2\n3,4\n"), {"line 2", "does not end"});
    expect_parts(refused("a,b\n1,\"2\"3\n"), {"line 2", "after a closing quote"});
    expect_parts(refused("a,b\n"), {"no row"});
    expect_parts(refused(""), {"no row"});
    expect_parts(refused("a\xff,b\n1,2\n"), {"UTF-8"});
    const Table t = read_table("a,b\x1b\n1,2\n", ',', "f.csv");
    const auto missing = error_of(Code::bad_input, [&] { t.column("input"); });
    expect_parts(missing, {"f.csv, line 1", "\"input\"", "\"a\""});
    const Table twice = read_table("input,Input \na,b\n", ',', "f.csv");
    expect_parts(error_of(Code::bad_input, [&] { twice.column("input"); }), {"two columns", "\"input\""});
    EXPECT_EQ(missing.find('\x1b'), std::string::npos);
}

TEST_F(TaskTables, TheSameItemsAsFromAList) {
    const Task list =
        load("list.json", R"([{"input": "go", "output": "went"}, {"input": "say, so", "output": "said"}])");
    const Task csv = load("a.csv", "id,Output,input\n1,went,go\n2, said ,\"say, so\"\n");
    const Task tsv = load("b.tsv", "input\toutput\ngo\twent\nsay, so\tsaid\n");
    const Task lines =
        load("c.jsonl",
             "{\"input\": \"go\", \"output\": \"went\"}\n\n{\"output\": [\"said\"], \"input\": \"say, so\"}");
    for (const Task* task : {&csv, &tsv, &lines}) {
        ASSERT_EQ(task->items.size(), 2u) << task->name;
        for (std::size_t i = 0; i < 2; ++i) {
            EXPECT_EQ(task->items[i].id, static_cast<int>(i));
            EXPECT_EQ(task->items[i].input, list.items[i].input) << task->name;
            EXPECT_EQ(task->items[i].outputs, list.items[i].outputs) << task->name;
        }
        EXPECT_EQ(task->family, Family::functional);
    }
    EXPECT_EQ(csv.name, "a");
    EXPECT_EQ(find_task((folder.path() / "b.tsv").string(), folder.path()).items.size(), 2u);
}

TEST_F(TaskTables, WhatIsNoItemIsRefusedWithItsLine) {
    expect_parts(refusal("a.csv", "input,answer\na,b\n"), {"a.csv", "\"output\"", "\"answer\""});
    expect_parts(refusal("a.csv", "input\na\n"), {"\"output\"", "\"input\""});
    expect_parts(refusal("a.csv", "input,output\na,b\nc, \n"), {"a.csv, line 3", "empty or blank"});
    expect_parts(refusal("a.jsonl", "{\"input\": \"a\", \"output\": \"b\"}\n{\"input\": \"a\"}\n"),
                 {"a.jsonl, line 2", "no \"output\""});
    expect_parts(refusal("a.jsonl", "{\"input\": \"a\", \"output\": \"b\"}\n{\"input\"\n"),
                 {"line 2", "JSON"});
    expect_parts(refusal("a.jsonl", "\n\n"), {"empty"});
}

TEST_F(TaskTables, AFileSaysItsFamily) {
    const std::string items = R"("items": [{"input": "a", "output": "b"}])";
    const auto expect = [&](const std::string& name, const std::string& bytes, Family family,
                            const char* from) {
        const Task task = load(name, bytes);
        EXPECT_EQ(task.family, family) << name << bytes;
        EXPECT_EQ(task.family_from, from) << name << bytes;
    };
    expect("x.json", R"({"family": "behavioural", )" + items + "}", Family::behavioural, "its file");
    // It counts more than the folder's and the file's name.
    expect("behavioural/x.json", "{" + items + R"(, "family": "functional"})", Family::functional,
           "its file");
    expect("behavioural/y.json", "{" + items + "}", Family::behavioural, "its folder");
    expect("my_formality.json", "{" + items + "}", Family::behavioural, "its name");
    expect("y.json", "{" + items + "}", Family::functional, "");
    expect_parts(refusal("x.json", R"({"family": "style", )" + items + "}"), {"\"style\"", "behavioural"});
    expect_parts(refusal("x.json", R"({"family": 3, )" + items + "}"), {"\"family\" is a number"});
    expect_parts(refusal("x.json", R"({"family": "functional", "family": "functional", )" + items + "}"),
                 {"twice"});
}

TEST_F(TaskTables, ACallerSaysTheFamily) {
    Task task = load("a.csv", "input,output\na,b\n");
    set_family(task, "behavioural");
    EXPECT_EQ(task.family, Family::behavioural);
    EXPECT_EQ(task.family_from, "the caller");
    expect_parts(error_of(Code::usage, [&] { set_family(task, "style"); }), {"\"style\"", "functional"});
    for (const char* name : {"a.json", "x/b.jsonl", "c.csv", "d.tsv"})
        EXPECT_TRUE(is_task_file(name)) << name;
    for (const char* name : {"antonym", "a.txt", "json"}) EXPECT_FALSE(is_task_file(name)) << name;
}

}  // namespace
}  // namespace tiller
