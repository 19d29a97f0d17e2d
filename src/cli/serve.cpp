// tiller serve: OpenAI's completions and chats over HTTP, each request steered in its own way.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/common.h"
#include "cli/hub_model.h"
#include "cli/serve_extract.h"
#include "core/text.h"
#include "core/util.h"
#include "serve/guard.h"
#include "tiller/server.h"

namespace tiller::cli {
namespace {

// One key a line; blanks at both ends do not count.
std::vector<std::string> keys_of(const std::string& path) {
    std::vector<std::string> keys;
    if (path.empty()) return keys;
    each_line(read_file(path, 1 << 20), [&](std::string_view line, std::size_t) {
        const auto begin = line.find_first_not_of(" \t\r"), end = line.find_last_not_of(" \t\r");
        if (begin != std::string_view::npos) keys.emplace_back(line.substr(begin, end - begin + 1));
    });
    if (keys.empty()) throw Error(Code::bad_input, fmt::format("{} holds no key; expected one a line", path));
    return keys;
}

}  // namespace

void add_serve(CLI::App& app, Globals& globals) {
    struct Options {
        std::string model, vectors, keys, alias, chat_template;
        ServerOptions server;
        int max_body_mib = 32;
    };
    auto o = std::make_shared<Options>();
    auto* command =
        app.add_subcommand("serve", "Serve a model over HTTP, each request steered in its own way");
    command->add_option("-m,--model", o->model, kModelHelp)->required();
    command->add_option("--vectors", o->vectors, "Folder of vectors (*.gguf), offered by their names");
    command
        ->add_option("--host", o->server.host,
                     "Address to listen on; others than loopback need --api-key-file")
        ->capture_default_str();
    command->add_option("--port", o->server.port, "Port (0 = any that is free)")
        ->check(CLI::Range(0, 65535))
        ->capture_default_str();
    command->add_option("--api-key-file", o->keys, "File of keys, one a line; clients send one as Bearer");
    command->add_option("--alias", o->alias,
                        "What clients call the model (default: as -m has it, or the file's name)");
    command->add_option("--template", o->chat_template,
                        "Jinja file to write conversations with, not the model's own");
    command
        ->add_option("--context", o->server.row_tokens,
                     "Tokens of the longest request (0 = 2048, or the model's)")
        ->check(CLI::Range(0, 1 << 24));
    command
        ->add_option("--parallel", o->server.n_rows, "Answers computed at once; fewer where memory is short")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command->add_option("--queue", o->server.n_queue, "Answers that wait beside those")
        ->check(CLI::Range(0, 1000000))
        ->capture_default_str();
    command->add_option("--max-body", o->max_body_mib, "MiB of a request")
        ->check(CLI::Range(1, 1024))
        ->capture_default_str();
    command->add_option("--drain", o->server.drain_seconds, "Seconds that requests under way have at the end")
        ->check(CLI::Range(0, 86400))
        ->capture_default_str();
    add_globals(*command, globals);
    command->callback([o, &globals] {
        ServerOptions& server = o->server;
        server.vectors = o->vectors;
        server.api_keys = keys_of(o->keys);
        server.max_body = static_cast<std::size_t>(o->max_body_mib) << 20;
        server.extract = extract_for_client;
        if (!o->chat_template.empty()) server.chat_template = read_file(o->chat_template, 1 << 20);
        if (server.api_keys.empty() && !serve::is_loopback(server.host))
            throw Error(
                Code::usage,
                fmt::format("--host {} can be reached from other machines; give --api-key-file FILE, one key "
                            "a line, which clients must send",
                            server.host));
        const auto model = open_model(o->model, globals);
        const bool known_name = o->model.find('/') == std::string::npos && !o->model.ends_with(".gguf");
        server.model_id = !o->alias.empty() ? o->alias : known_name ? o->model : "";
        Server running(model, engine_options(globals), server);
        for (const auto& sentence : running.left_out()) note(globals, fmt::format("left out {}", sentence));
        const auto names = running.vector_names();
        const ServerOptions& now = running.options();
        note(globals, fmt::format("{} on http://{}:{}/  ({} answers of up to {} tokens at once; vectors: {})",
                                  now.model_id,
                                  now.host.find(':') == std::string::npos ? now.host : "[" + now.host + "]",
                                  now.port, now.n_rows, now.row_tokens,
                                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
        running.run(interrupted);
        note(globals, "stopped");
    });
}

}  // namespace tiller::cli
