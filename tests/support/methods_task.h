// A small functional task out of words that the tiny vocabulary knows, and unrelated sentences.
#pragma once

#include <string>
#include <vector>

#include "tiller/task.h"

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

}  // namespace tiller::test
