import Foundation
import Synchronization

/// Starts a program of the system. Foundation's `Process` is no use to a test: its `waitUntilExit` spins when it is called
/// off the main thread.
/// - Parameters:
///   - words: the program, looked up in `PATH` when it is no path, and its arguments.
///   - streams: what it has as standard input, output and errors; nil for `/dev/null`.
func spawn(_ words: [String], streams: [CInt?]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, stream) in streams.enumerated() {
        if let stream {
            posix_spawn_file_actions_adddup2(&actions, stream, CInt(number))
        } else {
            posix_spawn_file_actions_addopen(&actions, CInt(number), "/dev/null", O_RDWR, 0)
        }
    }
    // The threads that tests run on block signals, and a child would inherit that.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for argument in arguments { free(argument) } }
    var pid: pid_t = 0
    let number = posix_spawnp(&pid, words.first ?? "", &actions, &attributes, &arguments, environ)
    guard number == 0 else { throw SystemFailure("start \(words.first ?? "nothing")", number) }
    return pid
}

/// A server that a test starts, and ends by its process id.
package final class ServerProcess: Sendable {
    private let pid: pid_t
    /// Whether it has been waited for: its id may be another program's from then on.
    private let isOver = Mutex(false)

    /// Starts a program with its output thrown away.
    package init(_ path: String, _ arguments: [String]) throws {
        pid = try spawn([path] + arguments, streams: [nil, nil, nil])
    }

    /// Ends it and waits until it has ended. (opentracker takes SIGINT to heart, not SIGTERM.)
    package func stop() async {
        send(SIGINT)
        let hasStopped = try? await eventually(seconds: 5) { hasEnded() }
        if hasStopped != true { kill() }
    }

    /// Ends it at once: for a server whose data nobody needs.
    package func kill() {
        isOver.withLock { isOver in
            guard !isOver else { return }
            Glibc.kill(pid, SIGKILL)
            var status: CInt = 0
            waitpid(pid, &status, 0)
            isOver = true
        }
    }

    package func hasEnded() -> Bool {
        isOver.withLock { isOver in
            var status: CInt = 0
            if !isOver { isOver = waitpid(pid, &status, WNOHANG) != 0 }
            return isOver
        }
    }

    /// Sends a signal, unless it has been waited for.
    package func send(_ signal: CInt) { isOver.withLock { if !$0 { Glibc.kill(pid, signal) } } }
}

/// A program that ran to its end.
package struct Command: Sendable {
    /// What it exited with; 128 and more: the signal that ended it.
    package let status: CInt
    package let output: String
    package let errors: String

    /// Runs a program to its end. Blocks.
    @discardableResult
    package static func run(_ words: [String]) throws -> Command {
        // Files, not pipes: a program that writes much to both would wait for a reader of the other.
        let streams = try (0..<2).map { _ in
            var name = Array("\(NSTemporaryDirectory())/swoop-test-XXXXXX".utf8CString)
            let descriptor = mkstemp(&name)
            guard descriptor >= 0 else { throw SystemFailure("mkstemp") }
            unlink(name)
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            return descriptor
        }
        defer { for stream in streams { close(stream) } }
        let pid = try spawn(words, streams: [nil] + streams)
        var status: CInt = 0
        while waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return Command(
            status: signal == 0 ? (status >> 8) & 0xff : 128 + signal, output: text(streams[0]),
            errors: text(streams[1]))
    }

    /// Runs a program to its end while the cooperative pool's threads do other things.
    package static func ending(_ words: [String]) async throws -> Command { try await onThread { try run(words) } }

    private static func text(_ descriptor: CInt) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = pread(descriptor, &chunk, chunk.count, bytes.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
    }
}
