// Who competes in a study: tiller's methods, and vectors that somebody brings as files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tiller/method_interface.h"
#include "tiller/study.h"

namespace tiller::study {

/// The name under which a file of vectors competes: its stem.
std::string contestant_name(const std::filesystem::path& file);

/// The method of that name, or the contestant that stands for the plan's file of that name: it reads nothing
/// of a task, and its settings are strengths. Lives as long as the program. Thread-safe. Throws usage
/// (neither), and as load_vector().
const Method& contestant(const Plan& plan, const std::string& name);

/// Does one of the plan's contestants want MethodInput::concepts?
bool wants_concepts(const Plan& plan);

/// SHA-256 of each of the plan's files, in order. Throws missing, environment.
std::vector<std::string> contestant_digests(const Plan& plan);

}  // namespace tiller::study
