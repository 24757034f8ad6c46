import Address
import Fleet
import JSON
import Settings
import Text

/// The agent's configuration file: what this host does, receives and sends. Control cannot exceed it.
package struct AgentConfiguration: Sendable, Hashable {
    /// The address for peers.
    package enum Listen: Sendable, Hashable {
        case address(PeerAddress)
        /// Peers cannot dial this host.
        case none
    }

    /// The file that it was read from, for messages.
    package var file = "agent.yaml"
    /// Nil for the first free port of the usual ones.
    package var listen: Listen?
    /// `http://HOST:PORT` of an HTTP proxy, through which control is dialled (CONNECT).
    package var proxy: String?
    package var receive = ReceiveSettings()
    package var send = SendSettings()
    /// Hooks by name.
    package var hooks: [String: HookSettings] = [:]
    package var limits = RateSettings()
    package var windows: [FleetWindow] = []
    package var cache: CacheSettings?
    /// By the name of the bucket.
    package var stores: [String: StoreSettings] = [:]
    package var labels = Labels()

    package init() {}

    /// Reads and checks a configuration.
    /// - Throws: an error about the first key with an invalid value.
    /// - Returns: the configuration, and notes about unknown keys, for warnings.
    package static func read(
        _ source: SettingsSource
    ) throws(SettingsError) -> (configuration: AgentConfiguration, notes: [SettingNote]) {
        let read = try AgentSettings.table.read(source, into: AgentConfiguration())
        return (read.0, read.1)
    }
}

/// What this host may receive.
package struct ReceiveSettings: Sendable, Hashable {
    /// Directories below which content may be published. If empty, the host receives nothing.
    package var roots: [String] = []
    /// Names of the classes that it accepts; empty for all.
    package var classes: [String] = []
    /// Whether content that was not published by a job of the fleet may be replaced.
    package var overwrite = false
    /// Bytes to keep free on the disk.
    package var reserve: Int64 = 1 << 30
    /// Maximum size of a job's content in bytes; nil for no limit.
    package var largest: Int64?
    /// Maximum number of jobs that receive at the same time.
    package var parallel = 2

    package init() {}
}

/// What this host may send, and who may order it.
package struct SendSettings: Sendable, Hashable {
    /// Directories below which content may be sent. If empty, the host sends nothing.
    package var roots: [String] = []
    /// Local users who may send, by name or numeric id. If empty, root and the agent's own user.
    package var users: [String] = []

    package init() {}
}

/// A program that classes may run after the switch to new content.
package struct HookSettings: Sendable, Hashable {
    /// An absolute path, and arguments.
    package var run: [String] = []
    /// The user as which it runs; nil for the agent's user.
    package var user: String?
    /// Seconds after which it is terminated.
    package var timeout = 600
    /// Exit statuses after which control may try again.
    package var retry: [Int] = []

    package init() {}
}

/// Limits of the whole host's transfer rates, in bytes a second; nil for no limit.
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
    /// Maximum bytes; nil for all space on the disk.
    package var size: Int64?

    package init() {}
}
