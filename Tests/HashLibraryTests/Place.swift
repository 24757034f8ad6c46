import Foundation
import Glibc
import Hashing
import Logging
import Storage
import Testing
import Threads

@testable import HashLibrary

/// A directory of the real file system that goes away with this object.
final class Place: Sendable {
    let path: String

    init(_ base: String? = nil) throws {
        let base = base ?? (access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp")
        var template = Array("\(base)/library-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var root: String { path + "/dcp" }
    var tableFile: String { path + "/etc/hashtable.txt" }

    func at(_ name: String) throws -> AbsolutePath { try #require(AbsolutePath("\(root)/\(name)")) }

    func makeDirectory(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: "\(root)/\(name)", withIntermediateDirectories: true)
    }

    @discardableResult
    func put(_ name: String, _ content: [UInt8]) throws -> ContentKey {
        let full = "\(root)/\(name)"
        try makeDirectory(name.split(separator: "/").dropLast().joined(separator: "/"))
        let descriptor = open(full, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw SystemError(errno) }
        defer { close(descriptor) }
        try content.withUnsafeBytes { try SystemFileLayer().write(descriptor, $0, at: 0) }
        return ContentKey(sha1: SHA1.digest(content), size: Int64(content.count))
    }

    @discardableResult
    func put(_ name: String, _ text: String) throws -> ContentKey { try put(name, Array(text.utf8)) }

    func move(_ name: String, to newName: String) throws {
        guard rename("\(root)/\(name)", "\(root)/\(newName)") == 0 else { throw SystemError(errno) }
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: "\(root)/\(name)") }

    /// Lines of the table without comments.
    var lines: [String] {
        let text = (try? String(contentsOfFile: tableFile, encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init).filter { !$0.hasPrefix("#") }
    }

    /// Replaces the table as an editor does.
    func edit(_ change: ([String]) -> [String]) throws {
        let text = change(lines).map { $0 + "\n" }.joined()
        try text.write(toFile: tableFile, atomically: true, encoding: .utf8)
    }

    func library(
        _ change: (inout LibraryOptions) -> Void = { _ in }, layer: any FileLayer = SystemFileLayer(),
        pause: PauseFlag = PauseFlag()
    ) throws -> HashLibrary {
        try makeDirectory("")
        var options = LibraryOptions()
        options.settleTime = 0.05
        options.saveInterval = 0.05
        options.writerRetry = 0.1
        options.rootRetry = 0.1
        change(&options)
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try HashLibrary(
            tablePath: tableFile, roots: [root], options: options, logger: logger, layer: layer, pause: pause)
    }

    /// Runs a library from its start to its stop.
    func withLibrary<R: Sendable>(
        _ change: (inout LibraryOptions) -> Void = { _ in }, pause: PauseFlag = PauseFlag(),
        _ body: (HashLibrary) async throws -> R
    ) async throws -> R {
        let library = try library(change, pause: pause)
        try await library.start()
        await library.settle()
        do {
            let result = try await body(library)
            await library.stop()
            return result
        } catch {
            await library.stop()
            throw error
        }
    }
}

/// Waits until something is so; false when it still is not at the deadline.
func eventually(seconds: Double = 20, _ condition: () async throws -> Bool) async rethrows -> Bool {
    let deadline = Clocks.steady + Int64(seconds * 1e9)
    repeat {
        if try await condition() { return true }
        try? await Task.sleep(for: .milliseconds(10))
    } while Clocks.steady < deadline
    return false
}

extension HashLibrary {
    func has(_ key: ContentKey) async -> String? { await lookup(sha1: key.sha1, size: key.size)?.text }
}

/// Bytes that are the same for one seed.
func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
    return (0..<count).map { _ in
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return UInt8(truncatingIfNeeded: state >> 24)
    }
}
