// Tokens, and what texts may say about them.
#pragma once

#include <cstdint>

namespace tiller {

using Token = std::int32_t;

/// What becomes of a control token's name ("<bos>", "<|im_end|>") in a text.
enum class ControlNames {
    refuse,  ///< The text is refused: in pieces the name means nothing to the model.
    parse,   ///< It is the token.
    text,    ///< It is text like any other, in pieces.
};

}  // namespace tiller
