#include "csha.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define SHA_CODE __attribute__((target("sha,sse4.1,ssse3")))
#define SHA_INLINE static inline __attribute__((always_inline)) SHA_CODE
#define BLOCK 64

int csha_available(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if (!(c & bit_SSSE3) || !(c & bit_SSE4_1)) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    return (b & bit_SHA) != 0;
}

// `lanes` is a constant in every instance of the functions below, so these loops unroll and the arrays are registers.
#define EACH_LANE for (int l = 0; l < lanes; l++)

// ---- SHA-1: twenty steps of four rounds

typedef struct {
    __m128i abcd, e;
    __m128i w[4];  // the last sixteen words of the message schedule, step s in w[s % 4]
} sha1_lane;

// Step s uses w[s % 4], then replaces it by the words of step s + 4, which need all four.
#define SHA1_STEP(s, function)                                                                                       \
    EACH_LANE {                                                                                                      \
        sha1_lane *x = &lane[l];                                                                                     \
        __m128i input = (s) == 0 ? _mm_add_epi32(x->e, x->w[0]) : _mm_sha1nexte_epu32(x->e, x->w[(s) % 4]);          \
        x->e = x->abcd;                                                                                              \
        x->abcd = _mm_sha1rnds4_epu32(x->abcd, input, function);                                                     \
        if ((s) < 16) {                                                                                              \
            __m128i mixed = _mm_sha1msg1_epu32(x->w[(s) % 4], x->w[((s) + 1) % 4]);                                  \
            mixed = _mm_xor_si128(mixed, x->w[((s) + 2) % 4]);                                                       \
            x->w[(s) % 4] = _mm_sha1msg2_epu32(mixed, x->w[((s) + 3) % 4]);                                          \
        }                                                                                                            \
    }
#define SHA1_FIVE_STEPS(s, function) \
    SHA1_STEP(s, function) SHA1_STEP((s) + 1, function) SHA1_STEP((s) + 2, function) \
    SHA1_STEP((s) + 3, function) SHA1_STEP((s) + 4, function)

SHA_INLINE void sha1_run(const int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    sha1_lane lane[CSHA_MAX_LANES];
    const uint8_t *in[CSHA_MAX_LANES];
    __m128i abcd[CSHA_MAX_LANES], e[CSHA_MAX_LANES];
    EACH_LANE {
        in[l] = data[l];
        lane[l].abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)states[l]), 0x1b);
        lane[l].e = _mm_set_epi32((int)states[l][4], 0, 0, 0);
    }
    for (; blocks > 0; blocks--) {
        EACH_LANE {
            for (int i = 0; i < 4; i++) {
                __m128i words = _mm_loadu_si128((const __m128i *)(in[l] + 16 * i));
                lane[l].w[i] = _mm_shuffle_epi8(words, big_endian);
            }
            in[l] += BLOCK;
            abcd[l] = lane[l].abcd;
            e[l] = lane[l].e;
        }
        SHA1_FIVE_STEPS(0, 0)
        SHA1_FIVE_STEPS(5, 1)
        SHA1_FIVE_STEPS(10, 2)
        SHA1_FIVE_STEPS(15, 3)
        EACH_LANE {
            lane[l].abcd = _mm_add_epi32(lane[l].abcd, abcd[l]);
            lane[l].e = _mm_sha1nexte_epu32(lane[l].e, e[l]);
        }
    }
    EACH_LANE {
        _mm_storeu_si128((__m128i *)states[l], _mm_shuffle_epi32(lane[l].abcd, 0x1b));
        states[l][4] = (uint32_t)_mm_extract_epi32(lane[l].e, 3);
    }
}

// ---- SHA-256: sixteen steps of four rounds

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

typedef struct {
    __m128i abef, cdgh;
    __m128i w[4];
} sha256_lane;

#define SHA256_STEP(s)                                                                                               \
    EACH_LANE {                                                                                                      \
        sha256_lane *x = &lane[l];                                                                                   \
        __m128i input = _mm_add_epi32(x->w[(s) % 4], _mm_load_si128((const __m128i *)(round_constants + 4 * (s)))); \
        x->cdgh = _mm_sha256rnds2_epu32(x->cdgh, x->abef, input);                                                    \
        x->abef = _mm_sha256rnds2_epu32(x->abef, x->cdgh, _mm_shuffle_epi32(input, 0x0e));                           \
        if ((s) < 12) {                                                                                              \
            __m128i mixed = _mm_sha256msg1_epu32(x->w[(s) % 4], x->w[((s) + 1) % 4]);                                \
            mixed = _mm_add_epi32(mixed, _mm_alignr_epi8(x->w[((s) + 3) % 4], x->w[((s) + 2) % 4], 4));              \
            x->w[(s) % 4] = _mm_sha256msg2_epu32(mixed, x->w[((s) + 3) % 4]);                                        \
        }                                                                                                            \
    }
#define SHA256_FOUR_STEPS(s) SHA256_STEP(s) SHA256_STEP((s) + 1) SHA256_STEP((s) + 2) SHA256_STEP((s) + 3)

SHA_INLINE void sha256_run(const int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    sha256_lane lane[CSHA_MAX_LANES];
    const uint8_t *in[CSHA_MAX_LANES];
    __m128i abef[CSHA_MAX_LANES], cdgh[CSHA_MAX_LANES];
    EACH_LANE {
        in[l] = data[l];
        // The instructions want the words as a b e f and c d g h, highest first; the state is a to h in order.
        __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)states[l]), 0xb1);
        __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(states[l] + 4)), 0x1b);
        lane[l].abef = _mm_alignr_epi8(cdab, efgh, 8);
        lane[l].cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    }
    for (; blocks > 0; blocks--) {
        EACH_LANE {
            for (int i = 0; i < 4; i++) {
                __m128i words = _mm_loadu_si128((const __m128i *)(in[l] + 16 * i));
                lane[l].w[i] = _mm_shuffle_epi8(words, big_endian);
            }
            in[l] += BLOCK;
            abef[l] = lane[l].abef;
            cdgh[l] = lane[l].cdgh;
        }
        SHA256_FOUR_STEPS(0)
        SHA256_FOUR_STEPS(4)
        SHA256_FOUR_STEPS(8)
        SHA256_FOUR_STEPS(12)
        EACH_LANE {
            lane[l].abef = _mm_add_epi32(lane[l].abef, abef[l]);
            lane[l].cdgh = _mm_add_epi32(lane[l].cdgh, cdgh[l]);
        }
    }
    EACH_LANE {
        __m128i feba = _mm_shuffle_epi32(lane[l].abef, 0x1b);
        __m128i dchg = _mm_shuffle_epi32(lane[l].cdgh, 0xb1);
        _mm_storeu_si128((__m128i *)states[l], _mm_blend_epi16(feba, dchg, 0xf0));
        _mm_storeu_si128((__m128i *)(states[l] + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
}

// ---- One instance for each number of lanes

#define INSTANCE(kind, n)                                                                                            \
    SHA_CODE static __attribute__((noinline)) void kind##_##n(uint32_t *const *s, const void *const *d, size_t blocks) {     \
        kind##_run(n, s, d, blocks);                                                                                 \
    }
#define INSTANCES(kind)                                                                                              \
    INSTANCE(kind, 1)                                                                                                \
    INSTANCE(kind, 2)                                                                                                \
    INSTANCE(kind, 3)                                                                                                \
    INSTANCE(kind, 4)                                                                                                \
    void csha_##kind(int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {                          \
        switch (lanes) {                                                                                             \
            case 1: kind##_1(states, data, blocks); break;                                                           \
            case 2: kind##_2(states, data, blocks); break;                                                           \
            case 3: kind##_3(states, data, blocks); break;                                                           \
            case 4: kind##_4(states, data, blocks); break;                                                           \
            default: break;                                                                                          \
        }                                                                                                            \
    }

INSTANCES(sha1)
INSTANCES(sha256)

#else

int csha_available(void) { return 0; }

void csha_sha1(int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (void)lanes, (void)states, (void)data, (void)blocks;
}

void csha_sha256(int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    (void)lanes, (void)states, (void)data, (void)blocks;
}

#endif
