/* Force-included (-include) when tiller builds its engine with GCC; see cmake/engine.cmake.
 *
 * Why: GCC's _tile_loadconfig() tells the optimiser that LDTILECFG reads 8 bytes, where the
 * instruction reads 64. ggml fills a 64-byte tile configuration on the stack and hands it over;
 * the optimiser drops the stores it believes unread, and the first tile instruction of
 * tinygemm_kernel_amx() ends in SIGILL (seen with GCC 12.2 on an AMX machine; GCC bug 114098).
 * Turning AMX off instead would cost about two thirds of the prompt speed.
 *
 * The same instruction with its whole 64-byte operand cures it, and is harmless with a compiler
 * that is already right, so the bound below is on the safe side. Only files compiled for AMX
 * (ggml-cpu, through -march=native) see anything of this header.
 */
#ifndef TILLER_AMX_TILE_CONFIG_H
#define TILLER_AMX_TILE_CONFIG_H

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 15 && defined(__AMX_TILE__)
#include <immintrin.h>

struct tiller_tile_config_bytes {
    unsigned char bytes[64];
} __attribute__((__may_alias__));

static inline __attribute__((__always_inline__)) void tiller_tile_loadconfig(const void* config) {
    __asm__ volatile("ldtilecfg\t%0" : : "m"(*(const struct tiller_tile_config_bytes*)config));
}

#define _tile_loadconfig(config) tiller_tile_loadconfig(config)
#endif

#endif
