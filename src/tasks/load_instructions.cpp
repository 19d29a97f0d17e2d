#include <fmt/format.h>

#include "core/util.h"
#include "tasks/json_events.h"
#include "tasks/text.h"
#include "tiller/error.h"
#include "tiller/task.h"

namespace tiller {
namespace {

constexpr std::uint64_t max_instructions_bytes = 16ULL << 20;

// {"task": {"instruction": "...", "cue": "..."}, ...}
class InstructionReader : public JsonEvents {
public:
    explicit InstructionReader(std::string name) : name_(std::move(name)) {}

    std::map<std::string, Instruction> take() && { return std::move(all_); }

    void begin_object(std::size_t at) override {
        if (++depth_ > 2) wrong("an object", at);
        has_instruction_ = has_cue_ = false;
    }
    void key(std::string& name, std::size_t at) override {
        if (depth_ == 1) {
            if (all_.count(name))
                fail(at, fmt::format("the task {} is there twice; remove one", excerpt(name)));
            task_ = name;
            return;
        }
        bool* seen = name == "instruction" ? &has_instruction_ : name == "cue" ? &has_cue_ : nullptr;
        if (!seen)
            fail(at, fmt::format("task {}: unknown key {}; expected \"instruction\" and \"cue\"",
                                 excerpt(task_), excerpt(name)));
        if (*seen) fail(at, fmt::format("task {}: {} is there twice; remove one", excerpt(task_), name));
        *seen = true;
        into_ = seen == &has_cue_ ? &Instruction::cue : &Instruction::text;
    }
    void string(std::string& value, std::size_t at) override {
        if (depth_ != 2) wrong("a string", at);
        const auto text = trim(value);
        if (text.empty() || text.find('\0') != std::string_view::npos)
            fail(at, fmt::format("task {}: a blank text or one with NUL; expected words", excerpt(task_)));
        all_[task_].*into_ = text;
    }
    void end_object(std::size_t at) override {
        if (depth_-- == 2 && !(has_instruction_ && has_cue_))
            fail(at, fmt::format("task {} lacks \"instruction\" or \"cue\"; give both", excerpt(task_)));
    }
    void begin_list(std::size_t at) override { wrong("a list", at); }
    void end_list(std::size_t at) override { wrong("a list", at); }
    void other(const char* what, std::size_t at) override { wrong(what, at); }

private:
    [[noreturn]] void fail(std::size_t at, const std::string& what) const {
        throw Error(Code::bad_input, fmt::format("instruction file {}, byte {}: {}", name_, at, what));
    }
    [[noreturn]] void wrong(const char* found, std::size_t at) const {
        fail(at, fmt::format("found {}, expected {}", found,
                             depth_ == 0   ? "an object of tasks"
                             : depth_ == 1 ? "an object with \"instruction\" and \"cue\""
                                           : "a string"));
    }

    std::string name_, task_;
    int depth_ = 0;
    bool has_instruction_ = false, has_cue_ = false;
    std::string Instruction::*into_ = &Instruction::text;
    std::map<std::string, Instruction> all_;
};

}  // namespace

std::map<std::string, Instruction> load_instructions(const std::filesystem::path& path) {
    InstructionReader reader(path.string());
    const std::string bytes = read_file(path, max_instructions_bytes);
    walk_json(bytes, "instruction file " + path.string(), reader);
    return std::move(reader).take();
}

}  // namespace tiller
