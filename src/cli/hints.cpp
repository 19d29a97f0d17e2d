#include "cli/hints.h"

#include "cli/help.h"

namespace tiller::cli {
namespace {

struct Hint {
    Topic topic;
    const char* flag;             ///< The option that decides it; null: the hint holds for every command.
    const char* text;             ///< What to say to a command that has the option.
    const char* other = nullptr;  ///< What to say to a command without it; null: nothing.
};

constexpr Hint kHints[] = {
    {Topic::rows, "--rows", "--rows"},
    {Topic::memory, "--rows", "--rows"},
    {Topic::memory, "--cache-type", "--cache-type f16"},
    {Topic::cache_type, "--cache-type", "--cache-type f32"},
    {Topic::gpu_layers, "--gpu-layers", "--gpu-layers"},
    {Topic::rpc, "--rpc", "--rpc"},
    {Topic::insecure_rpc, "--insecure-rpc", "--insecure-rpc goes on without any protection"},
    {Topic::model, nullptr, "`tiller models` lists known names"},
    {Topic::vector, "--vector", "--vector",
     "`tiller generate`, `next` and `eval` take --vector, more than once"},
    {Topic::pairing, "--force", "--force"},
    {Topic::nearest, "--model", "--model: it is found and measured with the model"},
    {Topic::hooks, nullptr, "`tiller doctor -m MODEL` looks at all layers"},
    {Topic::hooks, "--no-check", "--no-check goes on all the same"},
    {Topic::layer, "--layer", "--layer"},
    {Topic::layers, "--layers", "--layers"},
    {Topic::heads, "--heads", "--heads"},
    {Topic::top_heads, "--top", "--top"},
    {Topic::n_last, "--n-last", "--n-last"},
    {Topic::scales, "--scales", "--scales"},
    {Topic::n_test, "--n-test", "--n-test"},
    {Topic::n_valid, "--n-valid", "--n-valid"},
    {Topic::n_shot, "--shots", "--shots"},
    {Topic::special, "--special", "--special: the token"},
    {Topic::special, "--no-special", "--no-special: text"},
    {Topic::special, "--chat", "--chat: a message in the model's own format"},
    {Topic::chat_template, "--template", "--template FILE"},
    {Topic::tasks, "--task", "--task, once for each"},
    {Topic::run_folder, "--out", "--out"},
};

}  // namespace

std::string hint_of(const CLI::App& app, Topic topic) {
    const CLI::App* command = &typed_app(app);
    std::string hints;
    for (const Hint& hint : kHints) {
        if (hint.topic != topic) continue;
        const bool has = !hint.flag || command->get_option_no_throw(hint.flag);
        if (const char* text = has ? hint.text : hint.other)
            hints += (hints.empty() ? "" : "; ") + std::string(text);
    }
    return hints.empty() ? hints : " (" + hints + ")";
}

}  // namespace tiller::cli
