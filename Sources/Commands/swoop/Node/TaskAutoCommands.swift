import ArgumentParser
import Authoring
import Glibc
import Metainfo
import Text

/// `swoop task autosend`: from content to a published task.
struct TaskAutoSendCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "autosend",
        abstract: "Make torrents and task file, publish, and wait until all can be fetched.",
        discussion: """
            Example:
              swoop task autosend film 1:1:1 fulltime cfec-001
            """)

    @Argument(help: "The content's name: it lies in BASE/SUBDIR/dcps/NAME.")
    var name: String
    @OptionGroup var policy: TaskPolicy
    @Argument(help: "Centre and organisation. Default: basesubdir of the configuration.")
    var subdir: String?
    @OptionGroup var recipe: TaskRecipe
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let subdir = try TaskNaming.required(subdir ?? defaults.subdirectory)
            let file = try TaskNaming.file(name, subdir)
            let watch = TaskWatch(client: client, reporter: reporter, file: file)
            let params = try recipe.params(name, subdir, shares: policy.shares, policy: policy.policy, defaults)
            reporter.note("gentask: \(try await client.mustCall("gentask", params).desc.shown)")
            let places = try recipe.places(name, subdir, defaults)
            _ = try await watch.made(places)
            let task = places.first { $0.0 == "taskfile" }.map(\.1) ?? .string(file)
            let sent = try await client.mustCall("send", [("taskfile", task), ("reactive", .string("true"))])
            reporter.note("send: \(sent.desc.shown)")
            return try await watch.ready()
        }
        reporter.clearBars()
        try show(reply, TaskUploadProgressCommand.text(reply.content), reporter)
    }
}

/// `swoop task autorecv`: from a sender's task file to verified content.
struct TaskAutoRecvCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "autorecv",
        abstract: "Fetch a task file from its sender, receive, wait, and verify.",
        discussion: """
            The task file comes from the sender's API (/v1/taskfiles), which wants its token. With VERIFY true the \
            content is then held against the sender's torrent, every byte of it. On a cacher it ends when that serves.

            Example:
              swoop task autorecv film cfec-001 true sender.example --token-file token
            """)

    @Argument(help: "The content's name.")
    var name: String
    @Argument(help: "Centre and organisation, as in cfec-001.")
    var subdir: String
    @Argument(help: "true: verify the content once more when it is there.")
    var verify: Bool
    @Argument(help: "The sender's API: HOST, HOST:PORT or a URL.")
    var sender: String

    @Option(help: ArgumentHelp("A file whose first line is the sender's apitoken.", valueName: "file"))
    var tokenFile: String?
    @Option(help: ArgumentHelp("The receiving node. Default: the one on this machine.", valueName: "host|url"))
    var node: String?
    @Option(help: ArgumentHelp("A file whose first line is the receiving node's apitoken.", valueName: "file"))
    var nodeTokenFile: String?
    @Option(help: ArgumentHelp("The node's configuration. Default: \(NodeDefaults.path).", valueName: "file"))
    var config: String?
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let defaults = try NodeDefaults.read(config)
        let own = try nodeTokenFile.map(TokenFile.read) ?? (node == nil ? defaults.token : nil)
        let client = try NodeClient(node ?? defaults.listen, token: own)
        let source = try NodeClient(sender, token: try tokenFile.map(TokenFile.read))
        let outcome: Result<NodeClient.Reply, any Error>
        do {
            outcome = .success(try await untilStopped { try await receive(client, source, defaults, reporter) })
        } catch {
            outcome = .failure(error)
        }
        await client.shutdown()
        await source.shutdown()
        reporter.keepBars()
        let reply = try outcome.get()
        let isServing = reply.method == "cprogress"
        try show(
            reply, isServing ? "\(reply.status.shown)  \(reply.desc.shown)" : TaskProgress(reply.content).text, reporter
        )
    }

    private func receive(
        _ client: NodeClient, _ source: NodeClient, _ defaults: NodeDefaults, _ reporter: Reporter
    ) async throws -> NodeClient.Reply {
        let file = try TaskNaming.file(name, subdir)
        let bytes = try await source.get("/v1/taskfiles/\(Self.encoded(file))")
        guard let task = ReplyValue.parse(bytes), !(task["name"]?.text ?? "").isEmpty else {
            throw Failure(.failed, "what \(source.base) sends for \(file.shown) is no task file")
        }
        let place = "\(defaults.data)/receiver/tmp/\(file)"
        try TaskFilePlace.write(bytes, to: place)
        let started = try await client.mustCall("recv", [("taskfile", .string(place)), ("reactive", .string("false"))])
        reporter.note("recv: \(started.desc.shown)")
        let watch = TaskWatch(client: client, reporter: reporter, file: file)
        let reply: NodeClient.Reply
        do {
            reply = try await watch.downloaded()
        } catch let failure as Failure where failure.message.contains("cprogress") {
            // A cacher seeds its share, which it has hashed, and stores nothing to verify.
            return try await watch.seeding()
        }
        if verify {
            let content = reply.content["dcppath"]?.text ?? ""
            let url = task["bt"]?["url"]?.text ?? ""
            guard !content.isEmpty, !url.isEmpty else {
                throw Failure(.verification, "\(file.shown): nothing to verify it with: the task names no torrent")
            }
            let torrent = try TorrentFile.parse(try await TorrentDownload.fetch(url), from: url)
            try await VerifyCommand.check(torrent, at: content, reporter)
        }
        return reply
    }

    /// Percent-encodes characters that are not allowed in the path of a URL.
    static func encoded(_ name: String) -> String {
        PercentEncoding.encode(name.utf8)
    }
}

/// Writes task files for a node.
enum TaskFilePlace {
    /// The file may contain keys of an object store: it is readable for this user and group only, from the first byte
    /// on.
    static func write(_ bytes: [UInt8], to path: String) throws {
        try TorrentFile.write(bytes, to: path, mode: 0o640)
    }
}
