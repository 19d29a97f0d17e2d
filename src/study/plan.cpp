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
#include "study/protocol.h"
#include "study/toml_depth.h"
#include "study/toml_fields.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller {

using study::Fields;
using study::kMostCounted;

namespace {

// Tables of the plan that belong to one protocol.
constexpr std::pair<const char*, const char*> owned_tables[] = {{"tuning", "tuned"},
                                                                {"paper", "paper"},
                                                                {"transfer", "transfer"},
                                                                {"dose", "dose"},
                                                                {"crossed", "crossed"}};

void fields_of(Fields& f, ExtractionPlan& e) {
    f.field("n_mean", e.n_mean);
    f.field("n_patch", e.n_patch);
    f.field("n_shot", e.n_shot);
    f.field("n_pairs", e.n_pairs);
}

void fields_of(Fields& f, PaperPlan& p) {
    f.field("shots", p.shots);
    f.field("n_pairs", p.n_pairs);
    f.field("alphas", p.alphas);
    f.field("n_template", p.n_template);
    f.field("layers", p.layers);
    f.field("layer_pairs", p.layer_pairs);
    f.field("layer_alphas", p.layer_alphas);
    f.field("always_bos", p.always_bos);
    f.field("defects", p.defects);
}

void fields_of(Fields& f, TransferPlan& p) {
    f.field("forms", p.forms);
    f.field("places", p.places);
    f.field("shots", p.shots);
    f.field("factors", p.factors);
}

void fields_of(Fields& f, DosePlan& p) {
    f.field("targets", p.targets);
    f.field("place", p.place);
    f.field("n_bisection", p.n_bisection);
    f.field("tolerance", p.tolerance);
    f.field("max_factor", p.max_factor);
    f.field("unrelated", p.unrelated);
    f.field("n_unrelated", p.n_unrelated);
    f.field("n_shot_unrelated", p.n_shot_unrelated);
    f.field("damage_limit", p.damage_limit);
}

void fields_of(Fields& f, CrossedPlan& p) {
    f.field("sources", p.sources);
    f.field("places", p.places);
    f.field("positions", p.positions);
    f.field("operations", p.operations);
    f.field("doses", p.doses);
    f.field("layers", p.layers);
    f.field("heads", p.heads);
}

void fields_of(Fields& f, Plan& p) {
    f.field("protocol", p.protocol);
    f.field("title", p.title);
    f.field("models", p.models);
    f.field("tasks", p.tasks);
    f.field("methods", p.methods);
    f.optional_field("vectors", p.vectors);
    f.field("seeds", p.seeds);
    f.field("data_dir", p.data_dir);
    f.optional_field("family", p.family);
    f.field("n_test", p.n_test);
    f.field("n_valid", p.n_valid);
    f.field("n_shot", p.n_shot);
    f.field("n_shot_behavioural", p.n_shot_behavioural);
    f.field("controls", p.controls);
    if (p.protocol == "tuned") f.field("instructions", p.instructions);
    f.field("max_new_tokens", p.max_new_tokens);
    f.field("max_new_tokens_behavioural", p.max_new_tokens_behavioural);
    f.field("collapse_limit", p.collapse_limit);
    f.field("n_bootstrap", p.n_bootstrap);
    f.field("n_example", p.n_example);
    f.table("functional", [&](Fields& t) { fields_of(t, p.functional); });
    f.table("behavioural", [&](Fields& t) { fields_of(t, p.behavioural); });
    f.table("sampling", [&](Fields& t) {
        t.field("temperature", p.temperature);
        t.field("top_p", p.top_p);
        t.field("top_k", p.top_k);
    });
    if (p.protocol == "tuned")
        f.table("tuning", [&](Fields& t) {
            t.field("n_setting", p.tuning.n_setting);
            t.field("n_setting_behavioural", p.tuning.n_setting_behavioural);
            t.field("oracle", p.tuning.oracle);
        });
    if (p.is_paper()) f.table("paper", [&](Fields& t) { fields_of(t, p.paper); });
    if (p.protocol == "transfer") f.table("transfer", [&](Fields& t) { fields_of(t, p.transfer); });
    if (p.protocol == "dose") f.table("dose", [&](Fields& t) { fields_of(t, p.dose); });
    if (p.protocol == "crossed") f.table("crossed", [&](Fields& t) { fields_of(t, p.crossed); });
}

using study::Fault;

template <class T>
std::optional<T> repeated(std::vector<T> values) {
    std::sort(values.begin(), values.end());
    const auto it = std::adjacent_find(values.begin(), values.end());
    return it == values.end() ? std::nullopt : std::optional<T>(*it);
}

// "a", "b" or "c".
std::string protocol_names() {
    std::string text;
    const auto& all = study::protocols();
    for (std::size_t i = 0; i < all.size(); ++i)
        text += fmt::format("{}\"{}\"", i == 0 ? "" : i + 1 == all.size() ? " or " : ", ", all[i]->name());
    return text;
}

std::optional<Fault> fault_of(const Plan& plan) {
    std::optional<Fault> fault;
    const auto refuse = [&](const std::string& key, const std::string& what, Code code = Code::bad_input) {
        if (!fault) fault = {key, what, code};
    };
    const auto list = [&](const std::string& key, const auto& values) {
        if (const auto twice = repeated(values)) refuse(key, fmt::format("names {} twice", *twice));
    };
    const auto text = [&](const std::string& key, const std::string& value) {
        if (!is_valid_utf8(value))
            refuse(key, fmt::format("\"{}\" is not UTF-8, which a plan file must be", valid_utf8(value)));
    };
    if (plan.models.empty()) refuse("models", "is empty; name at least one, like \"gemma3-270m\"");
    if (plan.tasks.empty()) refuse("tasks", "is empty; name at least one (see `tiller tasks`)");
    if (plan.seeds.empty()) refuse("seeds", "is empty; give at least one, like [0]");
    list("models", plan.models);
    list("tasks", plan.tasks);
    list("methods", plan.methods);
    list("seeds", plan.seeds);
    text("title", plan.title);
    text("data_dir", plan.data_dir);
    if (!plan.family.empty()) {
        try {
            Task any;
            set_family(any, plan.family);
        } catch (const Error& e) {
            refuse("family", fmt::format("is wrong: {}", e.what()));
        }
        if (std::none_of(plan.tasks.begin(), plan.tasks.end(), [](const auto& t) { return is_task_file(t); }))
            refuse("family", "is given, and no task is a file; tiller's own tasks have their families");
    }
    for (const auto& name : plan.models) text("models", name);
    for (const auto& name : plan.tasks) text("tasks", name);
    for (const auto seed : plan.seeds)
        if (seed > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            refuse("seeds", fmt::format("has {}, expected at most 2^63 - 1, the most that TOML holds", seed));
    std::vector<std::string> brought;
    for (const auto& file : plan.vectors) {
        text("vectors", file);
        brought.push_back(study::contestant_name(file));
        const std::string& name = brought.back();
        if (std::any_of(methods().begin(), methods().end(),
                        [&](const Method* m) { return m->name() == name; }))
            refuse("vectors",
                   fmt::format("has {}, whose name {} is a method's; rename the file", file, name));
        if (std::find(plan.methods.begin(), plan.methods.end(), name) == plan.methods.end())
            refuse("methods", fmt::format("lacks {}, the name of the vector {}", name, file));
    }
    list("vectors", brought);
    if (!plan.vectors.empty() && plan.protocol != "tuned")
        refuse("vectors",
               fmt::format("is given, and protocol = \"{}\" compares methods alone", plan.protocol));
    for (const auto& name : plan.methods) {
        if (std::find(brought.begin(), brought.end(), name) != brought.end()) continue;
        try {
            find_method(name);
        } catch (const Error& e) {
            refuse("methods", fmt::format("has an {}", e.what()), e.code());
        }
    }
    const auto within = [&](const std::string& key, int value, int least) {
        if (value < least) refuse(key, fmt::format("is {}, expected at least {}", value, least));
        if (value > kMostCounted) refuse(key, fmt::format("is more than {}", kMostCounted));
    };
    within("n_test", plan.n_test, 2);
    within("n_valid", plan.n_valid, 1);
    within("n_shot", plan.n_shot, 1);
    within("n_shot_behavioural", plan.n_shot_behavioural, 1);
    within("max_new_tokens", plan.max_new_tokens, 1);
    within("max_new_tokens_behavioural", plan.max_new_tokens_behavioural, 1);
    within("tuning.n_setting", plan.tuning.n_setting, 0);
    within("tuning.n_setting_behavioural", plan.tuning.n_setting_behavioural, 0);
    if (plan.tuning.oracle && plan.tuning.n_setting == 0 && plan.tuning.n_setting_behavioural == 0)
        refuse("tuning.oracle", "is true without a budget; give n_setting and n_setting_behavioural");
    within("n_bootstrap", plan.n_bootstrap, 100);
    within("n_example", plan.n_example, 0);
    for (const auto& [name, e] :
         {std::pair("functional.", &plan.functional), std::pair("behavioural.", &plan.behavioural)}) {
        const std::string table = name;
        within(table + "n_mean", e->n_mean, 1);
        within(table + "n_patch", e->n_patch, 1);
        within(table + "n_shot", e->n_shot, 1);
        within(table + "n_pairs", e->n_pairs, 1);
    }
    if (!(plan.temperature >= 0) || !std::isfinite(plan.temperature))
        refuse("sampling.temperature", fmt::format("is {}, expected 0 or more", plan.temperature));
    if (!(plan.top_p > 0 && plan.top_p <= 1))
        refuse("sampling.top_p", fmt::format("is {}, expected above 0 and at most 1", plan.top_p));
    within("sampling.top_k", plan.top_k, 0);
    if (!(plan.collapse_limit >= 0 && plan.collapse_limit <= 1))
        refuse("collapse_limit", fmt::format("is {}, expected 0 to 1", plan.collapse_limit));
    const study::Protocol* protocol = study::find_protocol(plan.protocol);
    if (!protocol) refuse("protocol", fmt::format("is \"{}\", expected {}", plan.protocol, protocol_names()));
    if (!fault)
        if (const auto own = protocol->fault(plan)) refuse(own->key, own->what, own->code);
    return fault;
}

}  // namespace

Plan load_plan(const std::filesystem::path& path) {
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
    for (const auto& [name, owner] : owned_tables)
        if (const toml::node* node = table.get(name); node && protocol != owner)
            throw Error(Code::bad_input,
                        fmt::format("{}, line {}: the table [{}] belongs to the protocol {}; write "
                                    "protocol = \"{}\" at the top, or take the table out",
                                    path.string(), node->source().begin.line, name, owner, owner));
    const study::Protocol* known = study::find_protocol(protocol);
    Plan plan = known ? known->plan() : Plan{};
    Fields fields(&table, path.string());
    fields_of(fields, plan);
    fields.refuse_unknown();
    for (const auto& file : std::vector<std::string>(plan.vectors)) add_vector(plan, file);
    if (const auto fault = fault_of(plan)) {
        // A value at fault may also be a default that does not fit with what the file says.
        const toml::node* node = table.at_path(fault->key).node();
        throw Error(fault->code, fmt::format("{}, line {}: {} {}", path.string(),
                                             node ? node->source().begin.line : 1, fault->key, fault->what));
    }
    return plan;
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
