// tiller chat: a conversation on a terminal or through a pipe, steered or not.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "cli/chat_session.h"
#include "cli/common.h"
#include "cli/hints.h"
#include "cli/hub_model.h"
#include "cli/line_reader.h"
#include "cli/steering.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

struct ChatFlags {
    std::string model, system, template_file, strengths, history;
    SteeringOptions steering;
    ChatState first;
    int context = 0;
};

std::atomic<bool> terminated = false;

// Unlike the program's other handlers, these interrupt blocking calls and stay installed.
void on_interrupt(int) { interrupted = true; }
void on_terminate(int) { interrupted = terminated = true; }

void set_handlers() {
    struct sigaction action = {};
    sigemptyset(&action.sa_mask);
    action.sa_handler = on_interrupt;
    ::sigaction(SIGINT, &action, nullptr);
    action.sa_handler = on_terminate;
    ::sigaction(SIGTERM, &action, nullptr);
}

std::string read_template(const std::string& path) {
    if (path.empty()) return "";
    std::string text = read_file(path, std::uint64_t{1} << 20);
    if (text.empty()) throw Error(Code::bad_input, fmt::format("{}: empty, expected a chat template", path));
    return text;
}

int context_of(const ChatFlags& o, const ModelInfo& info) {
    if (o.context > info.n_ctx_train)
        throw Error(Code::usage, fmt::format("--context {}: {} has a context of {} tokens", o.context,
                                             info.name, info.n_ctx_train));
    return o.context > 0 ? o.context : info.n_ctx_train;
}

ChatState first_state(const ChatFlags& o, const ModelInfo& info, const Globals& globals,
                      const LayerRange& layers) {
    ChatState state = o.first;
    state.seed = globals.seed;
    state.system = o.system;
    if (!o.strengths.empty()) state.strengths = parse_strengths(o.strengths);
    for (const auto& argument : vector_arguments(o.steering, info, globals))
        state.vectors.push_back(load_chat_vector(argument, info, globals, layers));
    if (!state.strengths.empty() && state.vectors.empty())
        throw Error(Code::usage, "--strengths needs a vector: --vector FILE, or --from RUN");
    return state;
}

// A user makes mistakes and goes on; a script that went on without a vector would give wrong answers.
void converse(ChatSession& session, LineReader& reader, const CLI::App& command) {
    const Error stopped(Code::interrupted, "interrupted");
    bool warned = false;  // the next Ctrl-C at an empty prompt ends it
    std::string line;
    while (!session.has_ended()) {
        const auto outcome = reader.read("> ", line);
        if (terminated || (outcome == LineReader::Outcome::signal && !reader.is_interactive())) throw stopped;
        if (outcome == LineReader::Outcome::signal) {
            interrupted = false;
            print("\n");
            if (line.empty() && warned) throw stopped;
            if (line.empty()) std::fputs("(Ctrl-C again, Ctrl-D or /quit ends)\n", stderr);
            warned = line.empty();
            continue;
        }
        if (outcome == LineReader::Outcome::end) {
            if (reader.is_interactive()) print("\n");
            return;
        }
        if (!terminated) interrupted = false;  // a signal that arrived while nothing was running
        try {
            session.take_line(line);
        } catch (const Error& error) {
            if (!reader.is_interactive() || error.code() == Code::interrupted) throw;
            warn(error.what() + hint_of(command, error.topic()));
        }
        warned = session.was_interrupted();
        if (terminated || (warned && !reader.is_interactive())) throw stopped;
    }
}

void chat(const ChatFlags& o, const Globals& globals, const CLI::App& command) {
    const std::string chat_template = read_template(o.template_file);
    const auto model = open_model(o.model, globals);
    const ModelInfo& info = model->info();
    const LayerRange layers = o.steering.vectors.layers.empty()
                                  ? LayerRange{}
                                  : parse_layers(o.steering.vectors.layers, "--layers");
    ChatState state = first_state(o, info, globals, layers);
    Engine engine = make_engine(model, globals);
    ChatEngine answers(engine, chat_template, context_of(o, info));
    if (answers.is_plain() && !o.system.empty())
        throw Error(Code::usage, fmt::format("{} has no chat template, so there is no place for a system "
                                             "message; leave --system out, or give --template FILE",
                                             info.name));
    LineReader reader(o.history);
    set_handlers();
    if (answers.is_plain())
        note(globals, fmt::format("{} has no chat template: it goes on with your text (--template FILE "
                                  "gives it one)",
                                  info.name));
    if (reader.is_interactive())
        note(globals, "/help lists commands, Ctrl-C ends an answer, Ctrl-D the chat");
    ChatSession session(answers, info, globals, std::move(state), layers);
    converse(session, reader, command);
}

}  // namespace

void add_chat(CLI::App& app, Globals& globals) {
    auto o = std::make_shared<ChatFlags>();
    auto* command =
        app.add_subcommand("chat", "Talk with a model, steered or not, or at several strengths side by side");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    add_steering_options(*command, o->steering, globals);
    command->add_option("--strengths", o->strengths,
                        "Answers at these strengths side by side, with commas between; the unsteered one is "
                        "always among them");
    command->add_option("--system", o->system, "System message");
    command->add_option("--template", o->template_file,
                        "Chat template (a file of Jinja) instead of the model's own");
    command->add_option("-n,--tokens", o->first.n_token, "Tokens of an answer at most")
        ->check(CLI::Range(1, 100000))
        ->capture_default_str();
    command
        ->add_option("--context", o->context, "Tokens of the conversation at most (0 = the model's context)")
        ->check(CLI::Range(0, 10000000))
        ->capture_default_str();
    command->add_option("--temperature", o->first.temperature, "0 = greedy")
        ->check(CLI::Range(0.0, 100.0))
        ->default_str("0.7");
    command->add_option("--top-p", o->first.top_p, "Nucleus")
        ->check(CLI::Range(0.0001, 1.0))
        ->default_str("0.95");
    command->add_option("--top-k", o->first.top_k, "0 = off")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command->add_option("--history", o->history,
                        "Keep typed lines in this file (default: in memory, until the end)");
    add_globals(*command, globals, kEngineFlags | kSeedFlag | kQuietFlag);
    command->footer("Within it (each line is a message or a command):\n" + chat_help());
    command->callback([o, &globals, command] { chat(*o, globals, *command); });
}

}  // namespace tiller::cli
