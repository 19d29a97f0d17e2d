#include "cli/serve_extract.h"

#include <fmt/format.h>

#include "cli/extract_settings.h"
#include "core/paths.h"
#include "core/util.h"
#include "methods/concepts.h"
#include "tiller/error.h"
#include "tiller/method.h"
#include "tiller/study.h"

namespace tiller::cli {
namespace {

Task task_of(const ExtractRequest& request) {
    if (!request.task.empty()) {
        if (is_task_file(request.task))
            throw Error(Code::usage,
                        "task: name one of tiller's own tasks; files are not opened for clients");
        return find_task(request.task, data_dir());
    }
    Task task;
    task.name = request.name;
    if (!request.pairs.empty()) {
        task.family = Family::behavioural;  // a pair is a text and the same in another style
        return task;
    }
    task.family = request.family;
    task.items = request.items;
    Digest digest;
    for (const Item& item : task.items) digest.add(item.input).add(item.output);
    task.digest = digest.hex();
    return task;
}

Setting counts_of(const ExtractRequest& request, Family family) {
    const Plan plan;
    const auto& usual = family == Family::behavioural ? plan.behavioural : plan.functional;
    const auto n_pairs = request.pairs.empty() ? static_cast<double>(usual.n_pairs)
                                               : static_cast<double>(request.pairs.size());
    return {{"n_mean", usual.n_mean},
            {"n_patch", usual.n_patch},
            {"n_shot", usual.n_shot},
            {"n_pairs", n_pairs},
            {"n_last", 4}};
}

}  // namespace

SteeringVector extract_for_client(Engine& engine, const ExtractRequest& request,
                                  const ExtractProgress& progress) {
    const Method& method = find_method(request.method);
    if (!request.pairs.empty() && (!reads(method, "n_pairs") || method.wants_concepts()))
        throw Error(Code::usage,
                    fmt::format("method: {} reads a task and no pairs; give items or task", method.name()));
    const Task task = task_of(request);
    std::vector<int> train;
    if (!task.items.empty()) train = split_task(task, request.seed).train;
    const auto unrelated = load_sentences(data_dir() / "truncated_sentences.json");
    MethodInput in{engine,  task, train, unrelated, request.seed, counts_of(request, task.family),
                   nullptr, {}};
    std::vector<ConceptForm> concepts;
    if (method.wants_concepts()) concepts = concepts_of(task, {}, concept_catalogue(), train, request.seed);
    in.concepts = concepts;
    in.pairs = request.pairs;
    in.progress = [&](std::size_t done, std::size_t all) { progress("extraction", done, all); };
    const auto n_pairs = static_cast<int>(in.options.at("n_pairs"));
    const Model& model = engine.model();
    const Setting setting = complete_setting(method, model.info(), n_pairs, request.settings);
    if (const auto pairs = setting.find("pairs"); pairs != setting.end())
        in.options["n_pairs"] = pairs->second;
    SteeringVector vector = method.builder(model, method.extract(in))(setting);
    vector.scale = method.strength(setting);
    return vector;
}

}  // namespace tiller::cli
