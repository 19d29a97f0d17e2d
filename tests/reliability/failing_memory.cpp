#include "reliability/failing_memory.h"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace tiller::test {
namespace {

struct State {
    bool counts = false, for_ever = false;
    std::int64_t n = 0, fails_at = 0;
};
thread_local State state;

bool fails() noexcept {
    if (!state.counts) return false;
    ++state.n;
    if (state.fails_at == 0) return false;
    return state.for_ever ? state.n >= state.fails_at : state.n == state.fails_at;
}

void* take(std::size_t size, std::size_t alignment) {
    if (fails()) throw std::bad_alloc();
    void* memory = nullptr;
    if (size == 0) size = 1;
    if (alignment <= alignof(std::max_align_t))
        memory = std::malloc(size);
    else if (::posix_memalign(&memory, alignment, size) != 0)
        memory = nullptr;
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

}  // namespace

FailingMemory::FailingMemory(std::int64_t n, bool for_ever) { state = {true, for_ever, 0, n}; }
FailingMemory::~FailingMemory() { state = {}; }
std::int64_t FailingMemory::n_allocation() const noexcept { return state.n; }

}  // namespace tiller::test

// The other forms of operator new call these two.
void* operator new(std::size_t size) { return tiller::test::take(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
    return tiller::test::take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
