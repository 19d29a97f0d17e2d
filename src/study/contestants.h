// The contestants of a study: tiller's methods, and vectors from files (Plan::vectors).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/method_interface.h"
#include "tiller/study.h"

namespace tiller::study {

/// The name under which a vector's file competes: the file name without its extension.
std::string contestant_name(const std::filesystem::path& file);

/// The contestant of that name: one of the plan's vector files, else a method. A file's contestant reads no
/// items of a task, and its only setting is the strength. The reference stays valid until the program ends.
/// Thread-safe. Throws usage when there is neither, bad_input for a raw extraction, and what load_vector()
/// throws.
const Method& contestant(const Plan& plan, const std::string& name);

/// Does one of the plan's contestants want MethodInput::concepts? Errors as contestant().
bool wants_concepts(const Plan& plan);

/// SHA-256 of each of the plan's vector files, in their order. Throws missing, environment.
std::vector<std::string> contestant_digests(const Plan& plan);

}  // namespace tiller::study
