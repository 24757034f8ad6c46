import ArgumentParser
import Logging

/// What every command takes.
struct GlobalOptions: ParsableArguments {
    @Flag(help: "JSON lines on standard output; human text goes to standard error only.")
    var json = false

    @Flag(help: "Say nothing but results, warnings and errors.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Log what happens; twice for every detail.")
    var verbose: Int

    /// For processes that belong to another one, as those of a demonstration do: however that one ends, so do they.
    @Flag(help: ArgumentHelp("Stop when nobody reads standard output any more.", visibility: .private))
    var stopWithReader = false

    func validate() throws {
        if quiet && verbose > 0 { throw ValidationError("'--quiet' and '--verbose' exclude each other") }
    }

    /// A reporter as these options want it.
    func makeReporter() -> Reporter {
        Reporter(
            mode: Reporter.Mode(
                // With a log on the same terminal, bars redrawn in place would be torn apart.
                json: json, quiet: quiet, redraws: Terminal.canRedraw(2) && verbose == 0, style: Terminal.style()))
    }

    /// The log goes to standard error, and only what is asked for.
    var logger: Logger {
        var logger = Logger(label: "swoop") { RedactedLog(StreamLogHandler.standardError(label: $0)) }
        logger.logLevel = verbose == 0 ? .error : verbose == 1 ? .info : .debug
        return logger
    }
}

/// A command of ours. ``Main`` calls ``run(_:)`` and reports what it throws.
protocol SwoopCommand: ParsableCommand {
    var global: GlobalOptions { get }

    func run(_ reporter: Reporter) async throws
}
