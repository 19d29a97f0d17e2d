// Reads tasks from tables and lists in several formats, and writes task files.
#pragma once

#include <filesystem>
#include <string>

#include "tiller/task.h"

namespace tiller::cli {

/// Which columns of a table hold what.
struct TaskColumns {
    std::string input = "input", output = "output";  ///< A name, or a number from 1.
    bool no_header = false;                          ///< The first row is an item; columns are numbers then.
};

/// Reads .csv and .tsv (columns), .jsonl and .json (objects with these names as keys, or {"negative": [...],
/// "positive": [...]}, whose texts become inputs and answers in pairs), and .txt (a line for each item: the
/// input, then a tab or " -> ", then the answer). `family` may be empty: then lists of negative and positive
/// texts are behavioural, and all else is what load_task() would take it for. Throws missing, bad_input (the
/// line is named).
Task read_new_task(const std::filesystem::path& file, const TaskColumns& columns, const std::string& family);

/// Writes it as load_task() reads it, atomically. Throws environment, bad_input (what load_task()
/// would refuse).
void write_task(const Task& task, const std::filesystem::path& path);

}  // namespace tiller::cli
