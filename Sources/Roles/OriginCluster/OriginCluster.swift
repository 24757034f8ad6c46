// OriginCluster: several origins that keep blobs together.
//
// Purpose: any of them takes a push, passes it on to owners as it comes and says that it succeeded when enough of them have it
// durably; any of them gives any blob; what an origin that is gone had is copied again. Who keeps what is decided by `Placement`, a
// pure value. Must never: say that a push succeeded before the copies are durable; remove a blob before all of its owners have
// it; wait without an end for another origin.

import Text

/// Where the list of all origins comes from.
package enum ClusterHosts: Sendable, Hashable {
    /// As `host:port` each; empty for an origin alone.
    case list([String])
    /// A name whose addresses are the origins, which all listen at one port.
    case dns(name: String, port: UInt16)
}

/// How origins behave together. Times in seconds.
package struct ClusterSettings: Sendable, Hashable {
    /// Origins that keep each blob (`hashring.max_replica`).
    package var replicas = 3
    /// After which a silent owner is replaced, and the like.
    package var repairAfter = 30.0
    package var healthInterval = 2.0
    package var healthTimeout = 2.0
    package var healthFailures = 3
    package var healthSuccesses = 2
    package var resolveInterval = 5.0
    /// Reads of blobs over HTTP that are answered at a time; 0 for no limit.
    package var direct = 8
    /// Blobs that are copied here at a time.
    package var repairs = 4
    /// How long a push waits for the copies that it needs.
    package var copyPatience = 60.0
    /// Seconds after which an upload goes that nobody sends to.
    package var idleUpload = 86_400.0

    package init() {}
}

/// An origin's `host:port`, as lists of origins have it.
package enum OriginName {
    package static let usualPort = 15002

    /// Nil for what is none.
    package static func parse(_ text: String) -> String? {
        guard let url = HTTPURL("http://" + text), url.path == "/", url.query.isEmpty else { return nil }
        // A port of its own, even the one that a URL need not say.
        let colon = text.lastIndex(of: ":")
        let bracket = text.lastIndex(of: "]")
        let hasPort = colon.map { colon in bracket.map { colon > $0 } ?? true } ?? false
        let host = url.host.contains(":") ? "[\(url.host)]" : url.host
        return "\(host):\(hasPort ? Int(url.port) : usualPort)"
    }
}
