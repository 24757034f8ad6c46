import Glibc
import Testing

/// Adds up the processor time that calls take on this thread: how busy other processes are does not count.
struct CallWatch {
    /// Seconds.
    private(set) var total = 0.0
    private(set) var longest = 0.0

    mutating func measure<Result>(_ call: () throws -> Result) rethrows -> Result {
        let begin = Self.now
        defer {
            let time = Self.now - begin
            total += time
            longest = max(longest, time)
        }
        return try call()
    }

    func expect(total most: Double, longest mostOfOne: Double, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(total < most, sourceLocation: sourceLocation)
        #expect(longest < mostOfOne, sourceLocation: sourceLocation)
    }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
