import Foundation
import TestSupport
import Testing

/// Controls of one database, a sender and targets, each a process of its own, on loopback. Each target has a hook that writes down
/// that it ran.
final class TestFleet {
    let work: TemporaryDirectory
    private let database: String?
    /// Of the API, and of the door for agents.
    private let ports: [(api: Int, door: Int)]
    private(set) var controls: [Program] = []
    private(set) var agents: [String: Program] = [:]
    private var token = ""

    /// - Parameter database: `postgresql://…`; nil for a file of the one control.
    init(controls count: Int = 1, database: String? = nil) async throws {
        work = try TemporaryDirectory()
        self.database = database
        let first = Int(try FreePort.findRow(of: UInt16(2 * count)))
        ports = (0..<count).map { (first + 2 * $0, first + 2 * $0 + 1) }
        for number in 0..<count {
            if number > 0 {
                try work.makeDirectory("control\(number)")
                try FileManager.default.copyItem(
                    atPath: work.path("control0/control.secret"), toPath: work.path("control\(number)/control.secret"))
            }
            controls.append(try await launch(number))
        }
        token = try String(contentsOfFile: work.path("control0/admin.token"), encoding: .utf8)
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func launch(_ number: Int) async throws -> Program {
        let program = try Program(
            [
                Swoop.path, "control", "--data", work.path("control\(number)"), "--listen",
                "127.0.0.1:\(ports[number].api)", "--agents", "127.0.0.1:\(ports[number].door)", "--json",
            ] + (database.map { ["--database", $0] } ?? []))
        _ = try await program.waitForEvent("listening")
        return program
    }

    /// As a crash does.
    func kill(_ number: Int = 0) async throws {
        controls[number].send(SIGKILL)
        _ = try await controls[number].ending()
    }

    func restart(_ number: Int = 0) async throws { controls[number] = try await launch(number) }

    // MARK: The API

    func ask(
        _ method: String, _ path: String, _ body: [String: Any]? = nil, _ headers: [String] = [], control: Int = 0
    ) async throws -> OCIClient.Answer {
        let text = try body.map { String(decoding: try JSONSerialization.data(withJSONObject: $0), as: UTF8.self) }
        return try await OCIClient(authority: "127.0.0.1:\(ports[control].api)").call(
            method, path, ["Authorization: Bearer \(token)"] + headers, body: text)
    }

    private func items(_ path: String, control: Int) async throws -> [[String: Any]] {
        try await ask("GET", path, control: control).json["items"] as? [[String: Any]] ?? []
    }

    func define(_ name: String, _ keys: [String: Any] = [:]) async throws {
        var keys = keys
        keys["name"] = name
        keys["targets"] = "name~\"^r\""
        keys["senders"] = ["node:sender"]
        let answer = try await ask("PUT", "/v1/classes/\(name)", keys, ["If-None-Match: *"])
        try #require((200..<300).contains(answer.status), "\(answer.json)")
    }

    func state(of job: String, control: Int = 0) async throws -> String? {
        try await ask("GET", "/v1/jobs/\(job)", control: control).json["state"] as? String
    }

    /// The state of each target, with its code.
    func states(of job: String, control: Int = 0) async throws -> [String: String] {
        var found: [String: String] = [:]
        for item in try await items("/v1/jobs/\(job)/targets", control: control) {
            let code = (item["code"] as? String).map { "(\($0))" } ?? ""
            found[item["name"] as? String ?? ""] = (item["state"] as? String ?? "") + code
        }
        return found
    }

    /// Bytes that all targets have.
    func bytes(of job: String, control: Int = 0) async throws -> Int {
        try await ask("GET", "/v1/jobs/\(job)", control: control).json["bytes"] as? Int ?? 0
    }

    /// Bytes that targets have on disk of what comes.
    func received() -> Int {
        var total = 0
        for name in agents.keys where name != "sender" {
            let files = FileManager.default.enumerator(atPath: work.path("\(name)/files/.swoop"))
            while let file = files?.nextObject() as? String {
                var status = stat()
                if lstat(work.path("\(name)/files/.swoop/\(file)"), &status) == 0 {
                    total += Int(status.st_blocks) * 512
                }
            }
        }
        return total
    }

    /// Whether nodes are away, by name, as a control shows it.
    func contacts(control: Int = 0) async throws -> [String: String] {
        var found: [String: String] = [:]
        for item in try await items("/v1/nodes", control: control) {
            found[item["name"] as? String ?? ""] = item["contact"] as? String
        }
        return found
    }

    // MARK: Hosts

    /// The sender and targets `r1`… join, and their agents run.
    /// - Parameter haveSites: the sender stands at one site, and all targets at another.
    func hosts(_ targets: Int, haveSites: Bool = false) async throws {
        func token(_ site: String) async throws -> String {
            let labels = haveSites ? ["site": site] : [:]
            let made = try await ask("POST", "/v1/tokens", ["uses": targets, "labels": labels])
            let words = (made.json["command"] as? String ?? "").split(separator: " ").map(String.init)
            let option = try #require(words.firstIndex(of: "--token"), "\(made.json)")
            return words[option + 1]
        }
        let (home, away) = (try await token("home"), try await token("away"))
        let doors = ports.map { "https://127.0.0.1:\($0.door)" }.joined(separator: ",")
        for name in ["sender"] + (1...targets).map({ "r\($0)" }) {
            try work.makeDirectory(name)
            try work.makeDirectory("\(name)/files")
            let files = work.path("\(name)/files")
            let file =
                name == "sender"
                ? "send: {roots: [\"\(files)\"]}\n"
                : """
                receive: {roots: [\"\(files)\"], reserve: 0}
                hooks: {note: {run: [/bin/sh, -c, "echo $SWOOP_JOB >> \(work.path("\(name)/runs"))"]}}

                """
            try work.write("\(name)/agent.yaml", file)
            let ending = try await Program(
                [Swoop.path, "agent", "join", doors, "--token", name == "sender" ? home : away, "--name", name] + place(name)
            ).ending()
            try #require(ending.status == 0, "\(ending)")
            try await startAgent(name)
        }
        for control in ports.indices {
            try await wait(for: "all nodes") {
                let contacts = try await contacts(control: control)
                return contacts.count == targets + 1 && contacts.values.allSatisfy { $0 == "present" }
            }
        }
    }

    private func place(_ name: String) -> [String] {
        ["--data", work.path("\(name)/data"), "--config", work.path("\(name)/agent.yaml")]
    }

    func startAgent(_ name: String) async throws {
        let program = try Program([Swoop.path, "agent", "--on-loopback", "--json"] + place(name))
        _ = try await program.waitForEvent("listening")
        agents[name] = program
    }

    func killAgent(_ name: String) async throws {
        agents[name]?.send(SIGKILL)
        _ = try await agents[name]?.ending()
    }

    /// Writes new content of so many bytes at the sender.
    func fill(_ bytes: Int, seed: UInt64 = 7) throws {
        try work.write("sender/files/content", randomBytes(bytes, seed: seed))
    }

    /// - Returns: the id of the job, which goes on by itself.
    func send(_ name: String) async throws -> String {
        let ending = try await Program([
            Swoop.path, "send", "-c", name, "-p", work.path("sender/files/content"), "--detach", "--data",
            work.path("sender/data"),
        ]).ending()
        try #require(ending.status == 0, "\(ending)")
        return ending.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func isDone(_ job: String, within seconds: Double = 60, control: Int = 0) async throws {
        try await wait(seconds, for: "the job's end") {
            ["done", "partly", "failed"].contains(try await state(of: job, control: control) ?? "")
        }
        let states = try await states(of: job, control: control)
        #expect(try await state(of: job, control: control) == "done", "\(states)")
    }

    /// Each target has the content, its hook ran once, and its receipt is there.
    func isRight(_ job: String, in directory: String, _ targets: Int, control: Int = 0) async throws {
        let receipts = try await items("/v1/jobs/\(job)/receipts", control: control)
        #expect(Set(receipts.compactMap { $0["name"] as? String }) == Set((1...targets).map { "r\($0)" }))
        #expect(receipts.count == targets)
        let sent = work.read("sender/files/content")
        for number in 1...targets {
            #expect(work.read("r\(number)/files/\(directory)/content") == sent)
            let runs = String(decoding: work.read("r\(number)/runs") ?? [], as: UTF8.self).split(separator: "\n")
            #expect(runs.count { $0 == job } == 1)
        }
    }
}
