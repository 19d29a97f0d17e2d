// Does a vector belong to a model?
#include <fmt/format.h>

#include "tiller/error.h"
#include "tiller/vector.h"
#include "vectors/architecture_names.h"
#include "vectors/reject.h"
#include "vectors/vector_format.h"

namespace tiller {
namespace {

// Collects differences between a vector and a model, as text that continues "the vector's".
class Differences {
public:
    Differences(const SteeringVector& vector, const ModelInfo& info) : vector_(vector), info_(info) {}

    void add_shapes() {
        const Provenance& from = vector_.provenance;
        compare_count("n_layer", from.n_layer, info_.n_layer);
        compare_count("n_embd", from.n_embd, info_.n_embd);
        std::vector<int> lacking;
        bool lengths_named = from.n_embd != 0 && from.n_embd != info_.n_embd;  // then all differ
        for (const auto& [layer, direction] : vector_.directions) {
            if (layer < 0 || layer >= info_.n_layer) lacking.push_back(layer);
            if (lengths_named ||
                fits_width(vector_.operation, direction.size(), static_cast<std::size_t>(info_.n_embd)))
                continue;
            lengths_named = true;
            add(fmt::format("length of direction.{}", layer), fmt::format("{}", direction.size()),
                fmt::format("{}", info_.n_embd));
        }
        if (!lacking.empty())
            text_ += fmt::format("{} layer of a direction is {}, the model has layers 0 to {}", separator(),
                                 layers_text(lacking), info_.n_layer - 1);
    }
    void add_identity(std::vector<std::string>& notes) {
        const Provenance& from = vector_.provenance;
        if (from.architecture.empty() && from.model_digest.empty())
            notes.emplace_back(
                "says nothing of the model that it was made with; only its shapes were compared");
        else if (!from.architecture.empty() && from.architecture != info_.architecture &&
                 !info_.architecture.empty() && same_architecture(from.architecture, info_.architecture))
            notes.push_back(fmt::format("names the architecture {}, another project's name of the model's {}",
                                        printable(from.architecture), printable(info_.architecture)));
        else
            compare_text("architecture", from.architecture, info_.architecture);
        compare_text("quantisation", from.quantisation, info_.quantisation);
        compare_text("tokenizer_digest", from.tokenizer_digest, info_.tokenizer_digest);
        if (!is_model_of(from, info_)) compare_text("model_digest", from.model_digest, info_.digest);
    }
    const std::string& text() const { return text_; }

private:
    const char* separator() const { return text_.empty() ? "" : ";"; }
    void add(const std::string& what, const std::string& in_vector, const std::string& in_model) {
        text_ += fmt::format("{} {} is {}, the model's is {}", separator(), what, in_vector, in_model);
    }
    // Empty means not known, as in vectors of other tools, and is not compared.
    void compare_text(const char* what, const std::string& in_vector, const std::string& in_model) {
        if (!in_vector.empty() && !in_model.empty() && in_vector != in_model)
            add(what, printable(in_vector), printable(in_model));
    }
    void compare_count(const char* what, int in_vector, int in_model) {
        if (in_vector != 0 && in_vector != in_model)
            add(what, fmt::format("{}", in_vector), fmt::format("{}", in_model));
    }

    const SteeringVector& vector_;
    const ModelInfo& info_;
    std::string text_;
};

}  // namespace

bool is_model_of(const Provenance& provenance, const ModelInfo& info) noexcept {
    if (!provenance.weights_digest.empty() && !info.weights_digest.empty())
        return provenance.weights_digest == info.weights_digest;
    return provenance.model_digest == info.digest;
}

std::vector<std::string> require_match(const SteeringVector& vector, const ModelInfo& info, bool force,
                                       const std::string& subject) {
    Differences differences(vector, info);
    std::vector<std::string> notes;
    differences.add_shapes();
    const bool shapes_fit = differences.text().empty();
    if (is_zero(vector)) notes.emplace_back("is 0 in all layers: it changes nothing at any strength");
    if (!force) differences.add_identity(notes);
    if (differences.text().empty()) return notes;
    const std::string& model = vector.provenance.model_name;
    throw Error(
        Code::bad_input,
        fmt::format(
            "{}steering vector {}{} does not belong to model {}: the vector's{}.\nExtract a vector with "
            "this model{}",
            subject.empty() ? "" : subject + ": ", printable(vector.method),
            model.empty() ? "" : fmt::format(" (model {})", printable(model)), printable(info.name),
            differences.text(),
            shapes_fit ? ", or force the pairing (its shapes fit)." : "; its shapes cannot fit this one."),
        shapes_fit ? Topic::pairing : Topic::none);
}

}  // namespace tiller
