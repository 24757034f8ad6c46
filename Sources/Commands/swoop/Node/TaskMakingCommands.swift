import ArgumentParser

/// Options for making a task file.
struct TaskRecipe: ParsableArguments {
    @Option(help: ArgumentHelp("The content, where it is not BASE/SUBDIR/dcps/NAME.", valueName: "path"))
    var path: String?

    @Option(help: ArgumentHelp("Where to write the task file. Default: DATA/sender/tmp.", valueName: "path"))
    var taskFile: String?

    @Option(help: ArgumentHelp("The tracker. Default: the configuration's.", valueName: "url"))
    var tracker: String?

    @Option(help: ArgumentHelp("How long to seed: hours, or 90s, 30m, 72h.", valueName: "time"))
    var seedTime: String?

    @Option(help: ArgumentHelp("Where the content is: local or obs.", valueName: "source"))
    var datasource: String?

    @Option(help: ArgumentHelp("The content's place in the object store.", valueName: "obs://…"))
    var obsUrl: String?

    @Option(
        help: ArgumentHelp(
            "A file with a line 'bucket ak sk endpoint' whose keys go into the task file.", valueName: "file"))
    var obsKeys: String?

    @Flag(help: "Make torrents and task file anew even if they are there.")
    var deleteOld = false

    /// The paths of content and task file.
    func places(_ name: String, _ subdir: String, _ defaults: NodeDefaults) throws -> [(String, JSONValue)] {
        let content = path ?? "\(defaults.base)/\(subdir)/dcps/\(name)"
        let task = try taskFile ?? "\(defaults.data)/sender/tmp/\(TaskNaming.file(name, subdir))"
        return [("dcppath", .string(content)), ("taskfile", .string(task))]
    }

    /// All parameters of gentask.
    func params(
        _ name: String, _ subdir: String, shares: String, policy: String, _ defaults: NodeDefaults
    ) throws -> [(String, JSONValue)] {
        var params = try places(name, subdir, defaults)
        params += [
            ("basesubdir", .string(subdir)), ("btobscdn", .string(shares)), ("policy", .string(policy)),
            ("deloldtorrent", .string(deleteOld ? "true" : "false")),
        ]
        let optional = [("tracker", tracker), ("seedtime", seedTime), ("datasource", datasource), ("obsurl", obsUrl)]
        params += optional.compactMap { key, value in value.map { (key, .string($0)) } }
        if let obsKeys {
            let keys = try StoreKeyFile.read(obsKeys, bucket: subdir)
            params += [("ak", .string(keys.ak)), ("sk", .string(keys.sk)), ("endpoint", .string(keys.endpoint))]
        }
        return params
    }
}

/// Reads keys of an object store from a file. Keys must not be on a command line.
enum StoreKeyFile {
    static func read(_ path: String, bucket: String) throws -> (ak: String, sk: String, endpoint: String) {
        let text = String(decoding: try TorrentFile.bytes(of: path), as: UTF8.self)
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
            if words.count == 4, words[0] == bucket { return (words[1], words[2], words[3]) }
        }
        throw Failure(.usage, "\(path.shown): no line 'bucket ak sk endpoint' for \(bucket.shown)")
    }
}

/// Shares and policy, in the order that the scripts of the first version used.
struct TaskPolicy: ParsableArguments {
    @Argument(help: "Shares of BitTorrent, object store and CDN, as in 1:1:1.")
    var shares = "1:1:1"

    @Argument(help: "fulltime, or priortime: only in each method's window.")
    var policy = "fulltime"

    func validate() throws {
        let parts = shares.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 3, parts.allSatisfy({ UInt16($0) != nil }), parts.contains(where: { UInt16($0) != 0 })
        else { throw ValidationError("The value '\(shares.shown)' is invalid for '<shares>': write it as 1:1:1") }
        guard ["fulltime", "priortime"].contains(policy) else {
            throw ValidationError("The value '\(policy.shown)' is invalid for '<policy>': fulltime or priortime")
        }
    }
}

/// `swoop task gen`.
struct TaskGenCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "gen",
        abstract: "Make the torrents and the task file of a content.",
        discussion: """
            The node makes them in the background; 'swoop task query' tells whether they are there, --wait waits.

            Example:
              swoop task gen film 1:1:1 fulltime cfec-001 --wait
            """)

    @Argument(help: "The content's name.")
    var name: String
    @OptionGroup var policy: TaskPolicy
    @Argument(help: "Centre and organisation. Default: basesubdir of the configuration.")
    var subdir: String?
    @Flag(help: "Wait until they are made.")
    var wait = false
    @OptionGroup var recipe: TaskRecipe
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let subdir = try TaskNaming.required(subdir ?? defaults.subdirectory)
            let params = try recipe.params(
                name, subdir, shares: policy.shares, policy: policy.policy, defaults)
            let reply = try await client.call("gentask", params)
            guard wait, reply.succeeded else { return reply }
            let watch = TaskWatch(client: client, reporter: reporter, file: try TaskNaming.file(name, subdir))
            return try await watch.made(recipe.places(name, subdir, defaults))
        }
        reporter.clearBars()
        try show(reply, reply.desc.shown, reporter)
    }
}

/// `swoop task query`.
struct TaskQueryCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "query",
        abstract: "Tell whether torrents and task file are made.",
        discussion: """
            Example:
              swoop task query film cfec-001
            """)

    @OptionGroup var task: TaskName
    @OptionGroup var recipe: TaskRecipe
    @OptionGroup var node: NodeOptions
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let reply = try await node.use { client, defaults in
            let subdir = try TaskNaming.required(task.subdir ?? defaults.subdirectory)
            return try await client.call("taskfilesquery", recipe.places(task.name, subdir, defaults))
        }
        try show(reply, "\(reply.status.shown): \(reply.desc.shown)", reporter)
    }
}
