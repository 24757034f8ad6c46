import ArgumentParser

/// Options that select the node.
struct NodeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The node. Default: the one on this machine.", valueName: "host|url"))
    var node: String?

    @Option(help: ArgumentHelp("A file whose first line is the node's apitoken.", valueName: "file"))
    var tokenFile: String?

    @Option(help: ArgumentHelp("The node's configuration. Default: \(NodeDefaults.path).", valueName: "file"))
    var config: String?

    /// Values from the configuration.
    func defaults() throws -> NodeDefaults { try NodeDefaults.read(config) }

    func client(_ defaults: NodeDefaults) throws -> NodeClient {
        // The token of this machine's node must not be sent to other nodes.
        let token = try tokenFile.map(TokenFile.read) ?? (node == nil ? defaults.token : nil)
        return try NodeClient(node ?? defaults.listen, token: token)
    }

    /// Runs `body` with a client that is shut down afterwards, until it ends or a stop is requested.
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

/// Reads a token from a file. Tokens must not be on a command line, which every user of the machine can read.
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

/// Options that select the task.
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

/// Names of tasks and their files.
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
