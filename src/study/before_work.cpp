#include "study/before_work.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <span>
#include <string_view>

#include "study/cost_ledger.h"
#include "study/first_token.h"
#include "study/phrases.h"
#include "study/protocol.h"
#include "study/units.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/task_check.h"

namespace tiller::study {
namespace {

// The most that a task is expected to need: run() with a few-shot prompt of its longest items and the tokens
// generated after it, and fork() with one branch per head and an unpatched one, as in the head search.
MemoryNeed task_memory(const Plan& plan, const Engine& engine, const Task& task, const Template& form) {
    const FamilyPlan counts = plan.of(task.family);
    std::vector<int> items(task.items.size());
    std::iota(items.begin(), items.end(), 0);
    const auto length = [&](int i) {
        const Item& item = task.items[static_cast<std::size_t>(i)];
        return item.input.size() + item.output.size();
    };
    std::stable_sort(items.begin(), items.end(), [&](int a, int b) { return length(a) > length(b); });
    const auto tokens = [&](int n_shot) {
        const auto n = std::min(static_cast<std::size_t>(n_shot), items.size() - 1);
        const Prompt prompt = make_prompt(task, std::span(items).subspan(1, n), items.front(), form);
        return static_cast<int>(engine.model().tokenize_prompt(prompt.text).size());
    };
    const int n_shot = counts.extraction.n_shot;
    return engine.memory_need(tokens(std::max(counts.n_shot, n_shot)) + counts.max_new_tokens, tokens(n_shot),
                              engine.info().n_head_total() + 1);
}

}  // namespace

void check_model(Engine& engine, const std::filesystem::path& folder, const std::string& name,
                 const StudyHost& host) {
    const EngineStats before = engine.stats();
    DoctorOptions options;
    options.fast = true;
    const Diagnosis diagnosis = diagnose(engine, options, [&](std::size_t done, std::size_t all) {
        if (host.observer.step) host.observer.step(name, "check of the hooks", done, all);
    });
    add_cost(folder, spent({name, "", "", "check"}, before, engine.stats()));
    require_passed(diagnosis, engine.info());
}

void say_memory(const Plan& plan, const Engine& engine, const std::vector<Task>& tasks, const Template& form,
                const StudyHost& host) {
    MemoryNeed largest;
    for (const auto& task : tasks)
        if (const auto need = task_memory(plan, engine, task, form);
            need.caches + need.buffers > largest.caches + largest.buffers)
            largest = need;
    require_memory(largest);
    if (host.observer.note) host.observer.note(engine.info().name + " " + memory_text(largest));
}

void say_chat(const Plan& plan, const Model& model, const StudyHost& host) {
    if (!host.observer.note || plan.chat || model.chat_template().empty()) return;
    if (protocol_of(plan).traits.takes_chat) host.observer.note(plain_text_warning(model.info().name));
}

void say_computed_again(const TaskContext& c) {
    if (!c.host.observer.note) return;
    const std::string closing = unit_name(c, closing_unit);
    const auto known =
        std::string_view(closing).substr(0, closing.rfind('#') + 1);  // all but the key's digest
    if (std::any_of(c.journal.units().begin(), c.journal.units().end(),
                    [&](const auto& unit) { return unit.first.starts_with(known) && unit.first != closing; }))
        c.host.observer.note(fmt::format(
            "{}: finished in this folder before, by another version of tiller or with another model "
            "file, other data or another arithmetic; it is computed again",
            c.task.name));
}

void check_answers(const TaskContext& c) {
    if (c.behavioural()) return;
    for (std::size_t i = 0; i < c.task.items.size(); ++i)
        answer_tokens(c.engine.model(), c.plain_prompt(static_cast<int>(i)));
}

void say_seen(const TaskContext& c) {
    if (!c.host.observer.note) return;
    const std::size_t n_kept = c.split.train.size() + c.split.valid.size() + c.split.test.size();
    if (n_kept < c.task.items.size())
        c.host.observer.note(
            fmt::format("{}: {} of {} items have the input of another one and count once, with all their "
                        "answers; {} are left",
                        c.task.name, c.task.items.size() - n_kept, c.task.items.size(), n_kept));
    const std::size_t n = items_seen(c.task, c.split.train, c.test).size();
    if (n == 0) return;
    c.host.observer.note(
        fmt::format("{}: {} of {} test items have an input that stands among the training items, and were "
                    "seen; tiller task check lists them",
                    c.task.name, n, c.test.size()));
}

}  // namespace tiller::study
