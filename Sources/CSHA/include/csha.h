// SHA-1 and SHA-256 compression with the x86 SHA instructions, for one to four independent messages at a time.
//
// One round's SHA instruction waits for the one before it, so a single message leaves the unit idle most of the time.
// The rounds of other messages fill those gaps: four messages in one thread take little longer than one.
//
// These functions see whole 64-byte blocks only: padding, lengths and partial blocks are the caller's (Hashing).
// They must never be called where csha_available() is 0, and they allocate nothing and keep no state of their own.

#ifndef CSHA_H
#define CSHA_H

#include <stddef.h>
#include <stdint.h>

/// The most messages that one call can take.
#define CSHA_MAX_LANES 4

/// 1 where this processor has the instructions that the functions below need, else 0 (always 0 off x86-64).
int csha_available(void);

/// Advances `lanes` (1 to CSHA_MAX_LANES) SHA-1 states by `blocks` blocks of 64 bytes each.
/// `states[i]` is lane i's 5 words, `data[i]` where its blocks begin (any alignment).
void csha_sha1(int lanes, uint32_t *const *states, const void *const *data, size_t blocks);

/// The same for SHA-256: 8 words for each lane.
void csha_sha256(int lanes, uint32_t *const *states, const void *const *data, size_t blocks);

#endif
