import ArgumentParser
import BFT
import HashLibrary

/// `swoop library`: manages the table of hashes.
struct LibraryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "library",
        abstract: "Look after a node's table of hashes, so that nothing here is transferred again.",
        discussion: """
            A running node keeps the table of local disks current by itself. Mounted buckets tell nobody what \
            changes in them: there, add each content when it is ready. All of it works beside a running node.

            Examples:
              swoop library add /data/dcp/cfec-001/dcps/film
              swoop library rebuild
              swoop library check --read
            """,
        subcommands: [LibraryAddCommand.self, LibraryRebuildCommand.self, LibraryCheckCommand.self])
}

/// Options that select the library.
struct LibraryChoice: ParsableArguments {
    @Option(help: ArgumentHelp("The node's configuration.", valueName: "file"))
    var config = NodeDefaults.path

    func open(_ global: GlobalOptions) throws -> HashLibrary {
        let configuration = try NodeConfigurationFile.read(config)
        var options = LibraryOptions()
        options.watches = false
        options.identity = configuration.libraryIdentity
        do {
            return try HashLibrary(
                tablePath: configuration.hashTable, roots: [configuration.baseDataPath], options: options,
                logger: global.logger)
        } catch {
            throw Failure(error)
        }
    }
}

extension NodeConfiguration {
    /// Identifies the use of the table. If it changes, the node rebuilds the table.
    var libraryIdentity: String {
        role.rawValue + (role == .receiver ? "/" + receiverStorePlan.rawValue : "")
    }
}

/// `swoop library add`.
struct LibraryAddCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Hash what is new or changed at a path.",
        discussion: """
            Example:
              swoop library add /data/dcp/cfec-001/dcps/film
            """)

    @Argument(help: "A file or directory below basedatapath.")
    var path: String
    @OptionGroup var choice: LibraryChoice
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        guard let place = AbsolutePath(path) else {
            throw Failure(.usage, "'\(path.shown)' is no absolute path", advice: "Write it from the root on.")
        }
        let library = try choice.open(global)
        try await LibraryWork.run(reporter, label: path.shown) { progress in
            try await library.add(place, progress: progress)
        }
    }
}

/// `swoop library rebuild`.
struct LibraryRebuildCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebuild", abstract: "Forget the table and hash all stored content again.",
        discussion: """
            Interrupted, 'swoop library add' of basedatapath or the node's next start goes on.

            Example:
              swoop library rebuild
            """)

    @OptionGroup var choice: LibraryChoice
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let library = try choice.open(global)
        try await LibraryWork.run(reporter, label: "library") { progress in
            try await library.rebuild(progress: progress)
        }
    }
}

/// `swoop library check`.
struct LibraryCheckCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Compare the table with the files: exit 0 if they agree, 3 if not.",
        discussion: """
            Example:
              swoop library check --read
            """)

    @Flag(help: "Read and hash every file, which also finds silent corruption.")
    var read = false
    @OptionGroup var choice: LibraryChoice
    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let library = try choice.open(global)
        let reading = read
        let report: CheckReport
        do {
            report = try await untilStopped { try await library.check(reading: reading) }
        } catch let error as LibraryError {
            throw Failure(error)
        }
        let kinds: [(String, [AbsolutePath])] = [
            ("missing", report.missing), ("changed", report.changed), ("unchecked", report.unchecked),
            ("untrue", report.untrue), ("unlisted", report.unlisted), ("unreadable", report.unreadable),
        ]
        for (kind, paths) in kinds {
            for path in paths {
                reporter.event(
                    .object([
                        ("event", .string("file")), ("path", .string("\(path)")), ("verdict", .string(kind)),
                        ("detail", .string("")),
                    ]))
            }
            for path in paths.prefix(1000) { reporter.note("\(kind)  \(path)") }
        }
        let wrong = kinds.reduce(0) { $0 + $1.1.count }
        guard wrong == 0 else {
            throw Failure(
                .verification, "\(wrong) not as the table says, \(report.right) as it says",
                advice: "'swoop library add' of basedatapath mends the table.")
        }
        reporter.result("\(HumanText.plural(report.right, "file")) as the table says")
    }
}

/// Hashing with a bar, and its result.
enum LibraryWork {
    static func run(
        _ reporter: Reporter, label: String,
        _ work: @escaping @Sendable (@escaping @Sendable (Int64, Int64) -> Void) async throws -> AddReport
    ) async throws {
        let report: AddReport
        do {
            report = try await untilStopped {
                try await work { done, total in
                    let progress = Progress(
                        phase: "hashing", done: Int(done), total: Int(total), isTransfer: false)
                    reporter.progress(progress, label: label)
                }
            }
        } catch let error as LibraryError {
            throw Failure(error)
        }
        reporter.clearBars()
        reporter.event(
            .object([
                ("event", .string("library")), ("hashed", .int(report.hashed)), ("bytes", .int(Int(report.bytes))),
                ("unchanged", .int(report.unchanged)), ("failed", .int(report.failed.count)),
            ]))
        for (path, failure) in report.failed.prefix(1000) { reporter.warning("\(path): \(failure)") }
        let text =
            "\(HumanText.plural(report.hashed, "file")) hashed (\(HumanText.bytes(Int(report.bytes)))), "
            + "\(report.unchanged) unchanged"
        guard report.failed.isEmpty else {
            throw Failure(.failed, "\(HumanText.plural(report.failed.count, "file")) could not be hashed; \(text)")
        }
        reporter.result(text)
    }
}

extension Failure {
    /// The exit status for errors of the library.
    init(_ error: LibraryError) {
        let status: ExitStatus =
            switch error.kind {
            case .badPath, .excluded: .usage
            case .table(let system), .unreadable(let system): Self.status(system.number)
            case .tableLocked: .failed
            case .stopped: .interrupted
            }
        self.init(status, "\(error)")
    }
}
