import CLinux
import Glibc

/// What the kernel knows of a connection's network path.
public struct PathReading: Sendable, Equatable {
    /// Minimum round trip of the last minutes in seconds; infinity before the first.
    public let leastRoundTrip: Double
    /// Segments with data that were sent, including retransmissions.
    public let segmentsSent: Int
    public let segmentsRepeated: Int
    /// Segments that arrived out of order, because earlier ones were lost or delayed.
    public let segmentsOutOfOrder: Int

    public init(leastRoundTrip: Double, segmentsSent: Int, segmentsRepeated: Int, segmentsOutOfOrder: Int) {
        self.leastRoundTrip = leastRoundTrip
        self.segmentsSent = segmentsSent
        self.segmentsRepeated = segmentsRepeated
        self.segmentsOutOfOrder = segmentsOutOfOrder
    }
}

extension Socket {
    /// - Returns: nil if the kernel provides no information.
    public static func path(of descriptor: CInt) -> PathReading? {
        var path = swoop_path()
        guard swoop_path_of(descriptor, &path) == 0 else { return nil }
        return PathReading(
            leastRoundTrip: path.least_round_trip == .max ? .infinity : Double(path.least_round_trip) * 1e-6,
            segmentsSent: Int(path.segments_sent), segmentsRepeated: Int(path.segments_repeated),
            segmentsOutOfOrder: Int(path.segments_out_of_order))
    }

    /// Sets the maximum send rate of the socket in bytes per second (SO_MAX_PACING_RATE, socket(7)); nil for no limit.
    public static func setPacingLimit(_ descriptor: CInt, _ rate: Int?) {
        set(descriptor, SOL_SOCKET, 47, rate.map { CInt(clamping: $0) } ?? -1)
    }

    /// Sets the congestion control for further sending. Overrides a route's setting, unless the route locks it.
    /// - Returns: 0, or `errno`: `EPERM` if the algorithm is not allowed, `ENOENT` if the system does not have it.
    public static func setCongestionControl(_ descriptor: CInt, _ name: String) -> CInt {
        swoop_set_congestion_control(descriptor, name)
    }
}
