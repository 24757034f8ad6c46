import ArgumentParser

/// `swoop demo`: a whole network on this machine, to be watched.
struct DemoCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a tracker, a seed and receivers on this machine and watch them.",
        discussion: """
            Real processes on loopback, each with a directory of its own under TMPDIR; all are gone at the end, on \
            Ctrl-C too. Without PATH a sample directory is made. Each copy is verified at the end.

            Examples:
              swoop demo
              swoop demo ~/films/reel1 --receivers 8 --rate 20MB/s
            """)

    @Argument(help: "A file or directory to deliver; it is only read. Default: a sample directory.")
    var path: String?

    @Option(help: ArgumentHelp("How many receivers, 1 to 64.", valueName: "n"))
    var receivers = 4

    @Option(
        help: ArgumentHelp("Limit each host to this, both ways. Default: as fast as it goes.", valueName: "rate"),
        transform: Rate.parse)
    var rate: Rate?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        guard (1...64).contains(receivers) else {
            throw ValidationError("The value '\(receivers)' is invalid for '--receivers <n>': 1 to 64 are possible")
        }
    }

    func run(_ reporter: Reporter) async throws {
        let place = try DemoPlace()
        let network = DemoNetwork(
            place: place, content: path, receivers: receivers, rate: rate?.bytesPerSecond, reporter: reporter)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await untilStopped { try await network.run() })
        } catch {
            outcome = .failure(error)
        }
        reporter.keepBars()
        await network.stopAll()
        place.remove()
        try outcome.get()
    }
}
