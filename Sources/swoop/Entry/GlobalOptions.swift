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

    func validate() throws {
        if quiet && verbose > 0 { throw ValidationError("'--quiet' and '--verbose' exclude each other") }
    }

    var reporter: Reporter {
        Reporter(
            mode: Reporter.Mode(
                // With a log on the same terminal, bars redrawn in place would be torn apart.
                json: json, quiet: quiet, redraws: Terminal.canRedraw(2) && verbose == 0, style: Terminal.style()))
    }

    /// The log goes to standard error, and only what is asked for.
    var logger: Logger {
        var logger = Logger(label: "swoop") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = verbose == 0 ? .error : verbose == 1 ? .info : .debug
        return logger
    }
}

/// A command with the options of all commands; ``Main`` reports its errors the way they say.
protocol ReportingCommand {
    var global: GlobalOptions { get }
}
