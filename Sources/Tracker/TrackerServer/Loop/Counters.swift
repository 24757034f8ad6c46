/// Counts since the start of the tracker, for metrics.
package struct Counters {
    package var httpAnnounces = 0
    package var httpScrapes = 0
    package var httpPages = 0
    package var httpRefusals = 0
    package var httpConnections = 0
    package var httpTimeouts = 0
    package var httpTurnedAway = 0
    package var udpConnects = 0
    package var udpAnnounces = 0
    package var udpScrapes = 0
    package var udpRefusals = 0
    /// Datagrams that were not valid requests, or had an invalid connection id.
    package var udpDropped = 0
    /// Responses that the kernel did not accept for sending.
    package var udpUnsent = 0
    package var ipv4Announces = 0
    package var ipv6Announces = 0
}
