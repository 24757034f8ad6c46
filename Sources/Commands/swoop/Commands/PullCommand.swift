import Agent
import ArgumentParser
import Registry
import RegistryClient
import RegistryTransfer
import Swarm

/// `swoop pull`: fetches the content that a registry has under a name.
struct PullCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Bring what a registry has under a name, verified.",
        discussion: """
            A file lands in DIR under its own name, a directory under the last part of NAME, complete; until then it lives \
            in DIR/.NAME.swoop/. Interrupted, the same command goes on from there. Without a tag it is 'latest'.

            What is there already under that name is checked. With --overwrite another version of it is replaced in one \
            step, and files that are the same in both are not fetched again. Files that no pull wrote stay, unless the new \
            version has a file of the same path.

            Without an agent, or with --direct, this host gives what it has to others while it comes, and for --seed-time \
            afterwards. A signal ends that; the content is complete then.

            Images of containers become a directory in the OCI image layout. '-o -' writes a single file to standard output.

            Examples:
              swoop pull team/model:1.0 -o /srv/models
              swoop pull team/app -o . --overwrite
              swoop pull build.tar.zst -o - | tar --zstd -x
              swoop pull team/model:1.0 -o /srv/models --direct --seed-time 1h
            """)

    @Argument(
        help: ArgumentHelp("What to bring.", valueName: "name[:tag|@digest]"), transform: ReferenceArgument.parse)
    var reference: Reference

    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("The directory that receives the content; '-' for standard output.", valueName: "dir|-"))
    var output: String

    @Option(help: ArgumentHelp("Bring only files whose path matches; may be given more than once.", valueName: "glob"))
    var select: [String] = []

    @Flag(help: "Replace another version that is there already.")
    var overwrite = false

    @Flag(help: "Do not ask this host's agent.")
    var direct = false

    @Option(
        help: ArgumentHelp(
            "The socket of this host's agent. Default: \(DescriptorProtocol.usualPath).", valueName: "path"))
    var agent: String?

    @Option(
        help: ArgumentHelp("Give up when not one byte came for so long.", valueName: "duration"),
        transform: TimeSpan.parse)
    var timeout: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "How long to give afterwards, where no agent does. Default: not at all.", valueName: "duration"),
        transform: TimeSpan.parse)
    var seedTime: TimeSpan?

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    private var isStream: Bool { output == "-" }

    func validate() throws {
        if timeout?.seconds == 0 { throw ValidationError("'--timeout' must be longer than 0") }
        if isStream, seedTime != nil { throw ValidationError("'--seed-time' and '-o -' exclude each other") }
        if isStream, global.json { throw ValidationError("'--json' and '-o -' exclude each other") }
        if output.isEmpty { throw ValidationError("'--output' is empty") }
    }

    func run(_ reporter: Reporter) async throws {
        let begin = ContinuousClock.now
        let patience = timeout.map { Double($0.seconds) }
        let sources = try PullSources(
            access, reference, agent: direct ? nil : agent ?? DescriptorProtocol.usualPath,
            limits: RegistryTransferLimits(), patience: patience, logger: global.logger)
        do {
            let outcome = try await untilStopped(
                saying: "stopped; what has come is kept, and the same command goes on from there", reporter
            ) { try await pull(sources, reporter) }
            report(outcome, reporter, seconds: (ContinuousClock.now - begin) / .seconds(1))
            if let seedTime { await give(outcome, sources.given, for: seedTime.duration, reporter) }
        } catch {
            await sources.shutdown()
            throw error
        }
        await sources.shutdown()
    }

    private func report(_ outcome: Pull.Outcome, _ reporter: Reporter, seconds: Double) {
        let content = PushedContent(
            reference: reference, digest: outcome.digest, bytes: Int(clamping: outcome.bytes),
            transferred: Int(clamping: outcome.figures.received), reused: Int(clamping: outcome.figures.reused),
            seconds: seconds, path: outcome.path)
        reporter.clearBars()
        reporter.event(content.json)
        reporter.note(content.pulledText)
    }

    /// Gives what was pulled to others until the time is over, or a signal comes.
    private func give(
        _ outcome: Pull.Outcome, _ given: PulledContent?, for time: Duration, _ reporter: Reporter
    ) async {
        // From now on, a signal ends a pull that is complete.
        StopSignal.shared.setForcedStatus(.done)
        guard let given else {
            return reporter.note(
                "nothing is given on from here: an agent of this host does, or the registry has no swarm")
        }
        reporter.note("giving it to others for \(HumanText.time(Int(time / .seconds(1))))")
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { await given.give(outcome.files) }
            group.addTask {
                try? await Task.sleep(for: time)
                return true
            }
            group.addTask {
                await StopSignal.shared.wait()
                return true
            }
            if await group.next() == false {
                reporter.warning("nothing is given on from here: the registry's swarm is closed to this host")
            }
            group.cancelAll()
        }
    }

    private func pull(_ sources: PullSources, _ reporter: Reporter) async throws -> Pull.Outcome {
        var options = Pull.Options()
        options.overwrite = overwrite
        options.cache = RegistryArguments.cachePath
        if !select.isEmpty {
            options.patterns = select
            options.selection = { [select] path in select.contains { Glob.matches($0, path.bytes) } }
        }
        let pull = Pull(sources, reference, options: options)
        let shown = TransferDisplay(reporter: reporter, label: reference.description) {
            let figures = pull.meter.figures
            return (figures.progress, Int(clamping: figures.received), figures.trouble)
        }
        do {
            return try await shown.whileRunning { () async throws(PullError) in
                if isStream { return try await pull.stream(to: 1, from: sources.make) }
                return try await pull.run(into: output, from: sources.make)
            }
        } catch {
            throw await Failure(error, reference) { await sources.client() }
        }
    }
}

extension PullFigures {
    var progress: Progress {
        var progress = Progress(phase: phase.rawValue, done: Int(clamping: done), total: Int(clamping: total))
        progress.peers = peers
        progress.origins = origins
        progress.files = (filesDone, files)
        progress.cached = Int(clamping: reused)
        return progress
    }
}

extension Failure {
    /// - Parameter client: used to list the name's newest tags, if the requested tag does not exist.
    init(_ error: PullError, _ reference: Reference, _ client: () async -> RegistryClient) async {
        switch error {
        case .registry(.unknown) where error.isAboutManifest(reference):
            self.init(.notFound, await Self.missing(reference, await client()))
        case .registry(let error): self.init(error)
        case .wrongContent, .wrongSize, .badManifest:
            self.init(.verification, error.description, advice: "Push it again, or choose another registry.")
        case .nothingSelected:
            self.init(.notFound, error.description, advice: "Without --select all of it is brought.")
        case .notOneFile: self.init(.usage, error.description, advice: "Choose one with --select, or give a directory.")
        case .conflict:
            self.init(
                .failed, error.description,
                advice: "Move it away, choose another directory with -o, or replace it with --overwrite.")
        case .inTheWay:
            self.init(.failed, error.description, advice: "Move it away, or choose another directory with -o.")
        case .changed: self.init(.failed, error.description, advice: "Run again when nothing writes to it.")
        case .silent:
            self.init(.failed, error.description, advice: "Run again to go on: what has come is kept.")
        case .output(let system): self.init(Self.status(system.number), error.description)
        case .disk(let error): self.init(error)
        case .cancelled: self.init(.interrupted, "stopped on request", advice: "Run again to go on.")
        }
    }

    private static func missing(_ reference: Reference, _ client: RegistryClient) async -> String {
        guard case .tag = reference.version else { return "no manifest \(reference)" }
        let newest = await TagList.newest(of: reference.name, from: client, count: 5)
        return "no tag \(reference)" + (newest.isEmpty ? "" : "; newest: \(newest.joined(separator: ", "))")
    }
}

extension PullError {
    fileprivate func isAboutManifest(_ reference: Reference) -> Bool {
        if case .registry(.unknown(let text)) = self { text.hasPrefix("no manifest ") } else { false }
    }
}
