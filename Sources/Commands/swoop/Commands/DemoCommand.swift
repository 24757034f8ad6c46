import ArgumentParser
import Glibc

/// `swoop demo`: runs a whole network on this machine.
struct DemoCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a tracker, a seed and receivers on this machine and watch them.",
        discussion: """
            Real processes on loopback, each with a directory of its own under TMPDIR; all are gone at the end, on \
            Ctrl-C too. Without PATH a sample directory is made. Each copy is verified at the end.

            With --hybrid it is a delivery network: a sender with its file server as the CDN, an S3-compatible object \
            store (SeaweedFS, fetched once if it is not there), a cacher and receivers, which fetch a third by each of \
            BitTorrent, object store and CDN.

            With --registry it is a storm: a registry, an agent for each receiver, and all of them pull by name what \
            was pushed a moment before. At the end it says how many copies the registry itself sent.

            With --fleet it is a fleet: control, a sender and as many nodes as the number says (4), which a release is \
            pushed to by the name of a class. They join with a token, and each signs a receipt.

            Examples:
              swoop demo
              swoop demo ~/films/reel1 --receivers 8 --rate 20MB/s
              swoop demo --hybrid
              swoop demo --registry --receivers 8
              swoop demo --fleet 8
            """)

    @Argument(help: "A file or directory to deliver; it is only read. Default: a sample directory.")
    var path: String?

    @Flag(help: "Delivery nodes with an object store and a CDN in place of a plain swarm.")
    var hybrid = false

    @Flag(help: "A registry, and agents that pull from it and from each other.")
    var registry = false

    @Flag(help: "Control, a sender and nodes, to which a release is pushed; PATH may be their number.")
    var fleet = false

    @Option(help: "How many receivers, 1 to 64. Default: 4, or 2 with --hybrid.")
    var receivers: Int?

    @Option(
        help: ArgumentHelp(
            """
            Limit each host to this, both ways; with --hybrid, what each source brings to each receiver. Default: as \
            fast as it goes, but 4MB/s for the sample of --hybrid.
            """, valueName: "rate"),
        transform: Rate.parse)
    var rate: Rate?

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if registry, hybrid { throw ValidationError("'--registry' and '--hybrid' are two demos: choose one") }
        if registry, rate != nil { throw ValidationError("'--rate' does not go with '--registry'") }
        if fleet, registry || hybrid { throw ValidationError("'--fleet' is a demo of its own: choose one") }
        if fleet, rate != nil { throw ValidationError("'--rate' does not go with '--fleet'") }
        guard let receivers = nodes else { return }
        guard (1...64).contains(receivers) else {
            throw ValidationError("The value '\(receivers)' is invalid for '--receivers <n>': 1 to 64 are possible")
        }
    }

    /// The number of nodes, which with --fleet may be given in the place of PATH.
    private var number: Int? {
        guard fleet, let path, !path.isEmpty, path.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(path)
    }

    private var nodes: Int? { number ?? receivers }

    private var content: String? { number == nil ? path : nil }

    func run(_ reporter: Reporter) async throws {
        if let path = content, access(path, F_OK) != 0 { throw TorrentFile.failure("cannot open", path) }
        let place = try DemoPlace()
        let (run, stop) = network(place, reporter)
        let outcome: Result<Void, any Error>
        do {
            outcome = .success(try await untilStopped { try await run() })
        } catch {
            outcome = .failure(error)
        }
        reporter.keepBars()
        await stop()
        place.remove()
        try outcome.get()
    }

    /// Functions that run the network and stop it.
    private func network(
        _ place: DemoPlace, _ reporter: Reporter
    ) -> (run: @Sendable () async throws -> Void, stop: @Sendable () async -> Void) {
        if hybrid {
            let pace = path == nil ? 4_000_000 : nil
            let network = HybridNetwork(
                place: place, content: path, receivers: receivers ?? 2, rate: rate?.bytesPerSecond ?? pace,
                reporter: reporter)
            return ({ try await network.run() }, { await network.stopAll() })
        }
        if fleet {
            let network = FleetNetwork(place: place, content: content, receivers: nodes ?? 4, reporter: reporter)
            return ({ try await network.run() }, { await network.stopAll() })
        }
        if registry {
            let network = RegistryNetwork(place: place, content: path, receivers: receivers ?? 4, reporter: reporter)
            return ({ try await network.run() }, { await network.stopAll() })
        }
        let network = DemoNetwork(
            place: place, content: path, receivers: receivers ?? 4, rate: rate?.bytesPerSecond, reporter: reporter)
        return ({ try await network.run() }, { await network.stopAll() })
    }
}
