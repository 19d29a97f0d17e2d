#include "tasks/json_events.h"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "core/strict_json.h"
#include "core/util.h"
#include "tiller/error.h"

namespace tiller {
namespace {

constexpr int max_depth = 8;

/// Reads bytes and counts them in a variable that Bridge reads, since nlohmann's events carry no position.
class CountingCursor {
public:
    using iterator_category = std::input_iterator_tag;
    using value_type = char;
    using difference_type = std::ptrdiff_t;
    using pointer = const char*;
    using reference = const char&;

    CountingCursor(const char* at, std::size_t* count) : at_(at), count_(count) {}
    reference operator*() const { return *at_; }
    CountingCursor& operator++() {
        ++at_;
        ++*count_;
        return *this;
    }
    CountingCursor operator++(int) {
        CountingCursor old = *this;
        ++*this;
        return old;
    }
    bool operator==(const CountingCursor& other) const { return at_ == other.at_; }
    bool operator!=(const CountingCursor& other) const { return at_ != other.at_; }

private:
    const char* at_;
    std::size_t* count_;
};

/// Passes the events of nlohmann's SAX interface on to JsonEvents, with their positions.
class Bridge : public nlohmann::json_sax<nlohmann::json> {
public:
    Bridge(const std::string& name, JsonEvents& events) : name_(name), events_(events) {}
    std::size_t* count() { return &at_; }

    bool null() override { return other("null"); }
    bool boolean(bool value) override {
        events_.boolean(value, at_);
        return true;
    }
    bool number_integer(number_integer_t) override { return other("a number"); }
    bool number_unsigned(number_unsigned_t) override { return other("a number"); }
    bool number_float(number_float_t, const string_t&) override { return other("a number"); }
    bool binary(binary_t&) override { return other("binary data"); }
    bool string(string_t& value) override {
        events_.string(value, at_);
        return true;
    }
    bool start_object(std::size_t) override {
        enter();
        events_.begin_object(at_);
        return true;
    }
    bool key(string_t& value) override {
        events_.key(value, at_);
        return true;
    }
    bool end_object() override {
        --depth_;
        events_.end_object(at_);
        return true;
    }
    bool start_array(std::size_t) override {
        enter();
        events_.begin_list(at_);
        return true;
    }
    bool end_array() override {
        --depth_;
        events_.end_list(at_);
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception& e) override {
        const std::string why = json_error_text(e);
        throw Error(
            Code::bad_input,
            fmt::format("{}: malformed JSON at byte {}: {}; expected a valid JSON text in UTF-8: correct "
                        "the file there",
                        name_, position, excerpt(why)));
    }

private:
    bool other(const char* what) {
        events_.other(what, at_);
        return true;
    }
    void enter() {
        if (++depth_ > max_depth)
            throw Error(
                Code::bad_input,
                fmt::format("{}: values are nested {} deep at byte {}; expected at most {}: flatten the file",
                            name_, depth_, at_, max_depth));
    }

    const std::string& name_;
    JsonEvents& events_;
    std::size_t at_ = 0;
    int depth_ = 0;
};

}  // namespace

void walk_json(std::string_view bytes, const std::string& name, JsonEvents& events) {
    Bridge bridge(name, events);
    nlohmann::json::sax_parse(CountingCursor(bytes.data(), bridge.count()),
                              CountingCursor(bytes.data() + bytes.size(), bridge.count()), &bridge);
}

std::string excerpt(std::string_view text) {
    constexpr std::size_t longest = 240;
    std::string out(text.substr(0, longest));
    // A cut may fall inside a character: drop the partial one rather than show it as broken.
    if (text.size() > longest) {
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
        if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xC0) out.pop_back();
        out += "...";
    }
    for (char& c : out)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
    return valid_utf8(out);
}

}  // namespace tiller
