// What tests of the command line share: a folder with a model and tasks, in which the program runs.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "support/run_program.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"

namespace tiller::test {

using Arguments = std::vector<std::string>;

class CliTest : public testing::Test {
protected:
    void SetUp() override {
        options.folder = folder.path();
        options.environment = {{"TILLER_CACHE_DIR", (folder.path() / "cache").string()}};
        std::filesystem::copy_file(make_tiny_model(), folder.path() / "m.gguf");
        write_tasks(folder);
    }
    ProgramResult run(const Arguments& arguments) const { return run_program(arguments, options); }
    /// Runs what must fail: the message, with nothing on standard output.
    std::string refusal(int code, const Arguments& arguments) const {
        return refusal(code, arguments, options);
    }
    static std::string refusal(int code, const Arguments& arguments, const ProgramOptions& how) {
        const auto result = run_program(arguments, how);
        EXPECT_EQ(result.code, code) << testing::PrintToString(arguments) << "\n" << result.err;
        EXPECT_EQ(result.out, "") << testing::PrintToString(arguments);
        EXPECT_FALSE(result.err.empty());
        return result.err;
    }
    nlohmann::json run_json(Arguments arguments) const {
        arguments.push_back("--json");
        const auto result = run(arguments);
        EXPECT_EQ(result.code, 0) << testing::PrintToString(arguments) << "\n" << result.err;
        const auto value = nlohmann::json::parse(result.out, nullptr, false);
        EXPECT_FALSE(value.is_discarded()) << result.out.substr(0, 400);
        return value;
    }
    /// Log-probabilities of the whole vocabulary after a prompt, by token.
    std::map<int, double> next_logprobs(const std::string& model, const Arguments& more) const {
        Arguments arguments = {"next", "-m",        model, "-p",           "the cat", "--top",
                               "300",  "--threads", "1",   "--cache-type", "f32"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        std::map<int, double> out;
        const nlohmann::json result = run_json(arguments);
        for (const auto& t : result.at("tokens")) out[t.at("id")] = t.at("logprob");
        return out;
    }
    static double distance(const std::map<int, double>& a, const std::map<int, double>& b) {
        double worst = 0;
        for (const auto& [id, logprob] : a)
            if (const auto other = b.find(id); other != b.end())
                worst = std::max(worst, std::fabs(logprob - other->second));
        return worst;
    }
    void make_fv(const std::string& name = "v.gguf", const std::string& model = "m.gguf") const {
        const auto r = run({"extract",   "fv", "-m",      model, "-t",       "data/functional/twice.json",
                            "-o",        name, "--shots", "2",   "--n-mean", "4",
                            "--n-patch", "2",  "--heads", "3",   "--scale",  "2",
                            "--threads", "1"});
        ASSERT_EQ(r.code, 0) << r.err;
    }
    void make_icv(const std::string& name = "i.gguf") const {
        const auto r = run({"extract", "icv", "-m", "m.gguf", "-t", "data/behavioural/cheer.json", "-o", name,
                            "--n-pairs", "4", "--threads", "1"});
        ASSERT_EQ(r.code, 0) << r.err;
    }
    void make_model(const std::string& name, const TinyOptions& tiny) const {
        std::filesystem::copy_file(make_tiny_model(tiny), folder.path() / name);
    }
    bool is_there(const std::string& name) const { return std::filesystem::exists(folder.path() / name); }
    std::set<std::string> names() const {
        std::set<std::string> all;
        for (const auto& entry : std::filesystem::directory_iterator(folder.path()))
            all.insert(entry.path().filename().string());
        return all;
    }

    ScratchFolder folder;
    ProgramOptions options;
};

}  // namespace tiller::test
