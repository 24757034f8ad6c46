import Foundation
import TestSupport

/// A program that a test started. It is killed, by its process id, when the last reference to it goes.
final class Program: @unchecked Sendable {
    // Sendable by hand: `process` is only started in init; afterwards its thread-safe members are used.
    private let process: Process
    private let files: TemporaryDirectory
    let name: String

    /// How a program ended and what it said.
    struct Ending: CustomStringConvertible {
        let status: Int32
        let killedBySignal: Bool
        let output: String
        let errors: String

        var description: String {
            "status \(status)\(killedBySignal ? " (signal)" : "")\nout: \(output)\nerr: \(errors)"
        }
    }

    /// - Parameters:
    ///   - host: the network namespace to run in; nil for the machine's own.
    init(
        _ words: [String], on host: NetworkNamespace? = nil, in directory: String? = nil,
        environment: [String: String] = [:]
    ) throws {
        name = words.first ?? "?"
        if name == Swoop.path { try Swoop.checkBuilt() }
        files = try TemporaryDirectory()
        process = Process()
        let full = (host?.prefix ?? []) + words
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = full
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        var handles: [FileHandle] = []
        for (index, stream) in ["out", "err"].enumerated() {
            let path = try files.file(stream)
            try Data().write(to: URL(fileURLWithPath: path))
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            if index == 0 { process.standardOutput = handle } else { process.standardError = handle }
            handles.append(handle)
        }
        // The program has its own. A `Process` is never let go of, and with these of more than a thousand programs open,
        // Foundation reads beyond a buffer when it looks for the highest descriptor.
        defer { for handle in handles { try? handle.close() } }
        try process.run()
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
    }

    var pid: Int32 { process.processIdentifier }
    var isRunning: Bool { process.isRunning }
    var output: String { text("out") }
    var errors: String { text("err") }
    func send(_ signal: Int32) { if process.isRunning { kill(pid, signal) } }

    /// Waits for the end by itself.
    func ending(within seconds: Double = 60) async throws -> Ending {
        do {
            try await wait(seconds, for: "end of \(name)") { !process.isRunning }
        } catch {
            throw TimedOut(description: "\(error)\nout: \(output.suffix(2000))\nerr: \(errors.suffix(2000))")
        }
        return Ending(
            status: process.terminationStatus, killedBySignal: process.terminationReason == .uncaughtSignal,
            output: output,
            errors: errors)
    }

    /// Asks for a stop and waits for it.
    @discardableResult
    func stop(_ signal: Int32 = SIGTERM, within seconds: Double = 10) async throws -> Ending {
        send(signal)
        return try await ending(within: seconds)
    }

    /// The JSON lines so far.
    var events: [[String: Any]] { Self.events(in: output) }

    func event(_ name: String) -> [String: Any]? { events.first { $0["event"] as? String == name } }

    /// Waits until a JSON line with this event is there.
    func waitForEvent(_ event: String, within seconds: Double = 30) async throws -> [String: Any] {
        try await wait(seconds, for: "event '\(event)' of \(name): \(errors.suffix(500))") {
            self.event(event) != nil || !process.isRunning
        }
        guard let found = self.event(event) else {
            throw TimedOut(description: "\(name) ended without '\(event)'\nout: \(output)\nerr: \(errors)")
        }
        return found
    }

    static func events(in output: String) -> [[String: Any]] {
        output.split(separator: "\n").compactMap {
            try? JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    private func text(_ stream: String) -> String {
        // Swift's String is lenient here on purpose: other programs may print anything.
        (try? Data(contentsOf: URL(fileURLWithPath: files.path + "/" + stream))).map {
            String(decoding: $0, as: UTF8.self)
        } ?? ""
    }
}
