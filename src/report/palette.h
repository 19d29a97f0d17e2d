// One fixed colour and shape for each method, in all charts and tables.
#pragma once

#include <map>
#include <string>

#include "tiller/summary.h"

namespace tiller::report {

struct MethodStyle {
    std::string light, dark;  ///< #rrggbb on a light and on a dark page.
    std::string shape;        ///< Vega's name of a point shape, or a path in a box from -1 to 1.
    std::string path;         ///< The same shape as an SVG path in a 12 x 12 box.
};

/// Colours that people with colour-vision deficiencies can tell apart (after Okabe and Ito). Methods that
/// tiller ships have their own; others get what is left, in the order of their names.
class Palette {
public:
    explicit Palette(const Summary& summary);

    /// "var(--m2)": the colour's CSS variable; in a chart the page puts the colour of the reader's mode
    /// there.
    std::string colour(const std::string& method) const;
    const MethodStyle& style(const std::string& method) const;
    /// The same for a setting: prompts with a cue or an instruction have signs of their own, so that they are
    /// not taken for the few-shot prompt.
    std::string colour(const SettingSummary& setting) const;
    const MethodStyle& style(const SettingSummary& setting) const;
    /// The sign of a setting for tables and legends (inline SVG); hollow for the paper's setting.
    std::string sign(const SettingSummary& setting) const;
    /// "--m0:#...;--m1:..." for one mode.
    std::string variables(bool dark) const;

private:
    std::map<std::string, int> slots_;
};

/// True when a setting's point is drawn hollow.
bool is_hollow(const SettingSummary& setting);

}  // namespace tiller::report
