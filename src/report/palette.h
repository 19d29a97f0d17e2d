// The colour and the shape of each method, the same in all charts and tables.
#pragma once

#include <map>
#include <string>

#include "tiller/summary.h"

namespace tiller::report {

struct MethodStyle {
    std::string light, dark;  ///< Colours #rrggbb for a light and for a dark page.
    std::string shape;        ///< For Vega: the name of a point shape, or an SVG path in a box from -1 to 1.
    std::string path;         ///< The same shape as an SVG path in a 12 x 12 box.
};

/// Colours that people with colour-vision deficiencies can tell apart (after Okabe and Ito). "none",
/// "prompt", "fv", "icv" and "random" always have the same style. The other methods of the summary get the
/// six remaining ones, in alphabetical order; more than six repeat them.
class Palette {
public:
    explicit Palette(const Summary& summary);

    /// The CSS variable of the method's colour, "var(--m2)". In charts the page's script replaces it by the
    /// colour of the reader's mode.
    std::string colour(const std::string& method) const;
    /// The method's style; unknown methods look like "none".
    const MethodStyle& style(const std::string& method) const;
    /// The same for a setting. Prompts with a cue or an instruction have a style of their own, so that
    /// readers do not take them for the few-shot prompt.
    std::string colour(const SettingSummary& setting) const;
    const MethodStyle& style(const SettingSummary& setting) const;
    /// Inline SVG of the setting's mark for tables and legends; hollow when is_hollow().
    std::string sign(const SettingSummary& setting) const;
    /// CSS that sets the variables of all colours for one mode: "--m0:#...;--m1:...".
    std::string variables(bool dark) const;

private:
    std::map<std::string, int> slots_;
};

/// Is the setting's mark hollow? True for the paper's setting of a method.
bool is_hollow(const SettingSummary& setting);

}  // namespace tiller::report
