// Models by the names that they have on a hub: -hf user/repo, -m hf:user/repo:Q4_K_M.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/common.h"

namespace tiller::cli {

/// What -m takes, for the help of every command that has it.
inline constexpr const char* kModelHelp =
    "Known model name, GGUF path or hf:user/repo[:quantisation or file] (-hf user/repo is the same)";

/// llama.cpp's names of the option that takes a repository.
inline constexpr const char* kHubOptions[] = {"-hf", "-hfr", "--hf-repo"};

struct HubModel {
    std::filesystem::path path;
    bool fetched = false;
};

/// The file of "hf:user/repo[...]" in one of the caches, else downloaded, with a progress line.
std::filesystem::path hub_model(const std::string& name, const Globals& globals);
/// The same after a look at what the hub has now; with --force it is downloaded whatever is here.
HubModel get_hub_model(const std::string& name, const Globals& globals);
/// The file in one of the caches. Throws missing.
std::filesystem::path local_hub_model(const std::string& name);

/// The words of the command line, with "-m hf:user/repo" for llama.cpp's "-hf user/repo", which CLI11 would
/// take for -h and -f. Throws usage where nothing follows -hf.
std::vector<std::string> words_of(int argc, const char* const* argv);

}  // namespace tiller::cli
