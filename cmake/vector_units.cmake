# src/engine/vocabulary_pass.cpp: one function for each vector unit, where compiler and loader can choose between them
# when the program starts. Sanitizers are not ready yet when that choice is made.

include(CheckCXXSourceCompiles)
check_cxx_source_compiles("
    __attribute__((target_clones(\"avx512f\", \"avx2\", \"default\"))) int f(int x) { return x + 1; }
    int main() { return f(-1); }" TILLER_HAS_TARGET_CLONES)
if(TILLER_HAS_TARGET_CLONES AND NOT TILLER_SANITIZE)
    set_source_files_properties(src/engine/vocabulary_pass.cpp PROPERTIES COMPILE_DEFINITIONS TILLER_TARGET_CLONES)
endif()
# Sums of products stay two roundings, as on machines without fused ones: the results are the same everywhere.
set_source_files_properties(src/engine/vocabulary_pass.cpp PROPERTIES COMPILE_OPTIONS -ffp-contract=off)
