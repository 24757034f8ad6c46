import FoundationEssentials
import Glibc
import HTTPTransport
import JSON
import Synchronization
import Threads

/// The fleet of a demo: control, a sender and receivers. Sends a release to the receivers, and compares their copies.
final class FleetNetwork: Sendable {
    private let place: DemoPlace
    private let content: String?
    private let receivers: Int
    private let reporter: Reporter
    private let running = Mutex<[DemoProcess]>([])

    init(place: DemoPlace, content: String?, receivers: Int, reporter: Reporter) {
        self.place = place
        self.content = content
        self.receivers = receivers
        self.reporter = reporter
    }

    /// Stops every process that is still running.
    func stopAll() async {
        let left = running.withLock { running in
            defer { running = [] }
            return running
        }
        await withTaskGroup(of: Void.self) { group in
            for process in left { group.addTask { await process.stop() } }
        }
    }

    func run() async throws {
        let source = try content ?? SampleContent.make(in: place.directory("source"))
        let control = try start(
            "control",
            ["control", "--data", try place.directory("control"), "--listen", "127.0.0.1:0", "--agents", "127.0.0.1:0"])
        let line = try await control.first("listening")
        guard let api = line.api, let door = line.agents, let tokenFile = line.tokenFile else {
            throw control.failure("it does not say where it listens")
        }
        let client = FleetClient(
            base: api, token: try await Threads.offload { Result { try SecretLine.read(tokenFile) } }.get(),
            settings: HTTPTransportSettings())
        do {
            try await run(source, client, door: door)
        } catch {
            await client.shutdown()
            throw error
        }
        await client.shutdown()
    }

    private func run(_ source: String, _ client: FleetClient, door: String) async throws {
        let made = try await client.post("/v1/tokens", ["uses": .integer(Int64(receivers + 1))])
        let words = (made.json["command"]?.stringValue ?? "").split(separator: " ").map(String.init)
        guard let option = words.firstIndex(of: "--token"), words.indices.contains(option + 1) else {
            throw Failure(.failed, "control made no token")
        }
        let real = await Threads.offload { Self.resolved(source) } ?? source
        let sender = try await host("sender", door, words[option + 1], "send: {roots: [\"\(real)\"]}\n")
        var roots: [String] = []
        for number in 1...receivers {
            let root = try place.directory("receiver-\(number)")
            _ = try await host(
                "receiver-\(number)", door, words[option + 1], "receive: {roots: [\"\(root)\"], reserve: 0}\n")
            roots.append(root)
        }
        _ = try await client.call(
            .PUT, "/v1/classes/demo", headers: ["If-None-Match": "*"], body: Self.definition.encode())
        reporter.note(
            "control at \(client.base); \(HumanText.plural(receivers, "node")) get \(source.shown) as versions")
        let begin = ContinuousClock.now
        let send = try start("send", ["send", "-c", "demo", "-p", source, "--data", sender])
        let ended = try await send.first("complete") { line in
            if line.event == "progress" { reporter.progress(line.progress, label: "demo") }
        }
        reporter.keepBars()
        try await compare(source, roots, ended, seconds: (ContinuousClock.now - begin) / .seconds(1))
    }

    private static let definition: JSON.JSONValue = [
        "name": "demo", "targets": "name~\"^receiver-\"", "senders": ["node:sender"], "publish": "versions",
    ]

    private func start(_ name: String, _ arguments: [String]) throws -> DemoProcess {
        let process = try DemoProcess(name, arguments, log: "\(place.path)/\(name).log")
        running.withLock { $0.append(process) }
        return process
    }

    /// Joins a host to the fleet, and starts its agent.
    /// - Returns: the agent's data directory.
    private func host(_ name: String, _ door: String, _ token: String, _ file: String) async throws -> String {
        let directory = try place.directory("host-\(name)")
        let (data, config) = ("\(directory)/data", "\(directory)/agent.yaml")
        try file.write(toFile: config, atomically: true, encoding: .utf8)
        let join = try start(
            "join of \(name)",
            [
                "agent", "join", "https://\(door)", "--token", token, "--name", name, "--data", data, "--config",
                config,
            ])
        _ = try await join.first("joined")
        let agent = try start(name, ["agent", "--data", data, "--config", config, "--on-loopback"])
        _ = try await agent.first("listening")
        return data
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    /// Compares the content that each receiver has published with the sender's.
    private func compare(_ source: String, _ roots: [String], _ ended: DemoLine, seconds: Double) async throws {
        let bytes = ended.bytes ?? 0
        var wrong = 0
        for (index, root) in roots.enumerated() {
            let isRight = await Threads.offload { () -> Bool in
                var isDirectory = false
                guard FileManager.default.fileExists(atPath: source, isDirectory: &isDirectory) else { return false }
                let name = source.split(separator: "/").last.map(String.init) ?? ""
                guard let current = Self.resolved("\(root)/demo/current") else { return false }
                return FileManager.default.contentsEqual(
                    atPath: source, andPath: isDirectory ? current : "\(current)/\(name)")
            }
            wrong += isRight ? 0 : 1
            reporter.event(
                .object([
                    ("event", .string("receiver")), ("receiver", .int(index + 1)), ("seconds", .double(seconds)),
                    ("bytes", .int(bytes)), ("verified", .bool(isRight)),
                ]))
        }
        guard wrong == 0 else {
            throw Failure(
                .verification, "\(wrong) of \(HumanText.plural(roots.count, "copy", "copies")) differ from the source")
        }
        reporter.event(
            .object([
                ("event", .string("complete")), ("path", .string(source)), ("receivers", .int(roots.count)),
                ("info_hash", ended.infoHash.map { .string($0) } ?? .null), ("bytes", .int(bytes)),
                ("seconds", .double(seconds)),
            ]))
        reporter.result(
            "verified: \(HumanText.plural(roots.count, "node shows", "nodes show")) what was sent, as "
                + "DEST/current, \(HumanText.time(Int(seconds.rounded(.up)))) after the command")
    }
}
