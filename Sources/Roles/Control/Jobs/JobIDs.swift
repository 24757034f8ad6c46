import Synchronization
import Text

/// Makes ids of jobs. Owns the time in the newest id, so that ids sort by their creation, also when the clock was set
/// back meanwhile: a later job replaces an earlier one.
final class JobIDs: Sendable {
    private let now: @Sendable () -> Double
    /// In milliseconds since 1970.
    private let newest = Mutex<UInt64>(0)

    init(now: @escaping @Sendable () -> Double) { self.now = now }

    /// Notes a job of this or another control, after which new ones are to sort.
    func note(_ id: String) {
        guard let millis = UInt64(id.dropFirst().prefix(11), radix: 16) else { return }
        newest.withLock { $0 = max($0, millis) }
    }

    func next() -> String {
        let clock = UInt64(max(0, now() * 1000))
        let millis = newest.withLock { newest in
            newest = max(clock, newest + 1)
            return newest
        }
        let text = String(millis, radix: 16)
        let digits = String(repeating: "0", count: max(0, 11 - text.utf8.count)) + text
        let random = RandomBytes.make(4).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        return "j\(digits)" + random
    }
}
