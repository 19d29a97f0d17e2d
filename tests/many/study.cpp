// Writes a small study of its own for tests/many/run.py: tiny models, two tasks, plan.toml.
//   tiller_many_study DIR TOKENS    TOKENS generated for each text: how long a block takes
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "support/tiny_model.h"
#include "support/tiny_study.h"

using namespace tiller;
namespace fs = std::filesystem;

namespace {

// write_tasks() is for a folder that goes away; this one stays.
void write_study(const fs::path& folder, int n_token) {
    const test::ScratchFolder scratch;
    test::write_tasks(scratch);
    fs::create_directories(folder);
    fs::copy(scratch.path() / "data", folder / "data", fs::copy_options::recursive);
    test::TinyOptions tiny;
    tiny.n_layer = 2;
    fs::copy_file(test::make_tiny_model(tiny), folder / "tiny.gguf");
    Plan plan = test::tiny_plan(folder / "tiny.gguf", folder / "data");
    plan.seeds = {0, 1, 2, 3};
    plan.n_test = 8, plan.n_valid = 3;
    plan.max_new_tokens_behavioural = n_token;
    std::ofstream out(folder / "plan.toml");
    out << plan_toml(plan);
    if (!out.flush()) throw std::runtime_error("cannot write " + (folder / "plan.toml").string());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return std::fputs("usage: tiller_many_study DIR TOKENS\n", stderr), 2;
    try {
        write_study(fs::absolute(argv[1]), std::atoi(argv[2]));
        return 0;
    } catch (const std::exception& error) {
        return std::fprintf(stderr, "tiller_many_study: %s\n", error.what()), 3;
    }
}
