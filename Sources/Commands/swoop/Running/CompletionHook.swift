/// The command to run when content is complete. Runs without a shell unless `shell` is set, gets the content's
/// properties in its environment, and writes to standard error, because standard output may carry JSON lines.
struct CompletionHook: Sendable {
    let words: [String]

    init(command: String, shell: Bool) throws {
        do {
            words = shell ? ["/bin/sh", "-c", command] : try CommandWords.split(command)
        } catch let problem as ArgumentProblem {
            throw Failure(.usage, "The value '\(command.shown)' is invalid for '--on-complete': \(problem)")
        }
    }

    /// Runs the command to its end. Returns nil for exit status 0, else the error to report.
    func run(_ content: CompletedContent) async -> Failure? {
        let path = content.path
        let environment = [
            ("SWOOP_PATH", path), ("SWOOP_NAME", content.name), ("SWOOP_INFO_HASH", content.infoHash),
            ("SWOOP_BYTES", String(content.bytes)),
        ]
        do {
            let ending = try await ChildProcess.start(words, environment: environment).ending()
            return ending == .exited(0) ? nil : Self.failure("\(words[0].shown) \(ending.text)", path)
        } catch let failure as Failure {
            return Self.failure(failure.message, path)
        } catch {
            return Self.failure("\(error)", path)
        }
    }

    private static func failure(_ what: String, _ path: String) -> Failure {
        Failure(
            .failed, "the content is complete, but its --on-complete command failed: \(what)",
            advice: "The content stays at \(path.shown). Running get again checks it and runs the command again.")
    }
}
