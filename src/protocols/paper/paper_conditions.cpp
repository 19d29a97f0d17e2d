// The list of conditions that the paper's protocol runs on a task.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "protocols/paper/paper.h"

namespace tiller::study {
namespace {

// The value of a list that is nearest to `wanted`; the first of equally near ones.
template <class T>
T nearest(const std::vector<T>& values, double wanted) {
    return *std::min_element(values.begin(), values.end(), [&](T a, T b) {
        return std::abs(static_cast<double>(a) - wanted) < std::abs(static_cast<double>(b) - wanted);
    });
}

// The edits at a run of layers. A vector of one layer is added at each layer of the run; of a vector of all
// layers only the edits in the run are kept.
std::vector<Edit> at_layers(const std::vector<Edit>& edits, const LayerRun& run) {
    std::vector<Edit> out;
    for (int layer = run.begin; layer < run.end; ++layer)
        for (Edit edit : edits)
            if (edits.size() == 1 || edit.layer == layer) {
                edit.layer = layer;
                out.push_back(edit);
            }
    return out;
}

std::vector<Edit> with_strength(std::vector<Edit> edits, double strength) {
    for (Edit& edit : edits) edit.strength = static_cast<float>(strength);
    return edits;
}

// Collects conditions table by table. A condition that several tables ask for is kept once.
class Collector {
public:
    Collector(const TaskContext& c, const PaperVectors& v, int n_layer)
        : context_(c), vectors_(v), n_layer_(n_layer) {}

    void begin(const std::string& id, const std::string& title, const std::string& primary) {
        conditions_.tables.push_back({id, title, primary, {}});
    }
    void end() {
        if (conditions_.tables.back().conditions.empty()) conditions_.tables.pop_back();
    }
    Conditions take() && { return std::move(conditions_); }

    void unsteered(int n_shot) {
        Candidate k = asked(n_shot);
        k.id = clean_id(n_shot);
        k.label = n_shot ? fmt::format("{}-shot, permuted labels", n_shot) : "Zero-shot";
        k.method = n_shot ? "prompt" : "none";
        k.kind = Kind::baseline;
        add(std::move(k));
    }
    void in_context(int n_shot) {
        Candidate k = few_shot(n_shot);
        k.label += " (in-context learning)";
        add(std::move(k));
    }
    void fv(int n_shot) {
        if (!vectors_.fv) return;
        Candidate k = fv_candidate(n_shot);
        k.id = fmt::format("fv {}-shot", n_shot);
        k.label = fmt::format("FV ({:.0f} heads, layer {:.0f}), {}", vectors_.fv->setting.at("heads"),
                              vectors_.fv->setting.at("layer"), few_shot_id(n_shot));
        k.clean = clean_id(n_shot);
        add(std::move(k));
    }
    void icv(int pairs, double alpha, int n_shot) { add(icv_candidate(pairs, alpha, n_shot)); }
    void natural(const std::string& form, int number, const std::vector<int>& pairs) {
        const std::string name = fmt::format("natural-{}", number);
        const auto ask = [&](Candidate k, const std::string& id, const std::string& label) {
            k.id = name + " " + id;
            k.label = fmt::format("{}, template {}", label, number);
            k.natural_text = form;
            k.setting.erase("shots");
            k.setting["template"] = number;
            k.clean = name + " unsteered";
            if (k.id == k.clean) k.clean.clear();
            add(std::move(k));
        };
        Candidate clean = asked(0);
        clean.method = "none";
        clean.kind = Kind::baseline;
        ask(clean, "unsteered", "Unsteered");
        if (vectors_.fv) ask(fv_candidate(0), "fv", "FV");
        for (const int n : pairs)
            for (const double alpha : plan().alphas)
                if (vectors_.icv.count(n))
                    ask(icv_candidate(n, alpha, 0), fmt::format("icv {} pairs alpha {}", n, alpha),
                        fmt::format("ICV, {} pairs, alpha {}", n, alpha));
    }
    void layers(const std::string& code, const std::vector<int>& pairs, int n_shot) {
        const LayerRun run = layers_of(code, n_layer_);
        const auto put = [&](Candidate k, const std::string& id, const std::string& label, double strength) {
            const std::string whole_id = k.id;
            k.id = fmt::format("{} {} {}-shot", id, code, n_shot);
            k.label = fmt::format("{}, {} ({}), {}", label, code, layers_text(run), few_shot_id(n_shot));
            k.layers = code;
            k.setting.erase("layer");
            k.setting["layer_begin"] = run.begin;
            k.setting["layer_end"] = run.end;
            k.setting["shots"] = n_shot;
            k.clean = clean_id(n_shot);
            const auto edits = with_strength(at_layers(k.edits, run), strength);
            // An in-context vector in all layers is the one of the other tables: it is not run again.
            if (k.method == "icv" && edits.size() == k.edits.size()) k.same_as = known(whole_id);
            k.edits = edits;
            add(std::move(k));
        };
        if (vectors_.fv)
            put(fv_candidate(n_shot), "fv", "FV", static_cast<double>(vectors_.fv->edits.front().strength));
        for (const int n : pairs)
            for (const double alpha : plan().layer_alphas)
                if (vectors_.icv.count(n))
                    put(icv_candidate(n, alpha, n_shot), fmt::format("icv {} pairs alpha {}", n, alpha),
                        fmt::format("ICV, {} pairs, alpha {}", n, alpha), alpha);
    }

private:
    const PaperPlan& plan() const { return context_.plan.paper; }
    static std::string clean_id(int n) { return n ? fmt::format("{}-shot-permuted", n) : zero_shot_id; }
    static std::string layers_text(const LayerRun& run) {
        return run.end == run.begin + 1 ? fmt::format("layer {}", run.begin)
                                        : fmt::format("layers {}-{}", run.begin, run.end - 1);
    }
    static Candidate asked(int n_shot) {
        Candidate k;
        k.n_shot = n_shot;
        k.permuted_labels = n_shot > 0;
        k.setting = {{"shots", n_shot}};
        return k;
    }
    // The caller fills in id, label and clean.
    Candidate fv_candidate(int n_shot) const {
        Candidate k = asked(n_shot);
        k.method = "fv";
        k.kind = Kind::condition;
        k.setting.insert(vectors_.fv->setting.begin(), vectors_.fv->setting.end());
        k.edits = vectors_.fv->edits;
        return k;
    }
    Candidate icv_candidate(int pairs, double alpha, int n_shot) const {
        const PaperVector& vector = vectors_.icv.at(pairs);
        Candidate k = asked(n_shot);
        k.id = fmt::format("icv {} pairs alpha {} {}-shot", pairs, alpha, n_shot);
        k.label = fmt::format("ICV, {} pairs, alpha {}, {}", pairs, alpha, few_shot_id(n_shot));
        k.method = "icv";
        k.kind = Kind::condition;
        k.setting.insert(vector.setting.begin(), vector.setting.end());
        k.setting["alpha"] = alpha;
        k.edits = with_strength(vector.edits, alpha);
        k.clean = clean_id(n_shot);
        return k;
    }
    // `id` when there is a condition of that id, else "".
    std::string known(const std::string& id) const {
        const bool there = std::any_of(conditions_.all.begin(), conditions_.all.end(),
                                       [&](const Candidate& k) { return k.id == id; });
        return there ? id : "";
    }
    void add(Candidate k) {
        const auto known = std::find_if(conditions_.all.begin(), conditions_.all.end(),
                                        [&](const Candidate& other) { return other.id == k.id; });
        auto& list = conditions_.tables.back().conditions;
        list.push_back(static_cast<std::size_t>(known - conditions_.all.begin()));
        if (known == conditions_.all.end()) conditions_.all.push_back(std::move(k));
    }

    const TaskContext& context_;
    const PaperVectors& vectors_;
    int n_layer_;
    Conditions conditions_;
};

std::vector<int> cut(const std::vector<int>& counts, int most) {
    std::vector<int> out;
    for (const int n : counts) out.push_back(std::min(n, most));
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

int most_pairs(const TaskContext& c) {
    return has_defect(c.plan, "pairs_repeat") ? 1000000 : static_cast<int>(c.split.train.size());
}

}  // namespace

LayerRun layers_of(const std::string& code, int n_layer) {
    const int middle = n_layer / 2;
    const auto cut = [&](int begin, int end) { return LayerRun{std::max(begin, 0), std::min(end, n_layer)}; };
    if (code == "first") return cut(0, 1);
    if (code == "last") return cut(n_layer - 1, n_layer);
    if (code == "all") return cut(0, n_layer);
    if (code == "middle") return cut(middle, middle + 1);
    if (code == "middle2") return cut(middle - 1, middle + 1);
    if (code == "middle4") return cut(middle - 2, middle + 2);
    throw Error(
        Code::usage,
        fmt::format("unknown code of layers \"{}\"; known: first, last, all, middle, middle2, middle4",
                    code));
}

std::vector<int> pair_counts(const TaskContext& c) {
    std::vector<int> all = c.plan.paper.n_pairs;
    if (!c.plan.paper.layers.empty())
        all.insert(all.end(), c.plan.paper.layer_pairs.begin(), c.plan.paper.layer_pairs.end());
    return cut(all, most_pairs(c));
}

Conditions paper_conditions(const TaskContext& c, const PaperVectors& vectors) {
    const PaperPlan& p = c.plan.paper;
    const auto shots = c.behavioural() ? std::vector<int>{0} : p.shots;
    const auto pairs = cut(p.n_pairs, most_pairs(c));
    Collector list(c, vectors, c.engine.info().n_layer);

    list.begin("main", "Main conditions", c.primary);
    list.unsteered(0);
    for (const int s : shots)
        if (s > 0) list.unsteered(s);
    list.in_context(c.counts().n_shot);
    for (const int s : shots) list.fv(s);
    if (!vectors.icv.empty())
        for (const int s : shots) list.icv(nearest(pairs, 100), nearest(p.alphas, 1), s);

    list.begin("strength", "In-context vectors: pairs and strength", c.primary);
    if (!vectors.icv.empty())
        for (const int s : shots)
            for (const int n : pairs)
                for (const double alpha : p.alphas) list.icv(n, alpha, s);
    list.end();

    list.begin("natural", "Natural text", "present");
    if (!c.behavioural()) {
        const auto& forms = natural_templates(c.task.name);
        const int n = std::min(p.n_template, static_cast<int>(forms.size()));
        for (const int i : Random(c.seed, "natural templates").sample(static_cast<int>(forms.size()), n))
            list.natural(forms[static_cast<std::size_t>(i)], i + 1, pairs);
    }
    list.end();

    list.begin("layers", "Edit layers", c.primary);
    for (const auto& code : p.layers)
        for (const int s : shots) list.layers(code, cut(p.layer_pairs, most_pairs(c)), s);
    list.end();
    return std::move(list).take();
}

}  // namespace tiller::study
