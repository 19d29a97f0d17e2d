// Which part of a study a worker takes, without a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "many/worker_files.h"
#include "support/run_program.h"
#include "tiller/error.h"
#include "tiller/many.h"
#include "unit/test_tasks_files.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_parts;
using Variables = std::map<std::string, std::string>;

Shard shard(const std::string& text, const Variables& variables = {}) {
    return parse_shard(text, [&](const std::string& name) -> std::optional<std::string> {
        const auto it = variables.find(name);
        return it == variables.end() ? std::nullopt : std::optional(it->second);
    });
}

TEST(Shards, AreReadAsTyped) {
    EXPECT_EQ(shard("0/1").text(), "0/1");
    EXPECT_EQ(shard("15/16").index, 15);
    EXPECT_EQ(shard("15/16").count, 16);
    EXPECT_EQ(shard("15/16").source, "");
    EXPECT_EQ(shard("99999/100000").index, 99999);
}

TEST(Shards, OutsideTheirRangeAreRefusedWithIt) {
    for (const char* text : {"4/4", "-1/3", "1/0", "0/-1", "0/100001", "5/4"}) {
        expect_parts(error_of(Code::usage, [&] { shard(text); }), {text, "from 0 to", "from 1 to 100000"});
    }
    expect_parts(error_of(Code::usage, [&] { shard("4/4"); }), {"from 0 to 3"});
}

TEST(Shards, OfOtherFormsAreRefused) {
    for (const char* text : {"", "/", "1", "1/", "/4", "one/four", "1/4/2", " 1/4", "1 /4", "1/4 ", "0x1/4",
                             "1.0/4", "+1/4", "99999999999999999999/4", "Auto"}) {
        expect_parts(error_of(Code::usage, [&] { shard(text); }), {text, "i/N"});
    }
}

TEST(Shards, AutoTakesTheFirstThatIsThere) {
    const Variables array = {{"SLURM_ARRAY_TASK_ID", "7"},
                             {"SLURM_ARRAY_TASK_COUNT", "5"},
                             {"SLURM_ARRAY_TASK_MIN", "3"},
                             {"SLURM_ARRAY_TASK_MAX", "11"},
                             {"SLURM_ARRAY_TASK_STEP", "2"},
                             {"SLURM_PROCID", "0"},
                             {"SLURM_NTASKS", "1"},
                             {"OMPI_COMM_WORLD_RANK", "1"},
                             {"OMPI_COMM_WORLD_SIZE", "3"},
                             {"PMI_RANK", "5"},
                             {"PMI_SIZE", "6"}};
    EXPECT_EQ(shard("auto", array).text(), "2/5");
    EXPECT_EQ(shard("auto", array).source, "a Slurm array");
    Variables rest = array;
    rest.erase("SLURM_ARRAY_TASK_ID");
    EXPECT_EQ(shard("auto", rest).text(), "0/1");
    rest.erase("SLURM_PROCID");
    EXPECT_EQ(shard("auto", rest).text(), "1/3");
    rest.erase("OMPI_COMM_WORLD_SIZE");
    EXPECT_EQ(shard("auto", rest).text(), "5/6");
    rest.erase("PMI_RANK");
    expect_parts(error_of(Code::usage, [&] { shard("auto", rest); }), {"auto", "i/N"});
}

TEST(Shards, AutoRefusesWhatItCannotTrust) {
    // sbatch --array=3,7: two tasks, and no way to know that 7 is the second.
    const Variables gaps = {{"SLURM_ARRAY_TASK_ID", "7"},
                            {"SLURM_ARRAY_TASK_COUNT", "2"},
                            {"SLURM_ARRAY_TASK_MIN", "3"},
                            {"SLURM_ARRAY_TASK_MAX", "7"}};
    expect_parts(error_of(Code::usage, [&] { shard("auto", gaps); }), {"evenly", "i/N"});
    expect_parts(error_of(Code::usage,
                          [&] {
                              shard("auto", {{"SLURM_ARRAY_TASK_ID", "1"}});
                          }),
                 {"SLURM_ARRAY_TASK_COUNT"});
    expect_parts(error_of(Code::usage,
                          [&] {
                              shard("auto", {{"PMI_RANK", "one"}, {"PMI_SIZE", "2"}});
                          }),
                 {"PMI_RANK", "\"one\""});
    expect_parts(error_of(Code::usage,
                          [&] {
                              shard("auto", {{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}});
                          }),
                 {"2/2", "from 0 to 1"});
}

std::vector<Block> blocks_with(const std::vector<std::uint64_t>& costs) {
    std::vector<Block> blocks;
    for (std::size_t i = 0; i < costs.size(); ++i)
        blocks.push_back({"m", "t" + std::to_string(i), 0, costs[i], 0});
    return blocks;
}

std::vector<int> shards_of(const std::vector<Block>& blocks) {
    std::vector<int> out;
    for (const auto& block : blocks) out.push_back(block.shard);
    return out;
}

TEST(Dealing, GivesTheLongestFirstToWhoHasLeast) {
    auto blocks = blocks_with({1, 7, 3, 5, 3});
    deal(blocks, 2);
    // 7 | 5; 3 to the second (8), 3 to the first (10), 1 to the second (9).
    EXPECT_EQ(shards_of(blocks), (std::vector<int>{1, 0, 1, 1, 0}));
    deal(blocks, 1);
    EXPECT_EQ(shards_of(blocks), (std::vector<int>{0, 0, 0, 0, 0}));
    deal(blocks, 9);
    auto different = shards_of(blocks);
    EXPECT_EQ(different, (std::vector<int>{4, 0, 2, 1, 3}));
    // Blocks of no known cost are spread all the same.
    auto free = blocks_with({0, 0, 0, 0});
    deal(free, 2);
    EXPECT_EQ(shards_of(free), (std::vector<int>{0, 1, 0, 1}));
}

TEST(PlanTime, ProposesTheFewestShardsThatAreInTime) {
    const auto blocks = blocks_with({4, 4, 4, 4, 2, 2, 2, 2});  // 24 in all
    const PlanTime time = plan_time(blocks, 100, 2, 420);       // 50 s for a unit of cost
    EXPECT_DOUBLE_EQ(time.seconds, 1200);
    ASSERT_EQ(time.choices.size(), 4u);
    EXPECT_EQ(time.choices[0].n_shard, 1);
    EXPECT_DOUBLE_EQ(time.choices[0].efficiency, 1);
    EXPECT_EQ(time.choices[3].n_shard, 8);
    EXPECT_DOUBLE_EQ(time.choices[3].seconds, 200);
    EXPECT_DOUBLE_EQ(time.choices[3].efficiency, 0.75);
    EXPECT_EQ(time.proposed.n_shard, 3);  // 400 s
    EXPECT_DOUBLE_EQ(time.proposed.seconds, 400);
    EXPECT_EQ(time.limit_minutes, 24);
    // What cannot be had: as many as there are blocks.
    EXPECT_EQ(plan_time(blocks, 100, 2, 1).proposed.n_shard, 8);
}

TEST(WorkerFiles, GiveBackWhatWasWritten) {
    test::ScratchFolder folder;
    const fs::path run = folder.path() / "run";
    const auto [first, n] = study::make_attempt_folder(run, {3, 16});
    EXPECT_EQ(n, 1);
    EXPECT_EQ(study::attempt_name(first), "3-of-16/attempt-1");
    EXPECT_EQ(study::make_attempt_folder(run, {3, 16}).second, 2);
    EXPECT_TRUE(study::attempt_folders(run).empty());  // nobody said who he is
    study::WorkerRecord record;
    record.shard = 3, record.count = 16, record.host = "n1", record.generation = 4;
    record.models = {{"m", "d", "c"}};
    record.blocks = blocks_with({5});
    study::write_worker(first, record);
    fs::create_directories(run / "workers/notes");
    ASSERT_EQ(study::attempt_folders(run).size(), 1u);
    const auto read = study::read_worker(first);
    EXPECT_EQ(read.host, "n1");
    EXPECT_EQ(read.generation, 4);
    EXPECT_EQ(read.model("m")->machine_class, "c");
    EXPECT_EQ(read.model("other"), nullptr);
    EXPECT_EQ(read.blocks.at(0).cost, 5u);
    folder.write("run/workers/3-of-16/attempt-1/worker.json", "{\"shard\": 3");
    expect_parts(error_of(Code::bad_input, [&] { study::read_worker(first); }), {"worker.json", "again"});
}

TEST(WorkerFiles, ATornEventIsLeftOut) {
    test::ScratchFolder folder;
    study::add_event(folder.path(), {"m", "t", 0, "begun", "c"});
    study::add_event(folder.path(), {"m", "t", 0, "done", "c", 2.5});
    const auto file = folder.path() / "blocks.jsonl";
    fs::resize_file(file, fs::file_size(file) - 9);
    const auto events = study::read_events(folder.path());
    ASSERT_EQ(events.size(), 1u);
    EXPECT_EQ(events[0].state, "begun");
}

}  // namespace
}  // namespace tiller
