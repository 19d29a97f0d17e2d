// Rows whose text is printed as it comes.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "tiller/engine.h"

namespace tiller::cli {

/// Is standard output a terminal?
bool prints_to_terminal();

/// May standard output be coloured? On a terminal that can, unless the variable NO_COLOR is set and not
/// empty.
bool prints_in_colour();

/// Runs rows as Engine::run() does and prints the text of each after its heading, in order. The first
/// unfinished row is printed token by token; text of later rows, computed in the same batches, is held back
/// until their turn. Errors as Engine::run().
std::vector<RowResult> stream_rows(Engine& engine, std::span<const Row> rows,
                                   std::span<const std::string> heads);

}  // namespace tiller::cli
