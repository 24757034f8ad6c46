// The command line: parses arguments, calls the modules that do the work, and prints results.
//
// Must never: make decisions about a transfer, write anything to standard output except results and JSON lines, or end
// with a status outside ExitStatus.

import ArgumentParser
import FleetAgent
import Glibc
import RegistrySettings

@main
enum Main {
    static func main() {
        let line = CommandLine.arguments
        // The fleet's agent starts such a process for each hook. It is no command for people.
        if line.count == 3, line[1] == HookWaiter.command { return HookWaiter.run(line[2]) }
        StopSignal.block()
        UpSupervisor.endWithParent()
        Task.detached {
            let status = await run(line: CommandLine.arguments)
            guard status == .done, let problem = Terminal.lostResult else { exit(status.rawValue) }
            Terminal.write("error: the result cannot be written: \(problem)\n", to: 2)
            exit(ExitStatus.disk.rawValue)
        }
        StopSignal.shared.serve()
    }

    /// Runs a whole command line. If the program is invoked by the name of one of Kraken's programs, it takes that
    /// program's arguments.
    private static func run(line: [String]) async -> ExitStatus {
        let arguments = Array(line.dropFirst())
        guard let program = line.first.flatMap({ SeedProgram(invokedAs: $0) }) else { return await run(arguments) }
        do {
            return await run(try await program.swoopArguments(arguments))
        } catch {
            let reporter = Reporter(mode: .init(json: arguments.contains("--json")))
            guard let failure = error as? Failure else { return (error as? QuietExit)?.status ?? .failed }
            reporter.failure(failure)
            return failure.status
        }
    }

    /// Parses and runs a command, and reports its errors. Separate from ``main()`` for tests.
    static func run(_ arguments: [String]) async -> ExitStatus {
        // Errors may occur before options are parsed, so look for --json by hand.
        var reporter = Reporter(mode: .init(json: arguments.contains("--json")))
        do {
            var command = try Swoop.parseAsRoot(arguments)
            if let command = command as? any SwoopCommand {
                reporter = command.global.makeReporter()
                if command.global.stopWithReader { StopSignal.shared.stopWithReader(of: 1) }
                try await command.run(reporter)
            } else {
                // Help, version and completion scripts.
                try command.run()
            }
            return .done
        } catch let failure as Failure {
            reporter.failure(failure)
            return failure.status
        } catch let quiet as QuietExit {
            return quiet.status
        } catch is CancellationError {
            return .interrupted
        } catch {
            return parserEnding(error, reporter)
        }
    }

    /// Help and version texts are results; every other error of ArgumentParser is a usage error.
    private static func parserEnding(_ error: any Error, _ reporter: Reporter) -> ExitStatus {
        let code = Swoop.exitCode(for: error)
        if code.isSuccess {
            Terminal.write(Swoop.fullMessage(for: error) + "\n", to: 1)
            return .done
        }
        let isUsage = code == .validationFailure
        let message = Swoop.message(for: error)
        reporter.failure(
            Failure(
                isUsage ? .usage : .failed, message.isEmpty ? "\(error)" : message,
                advice: isUsage ? "See 'swoop --help', or 'swoop COMMAND --help' for its options and an example." : ""))
        return isUsage ? .usage : .failed
    }
}
