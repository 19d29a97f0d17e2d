// What a comparison's table "answers" says of each task, read by the ids of its columns, and what follows
// from it for the other tables: only what is shown to work is marked as best.
#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <vector>

#include "tiller/summary.h"

namespace tiller::report {

/// The method to take for one task, over all seeds. Numbers that the table lacks are NaN.
struct Answer {
    std::string name;                ///< The task, after the model where the summary has several.
    std::vector<std::size_t> tasks;  ///< Places in Summary::tasks, one per seed; empty when none fits.
    std::string method;              ///< The one with the highest score; empty where all outputs are broken.
    bool shown = false;              ///< Is the method shown to work? Never without a method.
    Interval score, over_zero_shot, over_control;
    double broken = 0;      ///< Share of broken outputs.
    double perplexity = 0;  ///< As a multiple of the zero-shot prompt's.
    std::string remark;     ///< May be empty.
};

/// Id of the table that stands at the page's beginning.
inline constexpr const char* kAnswers = "answers";

/// One for each row, in the table's order. Empty without such a table, and for a table of an older version
/// whose rows have no ids.
std::vector<Answer> answers_of(const Summary& summary);

/// The primary metric of a test setting over all seeds of the answer's task; NaN where that is not known. The
/// interval of several seeds is that of the table "seeds", else it is missing.
Interval score_of(const Summary& summary, const Answer& answer, const std::string& setting);

/// The id of a task's few-shot prompt ("10-shot"); empty when there is none.
std::string few_shot_id(const TaskSummary& task);

/// What stands before the command of the best vector of this task (one of summary.tasks): "Use it", or, where
/// the answer is that no method is shown to work, words that say so.
std::string use_lead(const Summary& summary, const TaskSummary& task);

/// The settings that the tables of this task (one of summary.tasks) mark as best. With an answer: the
/// winner's chosen setting; of several seeds, only in the tables of those that show it too. None where no
/// method is shown to work. Without an answer: best_of().
std::set<std::string> best_shown(const Summary& summary, const TaskSummary& task);

}  // namespace tiller::report
