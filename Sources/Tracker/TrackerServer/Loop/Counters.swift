/// Counts since the start of the tracker, for metrics.
struct Counters {
    var httpAnnounces = 0
    var httpScrapes = 0
    var httpPages = 0
    var httpRefusals = 0
    var httpConnections = 0
    var httpTimeouts = 0
    var httpTurnedAway = 0
    var udpConnects = 0
    var udpAnnounces = 0
    var udpScrapes = 0
    var udpRefusals = 0
    /// Datagrams that were not valid requests, or had an invalid connection id.
    var udpDropped = 0
    /// Responses that the kernel did not accept for sending.
    var udpUnsent = 0
    var ipv4Announces = 0
    var ipv6Announces = 0
}
