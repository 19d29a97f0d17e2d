#include <fmt/format.h>

#include "core/util.h"
#include "tasks/json_events.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

constexpr std::uint64_t max_sentences_bytes = 64ULL << 20;

class SentenceReader : public JsonEvents {
public:
    explicit SentenceReader(std::string name) : name_(std::move(name)) {}

    std::vector<std::string> take() && { return std::move(sentences_); }

    void begin_list(std::size_t at) override {
        if (inside_) wrong("a list", at);
        inside_ = true;
    }
    void end_list(std::size_t at) override {
        if (sentences_.empty()) fail(at, "the list holds no text; expected at least one sentence: add some");
    }
    void begin_object(std::size_t at) override { wrong("an object", at); }
    void key(std::string&, std::size_t at) override { wrong("an object", at); }
    void end_object(std::size_t at) override { wrong("an object", at); }
    void string(std::string& value, std::size_t at) override {
        if (!inside_) wrong("a string", at);
        ++read_;
        const auto text = trim(value);
        if (text.find('\0') != std::string_view::npos)
            fail(at, fmt::format("entry {} holds a NUL character; expected text: remove it", read_ - 1));
        if (!text.empty()) sentences_.emplace_back(text);
    }
    void other(const char* what, std::size_t at) override { wrong(what, at); }

private:
    [[noreturn]] void fail(std::size_t at, const std::string& what) const {
        throw Error(Code::bad_input, fmt::format("sentence file {}, byte {}: {}", name_, at, what));
    }
    [[noreturn]] void wrong(const char* found, std::size_t at) const {
        fail(at, fmt::format("{} {}; expected a JSON list of strings: correct the file",
                             inside_ ? fmt::format("entry {} is", read_) : "the file holds", found));
    }

    std::string name_;
    std::vector<std::string> sentences_;
    std::size_t read_ = 0;
    bool inside_ = false;
};

}  // namespace

std::vector<std::string> load_sentences(const std::filesystem::path& path) {
    const std::string bytes = read_file(path, max_sentences_bytes);
    SentenceReader reader(path.string());
    walk_json(bytes, "sentence file " + path.string(), reader);
    return std::move(reader).take();
}

}  // namespace tiller
