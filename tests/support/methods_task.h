// A small functional task out of words that the tiny vocabulary knows, others beside it, and unrelated
// sentences.
#pragma once

#include <string>
#include <vector>

#include "tiller/method.h"

namespace tiller::test {

inline const std::vector<std::string> kUnrelated = {"in the sun", "is a red", "the dog in", "cold is the"};

inline Task small_task() {
    Task task;
    task.name = "small";
    const std::vector<std::string> words = {"cat",     "dog",     "red",      "sun",     "hot",
                                            "cold",    "the cat", "a dog",    "the sun", "a sun",
                                            "red cat", "hot dog", "cold sun", "the red"};
    for (std::size_t i = 0; i < words.size(); ++i) {
        const auto& out = words[(i + 5) % words.size()];
        task.items.push_back({static_cast<int>(i), words[i], out, {out}});
    }
    return task;
}

/// `own` and two other tasks with the same inputs, in three forms each. `train` are the items of each.
inline std::vector<ConceptForm> small_concepts(const Task& own, const std::vector<int>& train) {
    std::vector<Task> tasks = {own};
    for (const std::size_t shift : {2, 9}) {
        Task task = small_task();
        task.name = "shifted by " + std::to_string(shift);
        for (std::size_t i = 0; i < task.items.size(); ++i) {
            const auto& out = task.items[(i + shift) % task.items.size()].input;
            task.items[i].output = out, task.items[i].outputs = {out};
        }
        tasks.push_back(std::move(task));
    }
    std::vector<ConceptForm> concepts;
    for (const Task& task : tasks) {
        concepts.push_back({"qa", task, train, {}});
        concepts.push_back({"arrow", task, train, {"", "->", " ", "\n", ""}});
        concepts.push_back({"in the sun", task, train, {"the", "is in the", " ", "\n\n", ""}});
    }
    return concepts;
}

}  // namespace tiller::test
