// Which rows fork() computes together.
#pragma once

#include <span>
#include <vector>

#include "engine/row_state.h"

namespace tiller::engine {

/// Rows and cells up to which prompts share a wave: enough rows for the engine's matrix kernels, and not
/// more cells than attention, which looks at those of all branches, takes in its stride.
constexpr int kPackRows = 96, kPackCells = 512;
/// Attention looks at a multiple of so many cells. Prompts whose rows make waves of their own are computed
/// together as long as they and a wave need no more. Such prompts have sequences beside the wave's.
constexpr int kAttentionCells = 256, kPackPrompts = 16;

/// Most branches computed at once, and whole tiles of matrix units. Attention looks at the cells of all of
/// them, so that larger waves cost more than they save (docs/performance.md).
constexpr int kWaveRows = 128;
/// The same where outputs take their memory, too.
int max_wave(int n_vocab);

struct Pack {
    std::vector<RowState*> rows;  ///< Those of one prompt are not divided; most steps first.
    int n_prompt = 0;             ///< Different ones, and
    int n_prefix = 0;             ///< tokens of all of them without their last, padded.
    int n_wave = 0;               ///< Rows that are computed at once.
};

/// Rows by prompt, long prompts first, in as few packs as the limits allow; a prompt that alone has more rows
/// or cells is a pack by itself. Depends on the rows and `most`, max_wave() of the model, alone.
std::vector<Pack> make_packs(std::span<RowState* const> rows, int most);

}  // namespace tiller::engine
