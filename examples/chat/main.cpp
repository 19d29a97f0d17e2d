// A chat in the model's own format, steered when a vector is given: one line is one message.
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "tiller/chat.h"
#include "tiller/error.h"
#include "tiller/stepper.h"
#include "tiller/vector.h"

int main(int argc, char** argv) {
    if (argc != 2 && argc != 4) {
        std::fprintf(stderr, "usage: chat MODEL.gguf [VECTOR.gguf STRENGTH]\n");
        return 2;
    }
    try {
        const auto model = tiller::Model::load(argv[1]);
        std::vector<tiller::Edit> edits;
        if (argc == 4) {
            const auto vector = tiller::load_vector(argv[2]);
            tiller::require_match(vector, model->info());
            edits = tiller::edits_of(vector, std::stof(argv[3]));
        }
        tiller::Engine engine(model);
        tiller::StepperOptions options;
        options.n_rows = 1;
        tiller::Stepper stepper(engine, options);
        std::vector<tiller::ChatMessage> messages;
        for (std::string line; std::printf("> "), std::fflush(stdout), std::getline(std::cin, line);) {
            messages.push_back({"user", line});
            tiller::Row row;
            row.prompt = model->chat_prompt(messages).tokens;
            row.edits = edits;
            row.max_new_tokens = 200;
            const auto id = stepper.add(row, [](const tiller::TokenEvent& event) {
                std::fputs(event.text.c_str(), stdout);
                std::fflush(stdout);
                return true;
            });
            while (stepper.step()) {
            }
            std::puts("");
            messages.push_back({"assistant", stepper.take(id)->text});
        }
    } catch (const tiller::Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return tiller::exit_code(error.code());
    }
}
