// Which rows fork() computes together. A wave is a batch of one token for each of several rows.
#pragma once

#include <span>
#include <vector>

#include "engine/row_state.h"

namespace tiller::engine {

/// Prompts share a wave up to so many rows and cells together: enough rows for the engine's matrix kernels,
/// and few enough cells for attention, which scans the cells of all of them. Three prompts of 40 tokens with
/// 10 rows each share a wave of 30.
constexpr int kPackRows = 96, kPackCells = 512;
/// Prompts with too many rows for a common wave still share a cache when all of them and the largest wave fit
/// into kAttentionCells, at most kPackPrompts of them: attention, which scans all these cells, costs little
/// then. Each prompt's tokens lie in a sequence of their own, of which the rows of a wave get copies.
constexpr int kAttentionCells = 256, kPackPrompts = 16;

/// Rows of a wave, at most: whole tiles of matrix units. Attention scans the cells of all of them, so larger
/// waves cost more than they save.
constexpr int kWaveRows = 128;
/// The same for a vocabulary whose logits limit the rows that fit into memory.
int max_wave(int n_vocab);

struct Pack {
    std::vector<RowState*> rows;  ///< All rows of its prompts, those with most steps first.
    int n_prompt = 0;             ///< Different prompts.
    int n_prefix = 0;             ///< Tokens of all these prompts without their last ones, padded.
    int n_wave = 0;               ///< Rows that are computed at once.
};

/// Rows by prompt, long prompts first, in as few packs as the limits allow. A prompt that exceeds them is a
/// pack by itself. Depends only on the rows and on `most`, the model's max_wave().
std::vector<Pack> make_packs(std::span<RowState* const> rows, int most);

}  // namespace tiller::engine
