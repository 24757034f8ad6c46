/// The programs of the seed and of Kraken (docs/registry.md, "The seed's names"). Started under one of their names, `swoop`
/// takes that program's command line.
package enum SeedProgram: String, Sendable, CaseIterable {
    case testfs, origin, tracker
    case buildIndex = "build-index"
    case agent
    case pushCLI = "push-cli"
    case pullCLI = "pull-cli"
    case proxy

    /// - Parameter invocation: `argv[0]`: the program's name, with or without `kraken-` before it, in any directory.
    package init?(invokedAs invocation: String) {
        let name = invocation.split(separator: "/").last.map(String.init) ?? ""
        self.init(rawValue: name.hasPrefix("kraken-") ? String(name.dropFirst(7)) : name)
    }

    /// What a command line of the program stands for.
    package enum Call: Sendable, Equatable {
        /// The arguments of `swoop`.
        case arguments([String])
        /// The arguments of `swoop`, to which `--registry` must be added: an origin of the configuration, else the one on
        /// this host.
        case withOrigin([String], config: String?, secrets: String?)
        /// The arguments of `swoop`, to which all origins of the configuration must be added as `--cluster`, and a directory
        /// as `--data`.
        case withOrigins([String], config: String?, secrets: String?)
        /// The text to print for `-help`.
        case help(String)
    }

    /// Flags of every role.
    private static let common = ["config", "cluster", "zone", "secrets", "mutex-profile-fraction"]
    /// Switches of `swoop`, which these programs do not have. They take no value.
    private static let switches = ["json", "quiet", "verbose", "any-port"]

    private var flags: [String] {
        switch self {
        case .testfs: ["port"]
        case .tracker, .buildIndex: Self.common + ["port"]
        case .origin: Self.common + ["blobserver-hostname", "blobserver-port", "peer-ip", "peer-port"]
        case .agent: Self.common + ["peer-ip", "peer-port", "agent-server-port", "agent-registry-port"]
        case .pushCLI: Self.common + ["file", "tag"]
        case .pullCLI: Self.common + ["agent-server-port", "tag", "download-dir"]
        case .proxy: Self.common + ["port", "server-port"]
        }
    }

    /// - Parameter given: the arguments after the name.
    package func call(_ given: [String]) throws(GoFlags.Problem) -> Call {
        let flags: GoFlags
        do throws(GoFlags.Problem) {
            flags = try GoFlags(given, known: self.flags, switches: Self.switches)
        } catch .help { return .help(usage) }
        switch self {
        case .testfs: return .arguments(["testfs"] + (try Self.port("port", of: flags, as: "--port")) + flags.switches)
        case .tracker: return .arguments(["tracker"] + (try Self.role(flags)))
        case .buildIndex: return .arguments(["index"] + (try Self.role(flags)))
        case .origin: return .arguments(try Self.origin(flags))
        case .agent: return .arguments(["agent"] + (try Self.role(flags)))
        case .proxy: return try Self.proxy(flags)
        case .pushCLI: return try Self.push(flags)
        case .pullCLI: return .arguments(try Self.pull(flags))
        }
    }

    /// Options of `swoop` from the flags of the same names. `-cluster` and `-mutex-profile-fraction` have no effect.
    private static func role(_ flags: GoFlags) throws(GoFlags.Problem) -> [String] {
        var arguments: [String] = []
        for name in ["config", "zone", "secrets", "peer-ip"] {
            if let value = flags[name], !value.isEmpty { arguments += ["--\(name)=\(value)"] }
        }
        for name in ["port", "peer-port", "agent-server-port", "agent-registry-port"] {
            arguments += try port(name, of: flags, as: "--\(name)")
        }
        return arguments + flags.switches
    }

    /// An origin's `--name` is its host name and port. Peers reach it at that host name.
    private static func origin(_ flags: GoFlags) throws(GoFlags.Problem) -> [String] {
        let port = try flags.port("blobserver-port") ?? 15_002
        var arguments = ["origin"]
        for name in ["config", "zone", "secrets"] {
            if let value = flags[name], !value.isEmpty { arguments += ["--\(name)=\(value)"] }
        }
        let host = [flags["blobserver-hostname"], flags["peer-ip"]].compactMap(\.self).first { !$0.isEmpty }
        if let host { arguments.append("--name=\(host.contains(":") ? "[\(host)]" : host):\(port)") }
        arguments.append("--port=\(port)")
        arguments += try Self.port("peer-port", of: flags, as: "--peers-port")
        return arguments + flags.switches.filter { $0 != "--any-port" }
    }

    /// A proxy is an origin that keeps no blobs, since it is not in the list of the cluster's origins. `-server-port`, the
    /// port for calls of Kraken's own, has no effect.
    private static func proxy(_ flags: GoFlags) throws(GoFlags.Problem) -> Call {
        _ = try flags.port("server-port")
        var arguments = ["origin", "--port=\(try flags.port("port") ?? 15_000)", "--peers-port=0"]
        for name in ["config", "zone", "secrets"] {
            if let value = flags[name], !value.isEmpty { arguments += ["--\(name)=\(value)"] }
        }
        return .withOrigins(
            arguments + flags.switches.filter { $0 != "--any-port" }, config: flags["config"],
            secrets: flags["secrets"])
    }

    private static func port(_ name: String, of flags: GoFlags, as option: String) throws(GoFlags.Problem) -> [String] {
        try flags.port(name).map { ["\(option)=\($0)"] } ?? []
    }

    /// `--tag` is NAME:TAG, or a TAG for the file's own name.
    private static func push(_ flags: GoFlags) throws(GoFlags.Problem) -> Call {
        guard let file = flags["file"], !file.isEmpty else { throw .missing("file") }
        let tag = flags["tag"].flatMap { $0.isEmpty ? nil : $0 } ?? "latest"
        let reference: String
        if tag.contains(":") {
            reference = tag
        } else {
            guard let name = file.split(separator: "/").last, name != ".", name != ".." else {
                throw .invalidValue(flag: "tag", value: tag)
            }
            reference = "\(name):\(tag)"
        }
        return .withOrigin(
            ["push"] + told(flags) + flags.switches + ["--", file, reference], config: flags["config"],
            secrets: flags["secrets"])
    }

    /// Options that pass on the configuration and the secrets file, which have the credentials for the registry.
    private static func told(_ flags: GoFlags) -> [String] {
        ["config", "secrets"].flatMap { name in
            flags[name].flatMap { $0.isEmpty ? nil : ["--registry-\(name)=\($0)"] } ?? []
        }
    }

    /// Pulls from the agent on this host, which resolves the tag too.
    private static func pull(_ flags: GoFlags) throws(GoFlags.Problem) -> [String] {
        guard let tag = flags["tag"], !tag.isEmpty else { throw .missing("tag") }
        guard let directory = flags["download-dir"], !directory.isEmpty else { throw .missing("download-dir") }
        let port = try flags.port("agent-server-port") ?? 16_002
        return ["pull", "--overwrite", "--registry=http://127.0.0.1:\(port)", "--output=\(directory)"] + told(flags)
            + flags.switches + ["--", tag]
    }

    package var usage: String {
        "Usage of \(rawValue) (swoop under the seed's name):\n" + flags.sorted().map { "  -\($0) value\n" }.joined()
    }
}
