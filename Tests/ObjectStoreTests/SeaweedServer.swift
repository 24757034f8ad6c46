import Foundation
import Glibc
import ObjectStore
import S3
import Synchronization
import TestSupport
import Testing

/// A real store on free ports, in a directory of its own; shared by the tests that run at the same time, and ended by
/// the last of them.
actor SeaweedServer {
    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    static let shared = SeaweedServer()

    private struct Running {
        let process: ServerProcess
        let port: UInt16
        let directory: TemporaryDirectory
    }

    private var start: Task<Running, any Error>?
    private var users = 0

    /// Runs `body` with the store's port.
    static func with<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: (UInt16) async throws -> Result
    ) async throws -> Result {
        let port = try await shared.enter()
        do {
            let result = try await body(port)
            await shared.leave()
            return result
        } catch {
            await shared.leave()
            throw error
        }
    }

    private func enter() async throws -> UInt16 {
        users += 1
        let task = start ?? Task { try await SeaweedServer.launch() }
        start = task
        do {
            return try await task.value.port
        } catch {
            users -= 1
            start = nil
            throw error
        }
    }

    private func leave() async {
        users -= 1
        guard users == 0, let task = start else { return }
        start = nil
        guard let running = try? await task.value else { return }
        running.process.kill()
    }

    private static func launch() async throws -> Running {
        // A port may be taken between the look and the start.
        for _ in 0..<3 {
            let port = try FreePort.findRow(of: 5)
            let directory = try TemporaryDirectory()
            let process = try ServerProcess(script, ["run", directory.path, String(port)])
            // The first start of all installs it.
            let isRunning = try await eventually(seconds: 300) {
                if process.hasEnded() { return true }
                return await isReady(port)
            }
            if isRunning, !process.hasEnded() { return Running(process: process, port: port, directory: directory) }
            process.kill()
        }
        throw NotStarted(
            description:
                "the test store does not start; try Scripts/test-servers/s3 install, which needs python3 and PyPI")
    }

    /// Whether the bucket can be listed: the port opens before that.
    private static func isReady(_ port: UInt16) async -> Bool {
        guard await FreePort.isAnswering(port, within: 0.02) else { return false }
        var settings = ObjectStoreSettings()
        settings.attempts = 1
        let client = ObjectStoreClient(settings: settings)
        let isReady: Bool
        do {
            try await ObjectStore(address: testAddress(port), client: client).check()
            isReady = true
        } catch {
            isReady = false
        }
        await client.shutdown()
        return isReady
    }

    /// Beside this package's sources.
    private static var script: String {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        return "/\(root)/Scripts/test-servers/s3"
    }
}

/// The bucket of the test store.
func testAddress(
    _ port: UInt16, host: String = "127.0.0.1", style: S3Style = .path, signature: S3SignatureVersion = .v4,
    accessKey: String = "testaccess", secretKey: String = "testsecret0123456789", bucket: String = "dcp"
) throws -> ObjectStoreAddress {
    try ObjectStoreAddress(
        endpoint: "http://\(host):\(port)", bucket: bucket, style: style, signature: signature,
        credentials: S3Credentials(accessKey: accessKey, secretKey: secretKey))
}

/// Settings that lose no time.
var quickSettings: ObjectStoreSettings {
    var settings = ObjectStoreSettings()
    settings.firstRetry = 0.01
    settings.longestRetry = 0.05
    settings.attempts = 4
    settings.stallTimeout = 20
    settings.partSize = 5 << 20
    settings.largestSinglePut = 1 << 20
    settings.rangeSize = 1 << 20
    return settings
}
