// What `tiller extract METHOD` was asked for, and its two ways to a vector.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/chat_form_option.h"
#include "cli/common.h"
#include "tiller/method.h"

namespace tiller::cli {

struct ExtractOptions {
    std::string model, task, trials, pairs, positive, negative, out, data_dir, family;
    std::vector<std::string> beside, set;
    int heads = 0, layer = -1;  ///< Aliases of settings; 0 and -1 = not given.
    std::optional<double> scale, alpha;
    ChatFormOptions chat;
    int n_mean = 0, n_patch = 0, n_shot = 0, n_pairs = 0;  ///< 0 = the default of `tiller compare`.
    int n_last = 4, n_valid = 20;
    bool special = false, no_special = false;  ///< Of the texts in `positive` and `negative`.
    bool tuned = false, no_post_norm = false, bias_per_head = false, keep_ends = false, no_check = false;
};

/// The vector at the given setting, by default the paper's. Prints which.
SteeringVector extract_at_setting(const Method& method, const ExtractOptions& options,
                                  const Globals& globals);

/// The vector at the setting that `tiller compare` would choose on the validation items. Prints which, and
/// its score. The same command resumes an interrupted search.
SteeringVector extract_tuned(const Method& method, const ExtractOptions& options, const Globals& globals);

}  // namespace tiller::cli
