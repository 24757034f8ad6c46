import HTTPTransport
import Metainfo
import NIOCore
import NameIndex
import Registry
import RegistryClient
import Text

/// Copies one tag to another registry: missing blobs first, then manifests, then the tag.
struct TagCopy: Sendable {
    enum Outcome: Sendable {
        case done
        /// The tag was moved here during the copy. The newer digest may already have been put there, and be overwritten
        /// now.
        case overtaken
        /// The other registry has another digest under the tag, and refuses to move it.
        case conflict(String)
        case failed(RegistryError)
    }

    let store: any TagStore
    let blobs: any ReplicaBlobs
    let client: RegistryClient
    let task: ReplicationTask

    /// Blobs up to this size are uploaded by one request.
    private static let smallBytes: Int64 = 64 << 10
    /// Part size of a larger upload, in bytes: most that is sent again after a failure.
    private static let partBytes: Int64 = 64 << 20
    /// Failures in a row without a byte of progress.
    private static let mostFailures = 3
    private static let mostDepth = 4

    private var name: ContentName { task.name }
    private var reference: Reference { Reference(name: name, version: .tag(task.tag)) }

    func run() async -> Outcome {
        do throws(RegistryError) {
            guard try await isCurrent() else { return .done }
            if try await client.digest(of: reference) == task.digest { return .done }
            try await copy()
            return try await isCurrent() ? .done : .overtaken
        } catch {
            guard case .denied(let text) = error else { return .failed(error) }
            // The registry does not move its tag, which then has another digest.
            if let there = try? await client.digest(of: reference), there != task.digest {
                return .conflict("\(client.name) has \(there) under \(reference): \(text)")
            }
            return .failed(error)
        }
    }

    /// Whether the tag still refers to the task's digest. It does not if the tag was moved or deleted here.
    private func isCurrent() async throws(RegistryError) -> Bool {
        try await asked { () throws(TagStoreError) in try await store.record(of: task.tag, of: name)?.digest }
            == task.digest
    }

    private func copy() async throws(RegistryError) {
        let found = try await resolve(task.digest)
        switch found {
        case .manifest(let stored)?:
            let manifest = try Self.parsed(stored)
            try await sendParts(of: manifest, depth: 0)
            guard try await isCurrent() else { return }
            try await client.put(
                stored.bytes, type: stored.mediaType, as: reference, clusters: task.via.description)
        case .blob(let digest)?:
            let there = try await client.size(of: digest, in: name)
            let size = if let there { there } else { try await sizeHere(digest) }
            if there == nil { try await send(digest, size: size) }
            guard try await isCurrent() else { return }
            do throws(RegistryError) {
                try await client.putTag(task.tag, of: name, digest: digest, clusters: task.via.description)
            } catch {
                guard error.isOfAnotherKind else { throw error }
                try await putFile(digest, size)
            }
        case nil: return
        }
    }

    /// Puts a manifest of one file under the tag: to a registry of another kind, a tag names manifests only. Pulled from
    /// there, the blob is the same file as pulled from here.
    private func putFile(_ digest: BlobDigest, _ size: Int64) async throws(RegistryError) {
        guard let path = try? SafePath(name.lastComponent) else {
            throw .malformed("the name \(name), whose last part is no name of a file")
        }
        try await client.putEmptyConfig(in: name)
        let file = FilesManifest.File(path: path, digest: digest, size: size, isExecutable: false)
        try await client.put(
            FilesManifest.make([file]), type: Manifest.imageType, as: reference, clusters: task.via.description)
    }

    private func sendParts(of manifest: Manifest, depth: Int) async throws(RegistryError) {
        guard depth < Self.mostDepth else { throw .malformed("indexes in indexes, too deep") }
        for blob in manifest.neededBlobs where try await client.size(of: blob.digest, in: name) == nil {
            try await send(blob.digest, size: blob.size)
        }
        for inner in manifest.neededManifests {
            let place = Reference(name: name, version: .digest(inner.digest))
            if try await client.digest(of: place) != nil { continue }
            guard case .manifest(let stored)? = try await resolve(inner.digest) else {
                throw .unknown("\(name) has no manifest \(inner.digest)")
            }
            try await sendParts(of: try Self.parsed(stored), depth: depth + 1)
            try await client.put(stored.bytes, type: stored.mediaType, as: place)
        }
    }

    // MARK: Blobs

    private func send(_ digest: BlobDigest, size: Int64) async throws(RegistryError) {
        if size <= Self.smallBytes {
            return try await client.upload(try await content(digest, size), digest, in: name)
        }
        var upload = try await session(digest, size)
        var failures = 0
        // Only what goes beyond this is progress: a registry may forget what it has confirmed.
        var highest = upload.offset
        while upload.offset < size {
            let range = upload.offset..<min(size, upload.offset + Self.partBytes)
            do throws(RegistryError) {
                let part = try await blobs.part(range, of: digest, in: name)
                upload = try await client.append(part, length: Int64(range.count), to: upload)
                if upload.offset > highest {
                    (highest, failures) = (upload.offset, 0)
                } else if upload.offset < range.upperBound {
                    failures += 1
                    guard failures < Self.mostFailures else {
                        throw RegistryError.malformed("less of the upload than was sent, again and again")
                    }
                }
                try await note("\(digest) \(upload.location.text)")
            } catch {
                failures += 1
                switch error {
                case .silent where failures < Self.mostFailures: break
                case .refused(_, let status, _, _) where failures < Self.mostFailures && [409, 416].contains(status):
                    // The request of an index that was killed may still be under way at the registry.
                    do { try await Task.sleep(for: .seconds(failures)) } catch { throw .cancelled }
                default: throw error
                }
                guard let there = try await client.status(of: upload) else { throw error }
                if there.offset > highest { (highest, failures) = (there.offset, 0) }
                upload = there
            }
        }
        do throws(RegistryError) { try await client.finish(upload, digest) } catch {
            // After a crash the registry may have lost the end of the upload, and a later try sends that again. Otherwise it has
            // refused the upload's content, so no later try may continue it.
            switch error {
            case .silent, .refused(_, 416, _, _): break
            default: try await note("")
            }
            throw error
        }
        try await note("")
    }

    /// Continues the upload of an earlier try, or begins a new one.
    private func session(_ digest: BlobDigest, _ size: Int64) async throws(RegistryError) -> UploadSession {
        let words = task.upload.split(separator: " ")
        if words.count == 2, words[0] == digest.description, let url = HTTPURL(String(words[1])),
            let upload = try await client.status(of: UploadSession(location: url, offset: 0)), upload.offset <= size
        {
            return upload
        }
        let upload = try await client.beginUpload(in: name, size: size)
        try await note("\(digest) \(upload.location.text)")
        return upload
    }

    private func content(_ digest: BlobDigest, _ size: Int64) async throws(RegistryError) -> [UInt8] {
        guard size > 0 else { return [] }
        var bytes: [UInt8] = []
        do {
            for try await part in try await blobs.part(0..<size, of: digest, in: name) {
                guard bytes.count + part.readableBytes <= size else {
                    throw RegistryError.malformed("a blob of another size")
                }
                bytes += Array(part.readableBytesView)
            }
        } catch {
            throw error as? RegistryError ?? .malformed("a blob that breaks off")
        }
        guard bytes.count == size else { throw .malformed("a blob of another size") }
        return bytes
    }

    // MARK: The store of this index

    private func resolve(_ digest: BlobDigest) async throws(RegistryError) -> Resolved? {
        try await asked { () throws(TagStoreError) in
            try await store.resolve(Reference(name: name, version: .digest(digest)))
        }
    }

    private func sizeHere(_ digest: BlobDigest) async throws(RegistryError) -> Int64 {
        guard let size = try await blobs.size(of: digest, in: name) else {
            throw .unknown(RegistryText.noBlob(digest))
        }
        return size
    }

    private func note(_ upload: String) async throws(RegistryError) {
        try await asked { () throws(TagStoreError) in try await store.noteUpload(upload, of: task) }
    }

    private func asked<R>(_ body: () async throws(TagStoreError) -> R) async throws(RegistryError) -> R {
        do { return try await body() } catch {
            throw .refused(registry: "the index's store", status: 500, code: "", message: error.reason)
        }
    }

    private static func parsed(_ stored: StoredManifest) throws(RegistryError) -> Manifest {
        do { return try Manifest(stored.bytes, type: stored.mediaType) } catch {
            throw .malformed("a manifest that cannot be used: \(error)")
        }
    }
}
