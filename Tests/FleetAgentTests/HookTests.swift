import Fleet
import FleetAgent
import Foundation
import Glibc
import TestSupport
import Testing

/// Hooks run by real processes of the program.
@Suite struct HookTests {
    private static var waiter: [String] {
        let program = ProcessInfo.processInfo.environment["SWOOP"] ?? ".build/debug/swoop"
        return [
            program.hasPrefix("/") ? program : FileManager.default.currentDirectoryPath + "/" + program,
            HookWaiter.command,
        ]
    }

    private func run(
        _ script: String, in directory: TemporaryDirectory, timeout: Int = 30, arguments: [String] = [],
        user: String? = nil
    ) async throws -> HookEnding {
        var settings = HookSettings()
        settings.run = ["/bin/sh", "-c", script]
        settings.timeout = timeout
        settings.user = user
        let order = AgentPolicy.HookOrder(name: "h", settings: settings, arguments: arguments)
        let hook = HookDirectory(directory.path("hook"))
        try hook.prepare(HookSpecification(order, path: "/srv/a", job: "j-1", className: "app", version: 4))
        let waiter = Self.waiter
        return try await onThread { hook.run(by: waiter) }
    }

    @Test func `a hook has its arguments in its environment, and nothing of the agent's`() async throws {
        try await inDirectory { directory in
            setenv("SWOOP_TEST_SECRET", "x", 1)
            let ending = try await run(
                "env > \(directory.path("env"))", in: directory,
                arguments: ["one", "$(touch \(directory.path("bad")))"])
            #expect(ending == .exited(0))
            let lines = Set(
                String(decoding: directory.read("env") ?? [], as: UTF8.self).split(separator: "\n").map(String.init))
            #expect(lines.contains("SWOOP_PATH=/srv/a"))
            #expect(lines.contains("SWOOP_JOB=j-1"))
            #expect(lines.contains("SWOOP_CLASS=app"))
            #expect(lines.contains("SWOOP_VERSION=4"))
            #expect(lines.contains("SWOOP_ARG_1=one"))
            #expect(lines.contains("SWOOP_ARG_2=$(touch \(directory.path("bad")))"))
            #expect(!lines.contains { $0.hasPrefix("SWOOP_TEST_SECRET") })
            #expect(!directory.exists("bad"))
        }
    }

    @Test func `how it ended is found by whoever asks later, and it does not start again`() async throws {
        try await inDirectory { directory in
            let script = "echo x >> \(directory.path("runs")); exit 3"
            for _ in 0..<2 {
                let ending = try await run(script, in: directory)
                #expect(ending == .exited(3))
            }
            #expect(directory.read("runs") == Array("x\n".utf8))
        }
    }

    @Test func `one that is withdrawn before its start does not start, and one that has started is waited for`()
        async throws
    {
        try await inDirectory { directory in
            let hook = HookDirectory(directory.path("hook"))
            #expect(hook.withdraw() == .notStarted)
            let script = "echo x >> \(directory.path("runs")); sleep 0.2; exit 3"
            let ending = try await run(script, in: directory)
            #expect(ending == .notStarted && !directory.exists("runs"))
        }
        try await inDirectory { directory in
            let hook = HookDirectory(directory.path("hook"))
            async let ending = run(
                "while ! test -e \(directory.path("go")); do sleep 0.02; done; exit 3", in: directory)
            try await wait(for: "the hook's start") { hook.hasStarted }
            async let found = onThread { hook.withdraw() }
            try directory.write("go", "")
            let endings = [try await ending, try await found]
            #expect(endings == [.exited(3), .exited(3)])
        }
    }

    @Test func `ten at once start it once`() async throws {
        try await inDirectory { directory in
            let script = "echo x >> \(directory.path("runs")); sleep 0.2; exit 0"
            let endings = try await withThrowingTaskGroup(of: HookEnding.self) { group in
                for _ in 0..<10 { group.addTask { try await run(script, in: directory) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(endings == [HookEnding](repeating: .exited(0), count: 10))
            #expect(directory.read("runs") == Array("x\n".utf8))
        }
    }

    @Test func `one that takes too long is ended with all that it started`() async throws {
        try await inDirectory { directory in
            let ending = try await run("sleep 60 & sleep 60", in: directory, timeout: 1)
            #expect(ending == .timedOut)
        }
    }

    @Test func `a program that is not there is said so`() async throws {
        try await inDirectory { directory in
            let hook = HookDirectory(directory.path("hook"))
            try hook.prepare(
                HookSpecification(words: ["/no/such/program"], user: nil, timeout: 5, environment: []))
            let waiter = Self.waiter
            let ending = try await onThread { hook.run(by: waiter) }
            #expect(ending == .notStarted)
        }
    }

    @Test(.enabled(if: geteuid() == 0)) func `it runs as its user, who cannot come back from that`() async throws {
        // Where every user may go: the place for temporary files may be in a home.
        let directory = try TemporaryDirectory(in: "/tmp")
        try await inDirectory { _ in
            chmod(directory.path, 0o777)
            let ending = try await run("id -un > \(directory.path("who")); exit 0", in: directory, user: "nobody")
            #expect(ending == .exited(0))
            #expect(directory.read("who") == Array("nobody\n".utf8))
        }
    }

    @Test func `where its waiter was ended, nobody knows how it ended`() async throws {
        try await inDirectory { directory in
            async let ending = run("echo $PPID > \(directory.path("waiter")); sleep 2", in: directory)
            try await wait(for: "the hook's start") { directory.read("waiter")?.last == UInt8(ascii: "\n") }
            let text = String(decoding: directory.read("waiter") ?? [], as: UTF8.self).trimmingCharacters(in: .newlines)
            kill(try #require(pid_t(text)), SIGKILL)
            let end = try await ending
            #expect(end == .unknown)
        }
    }
}
