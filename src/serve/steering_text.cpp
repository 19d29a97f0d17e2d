// "0.7 formal + -0.2 verbose": the text form of steering.
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>

#include "core/names.h"
#include "serve/layer_list.h"
#include "serve/problem.h"
#include "serve/steering.h"
#include "tasks/json_events.h"

namespace tiller::serve {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

class Reader {
public:
    Reader(std::string_view text, const std::string& path) : text_(text), path_(path) {}

    SteeringTerms terms() {
        SteeringTerms terms;
        float sign = 1;
        for (;;) {
            terms.push_back(term(sign));
            skip_blanks();
            if (at_end()) return terms;
            const char joint = text_[at_++];
            if (joint != '+' && joint != '-') fail("expected + or - between two vectors");
            if (terms.size() == kMostTerms) fail(fmt::format("more than {} vectors", kMostTerms));
            sign = joint == '-' ? -1.0f : 1.0f;
        }
    }

private:
    [[noreturn]] void fail(const std::string& what) const {
        throw Problem(400, "invalid_value",
                      fmt::format("{}: {} in {}; expected a form like formal:0.7, formal:0.7:all@8-12 or "
                                  "0.7 formal + -0.2 verbose",
                                  path_, what, excerpt(text_)),
                      path_);
    }
    bool at_end() const { return at_ >= text_.size(); }
    void skip_blanks() { at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size()); }

    // Up to a space, or a + that follows a name.
    std::string_view word() {
        const std::size_t end = std::min(text_.find_first_of(" \t\r\n+", at_ + 1), text_.size());
        const std::string_view word = text_.substr(at_, end - at_);
        at_ = end;
        return word;
    }

    std::optional<float> number_of(std::string_view text) const {
        // strtof would take names such as "nan" and "0x10" as well.
        if (text.find_first_not_of("0123456789.+-eE") != std::string_view::npos) return std::nullopt;
        const std::string copy(text);
        char* end = nullptr;
        const float value = std::strtof(copy.c_str(), &end);
        if (copy.empty() || end != copy.c_str() + copy.size()) return std::nullopt;
        if (!std::isfinite(value)) fail(fmt::format("the scale {} is no finite number", excerpt(text)));
        return value;
    }

    SteeringTerm term(float sign) {
        skip_blanks();
        if (at_end()) fail("a vector is missing");
        std::string_view name = word();
        std::optional<float> factor;
        // A number is a factor when a name follows it.
        if (const auto number = number_of(name)) {
            const std::size_t behind = at_;
            skip_blanks();
            if (!at_end() && text_[at_] != '+' && text_[at_] != '-') {
                factor = number;
                name = word();
            } else {
                at_ = behind;
            }
        }
        SteeringTerm term;
        term.path = term.name_path = path_;
        if (const auto at = name.rfind('@'); at != std::string_view::npos) {
            term.layers = layers_of_text(name.substr(at + 1), path_);
            name = name.substr(0, at);
        }
        // After the name, in any order: a scale, and the tokens that are steered.
        while (name.find(':') != std::string_view::npos) {
            const auto colon = name.rfind(':');
            const std::string_view part = name.substr(colon + 1);
            name = name.substr(0, colon);
            const auto kind = positions_from_name(part);
            const bool bounded = kind == Positions::Kind::last_k || kind == Positions::Kind::range;
            if (kind && !bounded && !term.positions) {
                term.positions = kind;
                continue;
            }
            if (factor) fail("a vector has two scales");
            factor = number_of(part);
            if (!factor)
                fail(fmt::format("{} is neither a scale nor all, prompt, last_prompt, steered or generated",
                                 excerpt(part)));
        }
        if (!is_vector_name(name))
            fail(fmt::format("{} is no name of a vector (letters, digits, '.', '_', '-')", excerpt(name)));
        term.name = std::string(name);
        if (factor) term.scale = sign * *factor;
        if (!factor && sign < 0) fail("a vector that is subtracted needs its scale");
        return term;
    }

    std::string_view text_;
    const std::string& path_;
    std::size_t at_ = 0;
};

}  // namespace

SteeringTerms parse_steering_text(std::string_view text, const std::string& path) {
    if (text.find_first_not_of(kBlanks) == std::string_view::npos) return {};
    return Reader(text, path).terms();
}

}  // namespace tiller::serve
