import Files
import Foundation
import Glibc
import HashLibrary
import Hashing
import Logging
import TestSupport
import Testing
import Threads

/// A directory of the real file system that goes away with this object.
final class Place: Sendable {
    private let directory: TemporaryDirectory
    var path: String { directory.path }

    /// - Parameter base: the directory to be in; nil for one in memory.
    init(_ base: String? = nil) throws { directory = try TemporaryDirectory(in: base, inMemory: true) }

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
        await library.waitUntilCurrent()
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

extension HashLibrary {
    func has(_ key: ContentKey) async -> String? { await lookup(sha1: key.sha1, size: key.size)?.text }
}
