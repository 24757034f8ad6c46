#include "csha.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define BLOCK 64

static const uint32_t round_constants[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

// Four lanes need more registers than there are. With the three-operand forms of AVX2 fewer copies are spilled; with
// the 32 registers of AVX-512 (of which only the narrow forms are used) almost none.

#define SHA_TARGET "sha,avx2"
#define SHA_NAME(x) x##_avx2
#include "lanes.h"
#undef SHA_TARGET
#undef SHA_NAME

#define SHA_TARGET "sha,avx2,avx512f,avx512vl"
#define SHA_NAME(x) x##_avx512
#include "lanes.h"
#undef SHA_TARGET
#undef SHA_NAME

int csha_level(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_SHA)) return CSHA_NONE;
    // These also ask whether the operating system keeps the wider registers.
    if (!__builtin_cpu_supports("avx2")) return CSHA_NONE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512vl")) return CSHA_AVX2;
    return CSHA_AVX512;
}

void csha_sha1(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (level == CSHA_AVX512 ? sha1_any_avx512 : sha1_any_avx2)(lanes, states, data, blocks);
}

void csha_sha256(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (level == CSHA_AVX512 ? sha256_any_avx512 : sha256_any_avx2)(lanes, states, data, blocks);
}

void csha_both(int level, int lanes, uint32_t *const *states, const void *data, size_t blocks) {
    (level == CSHA_AVX512 ? both_any_avx512 : both_any_avx2)(lanes, states, data, blocks);
}

#else

int csha_level(void) { return CSHA_NONE; }

void csha_sha1(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (void)level, (void)lanes, (void)states, (void)data, (void)blocks;
}

void csha_sha256(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (void)level, (void)lanes, (void)states, (void)data, (void)blocks;
}

void csha_both(int level, int lanes, uint32_t *const *states, const void *data, size_t blocks) {
    (void)level, (void)lanes, (void)states, (void)data, (void)blocks;
}

#endif
