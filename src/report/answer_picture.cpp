#include "report/answer_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/escape.h"

namespace tiller::report {
namespace {

// Marks differ in shape and in colour, so that either tells them apart. Paths are in a box of 12 x 12.
struct Mark {
    const char *path, *colour, *meaning;
    bool hollow = false;
};
constexpr Mark kZeroShot = {"M6 2a4 4 0 1 0 .01 0z", "var(--m0)", "zero-shot prompt"};
constexpr Mark kFewShot = {"M6 1.8L10.5 9.8h-9z", "var(--m1)", "few-shot prompt"};
constexpr Mark kShown = {"M6 .5L10.8 6 6 11.5 1.2 6z", "var(--m2)", "the method, shown to work"};
constexpr Mark kNearest = {kShown.path, kShown.colour, "nearest, not shown to work", true};

constexpr double kWidth = 240, kHeight = 44, kLeft = 8, kSpan = 224;

double place_of(double share) { return kLeft + kSpan * std::clamp(share, 0.0, 1.0); }

std::string path_of(const Mark& mark) {
    return fmt::format(R"svg(<path d="{}" style="fill:{};stroke:{};stroke-width:1.4"/>)svg", mark.path,
                       mark.hollow ? "var(--page)" : mark.colour, mark.colour);
}

// A mark with its interval at height y; empty without a value.
std::string lane(const Interval& value, double y, const Mark& mark) {
    if (!std::isfinite(value.mean)) return "";
    std::string out;
    if (std::isfinite(value.low) && std::isfinite(value.high))
        out = fmt::format(
            R"svg(<line x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}" style="stroke:{};stroke-width:1.8"/>)svg",
            place_of(value.low), place_of(value.high), y, y, mark.colour);
    return out + fmt::format(R"svg(<g transform="translate({:.1f} {})">{}</g>)svg", place_of(value.mean) - 6,
                             y - 6, path_of(mark));
}

}  // namespace

std::string answer_picture(const Interval& zero_shot, const Interval& few_shot, const Interval& method,
                           bool shown, const std::string& name) {
    std::string out =
        fmt::format(R"svg(<svg class="answer" viewBox="0 0 {} {}" role="img" aria-label="{}">)svg", kWidth,
                    kHeight, html(name));
    for (const double share : {0.0, 0.25, 0.5, 0.75, 1.0})
        out += fmt::format(
            R"svg(<line x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}" style="stroke:var(--line)"/>)svg",
            place_of(share), kHeight);
    return out + lane(zero_shot, 8, kZeroShot) + lane(few_shot, 22, kFewShot) +
           lane(method, 36, shown ? kShown : kNearest) + "</svg>";
}

std::string answer_axis() {
    std::string out =
        fmt::format(R"svg(<svg class="answer axis" viewBox="0 0 {} 12" aria-hidden="true">)svg", kWidth);
    const auto number = [&](double share, const char* text) {
        out += fmt::format(
            R"svg(<text x="{:.1f}" y="10" text-anchor="middle" font-size="11" style="fill:var(--quiet)">{}</text>)svg",
            place_of(share), text);
    };
    number(0, "0"), number(0.5, "0.5"), number(1, "1");
    return out + "</svg>";
}

std::string answer_legend() {
    std::string out;
    for (const Mark& mark : {kZeroShot, kFewShot, kShown, kNearest})
        out += fmt::format(
            R"svg(<span><svg class="sign" viewBox="0 0 12 12" aria-hidden="true">{}</svg>{}</span> )svg",
            path_of(mark), mark.meaning);
    return out;
}

}  // namespace tiller::report
