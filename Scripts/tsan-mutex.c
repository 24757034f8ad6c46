// Tells ThreadSanitizer of a contended Mutex, to be preloaded into a process that it watches.
//
// The fast paths of Swift's Mutex are compiled into our code, where ThreadSanitizer sees them. The slow paths are in
// libswiftSynchronization, which is not instrumented: to ThreadSanitizer a thread that had to wait for a lock then has none,
// and every access under it looks like a race. These wrappers say what happened. Races of any other kind are still found.
//
// The names are those of the standard library's ABI: Synchronization._MutexHandle._lockSlow, _tryLockSlow and _unlockSlow.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

void __tsan_acquire(void *) __attribute__((weak));
void __tsan_release(void *) __attribute__((weak));

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define TRY_LOCK "$s15Synchronization12_MutexHandleV12_tryLockSlowSbyF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"

static void *next(const char *symbol) {
    void *found = dlsym(RTLD_NEXT, symbol);
    if (!found) abort();
    return found;
}

SWIFT void lock(uint32_t owner, SELF void *mutex) __asm__(LOCK);
SWIFT void lock(uint32_t owner, SELF void *mutex) {
    ((SWIFT void (*)(uint32_t, SELF void *))next(LOCK))(owner, mutex);
    if (__tsan_acquire) __tsan_acquire(mutex);
}

SWIFT bool try_lock(SELF void *mutex) __asm__(TRY_LOCK);
SWIFT bool try_lock(SELF void *mutex) {
    bool taken = ((SWIFT bool (*)(SELF void *))next(TRY_LOCK))(mutex);
    if (taken && __tsan_acquire) __tsan_acquire(mutex);
    return taken;
}

SWIFT void unlock(SELF void *mutex) __asm__(UNLOCK);
SWIFT void unlock(SELF void *mutex) {
    if (__tsan_release) __tsan_release(mutex);
    ((SWIFT void (*)(SELF void *))next(UNLOCK))(mutex);
}
