// Memory that runs out at any allocation of loading, extracting, comparing, reporting, and of vector files:
// the call throws std::bad_alloc or an Error of the environment, never anything else, the process lives, and
// the same call succeeds afterwards with the same result. Each trial has a process of its own.
#include <execinfo.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "reliability/failing_memory.h"
#include "reliability/scale.h"
#include "support/tiny_model.h"
#include "support/tiny_study.h"
#include "tiller/engine.h"
#include "tiller/function_vector.h"
#include "tiller/in_context_vector.h"
#include "tiller/report.h"
#include "tiller/vector.h"

namespace tiller::test {
namespace {

/// Work that is tried. `prepare` does what needs memory that does not fail, and gives the call that is tried;
/// that call gives its result as text.
struct Work {
    std::function<std::function<std::string()>()> prepare;
    int n_small, n_full;  ///< Allocations that fail, one a trial: in every run of the tests, and at length.
};

// Where memory runs out in the destructor of the JSON library, which takes some, C++ ends the process. That
// is known (docs/reliability.md); any other end of this kind is a fault. The test program exports its
// symbols, so that their names are found here.
constexpr int kEndedInJson = 70;

[[noreturn]] void on_terminate() {
    void* frames[64];
    const int n = ::backtrace(frames, 64);
    char** names = ::backtrace_symbols(frames, n);
    for (int i = 0; names != nullptr && i < n; ++i)
        if (std::strstr(names[i], "basic_json") && std::strstr(names[i], "7destroy")) ::_exit(kEndedInJson);
    std::abort();
}

/// What a trial's process found out, in memory that it shares with the test.
struct Finding {
    std::int64_t n_allocation;
    bool failed, same_after;
    char what[400];

    void say(const std::string& text) { std::snprintf(what, sizeof what, "%s", text.c_str()); }
};

// What the call does when memory fails: the reason why that is wrong, or an empty text.
std::string try_once(const std::function<std::string()>& call, std::int64_t n, bool for_ever,
                     const std::string& expected, Finding& finding) {
    std::optional<std::string> result;
    {
        const FailingMemory memory(n, for_ever);
        try {
            result = call();
        } catch (const std::bad_alloc&) {
            finding.failed = true;
        } catch (const Error& e) {
            finding.failed = true;
            if (e.code() != Code::environment) finding.say(e.what());
        } catch (const std::exception& e) {
            finding.failed = true;
            finding.say(e.what());
        }
        finding.n_allocation = memory.n_allocation();
    }
    if (finding.what[0] != 0) return std::string("another error: ") + finding.what;
    if (result && n > 0 && *result != expected) return "a result, but another one";
    return {};
}

/// Runs the work in a process of its own, without and with an allocation that fails.
class Trial {
public:
    explicit Trial(const Work& work) : work_(work) {
        void* memory =
            ::mmap(nullptr, sizeof(Finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED) throw std::bad_alloc();
        finding_ = static_cast<Finding*>(memory);
    }
    ~Trial() { ::munmap(finding_, sizeof(Finding)); }
    Trial(const Trial&) = delete;
    Trial& operator=(const Trial&) = delete;

    /// Empty where all is as it should be.
    std::string operator()(std::int64_t n, bool for_ever) {
        *finding_ = {};
        const pid_t child = ::fork();
        if (child == 0) ::_exit(in_child(n, for_ever));
        int status = 0;
        if (child < 0 || ::waitpid(child, &status, 0) != child) return "no process could be started";
        ended_in_json_ = WIFEXITED(status) && WEXITSTATUS(status) == kEndedInJson;
        if (ended_in_json_) return "";
        if (WIFSIGNALED(status))
            return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
        return finding_->what;
    }
    const Finding& finding() const { return *finding_; }
    bool ended_in_json() const { return ended_in_json_; }

private:
    int in_child(std::int64_t n, bool for_ever) {
        void* frame = nullptr;
        ::backtrace(&frame, 1);  // loads what it needs now
        std::set_terminate(on_terminate);
        try {
            const auto call = work_.prepare();
            const std::string expected = n > 0 ? work_.prepare()() : std::string();
            const std::string wrong = try_once(call, n, for_ever, expected, *finding_);
            if (!wrong.empty()) return finding_->say(wrong), 1;
            finding_->same_after = n == 0 || call() == expected;
            if (!finding_->same_after)
                return finding_->say("the same call gives another result afterwards"), 1;
        } catch (const std::exception& e) {
            finding_->say(fmt::format("afterwards: {}", e.what()));
            return 1;
        }
        return 0;
    }

    Work work_;
    Finding* finding_;
    bool ended_in_json_ = false;
};

class FailingMemoryTest : public StudyTest, public testing::WithParamInterface<const char*> {
protected:
    void SetUp() override {
        StudyTest::SetUp();
        model_ = make_tiny_model();
        plan = tiny_plan(model_, write_tasks(folder));
        plan.tasks = {"twice"};
        plan.n_bootstrap = 100;
    }

    Work work(const std::string& name) {
        if (name == "load")
            return {[this] { return [this] { return Model::load(model_)->info().digest; }; }, 40, 4000};
        if (name == "extract") return {[this] { return extraction(); }, 40, 4000};
        if (name == "files") return {[this] { return files(); }, 40, 4000};
        if (name == "compare") return {[this] { return comparison(); }, 12, 400};
        return {[this] { return reports(); }, 30, 4000};
    }

private:
    // The head search and both of the papers' vectors.
    std::function<std::string()> extraction() {
        auto model = Model::load(model_);
        auto engine = std::make_shared<Engine>(model, EngineOptions{.n_threads = 1});
        return [model, engine] {
            const FvTrials trials = {.mean = {"a b a b a", "b c b c b"},
                                     .patch = {{.prompt = "a c d e a", .target = " b"}}};
            const auto fv = function_vector(*model, search_heads(*engine, trials), {.n_heads = 2});
            const std::vector<Pair> pairs = {
                {"bad tin", "good tin"}, {"bad oak", "good oak"}, {"bad sun", "good sun"}};
            const auto icv = in_context_vector(*engine, pairs);
            std::string out;
            for (const auto* vector : {&fv, &icv})
                for (const auto& [layer, direction] : vector->directions)
                    for (const float x : direction) out += fmt::format("{} {},", layer, x);
            return out;
        };
    }
    std::function<std::string()> files() {
        SteeringVector vector;
        vector.method = "mean-diff";
        vector.provenance.n_embd = 4, vector.provenance.n_layer = 3;
        for (int layer = 0; layer < 3; ++layer)
            vector.directions[layer] = {1.5f, -2, 0, static_cast<float>(layer)};
        vector.provenance.settings["pairs"] = "3";
        const auto path = folder.path() / "v.gguf";
        return [vector, path] {
            save_vector(vector, path);
            const SteeringVector read = load_vector(path);
            return read.method + fmt::format("{}", fmt::join(read.directions.at(2), ","));
        };
    }
    std::function<std::string()> comparison() {
        const auto run = fmt::format("run-{}-{}", ::getpid(), ++n_run_);  // each trial has a process
        return [this, run] { return to_json(run_study(plan, folder.path() / run, host)); };
    }
    std::function<std::string()> reports() {
        if (!summary_)
            summary_ = std::make_unique<Summary>(run_study(plan, folder.path() / "reported", host));
        return [this] {
            return report_html(*summary_, {}) + report_markdown(*summary_, {}) + report_csv(*summary_) +
                   report_json(*summary_, {}) + terminal_verdicts(*summary_, 80);
        };
    }

    std::filesystem::path model_;
    std::unique_ptr<Summary> summary_;
    int n_run_ = 0;
};

TEST_P(FailingMemoryTest, IsAnErrorAndTheNextCallWorks) {
    const Work tried = work(GetParam());
    if (std::string(GetParam()) == "report") tried.prepare();  // the study once, for all trials
    Trial trial(tried);
    ASSERT_EQ(trial(0, false), "") << "without a failure";
    const std::int64_t n_allocation = trial.finding().n_allocation;
    ASSERT_GT(n_allocation, 20);
    const std::int64_t n_trial =
        std::min<std::int64_t>(n_allocation, tries_all() ? tried.n_full : tried.n_small);
    std::map<std::string, std::vector<std::int64_t>> faults;
    std::int64_t n_failed = 0, n_json = 0;
    for (const bool for_ever : {false, true})
        for (std::int64_t i = 0; i < n_trial; ++i) {
            // Spread evenly, the first and the last among them.
            const std::int64_t n = 1 + i * (n_allocation - 1) / std::max<std::int64_t>(1, n_trial - 1);
            const std::string fault = trial(n, for_ever);
            if (!fault.empty()) faults[fault + (for_ever ? " (for ever)" : "")].push_back(n);
            n_failed += trial.finding().failed ? 1 : 0;
            n_json += trial.ended_in_json() ? 1 : 0;
        }
    for (const auto& [fault, places] : faults)
        ADD_FAILURE() << fault << ": " << places.size() << " times, first at allocation " << places[0]
                      << " of " << n_allocation;
    // The engine holds some messages in memory of its own, and the sorts of the library do with less.
    EXPECT_GT(n_failed + n_json, n_trial) << "most allocations that fail are noticed";
    tell(
        fmt::format("memory that runs out, {}: {} allocations, {} trials, {} ended with an error, {} in the "
                    "JSON library's destructor",
                    GetParam(), n_allocation, 2 * n_trial, n_failed, n_json));
}

INSTANTIATE_TEST_SUITE_P(Work, FailingMemoryTest,
                         testing::Values("load", "extract", "files", "compare", "report"),
                         [](const auto& work) { return std::string(work.param); });

}  // namespace
}  // namespace tiller::test
