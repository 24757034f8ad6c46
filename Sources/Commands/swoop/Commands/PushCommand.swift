import ArgumentParser
import Authoring
import Registry
import RegistryClient
import RegistryTransfer

/// `swoop push`: puts a file or directory into a registry under a name.
struct PushCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "push",
        abstract: "Put a file or a directory into a registry, under a name and a tag.",
        discussion: """
            Without NAME:TAG the name is the last part of PATH, and the tag is 'latest'. Files that the registry has \
            already are not sent. What was read once is remembered (in ~/.cache/swoop): unchanged files are not even \
            read. Interrupted, the same command goes on from there. A file that changes meanwhile ends the push, and \
            nothing is tagged then.

            Symlinks are an error unless --symlinks says what to do with them; empty directories are left out; the \
            executable bit is kept; names must be UTF-8. At most 10,000 files: pack larger trees first (tar).

            Examples:
              swoop push model/ team/model:1.0
              swoop push build.tar.zst
              swoop push app team/app:7 --registry https://hub.example --token-file token
            """)

    @Argument(help: "The file or directory.")
    var path: String

    @Argument(
        help: ArgumentHelp("What it is to be called.", valueName: "name:tag"), transform: ReferenceArgument.tagged)
    var reference: Reference?

    @Option(
        help: ArgumentHelp(
            "Leave out paths below PATH that match; may be given more than once.", valueName: "regex"))
    var exclude: [String] = []

    @Option(help: "follow: take what symlinks point at; skip: leave them out.")
    var symlinks: CreateCommand.Symlinks?

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let begin = ContinuousClock.now
        let client = try await access.contentClient(silence: 300)
        let outcome: (Reference, Push.Outcome)
        do {
            outcome = try await untilStopped(
                saying: "stopped; what has arrived is kept, and the same command goes on from there", reporter
            ) { try await push(client, reporter) }
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
        let (reference, pushed) = outcome
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let content = PushedContent(
            reference: reference, digest: pushed.digest, bytes: Int(clamping: pushed.bytes),
            transferred: Int(clamping: pushed.figures.sent), reused: Int(clamping: pushed.figures.cached),
            seconds: seconds, path: path)
        reporter.clearBars()
        reporter.event(content.json)
        reporter.note(content.pushedText)
    }

    private func push(_ client: RegistryClient, _ reporter: Reporter) async throws -> (Reference, Push.Outcome) {
        let content = try scan(reporter)
        let reference = try self.reference ?? Self.reference(for: content)
        guard case .tag(let tag) = reference.version else { throw Failure(.usage, "a push needs a tag") }
        let push = Push(client, name: reference.name, tag: tag, cache: RegistryArguments.cachePath)
        let shown = TransferDisplay(reporter: reporter, label: reference.description) {
            let figures = push.meter.figures
            return (figures.progress, Int(clamping: figures.sent), figures.trouble)
        }
        do {
            let outcome = try await shown.whileRunning { () async throws(PushError) in try await push.run(content) }
            return (reference, outcome)
        } catch {
            throw Failure(error, reference)
        }
    }

    private func scan(_ reporter: Reporter) throws -> ScannedContent {
        do {
            var options = ScanOptions(symlinks: symlinks?.policy ?? .refuse, exclude: exclude)
            options.allowsEmpty = true
            let content = try ContentScanner.scan(
                path, options: options, isCancelled: { StopSignal.shared.isStopped })
            do { try Push.check(content) } catch { throw Failure(error, nil) }
            let warnings = content.warnings.compactMap(\.pushText)
            let most = 20
            for warning in warnings.prefix(most) { reporter.warning(warning) }
            if warnings.count > most { reporter.warning("and \(warnings.count - most) more of this kind") }
            return content
        } catch let error as AuthoringError {
            throw Failure(error)
        }
    }

    private static func reference(for content: ScannedContent) throws -> Reference {
        guard let text = content.name.string, let name = ContentName(text) else {
            throw Failure(
                .usage, "'\(content.name.display)' cannot be a name in a registry",
                advice: "Give one after PATH, as in: swoop push PATH team/app:1.0")
        }
        return Reference(name: name, version: .tag(.latest))
    }
}

extension ScanWarning {
    /// The warning, in the words of a push; nil for a warning that is only about torrents.
    fileprivate var pushText: String? {
        switch self {
        case .emptyDirectory(let path): "the directory '\(path)' is empty and will be missing: a push holds files only"
        case .ownOutput: nil
        default: description
        }
    }
}

extension PushFigures {
    var progress: Progress {
        var progress = Progress(phase: sent > 0 ? "sending" : "checking", done: Int(done), total: Int(total))
        progress.knowsPeers = false
        progress.origins = 1
        progress.files = (filesDone, files)
        progress.cached = Int(cached)
        progress.isUpload = true
        return progress
    }
}

extension Failure {
    init(_ error: PushError, _ reference: Reference?) {
        switch error {
        case .system(_, _, let system): self.init(Self.status(system.number), error.description)
        case .changed: self.init(.failed, error.description, advice: "Push again when nothing writes to it.")
        case .tooManyFiles, .manifestTooLarge:
            self.init(.usage, error.description, advice: "Pack them first, as in: tar -cf tree.tar PATH")
        case .registry(let error): self.init(error)
        case .cancelled: self.init(.interrupted, "stopped on request", advice: "Run again to go on.")
        }
    }
}
