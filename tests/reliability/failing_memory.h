// Memory that runs out where a test says so: this test program's operator new (failing_memory.cpp) counts
// the allocations of a thread and lets chosen ones throw std::bad_alloc. Memory that the engine or Eigen take
// from malloc is not counted.
#pragma once

#include <cstdint>

namespace tiller::test {

/// Which allocations fail, of those that the calling thread makes while the object lives. One at a time.
class FailingMemory {
public:
    /// The `n`th allocation fails (from 1; 0 = none); with `for_ever` all after it as well.
    FailingMemory(std::int64_t n, bool for_ever);
    ~FailingMemory();
    FailingMemory(const FailingMemory&) = delete;
    FailingMemory& operator=(const FailingMemory&) = delete;

    /// How many allocations the thread has asked for since the object was made.
    std::int64_t n_allocation() const noexcept;
};

}  // namespace tiller::test
