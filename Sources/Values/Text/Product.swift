/// What this program calls itself: to the person who runs it, to peers and to servers.
public enum Product {
    /// As in `swoop --version`, in packages and in the torrents that it makes.
    public static let version = "0.1.0"
    /// The name of the client that peers are told (BEP 10).
    public static let client = "Swoop"
    /// What servers and trackers are told. It may stand in their rules, so it does not change with each version.
    public static let userAgent = "Swoop/1"
    /// Whether a client is this program.
    package static func isOwn(userAgent: String?) -> Bool { userAgent?.hasPrefix("Swoop/") ?? false }
    /// The version in peer ids (BEP 20), `-SW0100-`. Trackers may admit clients by it, so it does not change either.
    public static let peerIDVersion = (major: 1, minor: 0)
}
