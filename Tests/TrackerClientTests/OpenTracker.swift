import Foundation
import Hashing
import TrackerClient
import Tracking

/// Debian's opentracker on a free loopback port, with a list of the info hashes it serves.
enum OpenTracker {
    struct NotStarted: Error {}

    static let path = "/usr/bin/opentracker"

    /// Runs `body` with a tracker that allows `hash`, and ends it afterwards.
    static func with(
        allowing hash: SHA1Digest, isolation: isolated (any Actor)? = #isolation,
        _ body: (_ port: UInt16, _ client: TrackerClient) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "opentracker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        defer { try? FileManager.default.removeItem(at: directory) }
        try (hash.hex + "\n").write(to: directory.appending(path: "whitelist"), atomically: true, encoding: .utf8)
        let port = try FreePort.find()
        let process = try ServerProcess(
            path,
            [
                "-i", "127.0.0.1", "-p", "\(port)", "-P", "\(port)", "-d", directory.path(), "-w", "whitelist", "-u",
                "nobody",
            ])
        let client = TrackerClient()
        do {
            guard await FreePort.isAnswering(port, within: 10) else { throw NotStarted() }
            try await waitForList(client, port, hash)
            try await body(port, client)
            await client.shutdown()
            await process.stop()
        } catch {
            await client.shutdown()
            await process.stop()
            throw error
        }
    }

    /// It answers before it has read its list, and refuses everything until then.
    private static func waitForList(_ client: TrackerClient, _ port: UInt16, _ hash: SHA1Digest) async throws {
        let probe = try request(hash, peer: 9, port: 9, left: 0, event: .stopped)
        for _ in 0..<500 {
            do throws(TrackerClientError) {
                _ = try await client.announce(url: "http://127.0.0.1:\(port)/announce", probe)
                return
            } catch {
                guard case .answer(.refused) = error else { throw error }
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw NotStarted()
    }
}
