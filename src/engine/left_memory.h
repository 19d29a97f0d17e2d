// Memory that loading a model leaves in the process.
#pragma once

#include <filesystem>
#include <span>

namespace tiller::engine {

/// Tells the system that this process does not need the memory-mapped pages of the files now (madvise). Until
/// then they count as its memory, although the engine has copied most of them into the layout of the
/// processor's matrix units. Pages that it still reads (rows of the token embedding) are read from the file
/// again by themselves. Does nothing where the system cannot do it.
void release_mapped_pages(std::span<const std::filesystem::path> files);

/// Gives memory that was freed back to the system: loading reads a vocabulary several times over in small
/// pieces.
void release_freed_memory();

}  // namespace tiller::engine
