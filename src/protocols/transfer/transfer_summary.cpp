// Tables of the protocol "transfer", from the records.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "protocols/transfer/transfer.h"
#include "tasks/forms.h"

namespace tiller::study {
namespace {

using Values = std::vector<double>;

Values minus(const Values& a, const Values& b) {
    Values out(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
    return out;
}

// Mean of several lists of the same length, item by item; empty for none.
Values mean_over(const std::vector<Values>& all) {
    Values out;
    for (const Values& values : all) {
        out.resize(values.size(), 0.0);
        for (std::size_t i = 0; i < values.size(); ++i) out[i] += values[i] / static_cast<double>(all.size());
    }
    return out;
}

// Natural logarithm of p / (1 - p); a certain answer is taken as 1 - 1e-6.
std::vector<Values> log_odds(std::vector<Values> logprobs) {
    for (auto& values : logprobs)
        for (double& v : values) {
            v = std::min(v, -1e-6);
            v -= std::log(-std::expm1(v));
        }
    return logprobs;
}

// The tables of one task on one model with one seed.
class Tables {
public:
    Tables(const Plan& plan, const TaskRecords& records)
        : plan_(plan),
          p_(plan.transfer),
          records_(records),
          places_(transfer_places(plan)),
          settings_(records.closing.part<TransferClosing>().settings),
          seed_(records.closing.task.seed),
          scores_(records.test, plan.n_bootstrap, seed_) {}

    AnalysisSummary gains() const {
        AnalysisSummary t = matrix(
            "transfer", "Gain by form",
            "Log-probability of the right answer's first token, steered minus unsteered, in nats. Rows: the "
            "form a vector was taken in, with the setting chosen there; columns: the form it is applied in.");
        for (const auto& method : plan_.methods)
            for (const auto& from : p_.forms) {
                t.rows.push_back(gain_row(method, from));
                t.rows.back().remark = settings_.at(method).at(from);
            }
        for_each_control([&](const std::string& who, const std::string& from, const std::string& method) {
            t.rows.push_back(gain_row(who, from));
            t.rows.back().about = {{"method", method}, {"from", from}, {"role", "control"}};
            t.rows.back().remark = "random direction of the same norm";
        });
        return t;
    }

    AnalysisSummary accuracies() const {
        AnalysisSummary t = matrix("transfer-accuracy", "First-token accuracy by form",
                                   "Share of items whose right first token is the most likely one.");
        AnalysisRow clean{"unsteered", "unsteered", {}};
        for (const auto& place : places_) clean.values.push_back(accuracy(unsteered_in(place)));
        t.rows.push_back(std::move(clean));
        const auto add = [&](const std::string& who, const std::string& from) {
            t.rows.push_back(row_of(who, from));
            for (const auto& place : places_)
                t.rows.back().values.push_back(accuracy(steered_in(who, from, place)));
        };
        for (const auto& method : plan_.methods)
            for (const auto& from : p_.forms) add(method, from);
        for_each_control([&](const std::string& who, const std::string& from, const std::string& method) {
            add(who, from);
            t.rows.back().about = {{"method", method}, {"from", from}, {"role", "control"}};
        });
        return t;
    }

    AnalysisSummary kept() const {
        AnalysisSummary t = matrix("transfer-kept", "Share of the gain kept by form",
                                   "Gain in a form, divided by the same vector's gain in the form it was "
                                   "taken in. No number where that gain is not clearly above 0.");
        for (const auto& method : plan_.methods)
            for (const auto& from : p_.forms) {
                AnalysisRow row = row_of(method, from);
                for (const auto& place : places_) {
                    const auto v = aligned(records_.test,
                                           {steered_in(method, from, place), unsteered_in(place),
                                            steered_in(method, from, from), unsteered_in(from)},
                                           "logprob");
                    const Interval ratio =
                        bootstrap_ratio(minus(v[0], v[1]), minus(v[2], v[3]), plan_.n_bootstrap, seed_);
                    row.values.push_back(place == from && std::isfinite(ratio.mean) ? plain_number(1)
                                                                                    : ratio);
                }
                t.rows.push_back(std::move(row));
            }
        return t;
    }

    AnalysisSummary composition() const {
        const std::string home = p_.forms.front();
        AnalysisSummary t{
            "composition",
            "Vectors together and in other strengths",
            fmt::format("In the form {}, on prompts without demonstrations. Gain: log-probability over "
                        "unsteered, in nats. Interaction: gain of both minus the sum of the two gains; the "
                        "same in log-odds, ln(p / (1 - p)), which have no ceiling. A vector that replaces "
                        "acts first, so that it does not wipe out the other in the same place.",
                        home),
            "vector",
            {{"first_token", "first token"},
             {"gain", "gain"},
             {"sum", "sum of the parts"},
             {"interaction", "interaction"},
             {"interaction_odds", "interaction, log-odds"}}};
        const auto add = [&](const std::string& name, const std::string& id) -> AnalysisRow& {
            const auto v = aligned(records_.test, {id, unsteered_in(home)}, "logprob");
            t.rows.push_back(
                {name,
                 name,
                 {accuracy(id), scores_.mean(minus(v[0], v[1])), no_number(), no_number(), no_number()}});
            return t.rows.back();
        };
        for (const auto& method : plan_.methods) add(method, steered_in(method, home, home));
        for (std::size_t a = 0; a < plan_.methods.size(); ++a)
            for (std::size_t b = a + 1; b < plan_.methods.size(); ++b) {
                const std::string id = both_of(plan_.methods[a], plan_.methods[b]);
                const auto v = aligned(records_.test,
                                       {id, steered_in(plan_.methods[a], home, home),
                                        steered_in(plan_.methods[b], home, home), unsteered_in(home)},
                                       "logprob");
                AnalysisRow& row = add(id, id);
                row.values[2] = scores_.mean(mean_sum(minus(v[1], v[3]), minus(v[2], v[3])));
                row.values[3] = scores_.mean(interaction(v));
                row.values[4] = scores_.mean(interaction(log_odds(v)));
            }
        for (const auto& method : plan_.methods)
            for (const double factor : p_.factors)
                add(multiple_of(method, factor), multiple_of(method, factor));
        return t;
    }

    AnalysisSummary shots() const {
        const std::string home = p_.forms.front();
        AnalysisSummary t{
            "shots",
            "Vectors beside demonstrations",
            fmt::format("In the form {}. Interaction: (both - demonstrations alone) - (vector alone - "
                        "neither), by item; below 0, the two do the same work twice. A log-probability "
                        "cannot rise above 0, so that it is negative wherever the demonstrations already "
                        "suffice; log-odds, ln(p / (1 - p)), have no such ceiling.",
                        home),
            "vector",
            {{"hit_without", "first token without"},
             {"hit_with", "first token with"},
             {"logprob_without", "log p without"},
             {"logprob_with", "log p with"},
             {"gain", "gain by the vector"},
             {"interaction", "interaction"},
             {"interaction_odds", "interaction, log-odds"}}};
        for (const auto& method : plan_.methods) {
            row_of_shots(t, method, 0, unsteered_in(home), steered_in(method, home, home));
            for (const int n : p_.shots)
                row_of_shots(t, method, n, with_shots("unsteered", n), with_shots(method, n));
        }
        return t;
    }

    // Gains of one method by item, each the mean over the forms concerned; empty where the plan has none.
    // "Word forms" are those in which vectors are taken and whose answers are the task's own words.
    struct Pooled {
        Values own, other;              // applied in the word form of the vector, in other word forms
        std::vector<Values> into, out;  // for each further form: from word forms into it, from it into them
        std::vector<Values> within;     // for each further form: taken and applied there
    };
    Pooled pooled(const std::string& method) const {
        const auto n_from = p_.forms.size();
        std::vector<std::string> ids;
        for (const auto& place : places_) ids.push_back(unsteered_in(place));
        for (const auto& from : p_.forms)
            for (const auto& place : places_) ids.push_back(steered_in(method, from, place));
        const auto v = aligned(records_.test, ids, "logprob");
        const auto of = [&](std::size_t from, std::size_t place) {
            return minus(v[(from + 1) * places_.size() + place], v[place]);
        };
        std::vector<Values> own, other;
        Pooled out;
        for (std::size_t from = 0; from < n_from; ++from)
            for (std::size_t place = 0; place < n_from; ++place)
                if (has_words(from) && has_words(place))
                    (from == place ? own : other).push_back(of(from, place));
        out.own = mean_over(own);
        out.other = mean_over(other);
        for (std::size_t place = 0; place < places_.size(); ++place) {
            if (place < n_from && has_words(place)) continue;
            std::vector<Values> into, from_it;
            for (std::size_t from = 0; from < n_from; ++from)
                if (has_words(from)) {
                    into.push_back(of(from, place));
                    if (place < n_from) from_it.push_back(of(place, from));
                }
            out.into.push_back(mean_over(into));
            out.out.push_back(mean_over(from_it));
            out.within.push_back(place < n_from ? of(place, place) : Values{});
        }
        return out;
    }

private:
    bool has_words(std::size_t place) const { return find_form(places_[place])->kind == Form::Kind::answer; }
    static AnalysisRow row_of(const std::string& who, const std::string& from) {
        return {.id = who + " " + from,
                .label = fmt::format("{} from {}", who, from),
                .values = {},
                .about = {{"method", who}, {"from", from}}};
    }
    AnalysisRow gain_row(const std::string& who, const std::string& from) const {
        AnalysisRow row = row_of(who, from);
        for (const auto& place : places_) row.values.push_back(scores_.mean(gain(who, from, place)));
        return row;
    }
    static Values mean_sum(const Values& a, const Values& b) {
        Values out(a.size());
        for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i];
        return out;
    }
    // v = {both, a, b, neither}: (both - a) - (b - neither), by item.
    static Values interaction(const std::vector<Values>& v) {
        return minus(minus(v[0], v[1]), minus(v[2], v[3]));
    }
    AnalysisSummary matrix(const char* id, const char* title, const char* note) const {
        AnalysisSummary t{id, title, note, "vector"};
        for (const auto& place : places_) t.columns.push_back({place, "in " + place});
        return t;
    }
    template <class Use>
    void for_each_control(const Use& use) const {
        if (!plan_.controls) return;
        for (const auto& method : plan_.methods) use(random_id(method), p_.forms.front(), method);
    }
    Values gain(const std::string& who, const std::string& from, const std::string& place) const {
        const auto v = aligned(records_.test, {steered_in(who, from, place), unsteered_in(place)}, "logprob");
        return minus(v[0], v[1]);
    }
    Interval accuracy(const std::string& id) const { return scores_.mean(id, "first_token"); }
    void row_of_shots(AnalysisSummary& t, const std::string& method, int n, const std::string& without,
                      const std::string& with) const {
        const std::string home = p_.forms.front();
        const auto v = aligned(
            records_.test, {with, without, steered_in(method, home, home), unsteered_in(home)}, "logprob");
        AnalysisRow row{.id = with_shots(method, n),
                        .label = with_shots(method, n),
                        .values = {accuracy(without), accuracy(with), scores_.mean(v[1]), scores_.mean(v[0]),
                                   scores_.mean(minus(v[0], v[1])), no_number(), no_number()},
                        .about = {{"method", method}},
                        .setting = {{"shots", n}}};
        if (n > 0) {
            row.values[5] = scores_.mean(interaction(v));
            row.values[6] = scores_.mean(interaction(log_odds(v)));
        }
        t.rows.push_back(std::move(row));
    }

    const Plan& plan_;
    const TransferPlan& p_;
    const TaskRecords& records_;
    std::vector<std::string> places_;
    std::map<std::string, std::map<std::string, std::string>> settings_;
    std::uint64_t seed_;
    Scores scores_;
};

void append(Values& to, const Values& more) { to.insert(to.end(), more.begin(), more.end()); }
void append(std::vector<Values>& to, const std::vector<Values>& more) {
    to.resize(more.size());
    for (std::size_t i = 0; i < more.size(); ++i) append(to[i], more[i]);
}

bool is_form(const Plan& plan, const std::string& place) {
    const auto& forms = plan.transfer.forms;
    return std::find(forms.begin(), forms.end(), place) != forms.end();
}

std::vector<AnalysisColumn> overview_columns(const Plan& plan) {
    std::vector<AnalysisColumn> columns = {{"own", "own form"}, {"other", "other forms"}, {"kept", "kept"}};
    for (const auto& place : transfer_places(plan)) {
        const auto kind = find_form(place)->kind;
        if (kind == Form::Kind::answer && is_form(plan, place)) continue;
        columns.push_back({"into " + place, "into " + place});
        if (kind == Form::Kind::choice && is_form(plan, place))
            columns.insert(columns.end(),
                           {{"out of " + place, "out of " + place}, {"within " + place, "within " + place}});
    }
    return columns;
}

// A method's gains on one model, over the items of all its tasks and seeds.
AnalysisRow overview_row(const Plan& plan, const std::vector<const TaskRecords*>& records,
                         const std::string& model, const std::string& method) {
    Tables::Pooled all;
    for (const auto* r : records) {
        if (r->closing.task.model != model) continue;
        const auto one = Tables(plan, *r).pooled(method);
        append(all.own, one.own), append(all.other, one.other);
        append(all.into, one.into), append(all.out, one.out), append(all.within, one.within);
    }
    const auto interval = [&](const Values& v) {
        return v.empty() ? no_number() : bootstrap_mean(v, Scale::number, plan.n_bootstrap, 0);
    };
    AnalysisRow row{
        method,
        method,
        {interval(all.own), interval(all.other),
         all.other.empty() ? no_number() : bootstrap_ratio(all.other, all.own, plan.n_bootstrap, 0)}};
    row.about = {{"method", method}, {"model", model}};
    for (std::size_t i = 0; i < all.into.size(); ++i) {
        row.values.push_back(interval(all.into[i]));
        if (all.within[i].empty()) continue;
        row.values.push_back(interval(all.out[i]));
        row.values.push_back(interval(all.within[i]));
    }
    return row;
}

// One row for each method (and each model, where there are several), over the items of all records given.
AnalysisSummary overview(const Plan& plan, const std::vector<const TaskRecords*>& records) {
    AnalysisSummary t{"transfer-summary",
                      "What is kept in other forms",
                      "Mean gain in log-probability over unsteered, in nats, over forms and items. Own: "
                      "applied in the form a vector was taken in; other: in the other forms whose answers "
                      "are the same words; kept: other / own, no number where the own gain is not clearly "
                      "above 0. Intervals are over items, of all tasks and seeds together.",
                      "method",
                      overview_columns(plan),
                      {},
                      true};
    std::vector<std::string> models;
    for (const auto* r : records)
        if (std::find(models.begin(), models.end(), r->closing.task.model) == models.end())
            models.push_back(r->closing.task.model);
    for (const auto& model : models)
        for (const auto& method : plan.methods) {
            t.rows.push_back(overview_row(plan, records, model, method));
            if (models.size() > 1)
                t.rows.back().id = t.rows.back().label = method + ", " + model_title(plan, model);
        }
    return t;
}

}  // namespace

void Transfer::analyse(const Plan& plan, const TaskRecords& records, TaskSummary& task) const {
    const Tables tables(plan, records);
    task.analyses = {overview(plan, {&records}), tables.gains(), tables.accuracies(), tables.kept(),
                     tables.composition(),       tables.shots()};
}

void Transfer::analyse_run(const Plan& plan, const std::vector<TaskRecords>& records,
                           Summary& summary) const {
    if (records.empty()) return;
    std::vector<const TaskRecords*> all;
    for (const auto& r : records) all.push_back(&r);
    summary.analyses.push_back(overview(plan, all));
    for (auto& table : analyse_models(plan, records)) summary.analyses.push_back(std::move(table));
}

}  // namespace tiller::study
