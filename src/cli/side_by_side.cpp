#include "cli/side_by_side.h"

#include <algorithm>
#include <utility>

#include "report/escape.h"

namespace tiller::cli {
namespace {

constexpr int kNarrowest = 24;
constexpr const char* kGap = " \u2502 ";
constexpr int kGapColumns = 3;

// Bytes of the character at `i` of valid UTF-8.
std::size_t length_at(const std::string& text, std::size_t i) {
    std::size_t n = 1;
    while (i + n < text.size() && (static_cast<unsigned char>(text[i + n]) & 0xC0) == 0x80) ++n;
    return n;
}

int width_of(std::string_view character) { return character == "\t" ? 1 : report::columns_of(character); }

std::string padded(const std::string& line, int columns) {
    const int missing = columns - report::columns_of(line);
    return line + std::string(static_cast<std::size_t>(std::max(missing, 0)), ' ');
}

}  // namespace

bool take_line(std::string& text, int columns, bool last, std::string& line) {
    std::size_t blank = std::string::npos;  // the last one, where the line can be broken
    int used = 0;
    std::size_t end = 0, next = 0;
    bool whole = false;
    for (std::size_t i = 0; i < text.size() && !whole;) {
        const std::size_t n = length_at(text, i);
        const bool is_blank = text[i] == ' ' || text[i] == '\t';
        const int width = width_of(std::string_view(text).substr(i, n));
        if (text[i] == '\n') {
            end = i, next = i + 1, whole = true;
        } else if (used + width > columns && i > 0) {
            // A space may follow the last column; a word that is wider than the line is cut.
            if (is_blank) blank = i;
            end = blank == std::string::npos ? i : blank;
            next = blank == std::string::npos ? i : blank + 1;
            whole = true;
        } else {
            if (is_blank) blank = i;
            used += width;
            i += n;
        }
    }
    if (!whole) {
        if (!last || text.empty()) return false;
        end = next = text.size();
    }
    line = text.substr(0, end);
    std::replace(line.begin(), line.end(), '\t', ' ');
    text.erase(0, next);
    return true;
}

SideBySide::SideBySide(std::vector<std::string> heads, int columns,
                       std::function<void(const std::string&)> write)
    : write_(std::move(write)) {
    const int n = static_cast<int>(heads.size());
    if (n > 0) width_ = (columns - kGapColumns * (n - 1)) / n;
    if (width_ < kNarrowest) width_ = 0;
    for (auto& head : heads) {
        Text text;
        text.head = std::move(head);
        if (width_ > 0) text.lines.push_back(report::fit(text.head, width_));
        texts_.push_back(std::move(text));
    }
    if (width_ > 0) print_rows();
}

void SideBySide::add_lines(Text& text, bool last) const {
    for (std::string line; take_line(text.pending, width_, last, line);) text.lines.push_back(line);
}

void SideBySide::add(std::size_t i, const std::string& text, bool last) {
    Text& one = texts_[i];
    if (one.ended) return;
    one.pending += text;
    one.ended = last;
    if (width_ == 0) return print_below();
    add_lines(one, last);
    print_rows();
}

void SideBySide::print_below() {
    std::string out;
    for (; shown_ < texts_.size(); ++shown_) {
        Text& text = texts_[shown_];
        if (!std::exchange(text.begun, true)) out += text.head + "\n";
        if (!text.pending.empty()) text.ends_line = text.pending.back() == '\n';
        out += std::exchange(text.pending, {});
        if (!text.ended) break;
        if (!text.ends_line) out += "\n";
    }
    if (!out.empty()) write_(out);
}

void SideBySide::print_rows() {
    std::string out;
    while (std::all_of(texts_.begin(), texts_.end(),
                       [](const Text& text) { return text.ended || !text.lines.empty(); }) &&
           std::any_of(texts_.begin(), texts_.end(), [](const Text& text) { return !text.lines.empty(); })) {
        std::string row;
        for (std::size_t i = 0; i < texts_.size(); ++i) {
            auto& lines = texts_[i].lines;
            const std::string line = lines.empty() ? "" : lines.front();
            if (!lines.empty()) lines.pop_front();
            row += (i > 0 ? kGap : "") + padded(line, width_);
        }
        out += row.substr(0, row.find_last_not_of(' ') + 1) + "\n";
    }
    if (!out.empty()) write_(out);
}

}  // namespace tiller::cli
