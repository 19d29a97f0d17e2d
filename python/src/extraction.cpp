// Vectors by every registered method, from a task or from pairs, as `tiller extract` makes them.
#include <fmt/format.h>

#include <algorithm>

#include "bind.h"
#include "core/paths.h"
#include "methods/concepts.h"
#include "session.h"
#include "tiller/doctor.h"
#include "tiller/error.h"
#include "tiller/method.h"
#include "tiller/study.h"
#include "tiller/task.h"

namespace tiller::python {
namespace {

// What was asked for, checked by the Python layer.
struct Request {
    std::string method, task, family;
    std::vector<std::pair<std::string, std::string>> pairs;  // negative, positive
    std::string pairs_name;
    std::vector<std::string> beside;
    Setting settings, counts;
    std::uint64_t seed = 0;
    bool check = true;
};

// What the method reads.
struct Source {
    Task task;
    std::vector<int> train;
    std::vector<Pair> pairs;
    std::vector<ConceptForm> concepts;
    Setting counts;
};

Task task_named(const std::string& name, const std::string& family) {
    Task task = find_task(name, data_dir());
    if (!family.empty()) set_family(task, family);
    return task;
}

bool reads(const Method& method, const char* count) {
    const auto counts = method.counts();
    return std::find(counts.begin(), counts.end(), count) != counts.end();
}

// As a comparison has them for the family, unless they were given.
Setting counts_of(const Request& request, const Source& source) {
    const Plan plan;
    const auto& usual = source.task.family == Family::behavioural ? plan.behavioural : plan.functional;
    const int n_pairs = source.pairs.empty() ? usual.n_pairs : static_cast<int>(source.pairs.size());
    Setting counts = {{"n_mean", usual.n_mean},
                      {"n_patch", usual.n_patch},
                      {"n_shot", usual.n_shot},
                      {"n_pairs", n_pairs},
                      {"n_last", 4}};
    for (const auto& [name, value] : request.counts) counts[name] = value;
    return counts;
}

// The model was loaded before the task was known.
void require_control_names(const Task& task, const ModelInfo& info) {
    if (task.control_names == ControlNames::refuse || task.control_names == info.control_names) return;
    throw Error(
        Code::usage,
        fmt::format("the task {} says that control tokens' names in its texts are {}; load the model with "
                    "control_names=\"{}\"",
                    task.name, task.control_names == ControlNames::parse ? "the tokens" : "plain text",
                    task.control_names == ControlNames::parse ? "parse" : "text"));
}

Source source_of(const Request& request, const Method& method, const ModelInfo& info) {
    Source source;
    if (request.task.empty()) {
        if (!reads(method, "n_pairs") || method.wants_concepts())
            throw Error(Code::usage, fmt::format("{} reads a task and no pairs; give task=", method.name()));
        for (const auto& [negative, positive] : request.pairs) source.pairs.push_back({negative, positive});
        source.task.name = request.pairs_name;
        source.task.family = Family::behavioural;  // a pair is a text and the same in another style
        source.counts = counts_of(request, source);
        return source;
    }
    source.task = task_named(request.task, request.family);
    require_control_names(source.task, info);
    source.train = split_task(source.task, request.seed).train;
    source.counts = counts_of(request, source);
    if (!method.wants_concepts()) return source;
    std::vector<Task> others;
    for (const auto& name : request.beside) {
        others.push_back(task_named(name, ""));
        require_control_names(others.back(), info);
    }
    source.concepts = concepts_of(source.task, others, concept_catalogue(), source.train, request.seed);
    return source;
}

void check_hooks(Session& session, Engine& engine, Work& work) {
    if (session.checked) return;
    DoctorOptions options;
    options.fast = true;
    require_passed(
        diagnose(engine, options,
                 [&](std::size_t done, std::size_t all) { work.progress("check of the hooks", done, all); }),
        engine.info());
    session.checked = true;
}

SteeringVector extract(Session& session, const Request& request, nb::object listener) {
    const Method& method = find_method(request.method);
    SteeringVector vector;
    Work work(std::move(listener));
    session.run(work, [&](Engine& engine) {
        Source source = source_of(request, method, engine.info());
        const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
        const Model& model = engine.model();
        const auto n_pairs = static_cast<int>(source.counts.at("n_pairs"));
        const Setting setting = complete_setting(method, model.info(), n_pairs, request.settings);
        MethodInput in{engine,       source.task,   source.train, unrelated,
                       request.seed, source.counts, nullptr,      {}};
        if (const auto pairs = setting.find("pairs"); pairs != setting.end())
            in.options["n_pairs"] = pairs->second;
        in.concepts = source.concepts;
        in.pairs = source.pairs;
        if (request.check) check_hooks(session, engine, work);
        in.progress = [&](std::size_t done, std::size_t all) {
            work.progress(method.name() + ": extraction", done, all);
        };
        vector = method.builder(model, method.extract(in))(setting);
        vector.scale = method.strength(setting);
        vector.provenance.settings["checked"] = request.check ? "true" : "false";
    });
    return vector;
}

}  // namespace

void bind_extraction(nb::module_& m) {
    m.def(
        "extract",
        [](Session& session, const std::string& method, const std::string& task, const std::string& family,
           const std::vector<std::pair<std::string, std::string>>& pairs, const std::string& pairs_name,
           const std::vector<std::string>& beside, const Setting& settings, const Setting& counts,
           std::uint64_t seed, bool check, nb::object listener) {
            return extract(session,
                           {method, task, family, pairs, pairs_name, beside, settings, counts, seed, check},
                           std::move(listener));
        },
        nb::arg("session"), nb::arg("method"), nb::arg("task"), nb::arg("family"), nb::arg("pairs"),
        nb::arg("pairs_name"), nb::arg("beside"), nb::arg("settings"), nb::arg("counts"), nb::arg("seed"),
        nb::arg("check"), nb::arg("listener").none());
    m.def("methods", [] {
        std::vector<std::pair<std::string, std::string>> out;
        for (const Method* method : methods()) out.emplace_back(method->name(), method->summary());
        return out;
    });
    m.def(
        "method_counts", [](const std::string& method) { return find_method(method).counts(); },
        nb::arg("method"));
    m.def(
        "method_settings",
        [](const Session& session, const std::string& method, int n_pairs) {
            std::vector<
                std::tuple<std::string, std::string, double, double, bool, double, std::vector<double>>>
                out;
            for (const auto& f : setting_fields(find_method(method), session.model()->info(), n_pairs))
                out.emplace_back(f.name, f.meaning, f.low, f.high, f.whole, f.usual, f.tried);
            return out;
        },
        nb::arg("session"), nb::arg("method"), nb::arg("n_pairs"));
    m.def("data_dir", [] { return data_dir().string(); });
    m.def(
        "tasks",
        [](const std::string& folder) {
            std::vector<std::pair<std::string, std::string>> out;
            for (const auto& path : list_tasks(folder.empty() ? data_dir() : std::filesystem::path(folder)))
                out.emplace_back(path.stem().string(), path.string());
            return out;
        },
        nb::arg("folder"));
    m.def(
        "read_task",
        [](const std::string& name, const std::string& family) {
            const Task task = task_named(name, family);
            std::vector<std::pair<std::string, std::vector<std::string>>> items;
            for (const Item& item : task.items) items.emplace_back(item.input, item.outputs);
            return std::make_tuple(task.name, std::string(family_name(task.family)), std::move(items));
        },
        nb::arg("name"), nb::arg("family"));
    m.def(
        "split_task",
        [](const std::string& name, const std::string& family, std::uint64_t seed) {
            const Split split = split_task(task_named(name, family), seed);
            return std::make_tuple(split.train, split.test, split.valid);
        },
        nb::arg("name"), nb::arg("family"), nb::arg("seed"));
}

}  // namespace tiller::python
