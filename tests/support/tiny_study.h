// Two small task files of our own, and a plan over them that a tiny model carries out in a fraction of a
// second.
#pragma once

#include <fmt/format.h>

#include <string>

#include "tiller/study.h"
#include "unit/test_tasks_files.h"

namespace tiller::test {

inline constexpr const char* kWords[] = {
    "tin", "oak", "sun", "map", "cup", "ink", "bag", "rug", "fin", "pod", "lid", "gem", "jar", "kit",
    "net", "owl", "pea", "rod", "saw", "tub", "urn", "van", "wax", "yak", "zip", "bun", "cob", "dew",
    "eel", "fig", "gum", "hay", "ivy", "jug", "keg", "log", "mud", "nut", "oar", "pie"};

/// data/functional/twice.json ("tin" -> "tin tin") and data/behavioural/cheer.json, 40 items each. Gives the
/// data folder.
inline std::filesystem::path write_tasks(const ScratchFolder& folder) {
    std::string twice, cheer;
    for (const std::string w : kWords) {
        twice +=
            fmt::format(R"({}{{"input": "{}", "output": "{} {}"}})", twice.empty() ? "[" : ",\n", w, w, w);
        cheer +=
            fmt::format(R"({}{{"input": "the {} is bad and dull", "output": "a {} is good, we love it"}})",
                        cheer.empty() ? "[" : ",\n", w, w);
    }
    folder.write("data/functional/twice.json", twice + "]\n");
    folder.write("data/behavioural/cheer.json", cheer + "]\n");
    return folder.path() / "data";
}

inline Plan tiny_plan(const std::filesystem::path& model, const std::filesystem::path& data) {
    Plan plan;
    plan.title = "A tiny study";
    plan.models = {model.string()};
    plan.tasks = {"twice", "cheer"};
    plan.data_dir = data.string();
    plan.n_test = 6, plan.n_valid = 3, plan.n_shot = 2, plan.n_shot_behavioural = 1;
    plan.functional = {5, 3, 2, 5};
    plan.behavioural = {4, 2, 1, 5};
    plan.max_new_tokens = 3, plan.max_new_tokens_behavioural = 5;
    plan.n_bootstrap = 100, plan.n_example = 2;
    return plan;
}

}  // namespace tiller::test
