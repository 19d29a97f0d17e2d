// tiller extract METHOD: a vector of any method, from a task or from a file of texts, ready to use.
#include "cli/extract.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/extract_settings.h"
#include "cli/hub_model.h"
#include "cli/task_option.h"
#include "core/shell.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

// Without -o a file is named after what it is, and nothing is overwritten.
std::string output_of(const Method& method, const ExtractOptions& o) {
    std::string out = o.out;
    if (out.empty()) {
        const std::string from = !o.task.empty()       ? o.task
                                 : !o.pairs.empty()    ? o.pairs
                                 : !o.positive.empty() ? o.positive
                                                       : o.trials;
        out = fmt::format("{}-{}.gguf", std::filesystem::path(from).stem().string(), method.name());
        std::error_code error;
        if (std::filesystem::exists(out, error))
            throw Error(Code::usage, fmt::format("{} is there already; name the file to write with -o", out));
    }
    check_output(out);
    return out;
}

std::vector<int> layers_of(const SteeringVector& vector) {
    std::vector<int> layers;
    for (const auto& [layer, direction] : vector.directions) layers.push_back(layer);
    return layers;
}

// Warns when the model almost never gives the target answers: effects on them are noise.
void warn_of_targets(const SteeringVector& vector) {
    constexpr double kNothing = 1e-5;
    const auto found = vector.provenance.settings.find("clean_probability");
    if (found == vector.provenance.settings.end()) return;
    const double p = std::strtod(found->second.c_str(), nullptr);
    if (p < kNothing)
        warn(fmt::format(
            "the targets have a mean probability of {} before anything is patched, so the effects of heads "
            "are noise. Do the targets begin with a blank where a word follows (\" went\")?",
            found->second));
}

void extract(const Method& method, const ExtractOptions& o, const Globals& globals) {
    const std::string out = output_of(method, o);
    SteeringVector vector =
        o.tuned ? extract_tuned(method, o, globals) : extract_at_setting(method, o, globals);
    warn_of_targets(vector);
    vector.provenance.settings["checked"] = o.no_check ? "false" : "true";
    save_vector(vector, out);
    if (globals.json)
        print(nlohmann::json{{"vector", valid_utf8(out)},
                             {"method", vector.method},
                             {"layers", layers_of(vector)},
                             {"scale", vector.scale}}
                  .dump() +
              "\n");
    note(globals, fmt::format("{} is written: tiller generate -m {} --vector {} -p TEXT", out,
                              shell_word(o.model), shell_word(out)));
}

// The command of one method. Which inputs it takes follows from Method::counts().
class MethodCommand {
public:
    MethodCommand(CLI::App& extract, const Method& method, Globals& globals)
        : method_(method),
          o_(std::make_shared<ExtractOptions>()),
          app_(*extract.add_subcommand(method.name(), method.summary())) {
        app_.add_option("-m,--model", o_->model, kModelHelp)->required();
        app_.add_option("-o,--output", o_->out, "Vector file to write (GGUF; default: TASK-METHOD.gguf)");
        add_sources();
        add_settings();
        add_counts();
        add_family_option(app_, o_->family);
        if (!method.wants_concepts()) add_chat_form_options(app_, o_->chat);
        app_.add_option("--data-dir", o_->data_dir, "Folder of task files (default: tiller's own)");
        app_.add_flag("--no-check", o_->no_check,
                      "Do not check the model's hooks first (tiller doctor --fast)");
        add_globals(app_, globals);
        app_.footer([this_method = &method] { return settings_help(*this_method); });
        app_.callback([o = o_, needs = needs_, &method, &globals] {
            if (o->task.empty() && o->pairs.empty() && o->positive.empty() && o->trials.empty())
                throw Error(Code::usage, fmt::format("extract {} needs {}", method.name(), needs));
            extract_checked(method, *o, globals);
        });
    }

private:
    static void extract_checked(const Method& method, const ExtractOptions& o, const Globals& globals) {
        if (!o.family.empty() && o.task.empty())
            throw Error(Code::usage, "--family says what a task file holds; give --task");
        if (o.chat.chat && o.task.empty())
            throw Error(Code::usage,
                        "--chat makes conversations of a task's items, and a file of texts is read as it is; "
                        "give --task");
        if (o.tuned && o.task.empty())
            throw Error(
                Code::usage,
                "--tuned chooses on a task's validation items, and a file of texts has none; give --task");
        extract(method, o, globals);
    }
    bool reads(const char* count) const { return cli::reads(method_, count); }
    bool is(const char* name) const { return method_.name() == name; }

    void add_sources() {
        auto* task = app_.add_option("-t,--task", o_->task, "Task name or JSON file");
        needs_ = "--task";
        if (is("fv")) {
            task->excludes(app_.add_option(
                "--trials", o_->trials,
                "JSON {\"mean\": [prompt], \"patch\": [{\"prompt\", \"target\"}]}, \"special\""
                " where prompts hold control tokens"));
            needs_ += " or --trials";
        }
        if (reads("n_pairs")) {
            auto* pairs =
                app_.add_option("--pairs", o_->pairs,
                                "JSON [{\"negative\": text, \"positive\": text}], or .jsonl, .csv, .tsv");
            task->excludes(pairs);
            add_two_files(task, pairs);
            needs_ += ", --pairs, or --positive and --negative";
        }
        if (method_.wants_concepts())
            app_.add_option("--beside", o_->beside,
                            "Tasks to tell it from; filled up to four with tiller's own");
    }

    void add_two_files(CLI::Option* task, CLI::Option* pairs) {
        auto* positive = app_.add_option("--positive", o_->positive,
                                         "Texts, one a line (\\n in a line is a line break), as llama.cpp's "
                                         "cvector-generator takes them; with --negative");
        auto* negative = app_.add_option("--negative", o_->negative, "Their counterparts, line by line");
        positive->needs(negative)->excludes(task)->excludes(pairs);
        negative->needs(positive);
        auto* special = app_.add_flag("--special", o_->special,
                                      "Names of control tokens in these two files are the tokens");
        special->needs(positive);
        app_.add_flag("--no-special", o_->no_special,
                      "Names of control tokens in these two files are text like any other")
            ->needs(positive)
            ->excludes(special);
    }

    void add_settings() {
        auto* tuned =
            app_.add_flag("--tuned", o_->tuned,
                          "Choose the setting on the task's validation items first, as tiller compare "
                          "does");
        app_.add_option("--n-valid", o_->n_valid, "Validation items at most")
            ->check(CLI::Range(1, 1000000))
            ->needs(tuned);
        // Options that --tuned chooses itself or cannot take into account.
        const auto only_untuned = [&](CLI::Option* option) { option->excludes(tuned); };
        only_untuned(app_.add_option("--set", o_->set, "A setting, NAME=VALUE, of those below"));
        if (is("fv") || is("concept-heads")) {
            only_untuned(
                app_.add_option("--heads", o_->heads, "--set heads=N; 0 = the default, ceil(L*H/51.2)")
                    ->check(CLI::Range(0, 1000000)));
            only_untuned(app_.add_option("--layer", o_->layer, "--set layer=N")
                             ->check(CLI::Range(0, 100000))
                             ->default_str(""));
            only_untuned(app_.add_option("--scale", o_->scale, "--set scale=X"));
        }
        if (is("fv")) {
            only_untuned(app_.add_flag("--no-post-norm", o_->no_post_norm,
                                       "Leave out the post-norm correction (to see what it does)"));
            only_untuned(app_.add_flag("--bias-per-head", o_->bias_per_head,
                                       "Add W_O's bias once per head, as the reference code does"));
        }
        if (is("icv")) {
            only_untuned(app_.add_option("--alpha", o_->alpha, "--set alpha=X"));
            only_untuned(app_.add_option("--n-last,--last", o_->n_last,
                                         "Tokens at the end whose mean is the latent state")
                             ->check(CLI::Range(1, 100000)));
            only_untuned(app_.add_flag("--keep-ends", o_->keep_ends,
                                       "Do not strip \" .\" from the ends of a task's texts"));
        }
    }

    void add_counts() {
        const auto add = [&](const char* count, const char* flag, int& value, const char* what, int most) {
            if (reads(count))
                app_.add_option(flag, value, fmt::format("{} (default: as tiller compare)", what))
                    ->check(CLI::Range(1, most))
                    ->default_str("");
        };
        add("n_mean", "--n-mean", o_->n_mean,
            reads("n_patch") ? "Few-shot prompts for the mean head outputs" : "Few-shot prompts", 100000);
        add("n_patch", "--n-patch", o_->n_patch,
            method_.wants_concepts() ? "Prompts of each task that are compared, spread over the forms"
                                     : "Prompts for the causal effects",
            100000);
        add("n_shot", "--shots", o_->n_shot, "Demonstrations in each prompt", 1000);
        add("n_pairs", "--n-pairs", o_->n_pairs, "Pairs to use", 100000);
    }

    const Method& method_;
    std::shared_ptr<ExtractOptions> o_;
    CLI::App& app_;
    std::string needs_;
};

// Called when no known method was named.
void name_a_method(const CLI::App& command) {
    for (const auto& word : command.remaining())
        if (!word.starts_with("-")) find_method(word);  // throws, naming similar methods
    std::vector<std::string> names;
    for (const Method* method : methods()) names.push_back(method->name());
    throw Error(Code::usage, fmt::format("extract needs a method: {}", fmt::join(names, ", ")));
}

}  // namespace

void add_extract(CLI::App& app, Globals& globals) {
    auto* extract = app.add_subcommand("extract", "Make a vector of a task or of pairs, by any method");
    extract->require_subcommand(0, 1);
    for (const Method* method : methods()) MethodCommand(*extract, *method, globals);
    // After the methods, which would inherit both.
    extract->allow_extras();
    extract->footer("Each method has its own help: tiller extract METHOD --help");
    extract->callback([extract] {
        if (extract->get_subcommands().empty()) name_a_method(*extract);
    });
}

}  // namespace tiller::cli
