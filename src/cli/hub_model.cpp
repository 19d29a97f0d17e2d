#include "cli/hub_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/fetch.h"
#include "tiller/error.h"

namespace tiller::cli {
namespace {

constexpr std::size_t kMegabyte = 1000000;

// Progress is shown in megabytes; counts of bytes are hard to read.
hub::Settings settings_of(const Globals& globals, const std::shared_ptr<ProgressSteps>& steps) {
    hub::Settings settings = hub::settings_from_environment();
    settings.stop = [] { return interrupted.load(); };
    settings.say = [&globals, steps](const std::string& text) {
        steps->clear();
        note(globals, text);
    };
    settings.progress = [steps](const std::string& file, std::size_t done, std::size_t all) {
        if (all >= kMegabyte) steps->update(file + ", MB", done / kMegabyte, all / kMegabyte);
    };
    return settings;
}

HubModel fetch(const std::string& name, hub::Freshness freshness, const Globals& globals) {
    const auto steps = std::make_shared<ProgressSteps>(globals.quiet);
    const auto found = hub::fetch(hub::parse_name(name), freshness, settings_of(globals, steps));
    return {found.path, found.fetched};
}

}  // namespace

std::filesystem::path hub_model(const std::string& name, const Globals& globals) {
    return fetch(name, hub::Freshness::here, globals).path;
}

HubModel get_hub_model(const std::string& name, const Globals& globals) {
    return fetch(name, globals.force ? hub::Freshness::again : hub::Freshness::hub, globals);
}

std::filesystem::path local_hub_model(const std::string& name) {
    return hub::require_local(hub::parse_name(name), hub::settings_from_environment());
}

std::vector<std::string> words_of(int argc, const char* const* argv) {
    std::vector<std::string> words(argv + 1, argv + argc);
    for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
        if (std::find(std::begin(kHubOptions), std::end(kHubOptions), words[i]) == std::end(kHubOptions))
            continue;
        if (i + 1 == words.size())
            throw Error(Code::usage, fmt::format("{} has no value; expected a repository, like {} "
                                                 "user/repo or user/repo:Q4_K_M",
                                                 words[i], words[i]));
        words[i] = "-m";
        if (!hub::is_name(words[i + 1])) words[i + 1].insert(0, "hf:");
    }
    return words;
}

}  // namespace tiller::cli
