// OriginCluster: several origins that store blobs together.
//
// Purpose: any origin accepts a push. It relays the bytes to the blob's owners as they arrive, and reports success when
// enough owners have the blob durably. Any origin serves any blob. When an origin is lost, other origins copy its blobs
// again. `Placement`, a pure value, decides which origins store a blob. Must never: report a push as successful before
// the copies are durable; remove a blob before all of its owners have it; wait for another origin without a deadline.

import Text

/// The source of the list of all origins.
package enum ClusterHosts: Sendable, Hashable {
    /// Entries `host:port`; empty for a single origin.
    case list([String])
    /// A DNS name whose addresses are the origins. All of them listen at the same port.
    case dns(name: String, port: UInt16)
}

/// Settings of a cluster of origins. Times are in seconds.
package struct ClusterSettings: Sendable, Hashable {
    /// Origins that store each blob (`hashring.max_replica`).
    package var replicas = 3
    /// Time without an answer after which other origins copy the blobs of an owner.
    package var repairAfter = 30.0
    package var healthInterval = 2.0
    package var healthTimeout = 2.0
    package var healthFailures = 3
    package var healthSuccesses = 2
    package var resolveInterval = 5.0
    /// Most HTTP reads of large blobs answered at a time; 0 for no limit.
    package var direct = 8
    /// Most blobs copied from other origins at a time.
    package var repairs = 4
    /// Time that a finished push waits for the copies it needs.
    package var copyPatience = 60.0
    /// Time without progress after which an origin that is up is sent no more of an upload.
    package var relayPatience = 20.0
    /// Time without new bytes after which an upload is removed.
    package var idleUpload = 86_400.0

    package init() {}
}

/// Parses the `host:port` of an origin, as it stands in lists of origins.
package enum OriginName {
    package static let usualPort = 15002

    /// The normal form of an origin's name, with ``usualPort`` if it has no port; nil for a malformed name.
    package static func parse(_ text: String) -> String? {
        guard let url = HTTPURL("http://" + text), url.path == "/", url.query.isEmpty else { return nil }
        // `HTTPURL` fills in port 80 for a URL without a port, so look for a port in the text.
        let colon = text.lastIndex(of: ":")
        let bracket = text.lastIndex(of: "]")
        let hasPort = colon.map { colon in bracket.map { colon > $0 } ?? true } ?? false
        let host = url.host.contains(":") ? "[\(url.host)]" : url.host
        return "\(host):\(hasPort ? Int(url.port) : usualPort)"
    }
}
