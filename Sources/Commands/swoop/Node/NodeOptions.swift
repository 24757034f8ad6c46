import ArgumentParser

/// Which node a command talks to.
struct NodeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The node. Default: the one on this machine.", valueName: "host|url"))
    var node: String?

    @Option(help: ArgumentHelp("A file whose first line is the node's apitoken.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("The node's configuration. Default: \(NodeDefaults.path).", valueName: "file"))
    var config: String?

    /// What the configuration says.
    func defaults() throws -> NodeDefaults { try NodeDefaults.read(config) }

    func client(_ defaults: NodeDefaults) throws -> NodeClient {
        // The token of this machine's node is not for others.
        let token = try tokenFile.map(TokenFile.read) ?? (node == nil ? defaults.token : nil)
        return try NodeClient(node ?? defaults.listen, token: token)
    }

    /// Runs `body` with a client that is shut down afterwards, until it ends or a stop is asked for.
    func use<Value: Sendable>(
        _ body: @escaping @Sendable (NodeClient, NodeDefaults) async throws -> Value
    ) async throws -> Value {
        let defaults = try defaults()
        let client = try client(defaults)
        do {
            let value = try await untilStopped { try await body(client, defaults) }
            await client.shutdown()
            return value
        } catch {
            await client.shutdown()
            throw error
        }
    }
}

/// A token in a file: never on a command line, where everybody on the machine can read it.
enum TokenFile {
    static func read(_ path: String) throws -> String {
        let text = String(decoding: try TorrentFile.bytes(of: path), as: UTF8.self)
        let line = text.split(separator: "\n", omittingEmptySubsequences: false).first ?? ""
        let token = line.filter { $0 != "\r" && $0 != " " && $0 != "\t" }
        guard !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(.usage, "\(path.shown): its first line should be a token, without blanks")
        }
        return token
    }
}

/// Which task.
struct TaskName: ParsableArguments {
    @Argument(help: "The content's name, or the task file's: SUBDIR-NAME.task.json.")
    var name: String

    @Argument(help: "Centre and organisation, as in cfec-001. Default: basesubdir of the configuration.")
    var subdir: String?

    func validate() throws {
        for part in [name, subdir].compactMap(\.self)
        where part.isEmpty || part == "." || part == ".." || part.contains("/") || part.utf8.contains(0) {
            throw ValidationError("The value '\(part.shown)' is invalid: a plain name is expected, not a path")
        }
    }

    /// `SUBDIR-NAME.task.json`.
    func file(_ defaults: NodeDefaults) throws -> String {
        try TaskNaming.file(name, subdir ?? defaults.subdirectory)
    }
}

/// How tasks and their files are called.
enum TaskNaming {
    static let suffix = ".task.json"

    static func file(_ name: String, _ subdir: String?) throws -> String {
        if name.hasSuffix(suffix) { return name }
        return "\(try required(subdir))-\(name)\(suffix)"
    }

    static func required(_ subdir: String?) throws -> String {
        guard let subdir else {
            throw Failure(
                .usage, "SUBDIR is missing, and the configuration has no basesubdir",
                advice: "Give it after the name, as in: swoop task progress film cfec-001")
        }
        return subdir
    }
}
