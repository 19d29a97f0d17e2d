#include "study/toml_depth.h"

#include <fmt/format.h>

#include <algorithm>

#include "tiller/error.h"

namespace tiller::study {
namespace {

class Scan {
public:
    Scan(std::string_view toml, const std::string& name, int max_depth)
        : toml_(toml), name_(name), max_depth_(max_depth) {}

    void run() {
        while (at_ < toml_.size()) {
            const char c = toml_[at_];
            if (c == '"' || c == '\'')
                skip_text(c);
            else if (c == '#')
                at_ = std::min(toml_.find('\n', at_), toml_.size());
            else
                look(c);
        }
    }

private:
    void look(char c) {
        ++at_;
        if (c == '.') check(++dots_ + 1, "a dotted key goes");
        if (c == '[' || c == '{') check(++open_, "values are nested");
        if (c == ']' || c == '}') --open_;
        if (c == '\n') ++line_;
        // None of these characters is part of a key: the next dot counts for another key.
        if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{') dots_ = 0;
    }
    void check(int depth, const char* what) const {
        if (depth > max_depth_)
            throw Error(Code::bad_input, fmt::format("{}, line {}: not a plan's TOML: {} more than {} deep",
                                                     name_, line_, what, max_depth_));
    }
    // Moves at_ from the quote that begins a string to the character after the one that ends it. Three quotes
    // begin a string of several lines.
    void skip_text(char quote) {
        const std::string_view three = quote == '"' ? "\"\"\"" : "'''";
        const bool is_long = toml_.substr(at_).starts_with(three);
        at_ += is_long ? 3 : 1;
        while (at_ < toml_.size()) {
            const char c = toml_[at_];
            if (!is_long && c == '\n') return;  // unfinished: the parser's message is better
            if (c == '\n') ++line_;
            if (c == '\\' && quote == '"') {
                if (toml_.substr(at_ + 1).starts_with('\n')) ++line_;  // the string goes on there
                at_ += 2;
                continue;
            }
            if (is_long ? toml_.substr(at_).starts_with(three) : c == quote) {
                at_ += is_long ? 3 : 1;
                return;
            }
            ++at_;
        }
    }

    std::string_view toml_;
    const std::string& name_;
    int max_depth_;
    std::size_t at_ = 0;
    int line_ = 1, dots_ = 0, open_ = 0;
};

}  // namespace

void check_toml_depth(std::string_view toml, const std::string& name, int max_depth) {
    Scan(toml, name, max_depth).run();
}

}  // namespace tiller::study
