import Foundation
import Hashing
import TestSupport
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
        let directory = try TemporaryDirectory()
        try directory.write("whitelist", hash.hex + "\n")
        // It becomes another user before it reads its list.
        chmod(directory.path, 0o755)
        let port = try FreePort.find()
        let process = try ServerProcess(
            path,
            [
                "-i", "127.0.0.1", "-p", "\(port)", "-P", "\(port)", "-d", directory.path, "-w", "whitelist", "-u",
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
        try await wait(10, for: "list of the tracker") {
            do throws(TrackerClientError) {
                _ = try await client.announce(url: "http://127.0.0.1:\(port)/announce", probe)
                return true
            } catch {
                guard case .answer(.refused) = error else { throw error }
                return false
            }
        }
    }
}
