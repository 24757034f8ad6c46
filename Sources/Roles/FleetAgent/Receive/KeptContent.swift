/// Content of an ended job that was delivered and never published. It is there only for as long as nothing else needs its room.
package struct KeptContent: Sendable, Hashable {
    package let job: String
    /// When the job ended, in seconds since 1970, by this host's clock.
    package let ended: Double
    /// The file system that it lies on.
    package let device: UInt64
    /// What it takes there.
    package let bytes: Int64

    package init(job: String, ended: Double, device: UInt64, bytes: Int64) {
        self.job = job
        self.ended = ended
        self.device = device
        self.bytes = bytes
    }

    /// What a job lacks to be received.
    package struct Lack: Sendable, Hashable {
        /// The file system that is full; nil where it is none, but a limit of the agent's file.
        package let device: UInt64?
        package let bytes: Int64

        package init(device: UInt64?, bytes: Int64) {
            self.device = device
            self.bytes = bytes
        }
    }

    /// Chooses what is deleted: of each file system the oldest, and only as much as lets the job fit that lacks the least. Where all of
    /// it would not be enough, nothing.
    package static func choose(_ kept: [KeptContent], for lacks: [Lack]) -> [String] {
        let least = Dictionary(lacks.compactMap { lack in lack.device.map { ($0, lack.bytes) } }, uniquingKeysWith: min)
        return least.sorted { $0.key < $1.key }.flatMap { device, bytes -> [String] in
            var chosen: [String] = []
            var missing = bytes
            for content in kept.filter({ $0.device == device && $0.bytes > 0 }).sorted(by: {
                ($0.ended, $0.job) < ($1.ended, $1.job)
            }) where missing > 0 {
                chosen.append(content.job)
                missing -= content.bytes
            }
            return missing > 0 ? [] : chosen
        }
    }
}
