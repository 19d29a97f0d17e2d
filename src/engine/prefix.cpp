#include "engine/prefix.h"

#include "core/util.h"

namespace tiller::engine {

std::string prefix_key(const Row& row) {
    Digest digest;
    const int n = static_cast<int>(row.prompt.size());
    digest.add(std::string_view(reinterpret_cast<const char*>(row.prompt.data()),
                                (row.prompt.size() - 1) * sizeof(Token)));
    for (const Edit& e : row.edits) {
        bool early = false;
        for (int p = 0; p < n - 1 && !early; ++p) early = e.positions.contains(p, n);
        if (!early) continue;
        digest.add(reinterpret_cast<std::uintptr_t>(e.vector.get()));
        digest.add(std::string_view(reinterpret_cast<const char*>(&e.strength), sizeof e.strength));
        for (int v : {static_cast<int>(e.site), e.layer, e.head, static_cast<int>(e.operation),
                      static_cast<int>(e.positions.kind), e.positions.begin, e.positions.end})
            digest.add(static_cast<std::uint64_t>(static_cast<std::int64_t>(v)));
    }
    return digest.hex();
}

bool captures_early(const Row& row) {
    const int n = static_cast<int>(row.prompt.size());
    for (const Capture& c : row.captures)
        for (int p = 0; p < n - 1; ++p)
            if (c.positions.contains(p, n)) return true;
    return false;
}

}  // namespace tiller::engine
