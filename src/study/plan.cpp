// Plans as TOML: one table of fields serves reading, writing and checking.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/util.h"
#include "study/contestants.h"
#include "study/environment.h"
#include "study/protocol.h"
#include "study/toml_depth.h"
#include "study/toml_fields.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller {

using study::Fault;
using study::Fields;
using study::kMostCounted;
using study::PlanFaults;

namespace {

void fields_of(Fields& f, ExtractionPlan& e) {
    f("n_mean", e.n_mean), f("n_patch", e.n_patch), f("n_shot", e.n_shot), f("n_pairs", e.n_pairs);
}

void fields_of(Fields& f, Plan& p) {
    f("protocol", p.protocol), f("title", p.title), f("models", p.models), f("tasks", p.tasks);
    f("methods", p.methods), f.optional("vectors", p.vectors), f("seeds", p.seeds);
    f("data_dir", p.data_dir), f.optional("family", p.family), f.optional("chat", p.chat);
    f.optional("chat_template", p.chat_template), f("n_test", p.n_test), f("n_valid", p.n_valid);
    f("n_shot", p.n_shot), f("n_shot_behavioural", p.n_shot_behavioural), f("controls", p.controls);
    const study::Protocol* protocol = study::find_protocol(p.protocol);
    if (protocol && protocol->traits.has_instructions) f("instructions", p.instructions);
    f("max_new_tokens", p.max_new_tokens), f("max_new_tokens_behavioural", p.max_new_tokens_behavioural);
    f("collapse_limit", p.collapse_limit), f("n_bootstrap", p.n_bootstrap), f("n_example", p.n_example);
    f.table("functional", [&](Fields& t) { fields_of(t, p.functional); });
    f.table("behavioural", [&](Fields& t) { fields_of(t, p.behavioural); });
    f.table("sampling",
            [&](Fields& t) { t("temperature", p.temperature), t("top_p", p.top_p), t("top_k", p.top_k); });
    if (protocol && protocol->traits.table)
        f.table(protocol->traits.table, [&](Fields& t) { protocol->table_fields(t, p); });
}

// "a", "b" or "c".
std::string protocol_names() {
    std::string text;
    const auto& all = study::protocols();
    for (std::size_t i = 0; i < all.size(); ++i)
        text += fmt::format("{}\"{}\"",
                            i == 0                ? ""
                            : i + 1 == all.size() ? " or "
                                                  : ", ",
                            all[i]->traits.name);
    return text;
}

void check_text(PlanFaults& faults, const std::string& key, const std::string& value) {
    faults.refuse_if(!is_valid_utf8(value), key,
                     fmt::format("\"{}\" is not UTF-8, which a plan file must be", valid_utf8(value)));
}

void check_names(const Plan& plan, PlanFaults& faults) {
    faults.filled("models", plan.models, "name at least one, like \"gemma3-270m\"");
    faults.filled("tasks", plan.tasks, "name at least one (see `tiller tasks`)");
    faults.filled("seeds", plan.seeds, "give at least one, like [0]");
    faults.once("models", plan.models);
    faults.once("tasks", plan.tasks);
    faults.once("methods", plan.methods);
    faults.once("seeds", plan.seeds);
    check_text(faults, "title", plan.title);
    check_text(faults, "data_dir", plan.data_dir);
    check_text(faults, "chat_template", plan.chat_template);
    if (!plan.family.empty()) {
        try {
            Task any;
            set_family(any, plan.family);
        } catch (const Error& e) {
            faults.refuse("family", fmt::format("is wrong: {}", e.what()));
        }
        if (std::none_of(plan.tasks.begin(), plan.tasks.end(), [](const auto& t) { return is_task_file(t); }))
            faults.refuse("family",
                          "is given, and no task is a file; tiller's own tasks have their families");
    }
    for (const auto& name : plan.models) check_text(faults, "models", name);
    for (const auto& name : plan.tasks) check_text(faults, "tasks", name);
    const auto fits = [](std::uint64_t seed) {
        return seed <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    };
    faults.each("seeds", plan.seeds, fits, "at most 2^63 - 1, the most that TOML holds");
}

// The names of methods, and the files of vectors that compete with them.
void check_contestants(const Plan& plan, const study::Protocol* protocol, PlanFaults& faults) {
    std::vector<std::string> brought;
    for (const auto& file : plan.vectors) {
        check_text(faults, "vectors", file);
        brought.push_back(study::contestant_name(file));
        const std::string& name = brought.back();
        if (std::any_of(methods().begin(), methods().end(),
                        [&](const Method* m) { return m->name() == name; }))
            faults.refuse("vectors",
                          fmt::format("has {}, whose name {} is a method's; rename the file", file, name));
        if (std::find(plan.methods.begin(), plan.methods.end(), name) == plan.methods.end())
            faults.refuse("methods", fmt::format("lacks {}, the name of the vector {}", name, file));
    }
    faults.once("vectors", brought);
    if (!plan.vectors.empty() && !(protocol && protocol->traits.takes_vectors))
        faults.refuse("vectors",
                      fmt::format("is given, and protocol = \"{}\" compares methods alone", plan.protocol));
    for (const auto& name : plan.methods) {
        if (std::find(brought.begin(), brought.end(), name) != brought.end()) continue;
        try {
            find_method(name);
        } catch (const Error& e) {
            faults.refuse("methods", fmt::format("has an {}", e.what()), e.code());
        }
    }
}

// Whether the plan's protocol and methods work with conversations.
void check_chat(const Plan& plan, const study::Protocol* protocol, PlanFaults& faults) {
    faults.refuse_if(plan.chat && !(protocol && protocol->traits.takes_chat), "chat",
                     fmt::format("is true, and protocol = \"{}\" has prompts of its own form; conversations "
                                 "are for protocol = \"{}\"",
                                 plan.protocol, Plan{}.protocol));
    faults.refuse_if(!plan.chat && !plan.chat_template.empty(), "chat_template",
                     "is given without chat = true, which it is for");
    if (!plan.chat) return;
    for (const auto& name : plan.methods)
        for (const Method* method : methods())
            if (method->name() == name && method->wants_concepts())
                faults.refuse(
                    "methods",
                    fmt::format("has {}, which compares forms of plain text; leave it out, or leave "
                                "chat out",
                                name));
}

void check_counts(const Plan& plan, PlanFaults& faults) {
    const auto at_least = [&](const std::string& key, int value, int least) {
        faults.refuse_if(value < least, key, fmt::format("is {}, expected at least {}", value, least));
        faults.refuse_if(value > kMostCounted, key, fmt::format("is more than {}", kMostCounted));
    };
    at_least("n_test", plan.n_test, 2);
    at_least("n_valid", plan.n_valid, 1);
    at_least("n_shot", plan.n_shot, 1);
    at_least("n_shot_behavioural", plan.n_shot_behavioural, 1);
    at_least("max_new_tokens", plan.max_new_tokens, 1);
    at_least("max_new_tokens_behavioural", plan.max_new_tokens_behavioural, 1);
    at_least("tuning.n_fold", plan.tuning.n_fold, 1);
    at_least("tuning.n_setting", plan.tuning.n_setting, 0);
    at_least("tuning.n_setting_behavioural", plan.tuning.n_setting_behavioural, 0);
    faults.refuse_if(
        plan.tuning.oracle && plan.tuning.n_setting == 0 && plan.tuning.n_setting_behavioural == 0,
        "tuning.oracle", "is true without a budget; give n_setting and n_setting_behavioural");
    at_least("n_bootstrap", plan.n_bootstrap, 100);
    at_least("n_example", plan.n_example, 0);
    for (const auto& [name, e] :
         {std::pair("functional.", &plan.functional), std::pair("behavioural.", &plan.behavioural)}) {
        const std::string table = name;
        at_least(table + "n_mean", e->n_mean, 1);
        at_least(table + "n_patch", e->n_patch, 1);
        at_least(table + "n_shot", e->n_shot, 1);
        at_least(table + "n_pairs", e->n_pairs, 1);
    }
    faults.refuse_if(!(plan.temperature >= 0) || !std::isfinite(plan.temperature), "sampling.temperature",
                     fmt::format("is {}, expected 0 or more", plan.temperature));
    faults.refuse_if(!(plan.top_p > 0 && plan.top_p <= 1), "sampling.top_p",
                     fmt::format("is {}, expected above 0 and at most 1", plan.top_p));
    at_least("sampling.top_k", plan.top_k, 0);
    faults.refuse_if(!(plan.collapse_limit >= 0 && plan.collapse_limit <= 1), "collapse_limit",
                     fmt::format("is {}, expected 0 to 1", plan.collapse_limit));
}

std::optional<Fault> fault_of(const Plan& plan) {
    PlanFaults faults;
    const study::Protocol* protocol = study::find_protocol(plan.protocol);
    check_names(plan, faults);
    check_contestants(plan, protocol, faults);
    check_chat(plan, protocol, faults);
    check_counts(plan, faults);
    if (protocol)
        protocol->check(plan, faults);
    else
        faults.refuse("protocol", fmt::format("is \"{}\", expected {}", plan.protocol, protocol_names()));
    return faults.first();
}

}  // namespace

namespace {

// `of_run`: the file is plan.toml of a run folder, perhaps of an older version.
Plan read_plan(const std::filesystem::path& path, bool of_run) {
    const std::string text = read_file(path, 1 << 20);
    study::check_toml_depth(text, path.string());
    toml::table table;
    try {
        table = toml::parse(text, path.string());
    } catch (const toml::parse_error& e) {
        throw Error(Code::bad_input, fmt::format("{}, line {}: not TOML: {}", path.string(),
                                                 e.source().begin.line, e.description()));
    }
    const auto protocol = table["protocol"].value<std::string>().value_or(Plan{}.protocol);
    for (const auto* owner : study::protocols())
        if (const toml::node* node = owner->traits.table ? table.get(owner->traits.table) : nullptr;
            node && protocol != owner->traits.name)
            throw Error(Code::bad_input,
                        fmt::format("{}, line {}: the table [{}] belongs to the protocol {}; write protocol "
                                    "= \"{}\" at the top, or take the table out",
                                    path.string(), node->source().begin.line, owner->traits.table,
                                    owner->traits.name, owner->traits.name));
    const study::Protocol* known = study::find_protocol(protocol);
    Plan plan = known ? known->plan() : Plan{};
    if (of_run) plan.tuning = {};  // versions without [tuning] had one split and the methods' own grids
    Fields fields(&table, path.string());
    fields_of(fields, plan);
    fields.refuse_unknown();
    for (const auto& file : std::vector<std::string>(plan.vectors)) add_vector(plan, file);
    if (const auto fault = fault_of(plan)) {
        // The value may be a default, which has no line in the file.
        const toml::node* node = table.at_path(fault->key).node();
        throw Error(fault->code, fmt::format("{}, line {}: {} {}", path.string(),
                                             node ? node->source().begin.line : 1, fault->key, fault->what));
    }
    return plan;
}

}  // namespace

Plan load_plan(const std::filesystem::path& path) { return read_plan(path, false); }

Plan study::load_run_plan(const std::filesystem::path& folder) {
    return read_plan(folder / "plan.toml", true);
}

std::string plan_toml(const Plan& plan) {
    Plan copy = plan;
    Fields fields(nullptr, "");
    fields.start_writing();
    fields_of(fields, copy);
    return fields.text();
}

void add_vector(Plan& plan, const std::string& file) {
    if (std::find(plan.vectors.begin(), plan.vectors.end(), file) == plan.vectors.end())
        plan.vectors.push_back(file);
    const std::string name = study::contestant_name(file);
    if (std::find(plan.methods.begin(), plan.methods.end(), name) == plan.methods.end())
        plan.methods.push_back(name);
}

void check_plan(const Plan& plan) {
    if (const auto fault = fault_of(plan))
        throw Error(fault->code, fmt::format("plan: {} {}", fault->key, fault->what));
}

}  // namespace tiller
