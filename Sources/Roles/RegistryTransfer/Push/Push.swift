import Authoring
import Files
import Glibc
import Hashing
import Metainfo
import Reactor
import Registry
import RegistryClient
import Synchronization
import Threads

/// The values that all files of a push share.
struct PushContext: Sendable {
    let client: RegistryClient
    let name: ContentName
    let limits: RegistryTransferLimits
    let pool: WorkerPool
    let digests: DigestCache
    let ledger: UploadLedger
    let meter: PushMeter
    /// Sizes of files that the registry may have already. A file of such a size is hashed before it is uploaded.
    let sizes: Set<Int64>
}

/// A push of a file or directory: uploads all its blobs, then the manifest with its tag.
package struct Push: Sendable {
    package struct Outcome: Sendable {
        /// The digest of the manifest.
        package let digest: BlobDigest
        package let bytes: Int64
        package let figures: PushFigures
    }

    package var limits = RegistryTransferLimits()
    package let client: RegistryClient
    package let name: ContentName
    package let tag: Tag
    package let meter = PushMeter()
    private let digests: DigestCache
    private let ledger: UploadLedger

    /// - Parameter cache: the directory for file digests and interrupted uploads, which are kept from push to push; nil for
    ///   none.
    package init(_ client: RegistryClient, name: ContentName, tag: Tag, cache: String?) {
        self.client = client
        self.name = name
        self.tag = tag
        digests = DigestCache(directory: cache)
        ledger = UploadLedger(directory: cache.map { $0 + "/uploads" })
    }

    /// Checks the number of files of a content.
    /// - Throws: `tooManyFiles` where it is larger than a push can have.
    package static func check(_ content: ScannedContent) throws(PushError) {
        guard content.files.count <= FilesManifest.mostFiles else {
            throw .tooManyFiles(content.files.count, most: FilesManifest.mostFiles)
        }
    }

    package func run(_ content: ScannedContent) async throws(PushError) -> Outcome {
        try Self.check(content)
        meter.begin(total: content.totalLength, files: content.files.count)
        let pool = WorkerPool(name: "swoop-push", threads: limits.threads)
        let context = PushContext(
            client: client, name: name, limits: limits, pool: pool, digests: digests, ledger: ledger, meter: meter,
            sizes: content.files.contains { $0.length > Int64(limits.smallBytes) } ? try await knownSizes() : [])
        let result: Result<[BlobDigest], PushError>
        do { result = .success(try await digestsOfFiles(content, context)) } catch { result = .failure(error) }
        // The digests are saved also after a failure, so that the next push need not read these files again.
        await Threads.offload(name: "swoop-push") { [digests, ledger] in
            digests.save()
            ledger.forgetEnded()
            pool.shutdown()
        }
        let found = try result.get()
        try await registry { () throws(RegistryError) in try await client.putEmptyConfig(in: name) }
        let files = zip(content.files, found).map { file, digest in
            FilesManifest.File(
                path: content.isSingleFile ? Self.path(content.name) : file.path, digest: digest, size: file.length,
                isExecutable: file.isExecutable)
        }
        let manifest = FilesManifest.make(files, isDirectory: !content.isSingleFile)
        guard manifest.count <= Manifest.mostBytes else { throw .manifestTooLarge }
        try await checkUnchanged(content)
        try await registry { () throws(RegistryError) in
            try await client.put(
                manifest, type: Manifest.imageType, as: Reference(name: name, version: .tag(tag)))
        }
        return Outcome(
            digest: BlobDigest(SHA256.digest(manifest)), bytes: content.totalLength, figures: meter.figures)
    }

    /// The path that has only this component.
    private static func path(_ name: PathComponent) -> SafePath { (try? SafePath(components: [name.bytes])) ?? .empty }

    // MARK: What the registry has

    /// Sizes of files that were read before, and of the blobs of some versions of this content.
    private func knownSizes() async throws(PushError) -> Set<Int64> {
        var sizes = digests.sizes
        let newest = Reference(name: name, version: .tag(tag))
        var versions = [newest]
        do throws(RegistryError) {
            // A registry that answers lists the tags, or says that it does not have the name.
            let tags = try await client.tags(of: name)
            versions += tags.suffix(4).filter { $0 != tag }.map { Reference(name: name, version: .tag($0)) }
        } catch {
            switch error {
            case .unknown, .refused, .malformed: break
            default: throw error == .cancelled ? .cancelled : .registry(error)
            }
        }
        for version in versions {
            guard let manifest = try? await client.manifest(version) else { continue }
            sizes.formUnion(manifest.layers.map(\.size))
        }
        return sizes
    }

    // MARK: Files

    private func digestsOfFiles(
        _ content: ScannedContent, _ context: PushContext
    ) async throws(PushError) -> [BlobDigest] {
        let results = PushResults(count: content.files.count)
        let failure = await withTaskGroup(of: PushError?.self) { group in
            for _ in 0..<max(1, min(limits.atOnce, content.files.count)) {
                group.addTask {
                    while !Task.isCancelled {
                        guard let index = results.takeIndex() else { return nil }
                        do throws(PushError) {
                            results.set(index, try await push(content, index, context))
                        } catch {
                            return error
                        }
                    }
                    return .cancelled
                }
            }
            var first: PushError?
            for await failure in group {
                guard let failure else { continue }
                if first == nil || first == .cancelled { first = failure }
                group.cancelAll()
            }
            return first
        }
        if let failure { throw failure }
        guard let digests = results.all else { throw .cancelled }
        return digests
    }

    private func push(
        _ content: ScannedContent, _ index: Int, _ context: PushContext
    ) async throws(PushError) -> BlobDigest {
        let (file, stamp) = try await Threads.offloaded(context.pool) { () throws(PushError) in
            try Self.open(content, index)
        }
        return try await FilePush(
            context: context, index: index, path: content.displayPath(of: content.files[index]), file: file,
            stamp: stamp
        ).run()
    }

    private static func open(
        _ content: ScannedContent, _ index: Int
    ) throws(PushError) -> (HeldFile, DigestStamp) {
        let scanned = content.files[index]
        let path = content.displayPath(of: scanned)
        let file: HeldFile
        let status: FileStatus
        do throws(Files.SystemError) {
            // A scan that follows symbolic links listed their targets. The check below makes sure that the file is still the
            // same.
            file = try HeldFile(content.systemPath(of: scanned), .followSymlink)
            status = try file.status()
        } catch {
            // It was there when the files were listed.
            guard ![ENOENT, ENOTDIR, ELOOP].contains(error.number) else { throw .changed(path: path) }
            throw .system("open", path: path, error)
        }
        guard status.kind == .file, DeviceStamp(status) == scanned.identity else { throw .changed(path: path) }
        file.willBeReadInOrder()
        return (file, DigestStamp(status))
    }

    /// Checks, last before the tag is put, that no file has changed since it was found.
    private func checkUnchanged(_ content: ScannedContent) async throws(PushError) {
        try await Threads.offload(name: "swoop-push") { () throws(PushError) in
            for file in content.files {
                let path = content.displayPath(of: file)
                let status: FileStatus
                do {
                    status = try SystemFileLayer().status(path: content.systemPath(of: file), followSymlink: true)
                } catch {
                    throw .changed(path: path)
                }
                guard DeviceStamp(status) == file.identity else { throw .changed(path: path) }
            }
        }
    }
}

/// Hands out the files' indices one by one, and collects their digests.
private final class PushResults: Sendable {
    private let state: Mutex<(next: Int, digests: [BlobDigest?])>

    init(count: Int) { state = Mutex((0, Array(repeating: nil, count: count))) }

    func takeIndex() -> Int? {
        state.withLock { state in
            guard state.next < state.digests.count else { return nil }
            defer { state.next += 1 }
            return state.next
        }
    }

    func set(_ index: Int, _ digest: BlobDigest) { state.withLock { $0.digests[index] = digest } }

    /// All digests in order; nil while one is missing.
    var all: [BlobDigest]? {
        state.withLock { state in
            let found = state.digests.compactMap { $0 }
            return found.count == state.digests.count ? found : nil
        }
    }
}

extension Threads {
    /// Runs `body` on a thread of a pool.
    static func offloaded<R: Sendable, E: Error>(
        _ pool: WorkerPool, _ body: @escaping @Sendable () throws(E) -> R
    ) async throws(E) -> R {
        let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<R, E>, Never>) in
            pool.submit {
                do throws(E) { continuation.resume(returning: .success(try body())) } catch {
                    continuation.resume(returning: .failure(error))
                }
            }
        }
        return try result.get()
    }
}
