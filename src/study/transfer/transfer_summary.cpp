// Tables of the protocol "transfer", from the records.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "study/forms.h"
#include "study/transfer/transfer.h"
#include "tiller/statistics.h"

namespace tiller::study {
namespace {

using Values = std::vector<double>;

constexpr const char* kTitle = "What is kept in other forms";

Interval none() { return plain_number(std::numeric_limits<double>::quiet_NaN()); }

Values minus(const Values& a, const Values& b) {
    Values out(a.size());
    for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] - b[i];
    return out;
}

Values mean_of(const std::vector<Values>& all) {
    Values out;
    for (const Values& values : all) {
        out.resize(values.size(), 0.0);
        for (std::size_t i = 0; i < values.size(); ++i) out[i] += values[i] / static_cast<double>(all.size());
    }
    return out;
}

// Natural logarithm of p / (1 - p); a certain answer is taken as 1 - 1e-6.
Values log_odds(Values logprob) {
    for (double& v : logprob) {
        v = std::min(v, -1e-6);
        v -= std::log(-std::expm1(v));
    }
    return logprob;
}

// What one task's records say.
class Tables {
public:
    Tables(const Plan& plan, const TaskRecords& records)
        : plan_(plan),
          p_(plan.transfer),
          records_(records),
          places_(transfer_places(plan)),
          seed_(records.closing.at("seed").get<std::uint64_t>()) {}

    AnalysisSummary gains() const {
        AnalysisSummary t =
            matrix("transfer", "Gain by form",
                   "Log-probability of the right answer's first token, steered minus unsteered, "
                   "in nats. Rows: the form a vector was taken in, with the setting chosen "
                   "there; columns: the form it is applied in.");
        for_each_vector([&](const std::string& who, const std::string& from, const std::string& remark) {
            AnalysisRow row{label(who, from), {}, remark};
            for (const auto& place : places_) row.values.push_back(interval(gain(who, from, place)));
            t.rows.push_back(std::move(row));
        });
        return t;
    }

    AnalysisSummary accuracies() const {
        AnalysisSummary t = matrix("transfer-accuracy", "First-token accuracy by form",
                                   "Share of items whose right first token is the most likely one.");
        AnalysisRow clean{"unsteered", {}, ""};
        for (const auto& place : places_) clean.values.push_back(accuracy(unsteered_in(place)));
        t.rows.push_back(std::move(clean));
        for_each_vector([&](const std::string& who, const std::string& from, const std::string&) {
            AnalysisRow row{label(who, from), {}, ""};
            for (const auto& place : places_) row.values.push_back(accuracy(steered_in(who, from, place)));
            t.rows.push_back(std::move(row));
        });
        return t;
    }

    AnalysisSummary kept() const {
        AnalysisSummary t =
            matrix("transfer-kept", "Share of the gain kept by form",
                   "Gain in a form, divided by the same vector's gain in the form it was taken "
                   "in. No number where that gain is not clearly above 0.");
        for (const auto& method : plan_.methods)
            for (const auto& from : p_.forms) {
                AnalysisRow row{label(method, from), {}, ""};
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
        AnalysisSummary t;
        t.id = "composition";
        t.title = "Vectors together and in other strengths";
        t.note = fmt::format(
            "In the form {}, on prompts without demonstrations. Gain: log-probability over unsteered, in "
            "nats. "
            "Interaction: gain of both minus the sum of the two gains; the same in log-odds, ln(p / (1 - "
            "p)), "
            "which have no ceiling. A vector that replaces acts first, so that it does not wipe out the "
            "other in the same place.",
            home);
        t.head = "vector";
        t.columns = {"first token", "gain", "sum of the parts", "interaction", "interaction, log-odds"};
        const auto add = [&](const std::string& name, const std::string& id) -> AnalysisRow& {
            const auto v = aligned(records_.test, {id, unsteered_in(home)}, "logprob");
            t.rows.push_back({name, {accuracy(id), interval(minus(v[0], v[1])), none(), none(), none()}, ""});
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
                row.values[2] = interval(mean_sum(minus(v[1], v[3]), minus(v[2], v[3])));
                row.values[3] = interval(interaction(v));
                row.values[4] =
                    interval(interaction({log_odds(v[0]), log_odds(v[1]), log_odds(v[2]), log_odds(v[3])}));
            }
        for (const auto& method : plan_.methods)
            for (const double factor : p_.factors)
                add(multiple_of(method, factor), multiple_of(method, factor));
        return t;
    }

    AnalysisSummary shots() const {
        const std::string home = p_.forms.front();
        AnalysisSummary t;
        t.id = "shots";
        t.title = "Vectors beside demonstrations";
        t.note = fmt::format(
            "In the form {}. Interaction: (both - demonstrations alone) - (vector alone - neither), by item; "
            "below 0, the two do the same work twice. A log-probability cannot rise above 0, so that it is "
            "negative wherever the demonstrations already suffice; log-odds, ln(p / (1 - p)), have no such "
            "ceiling.",
            home);
        t.head = "vector";
        t.columns = {"first token without", "first token with", "log p without",        "log p with",
                     "gain by the vector",  "interaction",      "interaction, log-odds"};
        for (const auto& method : plan_.methods) {
            row_of_shots(t, method, 0, unsteered_in(home), steered_in(method, home, home));
            for (const int n : p_.shots)
                row_of_shots(t, method, n, with_shots("unsteered", n), with_shots(method, n));
        }
        return t;
    }

    // Gains of one method by what becomes of the form, item by item; empty where the plan has no such forms.
    struct Pooled {
        Values own, other;              // forms whose answers are the task's words
        std::vector<Values> into, out;  // for each further place: into it, and from it into the words' forms
        std::vector<Values> within;     // for each further place: taken and applied there
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
        out.own = mean_of(own);
        out.other = mean_of(other);
        for (std::size_t place = 0; place < places_.size(); ++place) {
            if (place < n_from && has_words(place)) continue;
            std::vector<Values> into, from_it;
            for (std::size_t from = 0; from < n_from; ++from)
                if (has_words(from)) {
                    into.push_back(of(from, place));
                    if (place < n_from) from_it.push_back(of(place, from));
                }
            out.into.push_back(mean_of(into));
            out.out.push_back(mean_of(from_it));
            out.within.push_back(place < n_from ? of(place, place) : Values{});
        }
        return out;
    }

private:
    bool has_words(std::size_t place) const { return find_form(places_[place])->kind == Form::Kind::answer; }
    static std::string label(const std::string& who, const std::string& from) {
        return fmt::format("{} from {}", who, from);
    }
    static Values mean_sum(const Values& a, const Values& b) {
        Values out(a.size());
        for (std::size_t i = 0; i < a.size(); ++i) out[i] = a[i] + b[i];
        return out;
    }
    // Both, a, b, neither: (both - a) - (b - neither).
    static Values interaction(const std::vector<Values>& v) {
        return minus(minus(v[0], v[1]), minus(v[2], v[3]));
    }
    AnalysisSummary matrix(const char* id, const char* title, const char* note) const {
        AnalysisSummary t;
        t.id = id;
        t.title = title;
        t.note = note;
        t.head = "vector";
        for (const auto& place : places_) t.columns.push_back("in " + place);
        return t;
    }
    void for_each_vector(
        const std::function<void(const std::string&, const std::string&, const std::string&)>& use) const {
        for (const auto& method : plan_.methods)
            for (const auto& from : p_.forms)
                use(method, from,
                    records_.closing.at("transfer").at("settings").at(method).at(from).get<std::string>());
        if (plan_.controls)
            for (const auto& method : plan_.methods)
                use(random_of(method), p_.forms.front(), "random direction of the same norm");
    }
    Values gain(const std::string& who, const std::string& from, const std::string& place) const {
        const auto v = aligned(records_.test, {steered_in(who, from, place), unsteered_in(place)}, "logprob");
        return minus(v[0], v[1]);
    }
    Interval interval(const Values& values) const {
        return values.empty() ? none() : bootstrap_mean(values, plan_.n_bootstrap, seed_);
    }
    Interval accuracy(const std::string& id) const {
        return interval(aligned(records_.test, {id}, "first_token")[0]);
    }
    void row_of_shots(AnalysisSummary& t, const std::string& method, int n, const std::string& without,
                      const std::string& with) const {
        const std::string home = p_.forms.front();
        const auto v = aligned(
            records_.test, {with, without, steered_in(method, home, home), unsteered_in(home)}, "logprob");
        const bool none_at_all = n == 0;
        t.rows.push_back({with_shots(method, n),
                          {accuracy(without), accuracy(with), interval(v[1]), interval(v[0]),
                           interval(minus(v[0], v[1])), none_at_all ? none() : interval(interaction(v)),
                           none_at_all ? none()
                                       : interval(interaction({log_odds(v[0]), log_odds(v[1]), log_odds(v[2]),
                                                               log_odds(v[3])}))},
                          ""});
    }

    const Plan& plan_;
    const TransferPlan& p_;
    const TaskRecords& records_;
    std::vector<std::string> places_;
    std::uint64_t seed_;
};

void append(Values& to, const Values& more) { to.insert(to.end(), more.begin(), more.end()); }

// One row for each method (and model), over the items of all records given.
AnalysisSummary overview(const Plan& plan, const std::vector<const TaskRecords*>& records) {
    AnalysisSummary t;
    t.id = "transfer-summary";
    t.headline = true;
    t.title = kTitle;
    t.note =
        "Mean gain in log-probability over unsteered, in nats, over forms and items. Own: applied in the "
        "form a "
        "vector was taken in; other: in the other forms whose answers are the same words; kept: other / own, "
        "no "
        "number where the own gain is not clearly above 0. Intervals are over items, of all tasks and seeds "
        "together.";
    t.head = "method";
    t.columns = {"own form", "other forms", "kept"};
    for (const auto& place : transfer_places(plan)) {
        const auto kind = find_form(place)->kind;
        if (kind == Form::Kind::answer &&
            std::count(plan.transfer.forms.begin(), plan.transfer.forms.end(), place))
            continue;
        t.columns.push_back("into " + place);
        if (kind == Form::Kind::choice &&
            std::count(plan.transfer.forms.begin(), plan.transfer.forms.end(), place)) {
            t.columns.push_back("out of " + place);
            t.columns.push_back("within " + place);
        }
    }
    std::vector<std::string> models;
    for (const auto* r : records)
        if (const auto model = r->closing.at("model").get<std::string>();
            std::find(models.begin(), models.end(), model) == models.end())
            models.push_back(model);
    const auto interval = [&](const Values& v) {
        return v.empty() ? none() : bootstrap_mean(v, plan.n_bootstrap, 0);
    };
    for (const auto& model : models)
        for (const auto& method : plan.methods) {
            Tables::Pooled all;
            for (const auto* r : records) {
                if (r->closing.at("model") != model) continue;
                const auto one = Tables(plan, *r).pooled(method);
                append(all.own, one.own);
                append(all.other, one.other);
                all.into.resize(one.into.size()), all.out.resize(one.into.size()),
                    all.within.resize(one.into.size());
                for (std::size_t i = 0; i < one.into.size(); ++i) {
                    append(all.into[i], one.into[i]);
                    append(all.out[i], one.out[i]);
                    append(all.within[i], one.within[i]);
                }
            }
            AnalysisRow row{models.size() > 1 ? method + ", " + model_title(plan, model) : method, {}, ""};
            row.values = {
                interval(all.own), interval(all.other),
                all.other.empty() ? none() : bootstrap_ratio(all.other, all.own, plan.n_bootstrap, 0)};
            for (std::size_t i = 0; i < all.into.size(); ++i) {
                row.values.push_back(interval(all.into[i]));
                if (all.within[i].empty()) continue;
                row.values.push_back(interval(all.out[i]));
                row.values.push_back(interval(all.within[i]));
            }
            t.rows.push_back(std::move(row));
        }
    return t;
}

}  // namespace

std::vector<Values> aligned(const BySetting& records, const std::vector<std::string>& ids,
                            const std::string& metric) {
    std::vector<std::map<int, double>> values;
    for (const auto& id : ids) values.push_back(values_of(records.at(id), metric));
    std::vector<Values> out(ids.size());
    for (const auto& [item, ignored] : values.front())
        if (std::all_of(values.begin(), values.end(), [&](const auto& v) { return v.count(item) > 0; }))
            for (std::size_t k = 0; k < values.size(); ++k) out[k].push_back(values[k].at(item));
    return out;
}

void analyse_transfer(const Plan& plan, const TaskRecords& records, TaskSummary& summary) {
    const Tables tables(plan, records);
    summary.analyses = {overview(plan, {&records}), tables.gains(), tables.accuracies(), tables.kept(),
                        tables.composition(),       tables.shots()};
}

void analyse_transfer_run(const Plan& plan, const std::vector<TaskRecords>& records, Summary& summary) {
    if (records.empty()) return;
    std::vector<const TaskRecords*> all;
    for (const auto& r : records) all.push_back(&r);
    summary.analyses.push_back(overview(plan, all));
    for (auto& table : analyse_models(plan, records)) summary.analyses.push_back(std::move(table));
}

}  // namespace tiller::study
