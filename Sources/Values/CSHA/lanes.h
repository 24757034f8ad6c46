// This file is compiled once for each set of instructions: SHA_TARGET is what the functions may use, SHA_NAME(x) gives
// x a name of its own for that set.

#define SHA_CODE __attribute__((target(SHA_TARGET)))
#define SHA_INLINE static inline __attribute__((always_inline)) SHA_CODE

// `lanes` is a constant in every instance of the functions below, so these loops unroll and the arrays are registers.
#define EACH_LANE for (int l = 0; l < lanes; l++)

// ---- SHA-1: twenty steps of four rounds

typedef struct {
    __m128i abcd, e;
    __m128i w[4];  // the last sixteen words of the message schedule, step s in w[s % 4]
} SHA_NAME(sha1_lane);

// Step s uses w[s % 4], then replaces it by the words of step s + 4, which need all four.
#define SHA1_STEP(s, function) SHA1_STEP_OF(lane, lanes, s, function)
#define SHA1_STEP_OF(lane, lanes, s, function)                                                                       \
    for (int l = 0; l < lanes; l++) {                                                                                \
        SHA_NAME(sha1_lane) *x = &lane[l];                                                                           \
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

SHA_INLINE void SHA_NAME(sha1_run)(const int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    SHA_NAME(sha1_lane) lane[CSHA_MAX_LANES];
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

typedef struct {
    __m128i abef, cdgh;
    __m128i w[4];
} SHA_NAME(sha256_lane);

#define SHA256_STEP(s) SHA256_STEP_OF(lane, lanes, s)
#define SHA256_STEP_OF(lane, lanes, s)                                                                               \
    for (int l = 0; l < lanes; l++) {                                                                                \
        SHA_NAME(sha256_lane) *x = &lane[l];                                                                         \
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

SHA_INLINE void SHA_NAME(sha256_run)(const int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {
    const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    SHA_NAME(sha256_lane) lane[CSHA_MAX_LANES];
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

// ---- Both at the same time, over the same blocks: SHA-256 in one lane, SHA-1 in one to three

// Four of the sixteen steps of SHA-256 between five of the twenty of SHA-1.
#define BOTH_STEPS(s1, function, s256)                                                                               \
    SHA1_STEP_OF(one, lanes, s1, function) SHA256_STEP_OF(two, 1, s256)                                              \
    SHA1_STEP_OF(one, lanes, (s1) + 1, function) SHA256_STEP_OF(two, 1, (s256) + 1)                                  \
    SHA1_STEP_OF(one, lanes, (s1) + 2, function) SHA256_STEP_OF(two, 1, (s256) + 2)                                  \
    SHA1_STEP_OF(one, lanes, (s1) + 3, function) SHA256_STEP_OF(two, 1, (s256) + 3)                                  \
    SHA1_STEP_OF(one, lanes, (s1) + 4, function)

// `states[lanes]` is the state of SHA-256.
SHA_INLINE void SHA_NAME(both_run)(const int lanes, uint32_t *const *states, const void *data, size_t blocks) {
    const __m128i sha1_order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    const __m128i sha256_order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    SHA_NAME(sha1_lane) one[CSHA_MAX_LANES];
    SHA_NAME(sha256_lane) two[1];
    const uint8_t *in = data;
    __m128i abcd[CSHA_MAX_LANES], e[CSHA_MAX_LANES];
    EACH_LANE {
        one[l].abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)states[l]), 0x1b);
        one[l].e = _mm_set_epi32((int)states[l][4], 0, 0, 0);
    }
    __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)states[lanes]), 0xb1);
    __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(states[lanes] + 4)), 0x1b);
    two[0].abef = _mm_alignr_epi8(cdab, efgh, 8);
    two[0].cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
    for (; blocks > 0; blocks--) {
        for (int i = 0; i < 4; i++) {
            __m128i words = _mm_loadu_si128((const __m128i *)(in + 16 * i));
            EACH_LANE one[l].w[i] = _mm_shuffle_epi8(words, sha1_order);
            two[0].w[i] = _mm_shuffle_epi8(words, sha256_order);
        }
        in += BLOCK;
        EACH_LANE {
            abcd[l] = one[l].abcd;
            e[l] = one[l].e;
        }
        __m128i abef = two[0].abef, cdgh = two[0].cdgh;
        BOTH_STEPS(0, 0, 0)
        BOTH_STEPS(5, 1, 4)
        BOTH_STEPS(10, 2, 8)
        BOTH_STEPS(15, 3, 12)
        EACH_LANE {
            one[l].abcd = _mm_add_epi32(one[l].abcd, abcd[l]);
            one[l].e = _mm_sha1nexte_epu32(one[l].e, e[l]);
        }
        two[0].abef = _mm_add_epi32(two[0].abef, abef);
        two[0].cdgh = _mm_add_epi32(two[0].cdgh, cdgh);
    }
    EACH_LANE {
        _mm_storeu_si128((__m128i *)states[l], _mm_shuffle_epi32(one[l].abcd, 0x1b));
        states[l][4] = (uint32_t)_mm_extract_epi32(one[l].e, 3);
    }
    __m128i feba = _mm_shuffle_epi32(two[0].abef, 0x1b);
    __m128i dchg = _mm_shuffle_epi32(two[0].cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)states[lanes], _mm_blend_epi16(feba, dchg, 0xf0));
    _mm_storeu_si128((__m128i *)(states[lanes] + 4), _mm_alignr_epi8(dchg, feba, 8));
}

// ---- One instance for each number of lanes

#define INSTANCE(kind, n)                                                                                            \
    SHA_CODE static __attribute__((noinline)) void SHA_NAME(kind##_##n)(                                             \
        uint32_t *const *states, const void *const *data, size_t blocks) {                                           \
        SHA_NAME(kind##_run)(n, states, data, blocks);                                                               \
    }
#define INSTANCES(kind)                                                                                              \
    INSTANCE(kind, 1)                                                                                                \
    INSTANCE(kind, 2)                                                                                                \
    INSTANCE(kind, 3)                                                                                                \
    INSTANCE(kind, 4)                                                                                                \
    static void SHA_NAME(kind##_any)(                                                                                \
        int lanes, uint32_t *const *states, const void *const *data, size_t blocks) {                                \
        switch (lanes) {                                                                                             \
            case 1: SHA_NAME(kind##_1)(states, data, blocks); break;                                                 \
            case 2: SHA_NAME(kind##_2)(states, data, blocks); break;                                                 \
            case 3: SHA_NAME(kind##_3)(states, data, blocks); break;                                                 \
            case 4: SHA_NAME(kind##_4)(states, data, blocks); break;                                                 \
            default: break;                                                                                          \
        }                                                                                                            \
    }

INSTANCES(sha1)
INSTANCES(sha256)

#define BOTH_INSTANCE(n)                                                                                             \
    SHA_CODE static __attribute__((noinline)) void SHA_NAME(both_##n)(                                               \
        uint32_t *const *states, const void *data, size_t blocks) {                                                  \
        SHA_NAME(both_run)(n, states, data, blocks);                                                                 \
    }
BOTH_INSTANCE(1)
BOTH_INSTANCE(2)
BOTH_INSTANCE(3)

static void SHA_NAME(both_any)(int lanes, uint32_t *const *states, const void *data, size_t blocks) {
    switch (lanes) {
        case 1: SHA_NAME(both_1)(states, data, blocks); break;
        case 2: SHA_NAME(both_2)(states, data, blocks); break;
        case 3: SHA_NAME(both_3)(states, data, blocks); break;
        default: break;
    }
}

#undef SHA_CODE
#undef SHA_INLINE
#undef EACH_LANE
#undef SHA1_STEP
#undef SHA1_STEP_OF
#undef SHA1_FIVE_STEPS
#undef SHA256_STEP
#undef SHA256_STEP_OF
#undef SHA256_FOUR_STEPS
#undef INSTANCE
#undef INSTANCES
#undef BOTH_STEPS
#undef BOTH_INSTANCE
