import Authoring
import Files
import HTTPTransport
import Metainfo
import Registry
import RegistryClient
import RegistryTransfer
import Synchronization
import TestSupport
import Text

/// A place for files, a cache, and a client of a registry with little patience.
final class Bench: Sendable {
    let work: TemporaryDirectory
    let registry: FakeRegistry
    let client: RegistryClient
    private let stored: Mutex<RegistryTransferLimits>
    static let name = ContentName("team/app")!

    init(
        token: String? = nil, readTimeout: Double = 20,
        _ fault: @escaping @Sendable (FakeRegistry.Request) -> FakeRegistry.Fault? = { _ in nil }
    ) throws {
        work = try TemporaryDirectory(inMemory: true)
        registry = try FakeRegistry(fault)
        var options = RegistryClient.Options()
        options.firstPause = 0.01
        var settings = HTTPTransportSettings()
        settings.readTimeout = readTimeout
        client = RegistryClient(
            base: registry.url, credential: token.flatMap { RegistryCredential($0) }, options: options,
            settings: settings)
        var limits = RegistryTransferLimits()
        limits.firstPause = 0.01
        limits.partBytes = 1 << 20
        limits.blockBytes = 64 << 10
        limits.smallBytes = 64 << 10
        stored = Mutex(limits)
    }

    var limits: RegistryTransferLimits {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }

    deinit {
        registry.stop()
        let client = client
        Task { await client.shutdown() }
    }

    /// With a tree of a large, a small, an executable and an empty file, `app`.
    static func withTree(
        _ large: [UInt8], token: String? = nil,
        _ fault: @escaping @Sendable (FakeRegistry.Request) -> FakeRegistry.Fault? = { _ in nil }
    ) throws -> Bench {
        let bench = try Bench(token: token, fault)
        try bench.work.write("app/large", large)
        try bench.work.write("app/sub/small", "small")
        try bench.work.write("app/run.sh", "#!/bin/sh\n", mode: 0o755)
        try bench.work.write("app/empty", "")
        return bench
    }

    static func random(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count)
    }

    func push(_ path: String, _ tag: String = "1", name: ContentName = name) async throws -> Push.Outcome {
        var push = Push(client, name: name, tag: Tag(tag)!, cache: work.path("cache"))
        push.limits = limits
        var options = ScanOptions()
        options.allowsEmpty = true
        return try await push.run(try ContentScanner.scan(work.path(path), options: options))
    }

    func pull(
        _ reference: String = "team/app:1", into directory: String = "out", overwrite: Bool = false,
        patience: Double? = nil, selection: (@Sendable (SafePath) -> Bool)? = nil
    ) async throws -> Pull.Outcome {
        var options = Pull.Options()
        options.overwrite = overwrite
        options.cache = work.path("cache")
        options.limits = limits
        options.selection = selection
        let (client, limits) = (client, limits)
        return try await Pull(client, Reference(reference)!, options: options).run(into: work.path(directory)) {
            pool, _ in
            HTTPBlobSource(client, name: Self.name, limits: limits, pool: pool, patience: patience)
        }
    }

    /// Puts files into the registry, as a push does.
    func offer(_ files: [(path: String, bytes: [UInt8])], _ tag: String = "1", isDirectory: Bool = true) throws {
        registry.put(
            FilesManifest.make(
                try files.map { path, bytes in
                    FilesManifest.File(
                        path: try SafePath(path), digest: registry.add(bytes), size: Int64(bytes.count),
                        isExecutable: path.hasSuffix(".sh"))
                }, isDirectory: isDirectory), tag)
    }

    /// All files below a directory, by their paths.
    func tree(_ directory: String) -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        func walk(_ path: String, _ below: String) {
            for name in work.names(path) {
                let next = path + "/" + name
                if work.names(next).isEmpty, let bytes = work.read(next) {
                    found[below + name] = bytes
                } else {
                    walk(next, below + name + "/")
                }
            }
        }
        walk(directory, "")
        return found
    }
}
