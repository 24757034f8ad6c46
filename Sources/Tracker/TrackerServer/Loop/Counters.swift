/// What the tracker has done since its start, for metrics. Counts only.
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
    /// Datagrams that were no request, or whose connection id was not valid.
    var udpDropped = 0
    /// Answers that the kernel would not take.
    var udpUnsent = 0
    var ipv4Announces = 0
    var ipv6Announces = 0
}
