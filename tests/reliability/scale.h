// How much a reliability test tries: a small form in every run of the tests, all of it with
// TILLER_RELIABILITY=full (./run reliability).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace tiller::test {

inline bool tries_all() {
    const char* value = std::getenv("TILLER_RELIABILITY");
    return value != nullptr && std::string(value) == "full";
}

/// What was tried, for the table in docs/reliability.md; ./run reliability collects these lines.
inline void tell(const std::string& what) { std::printf("RELIABILITY %s\n", what.c_str()); }

}  // namespace tiller::test
