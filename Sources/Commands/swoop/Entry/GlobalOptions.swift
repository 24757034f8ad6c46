import ArgumentParser
import Logging

/// Options of every command.
struct GlobalOptions: ParsableArguments {
    @Flag(help: "JSON lines on standard output; human text goes to standard error only.")
    var json = false

    @Flag(help: "Say nothing but results, warnings and errors.")
    var quiet = false

    @Flag(name: .shortAndLong, help: "Log what happens; twice for every detail.")
    var verbose: Int

    /// For processes started by another process, such as those of a demo: they end when it ends, in any way.
    @Flag(help: ArgumentHelp("Stop when nobody reads standard output any more.", visibility: .private))
    var stopWithReader = false

    func validate() throws {
        if quiet && verbose > 0 { throw ValidationError("'--quiet' and '--verbose' exclude each other") }
    }

    /// A reporter with these options.
    func makeReporter() -> Reporter {
        Reporter(
            mode: Reporter.Mode(
                // If the log goes to the same terminal, it would interrupt bars that are redrawn in place.
                json: json, quiet: quiet, redraws: Terminal.canRedraw(2) && verbose == 0, style: Terminal.style()))
    }

    /// Logs to standard error, at the requested level.
    var logger: Logger {
        var logger = Logger(label: "swoop") { RedactedLog(StreamLogHandler.standardError(label: $0)) }
        logger.logLevel = verbose == 0 ? .error : verbose == 1 ? .info : .debug
        return logger
    }
}

/// A command of this program. ``Main`` calls ``run(_:)`` and reports the errors that it throws.
protocol SwoopCommand: ParsableCommand {
    var global: GlobalOptions { get }

    func run(_ reporter: Reporter) async throws
}
