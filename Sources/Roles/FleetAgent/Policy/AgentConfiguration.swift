import Address
import Fleet
import JSON
import Settings
import Text

/// The agent's own file: what this host does, receives and sends, whatever control asks.
package struct AgentConfiguration: Sendable, Hashable {
    /// Where peers reach this host.
    package enum Listen: Sendable, Hashable {
        case address(PeerAddress)
        /// Nobody dials it.
        case none
    }

    /// The file that it was read from, for messages.
    package var file = "agent.yaml"
    /// Nil for the first free port of the usual ones.
    package var listen: Listen?
    /// `http://HOST:PORT` of a proxy for CONNECT, by which control is dialled.
    package var proxy: String?
    package var receive = ReceiveSettings()
    package var send = SendSettings()
    /// By name.
    package var hooks: [String: HookSettings] = [:]
    package var limits = RateSettings()
    package var windows: [FleetWindow] = []
    package var cache: CacheSettings?
    /// By the name of the bucket.
    package var stores: [String: StoreSettings] = [:]
    package var labels = Labels()

    package init() {}

    /// Checks a configuration.
    /// - Throws: the first key that cannot be used.
    /// - Returns: also keys that are not known, for warnings.
    package static func read(
        _ source: SettingsSource
    ) throws(SettingsError) -> (configuration: AgentConfiguration, notes: [SettingNote]) {
        let read = try AgentSettings.table.read(source, into: AgentConfiguration())
        return (read.0, read.1)
    }
}

/// What may land on this host.
package struct ReceiveSettings: Sendable, Hashable {
    /// Directories below which content may land; none: the host receives nothing.
    package var roots: [String] = []
    /// Names of classes; empty for any.
    package var classes: [String] = []
    /// Whether content that no job of the fleet put there may be replaced.
    package var overwrite = false
    /// Bytes that are kept free.
    package var reserve: Int64 = 1 << 30
    /// Of a job's content, in bytes; nil for any.
    package var largest: Int64?
    /// Jobs that receive at a time.
    package var parallel = 2

    package init() {}
}

/// What this host sends, and for whom.
package struct SendSettings: Sendable, Hashable {
    /// Directories below which content may be sent; none: the host sends nothing.
    package var roots: [String] = []
    /// Local users, by name or number; empty for root and the agent's own.
    package var users: [String] = []

    package init() {}
}

/// A program that classes may have run after the switch.
package struct HookSettings: Sendable, Hashable {
    /// An absolute path, and arguments.
    package var run: [String] = []
    /// Nil for the agent's own.
    package var user: String?
    /// Seconds after which it is ended.
    package var timeout = 600
    /// Exit statuses after which another attempt may succeed.
    package var retry: [Int] = []

    package init() {}
}

/// Bytes a second of the whole host; nil for no limit.
package struct RateSettings: Sendable, Hashable {
    package var down: Int64?
    package var up: Int64?

    package init() {}
}

/// A bucket of an object store, and this host's keys for it.
package struct StoreSettings: Sendable, Hashable {
    /// Host, or URL; nil for that of the class.
    package var endpoint: String?
    package var accessKey: Secret?
    package var secretKey: Secret?
    package var region: String?
    package var style: BucketTerms.Style?
    package var signature: BucketTerms.Signature?

    package init() {}
}

/// Where content lies that the host keeps for others.
package struct CacheSettings: Sendable, Hashable {
    package var directory = ""
    /// Bytes; nil for what the disk has.
    package var size: Int64?

    package init() {}
}
