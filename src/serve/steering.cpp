#include "serve/steering.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/names.h"
#include "core/numbers.h"
#include "serve/base64.h"
#include "serve/layer_list.h"
#include "serve/problem.h"
#include "tasks/json_events.h"
#include "vectors/reject.h"
#include "vectors/share_turns.h"

namespace tiller::serve {
namespace {

using Kind = Positions::Kind;
constexpr double kLargestScale = std::numeric_limits<float>::max();

// "prompt" and "generation" of `apply`: which kind of positions they stand for.
void read_apply(const Json& value, SteeringTerm& term, const std::string& path) {
    Fields fields(value, path);
    if (const Json* prompt = fields.find("prompt")) {
        if (*prompt == true || *prompt == "all")
            term.prompt = Kind::all;
        else if (*prompt == "last")
            term.prompt = Kind::last_prompt;
        else if (*prompt == false || *prompt == "none")
            term.prompt = Kind::generated;
        else
            invalid(fields.path_of("prompt"), "expected \"all\", \"last\", \"none\", true or false");
    }
    if (const Json* generation = fields.find("generation")) {
        if (*generation == true || *generation == "all")
            term.generation = true;
        else if (*generation == false || *generation == "none")
            term.generation = false;
        else
            invalid(fields.path_of("generation"), "expected \"all\", \"none\", true or false");
    }
    fields.done();
    if (term.prompt == Kind::generated && term.generation == false)
        invalid(path, "neither prompt nor generation is steered; leave the vector out");
}

SteeringTerm read_term(const Json& value, const std::string& path) {
    Fields fields(value, path);
    SteeringTerm term;
    term.path = term.name_path = path;
    const auto name = fields.text("name"), source = fields.text("source"), data = fields.text("data");
    if (name.has_value() + source.has_value() + data.has_value() != 1)
        throw Problem(400, name || source || data ? "invalid_value" : "missing_field",
                      fmt::format("{}: expected one of name (or source) and data", path),
                      fields.path_of("name"));
    if (data) {
        const auto bytes = from_base64(*data);
        if (!bytes) invalid(fields.path_of("data"), "this is not base64");
        term.data = *bytes;
    } else {
        term.name = name ? *name : *source;
        term.name_path = fields.path_of(name ? "name" : "source");
        if (!is_vector_name(term.name))
            throw Problem(
                404, "vector_not_found",
                fmt::format("{} is no name of a vector; paths are never opened", excerpt(term.name)),
                term.name_path);
    }
    if (const auto scale = fields.number("scale", -kLargestScale, kLargestScale))
        term.scale = static_cast<float>(*scale);
    if (const auto strength = fields.number("strength", -kLargestScale, kLargestScale)) {
        if (term.scale) invalid(fields.path_of("strength"), "scale is another name for it; give one of them");
        term.scale = static_cast<float>(*strength);
    }
    if (const Json* layers = fields.find("layers"))
        term.layers = layers_of(*layers, fields.path_of("layers"));
    if (const Json* apply = fields.find("apply")) read_apply(*apply, term, fields.path_of("apply"));
    fields.refuse("normalize", "vectors are applied as they are", false);
    fields.done();
    return term;
}

SteeringTerms read_entry(const Json& value, const std::string& path) {
    if (value.is_null()) return {};
    if (value.is_string()) return parse_steering_text(value.get<std::string>(), path);
    if (!value.is_object()) wrong_type(path, value, "a text, an object or null");
    Fields fields(value, path);
    const Json& vectors = fields.need("vectors");
    const std::string at = fields.path_of("vectors");
    if (!vectors.is_array()) wrong_type(at, vectors, "a list");
    if (vectors.size() > kMostTerms)
        invalid(at, fmt::format("{} vectors, expected at most {}", vectors.size(), kMostTerms));
    SteeringTerms terms;
    for (std::size_t i = 0; i < vectors.size(); ++i) terms.push_back(read_term(vectors[i], at_index(at, i)));
    fields.refuse("conflict", "vectors are applied one after the other", "sequential");
    fields.done();
    return terms;
}

// What the vector's positions are with the prompt's or the generation's part replaced.
Kind positions_of(const SteeringTerm& term, Kind own) {
    if (term.positions) return *term.positions;
    if (!term.prompt && !term.generation) return own;
    const auto own_prompt = [own] {
        if (own == Kind::last_prompt || own == Kind::steered) return Kind::last_prompt;
        return own == Kind::generated ? Kind::generated : Kind::all;
    };
    const Kind prompt = term.prompt.value_or(own_prompt());
    const bool generation = term.generation.value_or(own != Kind::last_prompt && own != Kind::prompt);
    if (prompt == Kind::generated && !generation)
        invalid(term.path + ".apply", "neither prompt nor generation is steered then; leave the vector out");
    if (prompt == Kind::all) return generation ? Kind::all : Kind::prompt;
    if (prompt == Kind::last_prompt) return generation ? Kind::steered : Kind::last_prompt;
    return Kind::generated;
}

bool wants_layer(const SteeringTerm& term, int layer) {
    return term.layers.empty() || std::binary_search(term.layers.begin(), term.layers.end(), layer);
}

void check_layers(const SteeringTerm& term, const StoredVector& stored) {
    std::vector<int> held;
    for (const Edit& edit : stored.edits) held.push_back(edit.layer);
    for (int layer : term.layers)
        if (!std::binary_search(held.begin(), held.end(), layer))
            invalid(term.path + ".layers",
                    fmt::format("the vector has no layer {}, only {}", layer, layers_text(held)));
}

}  // namespace

SteeringField parse_steering(const Json* value, const std::string& path) {
    SteeringField field;
    if (value && value->is_array()) {
        field.is_list = field.given = true;
        if (value->empty()) invalid(path, "an empty list; leave it out");
        for (std::size_t i = 0; i < value->size(); ++i)
            field.entries.push_back(read_entry((*value)[i], at_index(path, i)));
        return field;
    }
    field.entries.push_back(value ? read_entry(*value, path) : SteeringTerms{});
    field.given = !field.entries.front().empty();
    return field;
}

Steering apply_steering(const SteeringTerms& terms, const VectorStore& store) {
    Steering steering;
    if (terms.empty()) return steering;
    Json applied = Json::array();
    for (const SteeringTerm& term : terms) {
        const VectorPointer vector = term.name.empty() ? store.read("", term.data, term.path + ".data")
                                                       : store.find(term.name, term.name_path);
        const StoredVector& stored = *vector;
        check_layers(term, stored);
        const float scale = term.scale.value_or(stored.vector.scale);
        const Kind kind = positions_of(term, stored.vector.positions);
        std::vector<int> layers;
        for (Edit edit : stored.edits) {
            if (!wants_layer(term, edit.layer)) continue;
            edit.strength = scale;
            edit.positions.kind = kind;
            layers.push_back(edit.layer);
            steering.edits.push_back(std::move(edit));
        }
        applied.push_back({{"name", stored.name.empty() ? Json(nullptr) : Json(stored.name)},
                           {"digest", stored.digest},
                           {"strength", shortest(scale)},
                           {"operation", operation_name(stored.vector.operation)},
                           {"site", site_name(stored.vector.site)},
                           {"positions", positions_name(kind)},
                           {"layers", layers}});
    }
    share_turns(steering.edits);
    steering.applied = {{"applied", applied}, {"edits", steering.edits.size()}};
    return steering;
}

}  // namespace tiller::serve
