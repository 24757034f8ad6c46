import CLinux
import Glibc

/// What the kernel knows of the line that a connection runs over.
public struct PathReading: Sendable, Equatable {
    /// Seconds of the quickest round trip of the last minutes; infinity before the first.
    public let leastRoundTrip: Double
    /// Segments with data that were sent, those sent again included.
    public let segmentsSent: Int
    public let segmentsRepeated: Int
    /// Segments that came too early, because others were lost on the way or overtaken.
    public let segmentsOutOfOrder: Int

    public init(leastRoundTrip: Double, segmentsSent: Int, segmentsRepeated: Int, segmentsOutOfOrder: Int) {
        self.leastRoundTrip = leastRoundTrip
        self.segmentsSent = segmentsSent
        self.segmentsRepeated = segmentsRepeated
        self.segmentsOutOfOrder = segmentsOutOfOrder
    }
}

extension Socket {
    /// - Returns: nil when the kernel does not say.
    public static func path(of descriptor: CInt) -> PathReading? {
        var path = swoop_path()
        guard swoop_path_of(descriptor, &path) == 0 else { return nil }
        return PathReading(
            leastRoundTrip: path.least_round_trip == .max ? .infinity : Double(path.least_round_trip) * 1e-6,
            segmentsSent: Int(path.segments_sent), segmentsRepeated: Int(path.segments_repeated),
            segmentsOutOfOrder: Int(path.segments_out_of_order))
    }

    /// At most so many bytes per second leave the socket (SO_MAX_PACING_RATE, socket(7)); nil for as many as there are.
    public static func setPacingLimit(_ descriptor: CInt, _ rate: Int?) {
        set(descriptor, SOL_SOCKET, 47, rate.map { CInt(clamping: $0) } ?? -1)
    }

    /// Another congestion control for what is sent from now on; overrides what a route says, unless that locks it.
    /// - Returns: 0, or `errno`: `EPERM` when it may not be chosen, `ENOENT` when the system does not have it.
    public static func setCongestionControl(_ descriptor: CInt, _ name: String) -> CInt {
        swoop_set_congestion_control(descriptor, name)
    }
}
