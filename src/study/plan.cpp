// Plans as TOML: one table of fields serves reading, writing and checking.
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <toml++/toml.h>

#include "core/util.h"
#include "tiller/error.h"
#include "tiller/study.h"

namespace tiller {
namespace {

// Reads or writes one field; `node` is null when writing.
class Fields {
public:
    explicit Fields(toml::table* input, std::string where) : input_(input), where_(std::move(where)) {}

    void field(const char* key, std::string& v) { visit(key, v, "a string", [&](toml::node& n) { return n.value_exact<std::string>(); }); }
    void field(const char* key, int& v) {
        visit(key, v, "an integer", [&](toml::node& n) -> std::optional<int> {
            const auto value = n.value_exact<std::int64_t>();
            if (!value || *value < -1 || *value > 100'000'000) return std::nullopt;
            return static_cast<int>(*value);
        });
    }
    void field(const char* key, bool& v) { visit(key, v, "true or false", [&](toml::node& n) { return n.value_exact<bool>(); }); }
    void field(const char* key, double& v) { visit(key, v, "a number", [&](toml::node& n) { return n.value<double>(); }); }
    void field(const char* key, float& v) {
        visit(key, v, "a number", [&](toml::node& n) -> std::optional<float> {
            const auto value = n.value<double>();
            return value ? std::optional<float>(static_cast<float>(*value)) : std::nullopt;
        });
    }
    void field(const char* key, std::vector<std::string>& v) {
        visit(key, v, "a list of strings", [&](toml::node& n) { return list<std::string>(n); });
    }
    void field(const char* key, std::vector<std::uint64_t>& v) {
        visit(key, v, "a list of whole numbers", [&](toml::node& n) -> std::optional<std::vector<std::uint64_t>> {
            const auto values = list<std::int64_t>(n);
            if (!values) return std::nullopt;
            std::vector<std::uint64_t> out;
            for (auto value : *values) {
                if (value < 0) return std::nullopt;
                out.push_back(static_cast<std::uint64_t>(value));
            }
            return out;
        });
    }
    template <class Visit>
    void table(const char* key, Visit visit_fields) {
        toml::table* inner = nullptr;
        if (input_) {
            known_.push_back(key);
            if (toml::node* node = input_->get(key)) {
                inner = node->as_table();
                if (!inner) refuse(*node, key, "a table");
            }
        }
        Fields fields(inner, where_);
        fields.writing_ = !input_;
        fields.skip_ = input_ && !inner;
        visit_fields(fields);
        if (!input_) text_ += fmt::format("\n[{}]\n{}", key, fields.text_);
        if (inner) fields.refuse_unknown();
    }
    void refuse_unknown() const {
        for (const auto& [key, node] : *input_)
            if (std::find(known_.begin(), known_.end(), key.str()) == known_.end())
                throw Error(Code::bad_input, fmt::format("{}, line {}: unknown key \"{}\"; known here: {}", where_, node.source().begin.line,
                                                         key.str(), fmt::join(known_, ", ")));
    }
    const std::string& text() const { return text_; }
    void start_writing() { writing_ = true; }

private:
    template <class T>
    static std::optional<std::vector<T>> list(toml::node& node) {
        const auto* array = node.as_array();
        if (!array) return std::nullopt;
        std::vector<T> out;
        for (const auto& element : *array) {
            const auto value = element.template value_exact<T>();
            if (!value) return std::nullopt;
            out.push_back(*value);
        }
        return out;
    }
    [[noreturn]] void refuse(toml::node& node, const char* key, const char* expected) const {
        throw Error(Code::bad_input, fmt::format("{}, line {}: \"{}\" must be {}", where_, node.source().begin.line, key, expected));
    }
    template <class T, class Read>
    void visit(const char* key, T& value, const char* expected, Read read) {
        if (writing_) {
            text_ += fmt::format("{} = {}\n", key, write(value));
            return;
        }
        if (skip_) return;
        known_.push_back(key);
        toml::node* node = input_->get(key);
        if (!node) return;
        auto read_value = read(*node);
        if (!read_value) refuse(*node, key, expected);
        value = std::move(*read_value);
    }
    static std::string write(const std::string& v) {
        std::string out = "\"";
        for (char c : v) {
            if (c == '"' || c == '\\') out += '\\';
            out += static_cast<unsigned char>(c) < 0x20 ? fmt::format("\\u{:04x}", static_cast<unsigned char>(c)) : std::string(1, c);
        }
        return out + "\"";
    }
    static std::string write(int v) { return std::to_string(v); }
    static std::string write(std::uint64_t v) { return std::to_string(v); }
    static std::string write(bool v) { return v ? "true" : "false"; }
    static std::string write(double v) {
        std::string text = fmt::format("{}", v);
        return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    static std::string write(float v) {
        std::string text = fmt::format("{}", v);
        return text.find_first_of(".e") == std::string::npos ? text + ".0" : text;
    }
    template <class T>
    static std::string write(const std::vector<T>& values) {
        std::string out = "[";
        for (std::size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + write(values[i]);
        return out + "]";
    }

    toml::table* input_;
    std::string where_;
    bool writing_ = false, skip_ = false;
    std::vector<std::string> known_;
    std::string text_;
};

void fields_of(Fields& f, ExtractionPlan& e) {
    f.field("n_mean", e.n_mean);
    f.field("n_patch", e.n_patch);
    f.field("n_shot", e.n_shot);
    f.field("n_pairs", e.n_pairs);
}

void fields_of(Fields& f, Plan& p) {
    f.field("title", p.title);
    f.field("models", p.models);
    f.field("tasks", p.tasks);
    f.field("methods", p.methods);
    f.field("seeds", p.seeds);
    f.field("data_dir", p.data_dir);
    f.field("n_test", p.n_test);
    f.field("n_valid", p.n_valid);
    f.field("n_shot", p.n_shot);
    f.field("n_shot_behavioural", p.n_shot_behavioural);
    f.field("controls", p.controls);
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
}

}  // namespace

Plan load_plan(const std::filesystem::path& path) {
    const std::string text = read_file(path, 1 << 20);
    toml::table table;
    try {
        table = toml::parse(text, path.string());
    } catch (const toml::parse_error& e) {
        throw Error(Code::bad_input, fmt::format("{}, line {}: not TOML: {}", path.string(), e.source().begin.line, e.description()));
    }
    Plan plan;
    Fields fields(&table, path.string());
    fields_of(fields, plan);
    fields.refuse_unknown();
    check_plan(plan);
    return plan;
}

std::string plan_toml(const Plan& plan) {
    Plan copy = plan;
    Fields fields(nullptr, "");
    fields.start_writing();
    fields_of(fields, copy);
    return fields.text();
}

void check_plan(const Plan& plan) {
    const auto refuse = [](const std::string& what) { throw Error(Code::bad_input, "plan: " + what); };
    if (plan.models.empty()) refuse("models is empty; name at least one, like \"gemma3-270m\"");
    if (plan.tasks.empty()) refuse("tasks is empty; name at least one (see `tiller tasks`)");
    if (plan.seeds.empty()) refuse("seeds is empty; give at least one, like [0]");
    for (const auto& name : plan.methods) find_method(name);
    const auto at_least = [&](const char* key, int value, int least) {
        if (value < least) refuse(fmt::format("{} is {}, expected at least {}", key, value, least));
    };
    at_least("n_test", plan.n_test, 2);
    at_least("n_valid", plan.n_valid, 1);
    at_least("n_shot", plan.n_shot, 1);
    at_least("n_shot_behavioural", plan.n_shot_behavioural, 1);
    at_least("max_new_tokens", plan.max_new_tokens, 1);
    at_least("max_new_tokens_behavioural", plan.max_new_tokens_behavioural, 1);
    at_least("n_bootstrap", plan.n_bootstrap, 100);
    at_least("n_example", plan.n_example, 0);
    for (const auto* e : {&plan.functional, &plan.behavioural}) {
        at_least("n_mean", e->n_mean, 1);
        at_least("n_patch", e->n_patch, 1);
        at_least("n_shot", e->n_shot, 1);
        at_least("n_pairs", e->n_pairs, 1);
    }
    if (!(plan.temperature >= 0) || !std::isfinite(plan.temperature)) refuse(fmt::format("temperature is {}, expected 0 or more", plan.temperature));
    if (!(plan.top_p > 0 && plan.top_p <= 1)) refuse(fmt::format("top_p is {}, expected above 0 and at most 1", plan.top_p));
    at_least("top_k", plan.top_k, 0);
    if (!(plan.collapse_limit >= 0 && plan.collapse_limit <= 1))
        refuse(fmt::format("collapse_limit is {}, expected 0 to 1", plan.collapse_limit));
}

}  // namespace tiller
