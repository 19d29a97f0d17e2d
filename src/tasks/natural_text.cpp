#include "tasks/natural_text.h"

#include <iterator>

namespace tiller {
namespace {

// No sentence says what to do with the query: only the vector does.
constexpr const char* templates[] = {
    "On the first card I wrote \"{X}\", and on the card beside it I wrote",
    "When the teacher said \"{X}\", the whole class answered with",
    "The left column of the list has \"{X}\" and the right column has",
    "After I had typed \"{X}\" into the box, the screen showed",
};

}  // namespace

Prompt natural_text_prompt(const Task& task, int item) {
    const auto id = static_cast<std::size_t>(task.items.at(static_cast<std::size_t>(item)).id);
    return make_natural_prompt(task, item, templates[id % std::size(templates)]);
}

}  // namespace tiller
