// A study in shards, in this process: what is merged is what a run in one piece gives, and what does not fit
// together is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "many/probe.h"
#include "study/journal.h"
#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/many.h"
#include "tiller/report.h"

namespace tiller {
namespace {

namespace fs = std::filesystem;
using test::error_of;
using test::expect_parts;
using test::slurp;

class StudyShards : public test::StudyTest {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        test::TinyOptions tiny;
        tiny.n_layer = 2;
        fs::copy_file(test::make_tiny_model(tiny), folder.path() / "one.gguf");
        tiny.seed = 2;
        fs::copy_file(test::make_tiny_model(tiny), folder.path() / "two.gguf");
        plan = test::tiny_plan(folder.path() / "one.gguf", test::write_tasks(folder));
    }
    // Eight blocks.
    void make_large() {
        plan.models.push_back((folder.path() / "two.gguf").string());
        plan.seeds = {0, 5};
    }
    fs::path at(const std::string& file, const std::string& run = "run") const {
        return folder.path() / run / file;
    }
    ShardResult work(int index, int count, const std::string& run = "run") {
        return run_shard(plan, at("", run), {index, count}, host);
    }
    MergeResult merge(const std::string& run = "run", bool allow_mixed = false) {
        return merge_run(at("", run), {allow_mixed, "", [](const std::string& command, const Shard& shard) {
                                           return command + " <" + shard.text() + ">";
                                       }});
    }
    std::string refusal(Code code, const std::string& run = "run") {
        return error_of(code, [&] { merge(run); });
    }
    // Relative names and contents of the files below a folder.
    std::map<std::string, std::string> files(const fs::path& below) const {
        std::map<std::string, std::string> out;
        for (const auto& entry : fs::recursive_directory_iterator(below))
            if (entry.is_regular_file())
                out[entry.path().lexically_relative(below).string()] = slurp(entry.path());
        return out;
    }
    // Everything that a run in one piece leaves, but for times and the workers themselves.
    void expect_as_whole(const MergeResult& merged, const Summary& whole, const std::string& run = "run") {
        EXPECT_EQ(to_json(merged.summary), to_json(whole));
        EXPECT_EQ(report_csv(merged.summary), report_csv(whole));
        auto ours = files(at("", run)), theirs = files(at("", "whole"));
        std::erase_if(ours, [](const auto& file) { return file.first.starts_with("workers/"); });
        for (auto* side : {&ours, &theirs}) side->erase("cost.jsonl"), side->erase(".lock");
        for (const auto& [name, bytes] : theirs) {
            ASSERT_TRUE(ours.contains(name)) << name;
            EXPECT_EQ(ours.at(name), bytes) << name << " differs";
        }
        EXPECT_EQ(ours.size(), theirs.size());
        EXPECT_EQ(to_json(summarise_run(at("", run))), to_json(whole));
    }
    // Changes a worker.json as another machine would have written it.
    void edit_worker(const std::string& attempt, const std::function<void(nlohmann::json&)>& change) {
        const fs::path file = at("workers/" + attempt + "/worker.json");
        auto json = nlohmann::json::parse(slurp(file));
        change(json);
        folder.write(file.lexically_relative(folder.path()).string(), json.dump());
    }

    std::atomic<bool> stop = false;
};

TEST_F(StudyShards, AreTheRunInOnePiece) {
    make_large();
    const Summary whole = run("whole");
    ASSERT_EQ(whole.tasks.size(), 8u);
    for (const int n : {1, 2, 4, 7}) {
        const std::string name = "run" + std::to_string(n);
        std::size_t n_block = 0;
        for (int i = n - 1; i >= 0; --i) {  // in any order
            const ShardResult result = work(i, n, name);
            EXPECT_TRUE(result.failures.empty());
            EXPECT_EQ(result.n_done, result.n_block);
            EXPECT_GE(result.n_block, 1u);
            n_block += result.n_block;
        }
        EXPECT_EQ(n_block, 8u) << n;
        const MergeResult merged = merge(name);
        EXPECT_EQ(merged.n_block, 8u);
        EXPECT_EQ(merged.n_worker, static_cast<std::size_t>(n));
        expect_as_whole(merged, whole, name);
        expect_as_whole(merge(name), whole, name);  // again: the same
    }
    // The journals are what was merged: no worker wrote anything of another one's blocks.
    EXPECT_EQ(slurp(at("workers/0-of-1/attempt-1/records.jsonl", "run1")),
              slurp(at("records.jsonl", "whole")));
}

TEST_F(StudyShards, DrawsToo) {
    plan.tuning.n_fold = 3;
    const Summary whole = run("whole");
    for (const int i : {0, 1}) work(i, 2);
    expect_as_whole(merge(), whole);
}

TEST_F(StudyShards, WithMoreShardsThanBlocksSomeHaveNothingToDo) {
    const Summary whole = run("whole");
    for (const int i : {0, 1, 2}) {
        const ShardResult result = work(i, 3);
        EXPECT_EQ(result.n_block, i < 2 ? 1u : 0u);
        EXPECT_EQ(result.folder.empty(), i == 2);
    }
    expect_as_whole(merge(), whole);
}

// Stopped after ever more steps: each start goes on from the journals of those before it.
TEST_F(StudyShards, StoppedAgainAndAgain) {
    const Summary whole = run("whole");
    host.cancel = &stop;
    int n_stop = 0;
    for (bool done = false; !done; ++n_stop) {
        ASSERT_LT(n_stop, 200);
        int n_step = 0;
        host.observer.step = [&](const std::string&, const std::string&, std::size_t, std::size_t) {
            stop = ++n_step >= 2 + 3 * n_stop;
        };
        stop = false;
        try {
            work(0, 1);
            done = true;
        } catch (const Error& e) {
            ASSERT_EQ(e.code(), Code::interrupted) << e.what();
        }
    }
    EXPECT_GE(n_stop, 5);
    host.cancel = nullptr;
    host.observer.step = {};
    expect_as_whole(merge(), whole);
    // No unit was computed twice.
    std::size_t n_unit = 0;
    for (const auto& entry : fs::directory_iterator(at("workers/0-of-1")))
        n_unit += study::read_units(entry.path()).size();
    EXPECT_EQ(n_unit, study::read_units(at("", "whole")).size());
    // Nothing is left to do.
    EXPECT_EQ(work(0, 1).n_before, 2u);
}

TEST_F(StudyShards, AnotherNumberOfShardsGoesOnAllTheSame) {
    const Summary whole = run("whole");
    work(0, 2);
    EXPECT_EQ(work(0, 1).n_before, 1u);
    expect_as_whole(merge(), whole);
}

// Slurm starts a shard again while its first copy still lives.
TEST_F(StudyShards, EqualCopiesAreOne) {
    const Summary whole = run("whole");
    work(0, 1);
    work(0, 1, "other");
    fs::rename(at("workers/0-of-1/attempt-1", "other"), at("workers/0-of-1/attempt-2"));
    expect_as_whole(merge(), whole);
}

TEST_F(StudyShards, CopiesThatDifferAreRefusedWithBothMachines) {
    work(0, 1);
    work(0, 1, "other");
    fs::rename(at("workers/0-of-1/attempt-1", "other"), at("workers/0-of-1/attempt-2"));
    edit_worker("0-of-1/attempt-2", [](auto& json) { json["host"] = "elsewhere"; });
    // One number of one item, with the digest that goes with it.
    std::vector<std::string> order;
    study::Units units = study::read_units(at("workers/0-of-1/attempt-2"), nullptr, &order);
    std::string text;
    for (const auto& name : order) {
        if (&name == &order.front()) units[name].at(0).insert(1, "\"a\":1,");
        text += study::unit_text(name, units[name]);
    }
    folder.write("run/workers/0-of-1/attempt-2/records.jsonl", text);
    const std::string message = refusal(Code::bad_input);
    expect_parts(message, {"differ", "attempt-1 on ", "attempt-2 on elsewhere", order.front().c_str()});
    EXPECT_FALSE(fs::exists(at("records.jsonl")));
}

TEST_F(StudyShards, MissingBlocksAreListedAndNothingIsWritten) {
    make_large();
    work(1, 4);
    work(3, 4);
    const std::string message = refusal(Code::incomplete);
    expect_parts(message, {"4 of 8 blocks", "a test <0/4>", "a test <2/4>", "one.gguf/twice/s"});
    EXPECT_EQ(message.find("<1/4>"), std::string::npos);
    const auto left = files(at(""));
    EXPECT_TRUE(std::all_of(left.begin(), left.end(),
                            [](const auto& file) { return file.first.starts_with("workers/"); }));
    EXPECT_EQ(error_of(Code::missing, [&] { merge("nowhere"); }).find("no workers") != std::string::npos,
              true);
}

// A disk that lost the end of a file, or a kill while a line was written.
TEST_F(StudyShards, AJournalCutInTheMiddleOfALineIsGoneOnWith) {
    const Summary whole = run("whole");
    work(0, 1);
    const fs::path journal = at("workers/0-of-1/attempt-1/records.jsonl");
    fs::resize_file(journal, fs::file_size(journal) - 40);
    expect_parts(refusal(Code::incomplete), {"1 of 2 blocks", "<0/1>"});
    const ShardResult again = work(0, 1);
    EXPECT_EQ(again.n_before, 1u);
    EXPECT_EQ(again.n_done, 1u);
    EXPECT_EQ(study::read_units(again.folder).size(), 1u) << "more than what was lost was computed";
    expect_as_whole(merge(), whole);
}

TEST_F(StudyShards, ADamagedJournalIsNamed) {
    work(0, 1);
    const std::string file = "run/workers/0-of-1/attempt-1/records.jsonl";
    std::string text = slurp(folder.path() / file);
    text[text.size() / 2] ^= 1;
    folder.write(file, text);
    expect_parts(refusal(Code::bad_input), {"0-of-1/attempt-1/records.jsonl"});
}

TEST_F(StudyShards, TwoPlansInOneFolderAreRefused) {
    work(0, 2);
    const Plan first = plan;
    plan.n_test = 5;
    expect_parts(error_of(Code::bad_input, [&] { work(1, 2); }), {"another plan", "0-of-2/attempt-1"});
    work(1, 2, "other");
    fs::create_directories(at("workers/1-of-2"));
    fs::rename(at("workers/1-of-2/attempt-1", "other"), at("workers/1-of-2/attempt-1"));
    expect_parts(refusal(Code::bad_input), {"another plan", "1-of-2/attempt-1"});
    // And where the merged run is of another plan.
    fs::remove_all(at("workers/1-of-2/attempt-1"));
    plan = first;
    work(1, 2);
    merge();
    fs::remove_all(at("workers"));
    plan.n_test = 5;
    expect_parts(error_of(Code::bad_input, [&] { work(0, 2); }), {"another plan"});
}

TEST_F(StudyShards, AWorkerOfAnotherProgramIsNamed) {
    for (const int i : {0, 1}) work(i, 2);
    const auto refused = [&](const char* field, const char* value) {
        const std::string before = slurp(at("workers/1-of-2/attempt-1/worker.json"));
        edit_worker("1-of-2/attempt-1", [&](auto& json) { json[field] = value, json["host"] = "elsewhere"; });
        const std::string message = refusal(Code::bad_input);
        folder.write("run/workers/1-of-2/attempt-1/worker.json", before);
        return message;
    };
    expect_parts(refused("program_version", "9.9.9"),
                 {"program version", "9.9.9", "0-of-2/attempt-1 on ", "1-of-2/attempt-1 on elsewhere"});
    expect_parts(refused("engine_version", "x"), {"engine version"});
    expect_parts(refused("data_digest", "x"), {"data"});
    expect_parts(refused("settings", "x"), {"settings"});
    expect_parts(refused("program_digest", "x"), {"executables"});
    merge();
}

TEST_F(StudyShards, AnotherFileOfAModelIsNamed) {
    plan.tasks = {"twice"}, plan.seeds = {0, 1};
    work(0, 2);
    test::TinyOptions tiny;
    tiny.n_layer = 2, tiny.seed = 3;
    fs::copy_file(test::make_tiny_model(tiny), folder.path() / "one.gguf",
                  fs::copy_options::overwrite_existing);
    work(1, 2);
    expect_parts(refusal(Code::bad_input), {"one.gguf", "digest", "0-of-2/attempt-1", "1-of-2/attempt-1"});
}

// What a machine with other arithmetic left is merged only when somebody says so, and then named.
TEST_F(StudyShards, MachinesThatComputeDifferently) {
    const Summary whole = run("whole");
    for (const int i : {0, 1}) work(i, 2);
    edit_worker("1-of-2/attempt-1", [](auto& json) {
        json["host"] = "elsewhere", json["models"][0]["machine_class"] = "0123456789ab";
    });
    expect_parts(refusal(Code::bad_input), {"compute differently", "0123456789ab", "elsewhere"});
    EXPECT_FALSE(fs::exists(at("records.jsonl")));
    const MergeResult merged = merge("run", true);
    EXPECT_EQ(merged.summary.notes.size(), whole.notes.size() + 2);
    std::string notes;
    for (const auto& note : merged.summary.notes) notes += note + "\n";
    expect_parts(notes, {"0123456789ab", "elsewhere", "one.gguf/cheer/s0"});
    expect_parts(report_markdown(merged.summary, {}), {"0123456789ab", "elsewhere"});
    std::map<std::string, std::string> classes;  // of the closing records
    for (const auto& [name, lines] : study::read_units(at("")))
        for (const auto& line : lines)
            if (const auto json = nlohmann::json::parse(line); json.contains("machine_class"))
                classes[json["task"]] = json["machine_class"];
    ASSERT_EQ(classes.size(), 2u);
    EXPECT_EQ(std::count_if(classes.begin(), classes.end(),
                            [](const auto& c) { return c.second == "0123456789ab"; }),
              1);
    EXPECT_EQ(to_json(summarise_run(at(""))), to_json(merged.summary));
}

// Files of the first start dated ten years ahead and those of the second behind: no clock decides what comes
// before what, and no silence is negative.
TEST_F(StudyShards, ClocksThatDiffer) {
    const Summary whole = run("whole");
    host.cancel = &stop;
    int n_step = 0;
    host.observer.step = [&](const std::string&, const std::string&, std::size_t, std::size_t) {
        if (++n_step > 40) stop = true;
    };
    EXPECT_THROW(work(0, 2), Error);
    ASSERT_GE(study::read_units(at("workers/0-of-2/attempt-1")).size(), 1u);
    host.cancel = nullptr, host.observer.step = {};
    const auto date = [&](const std::string& attempt, std::chrono::hours by) {
        for (const auto& entry : fs::recursive_directory_iterator(at("workers/" + attempt)))
            fs::last_write_time(entry.path(), fs::file_time_type::clock::now() + by);
    };
    constexpr std::chrono::hours years(10 * 365 * 24);
    date("0-of-2/attempt-1", years);
    work(0, 2);
    date("0-of-2/attempt-2", -years);
    work(1, 2);
    date("1-of-2/attempt-1", std::chrono::hours(3));
    const RunStatus status = run_status(at(""));
    EXPECT_EQ(status.count(RunStatus::State::done), status.blocks.size());
    for (const auto& block : status.blocks) EXPECT_GE(block.last_sign, 0);
    const MergeResult merged = merge();
    EXPECT_TRUE(merged.notes.empty());
    expect_as_whole(merged, whole);
}

// Float32 throughout: other bits are rounding within the bound, and beyond it something is wrong.
TEST_F(StudyShards, ExactMachinesAreComparedWithinABound) {
    host.weights = Weights::float32, host.engine.cache_f32 = true;
    const Summary whole = run("whole");
    for (const int i : {0, 1}) work(i, 2);
    const auto elsewhere = [&](double by) {
        edit_worker("1-of-2/attempt-1", [by](auto& json) {
            json["host"] = "elsewhere", json["models"][0]["machine_class"] = "0123456789ab";
            json["program_digest"] = "another build";
            auto& probe = json["models"][0]["probe"];
            ASSERT_EQ(probe.size(), 60u);
            probe[7] = probe[7].template get<double>() + by;
        });
    };
    elsewhere(2e-4);
    expect_parts(refusal(Code::bad_input), {"float32 throughout", "0.0002 nats", "1e-04", "tiller doctor"});
    EXPECT_FALSE(fs::exists(at("records.jsonl")));
    elsewhere(-1.5e-4);  // 5e-5 in all
    const MergeResult merged = merge();
    ASSERT_EQ(merged.notes.size(), 1u);
    expect_parts(merged.notes[0], {"float32 throughout", "5e-05 nats"});
    // Which machine computed which block is said all the same.
    EXPECT_EQ(merged.summary.notes.size(), whole.notes.size() + 2);
}

// A block that was begun elsewhere is begun anew, so that its settings are computed on one kind of machine.
TEST_F(StudyShards, UnitsOfAnotherKindOfMachineAreNotGoneOnWith) {
    plan.tasks = {"twice"};
    const Summary whole = run("whole");
    host.cancel = &stop;
    int n_step = 0;
    host.observer.step = [&](const std::string&, const std::string& what, std::size_t, std::size_t) {
        if (what.find("test") == 0 || ++n_step > 60) stop = true;
    };
    EXPECT_THROW(work(0, 1), Error);
    host.cancel = nullptr, host.observer.step = {};
    const auto begun = study::read_units(at("workers/0-of-1/attempt-1"));
    ASSERT_GE(begun.size(), 1u);
    edit_worker("0-of-1/attempt-1", [](auto& json) { json["models"][0]["machine_class"] = "0123456789ab"; });
    const ShardResult again = work(0, 1);
    EXPECT_EQ(study::read_units(again.folder).size(), study::read_units(at("", "whole")).size());
    const MergeResult merged = merge();
    EXPECT_EQ(merged.notes.size(), 1u);
    expect_as_whole(merged, whole);
}

TEST_F(StudyShards, RecordsThatNoWorkerMadeAreNotWrittenOver) {
    run("run");
    const std::string records = slurp(at("records.jsonl"));
    plan.n_test = 6;
    work(0, 1);
    merge();  // the same plan: the same records
    EXPECT_EQ(slurp(at("records.jsonl")), records);
    fs::remove_all(at("workers/0-of-1"));
    test::TinyOptions tiny;
    tiny.n_layer = 2, tiny.seed = 3;
    fs::copy_file(test::make_tiny_model(tiny), folder.path() / "one.gguf",
                  fs::copy_options::overwrite_existing);
    work(0, 1);
    expect_parts(refusal(Code::bad_input), {"records.jsonl", "no worker made"});
    EXPECT_EQ(slurp(at("records.jsonl")), records);
}

TEST_F(StudyShards, AFailedBlockDoesNotKeepTheOthersFromBeingDone) {
    make_large();
    plan.seeds = {0};
    folder.write("two.gguf", "not a model");
    const ShardResult result = work(0, 1);
    EXPECT_EQ(result.n_block, 4u);
    EXPECT_EQ(result.n_done, 2u);
    ASSERT_EQ(result.failures.size(), 2u);
    expect_parts(result.failures[0], {"two.gguf/twice/s0: "});
    const RunStatus status = run_status(at(""));
    EXPECT_EQ(status.count(RunStatus::State::failed), 2u);
    EXPECT_EQ(status.count(RunStatus::State::done), 2u);
    expect_parts(refusal(Code::incomplete), {"2 of 4 blocks", "two.gguf", "failed on"});
}

TEST_F(StudyShards, StatusIsReadFromTheJournals) {
    make_large();
    EXPECT_EQ(error_of(Code::missing, [&] { run_status(at("")); }).empty(), false);
    work(0, 4);
    RunStatus status = run_status(at(""));
    ASSERT_EQ(status.blocks.size(), 8u);
    EXPECT_EQ(status.n_shard, 4);
    EXPECT_EQ(status.count(RunStatus::State::done), 2u);
    EXPECT_EQ(status.count(RunStatus::State::waiting), 6u);
    EXPECT_GT(status.seconds_left, 0);
    for (const auto& b : status.blocks)
        EXPECT_EQ(b.state == RunStatus::State::done, b.block.shard == 0) << b.block.text();
    host.cancel = &stop, stop = true;
    EXPECT_THROW(work(1, 4), Error);
    host.cancel = nullptr;
    for (const int i : {1, 2, 3}) work(i, 4);
    status = run_status(at(""));
    EXPECT_EQ(status.count(RunStatus::State::done), 8u);
    EXPECT_EQ(status.seconds_left, 0);
}

// A worker that was killed: its block was begun, and it writes no more.
TEST_F(StudyShards, AWorkerThatDoesNotWriteIsSilent) {
    work(0, 1);
    const fs::path attempt = at("workers/0-of-1/attempt-1");
    const std::string events = slurp(attempt / "blocks.jsonl");
    const auto last_line = events.rfind('\n', events.size() - 2) + 1;
    folder.write("run/workers/0-of-1/attempt-1/blocks.jsonl", events.substr(0, last_line));
    RunStatus status = run_status(at(""));
    EXPECT_EQ(status.count(RunStatus::State::running), 1u);
    EXPECT_EQ(status.n_worker, 1u);
    for (const auto& entry : fs::directory_iterator(attempt))
        fs::last_write_time(entry.path(), fs::file_time_type::clock::now() - std::chrono::hours(1));
    status = run_status(at(""));
    EXPECT_EQ(status.count(RunStatus::State::silent), 1u);
    EXPECT_EQ(status.count(RunStatus::State::done), 1u);
    EXPECT_EQ(status.n_worker, 0u);
    EXPECT_NEAR(status.blocks.at(1).last_sign, 3600, 60);
    // Its closing record is there, so little is left; the next attempt ends it.
    EXPECT_EQ(work(0, 1).n_done, 1u);
    EXPECT_EQ(run_status(at("")).count(RunStatus::State::done), 2u);
}

TEST_F(StudyShards, AClassIsOfTheModelAndTheArithmetic) {
    const auto model = Model::load(folder.path() / "one.gguf");
    Engine engine(model, host.engine);
    const std::string first = study::probe_machine(engine).machine_class;
    EXPECT_EQ(first.size(), 12u);
    Row row;
    row.prompt = {1, 2, 3};
    row.max_new_tokens = 5;
    engine.run({&row, 1});
    EXPECT_EQ(study::probe_machine(engine).machine_class, first) << "it depends on what was computed before";
    EngineOptions other = host.engine;
    other.max_rows = 2, other.n_threads = 2;
    Engine narrow(model, other);
    EXPECT_EQ(study::probe_machine(narrow).machine_class, first)
        << "it depends on rows or threads, and numbers do not";
    other.cache_f32 = !other.cache_f32;
    Engine exact(model, other);
    EXPECT_NE(study::probe_machine(exact).machine_class, first);
    Engine different(Model::load(folder.path() / "two.gguf"), host.engine);
    EXPECT_NE(study::probe_machine(different).machine_class, first);
    // Rounding is a small difference, another model a large one.
    const auto own = study::probe_machine(engine).logprobs;
    EXPECT_EQ(own.size(), 3u * (4 + 16));
    for (const double l : own) EXPECT_LT(l, 0);
    EXPECT_EQ(study::apart(own, own), 0);
    EXPECT_LT(study::apart(own, study::probe_machine(exact).logprobs), 0.02);
    EXPECT_GT(study::apart(own, study::probe_machine(different).logprobs), 0.1);
    EXPECT_TRUE(std::isinf(study::apart(own, {})));
    auto broken = own;
    broken[3] = std::nan("");
    EXPECT_TRUE(std::isinf(study::apart(own, broken)));
}

// Another protocol, whose second pass is of all models together.
TEST_F(StudyShards, TheSecondPassFollowsTheMerge) {
    const Plan small = plan;
    plan = default_plan("transfer");
    plan.models = {small.models[0], (folder.path() / "two.gguf").string()};
    plan.tasks = {"twice"};
    plan.data_dir = small.data_dir;
    plan.n_test = 6, plan.n_valid = 3;
    plan.functional = small.functional;
    plan.n_bootstrap = 100;
    plan.transfer.shots = {1};
    const Summary whole = run("whole");
    for (const int i : {0, 1}) work(i, 2);
    EXPECT_TRUE(merge().second_pass);
    EXPECT_EQ(to_json(run("run")), to_json(whole));
    EXPECT_EQ(slurp(at("records.jsonl")), slurp(at("records.jsonl", "whole")));
}

}  // namespace
}  // namespace tiller
