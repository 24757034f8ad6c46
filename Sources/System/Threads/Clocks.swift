import Glibc

/// The system's clocks.
package enum Clocks {
    /// Nanoseconds since 1970, like file times.
    package static var wall: Int64 { nanoseconds(CLOCK_REALTIME) }
    /// Nanoseconds of CLOCK_MONOTONIC, which is not affected by setting the time.
    package static var steady: Int64 { nanoseconds(CLOCK_MONOTONIC) }
    /// Milliseconds since 1970.
    package static var wallMilliseconds: Int64 { wall / 1_000_000 }
    /// Whole seconds since 1970, as HTTP and signatures have them.
    package static var wallWholeSeconds: Int64 { Int64(read(CLOCK_REALTIME).tv_sec) }
    /// Seconds since 1970.
    package static var wallSeconds: Double { seconds(CLOCK_REALTIME) }
    /// Seconds of CLOCK_MONOTONIC.
    package static var steadySeconds: Double { seconds(CLOCK_MONOTONIC) }
    /// Milliseconds of CLOCK_MONOTONIC.
    package static var steadyMilliseconds: Int64 {
        let time = read(CLOCK_MONOTONIC)
        return Int64(time.tv_sec) &* 1000 &+ Int64(time.tv_nsec) / 1_000_000
    }

    private static func nanoseconds(_ clock: clockid_t) -> Int64 {
        let time = read(clock)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    private static func seconds(_ clock: clockid_t) -> Double {
        let time = read(clock)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func read(_ clock: clockid_t) -> timespec {
        var time = timespec()
        clock_gettime(clock, &time)
        return time
    }
}
