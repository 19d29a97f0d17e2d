// tiller cache: what is in the cache folder, and removing it.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/common.h"
#include "core/paths.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// A folder of the cache. Nothing else in the cache folder is read or removed.
struct Kind {
    const char* folder;
    const char* what;
    const char* flag;  ///< The option of `clean` that removes it; "" for what is always removed.
};
constexpr Kind kKinds[] = {
    {"digests", "digests of model files, made again when a model is loaded", ""},
    {"tried", "models that were tried in a process of their own: done again when one is loaded", ""},
    {"tuned", "searches of extract --tuned that were interrupted", ""},
    {"widened", "copies of models that older versions made; not used any more", ""},
    {"models", "models that were fetched by name: tiller models get NAME", "--models"},
    {"engine", "builds of the engine: ./run build makes them again in minutes", "--builds"},
    {"jinja", "sources of chat templates' interpreter, for building", "--builds"},
    {"npm", "packages that were fetched for building", "--builds"},
    {"bench-python", "the Python of ./run bench", "--builds"},
    {"server-clients", "clients that tests of the server use", "--builds"},
    {"llama-server", "llama.cpp's server, which bench/serve measures against", "--builds"},
};

struct Content {
    std::uintmax_t n_file = 0, bytes = 0;
};

Content content_of(const fs::path& folder) {
    Content content;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code of_entry;
        if (!it->is_regular_file(of_entry) || it->is_symlink(of_entry)) continue;
        const auto size = it->file_size(of_entry);
        if (of_entry) continue;  // gone meanwhile
        ++content.n_file;
        content.bytes += size;
    }
    return content;
}

std::string megabytes(std::uintmax_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

void list(const Globals& globals) {
    const fs::path root = cache_dir();
    json all = json::array();
    std::string text = root.string() + "\n";
    for (const Kind& kind : kKinds) {
        const auto content = content_of(root / kind.folder);
        if (content.n_file == 0) continue;
        all.push_back({{"path", (root / kind.folder).string()},
                       {"files", content.n_file},
                       {"bytes", content.bytes},
                       {"what", kind.what},
                       {"clean", kind.flag}});
        text += fmt::format("  {:<13}{:>11}  {:>5} files  {}\n", kind.folder, megabytes(content.bytes),
                            content.n_file, kind.what);
    }
    if (all.empty()) text += "  empty\n";
    text += "Remove with: tiller cache clean [--models] [--builds]\n";
    print(globals.json ? json{{"path", root.string()}, {"folders", all}}.dump() + "\n" : text);
}

void clean(bool models, bool builds, const Globals& globals) {
    const fs::path root = cache_dir();
    json all = json::array();
    std::string text;
    std::uintmax_t bytes = 0;
    for (const Kind& kind : kKinds) {
        const std::string flag = kind.flag;
        if ((flag == "--models" && !models) || (flag == "--builds" && !builds)) continue;
        const fs::path folder = root / kind.folder;
        const auto content = content_of(folder);
        std::error_code ec;
        if (!fs::exists(fs::symlink_status(folder, ec))) continue;
        fs::remove_all(folder, ec);
        if (ec)
            throw Error(Code::environment,
                        fmt::format("{} cannot be removed: {}", folder.string(), ec.message()));
        bytes += content.bytes;
        all.push_back({{"path", folder.string()}, {"files", content.n_file}, {"bytes", content.bytes}});
        text += fmt::format("removed {} ({}, {} files)\n", folder.string(), megabytes(content.bytes),
                            content.n_file);
    }
    text += all.empty() ? "nothing to remove\n" : fmt::format("{} are free again\n", megabytes(bytes));
    print(globals.json ? json{{"removed", all}, {"bytes", bytes}}.dump() + "\n" : text);
}

}  // namespace

void add_cache(CLI::App& app, Globals& globals) {
    auto* command = app.add_subcommand("cache", "List what tiller keeps in its cache folder, or remove it");
    command->require_subcommand(0, 1);
    add_globals(*command, globals, kJsonFlag);
    command->callback([command, &globals] {
        if (command->get_subcommands().empty()) list(globals);
    });
    add_globals(*command->add_subcommand("list", "The folders of the cache, with their sizes (default)")
                     ->callback([&globals] { list(globals); }),
                globals, kJsonFlag);
    struct Which {
        bool models = false, builds = false;
    };
    auto which = std::make_shared<Which>();
    auto* clean_command =
        command->add_subcommand("clean", "Remove digests and what older versions left; more with a flag");
    clean_command->add_flag("--models", which->models, "Fetched models, too");
    clean_command->add_flag("--builds", which->builds, "Builds of the engine and packages for building, too");
    add_globals(*clean_command, globals, kJsonFlag);
    clean_command->callback([which, &globals] { clean(which->models, which->builds, globals); });
}

}  // namespace tiller::cli
