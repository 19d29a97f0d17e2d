// tiller models: the models that are known by name, and fetching them.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/catalogue.h"
#include "cli/common.h"
#include "cli/hub_model.h"
#include "core/util.h"
#include "hub/name.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

nlohmann::json as_json(const KnownModel& model) {
    return {{"name", model.name},
            {"aliases", model.aliases},
            {"description", model.description},
            {"licence", model.licence},
            {"quantisation", model.quantisation},
            {"bytes", model.bytes},
            {"sha256", model.sha256},
            {"packages", model.packages},
            {"path", model_file(model).string()},
            {"here", is_here(model)}};
}

std::string as_text(const KnownModel& model) {
    return fmt::format("{:<20}{:<8}{:>5} MB  sha256 {}  {}\n    {}\n    {}\n", model.name, model.quantisation,
                       model.bytes / 1000000, model.sha256.substr(0, 12),
                       is_here(model) ? "here" : "not here", model.description, model.licence);
}

void list_models(const Globals& globals) {
    nlohmann::json all = nlohmann::json::array();
    std::string text;
    for (const auto& model : known_models()) {
        all.push_back(as_json(model));
        text += as_text(model);
    }
    text +=
        "Fetch one with: tiller models get NAME. Any other GGUF model: give its path, or its name on a hub, "
        "hf:user/repo[:quantisation or file].\n";
    print(globals.json ? all.dump() + "\n" : text);
}

/// The file exists and has the expected digest.
bool is_whole(const KnownModel& model, const Globals& globals) {
    if (!is_here(model)) return false;
    if (sha256_file(model_file(model)) == model.sha256) return true;
    note(globals, fmt::format("{}: {} has another SHA-256 than it must have; fetching it anew", model.name,
                              model_file(model).string()));
    return false;
}

HubModel get_known(const std::string& name, const Globals& globals) {
    const auto& model = known_model(name);
    const bool fetch = globals.force || !is_whole(model, globals);
    const auto say = [&](const std::string& text) { note(globals, text); };
    return {fetch ? fetch_model(model, say) : model_file(model), fetch};
}

void get(const std::vector<std::string>& names, const Globals& globals) {
    for (const auto& name : names)  // a wrong name stops before the first download
        hub::is_name(name) ? void(hub::parse_name(name)) : void(known_model(name));
    nlohmann::json all = nlohmann::json::array();
    for (const auto& name : names) {
        const HubModel model = hub::is_name(name) ? get_hub_model(name, globals) : get_known(name, globals);
        const std::string shown = hub::is_name(name) ? name : known_model(name).name;
        note(globals, fmt::format("{}: {} at {}", shown, model.fetched ? "ready" : "already here",
                                  model.path.string()));
        all.push_back({{"name", shown}, {"path", model.path.string()}, {"fetched", model.fetched}});
    }
    if (globals.json) print(all.dump() + "\n");
}

}  // namespace

void add_models(CLI::App& app, Globals& globals) {
    auto* command = app.add_subcommand("models", "List the models known by name, or fetch one");
    command->require_subcommand(0, 1);
    add_globals(*command, globals, kJsonFlag);
    command->callback([command, &globals] {
        if (command->get_subcommands().empty()) list_models(globals);
    });

    auto names = std::make_shared<std::vector<std::string>>();
    auto* get_command = command->add_subcommand(
        "get", "Fetch models (known ones through pip, hf:user/repo from a hub) and check their SHA-256");
    get_command->add_option("name", *names, "Names of known models, or hf:user/repo[:quantisation or file]")
        ->required();
    get_command->add_flag("--force", globals.force, "Fetch again what is already here");
    add_globals(*get_command, globals, kJsonFlag | kQuietFlag);
    get_command->callback([names, &globals] { get(*names, globals); });

    auto name = std::make_shared<std::string>();
    auto* path_command = command->add_subcommand("path", "Print the path of a known model's file");
    path_command->add_option("name", *name, "Name of a known model, or hf:user/repo[:quantisation or file]")
        ->required();
    add_globals(*path_command, globals, kJsonFlag);
    path_command->callback([name, &globals] {
        const bool is_hub = hub::is_name(*name);
        const std::string shown = is_hub ? *name : known_model(*name).name;
        const auto path = (is_hub ? local_hub_model(*name) : resolve_model(shown)).string();
        print(globals.json ? nlohmann::json{{"name", shown}, {"path", path}}.dump() + "\n" : path + "\n");
    });
}

}  // namespace tiller::cli
