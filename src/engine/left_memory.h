// Memory that loading a model leaves behind.
#pragma once

#include <filesystem>
#include <span>

namespace tiller::engine {

/// Tells the system that this process does not need the pages of the files' read-only mappings now. They
/// count as its memory until then, though the engine has copied most of them into the layout of the
/// processor's matrix units; those that it still reads (rows of the token embedding) come back from the file
/// by themselves. Does nothing where the system cannot do it.
void release_mapped_pages(std::span<const std::filesystem::path> files);

/// Gives memory that was freed back to the system: loading reads a vocabulary several times over in small
/// pieces.
void release_freed_memory();

}  // namespace tiller::engine
