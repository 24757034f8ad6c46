import Address
import Admission
import Backends
import Files
import Foundation
import Logging
import ObjectStore
import S3
import TestFS
import TestSupport
import Testing
import Text

/// The stores that run the contract, each as it is in use: with its server.
enum Place: String, CaseIterable, CustomTestStringConvertible, Sendable {
    /// `paced` is `directory` behind a rate.
    case directory, testfs, s3, http, paced

    var testDescription: String { rawValue }
    static let writable: [Place] = [.directory, .testfs, .s3, .paced]

    /// Runs `body` with a store, and a way to put a file into it from outside.
    func with(_ body: (any BackendStore, Put) async throws -> Void) async throws {
        let directory = try TemporaryDirectory()
        defer { withExtendedLifetime(directory) {} }
        switch self {
        case .directory:
            try await run(try DirectoryStore(path: directory.path("store")), directory, body)
        case .paced:
            let store = try DirectoryStore(path: directory.path("store"))
            try await run(PacedStore(store, sent: 100 << 20, received: 100 << 20), directory, body)
        case .testfs:
            try await withTestFS(directory.path("store")) { url in
                try await run(TestFSStore(url), directory, body)
            }
        case .s3:
            try await Seaweed.with { address in
                try await run(S3Store(address, settings: Seaweed.settings), directory, body)
            }
        case .http:
            try await withNginx(directory) { url in
                let store = try WebStore(pattern: url + "/%s")
                try await body(store) { path, bytes in try directory.write("www/" + path, bytes) }
                await store.shutdown()
            }
        }
    }

    typealias Put = (_ path: String, _ bytes: [UInt8]) async throws -> Void

    private func run(
        _ store: some BackendStore, _ directory: TemporaryDirectory,
        _ body: (any BackendStore, Put) async throws -> Void
    ) async throws {
        do {
            try await body(store) { path, bytes in
                try directory.write("source", bytes)
                guard let path = BackendPath(path) else { return }
                try await store.upload(file: directory.path("source"), to: path)
            }
            await store.shutdown()
        } catch {
            await store.shutdown()
            throw error
        }
    }
}

func quietLogger() -> Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Runs `body` with the address of a file store over a directory.
func withTestFS(_ path: String, port: Int = 0, _ body: (HTTPURL) async throws -> Void) async throws {
    let server = try await TestFSServer.start(
        at: ListenAddress(host: "127.0.0.1", port: port), files: FileTree(path: path), isInsecure: false,
        admission: Admission(), logger: quietLogger())
    do {
        try await body(try #require(HTTPURL("http://\(server.address)")))
        await server.stop()
    } catch {
        await server.stop()
        throw error
    }
}

/// Runs `body` with the URL of Debian's nginx over the directory `www`.
func withNginx(_ directory: TemporaryDirectory, _ body: (String) async throws -> Void) async throws {
    try directory.makeDirectory("www")
    try directory.makeDirectory("tmp")
    let port = try FreePort.find()
    try directory.write(
        "nginx.conf",
        """
        daemon off; master_process off; pid nginx.pid; error_log error.log;
        events { worker_connections 64; }
        http {
          access_log off; client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
          uwsgi_temp_path tmp/u; scgi_temp_path tmp/s;
          server { listen 127.0.0.1:\(port); root \(directory.path)/www; location /whole/ { max_ranges 0; alias \(directory.path)/www/; } }
        }
        """)
    let process = try ServerProcess(
        "/usr/sbin/nginx", ["-p", directory.path, "-c", "nginx.conf", "-e", directory.path("error.log")])
    defer { process.kill() }
    try #require(await FreePort.isAnswering(port, within: 10))
    try await body("http://127.0.0.1:\(port)")
}

/// The test store of this package, one for all tests that run at the time.
enum Seaweed {
    static func address(_ port: UInt16) throws -> ObjectStoreAddress {
        try ObjectStoreAddress(
            endpoint: "http://127.0.0.1:\(port)", bucket: "dcp",
            credentials: S3Credentials(accessKey: "testaccess", secretKey: "testsecret0123456789"))
    }

    /// Settings that lose no time and send parts.
    static var settings: ObjectStoreSettings {
        var settings = ObjectStoreSettings()
        settings.firstRetry = 0.01
        settings.longestRetry = 0.05
        settings.attempts = 2
        settings.partSize = 5 << 20
        settings.largestSinglePut = 1 << 20
        return settings
    }

    static func with(_ body: (ObjectStoreAddress) async throws -> Void) async throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        for _ in 0..<3 {
            let (port, directory) = (try FreePort.findRow(of: 5), try TemporaryDirectory())
            let process = try ServerProcess("/\(root)/Scripts/test-servers/s3", ["run", directory.path, String(port)])
            defer { process.kill() }
            let address = try address(port)
            let isReady = try await eventually(seconds: 300) {
                if process.hasEnded() { return true }
                guard await FreePort.isAnswering(port, within: 0.02) else { return false }
                let store = S3Store(address, settings: settings)
                let size = try? await store.size(of: #require(BackendPath("none")))
                let isListed: Void? = try? await store.list(below: nil) { _ in }
                await store.shutdown()
                return size != nil || isListed != nil
            }
            if isReady, !process.hasEnded() { return try await body(address) }
        }
        throw TimedOut(description: "the test store does not start: Scripts/test-servers/s3 install")
    }
}
