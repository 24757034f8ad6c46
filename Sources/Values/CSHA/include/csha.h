// SHA-1 and SHA-256 compression with the x86 SHA instructions, for one to four independent messages at a time.
//
// One round's SHA instruction waits for the one before it, so a single message leaves the unit idle most of the time.
// The rounds of other messages fill those gaps: four messages in one thread take little longer than one.
//
// These functions see whole 64-byte blocks only: padding, lengths and partial blocks are the caller's (Hashing).
// They must never be called where csha_level() is 0, and they allocate nothing and keep no state of their own.

#ifndef CSHA_H
#define CSHA_H

#include <stddef.h>
#include <stdint.h>

/// The most messages that one call can take.
#define CSHA_MAX_LANES 4

/// The instructions beside the SHA ones that the functions may use: none, AVX2, or AVX2 and AVX-512's narrow forms.
enum { CSHA_NONE = 0, CSHA_AVX2 = 1, CSHA_AVX512 = 2 };

/// The highest level that this processor and its operating system have; lower ones (but 0) work too. Always 0 off x86-64.
int csha_level(void);

/// Advances `lanes` (1 to CSHA_MAX_LANES) SHA-1 states by `blocks` blocks of 64 bytes each.
/// `states[i]` is lane i's 5 words, `data[i]` where its blocks begin (any alignment). `level` is 1 to csha_level().
void csha_sha1(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks);

/// The same for SHA-256: 8 words for each lane.
void csha_sha256(int level, int lanes, uint32_t *const *states, const void *const *data, size_t blocks);

/// The most lanes of SHA-1 beside SHA-256.
#define CSHA_MOST_BESIDE 3

/// Advances `lanes` (1 to CSHA_MOST_BESIDE) SHA-1 states, `states[0]` to `states[lanes - 1]`, and one SHA-256 state,
/// `states[lanes]`, over the same blocks. Each fills the gaps of the other: SHA-1 beside SHA-256 costs little.
void csha_both(int level, int lanes, uint32_t *const *states, const void *data, size_t blocks);

#endif
