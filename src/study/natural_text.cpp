#include "study/natural_text.h"

#include <iterator>

namespace tiller::study {
namespace {

// Each leaves open what is to be done with the query: that is the vector's part.
struct Sentence {
    const char* before;
    const char* after;
};
constexpr Sentence sentences[] = {
    {"On the first card I wrote", ", and on the card beside it I wrote"},
    {"When the teacher said", ", the whole class answered with"},
    {"The left column of the list has", " and the right column has"},
    {"After I had typed", " into the box, the screen showed"},
};

}  // namespace

Prompt natural_text_prompt(const Task& task, int item) {
    Prompt prompt = make_prompt(task, {}, item);  // for the targets
    const auto& sentence = sentences[static_cast<std::size_t>(prompt.item) % std::size(sentences)];
    const Item& asked = task.items[static_cast<std::size_t>(item)];
    prompt.text = std::string(sentence.before) + " \"" + asked.input + "\"" + sentence.after;
    return prompt;
}

}  // namespace tiller::study
