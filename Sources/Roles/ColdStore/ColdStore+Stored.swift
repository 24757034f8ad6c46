import Backends
import Database
import Registry

extension ColdStore {
    /// Whether a blob can be read back under each of these names: it is in the back ends of all of them, and no upload of it
    /// is queued. Nil if a back end does not say.
    /// - Parameter bytes: the blob's size; nil if it is not known here.
    package func isStored(_ digest: BlobDigest, bytes: Int64?, for names: [ContentName]) async -> Bool? {
        var asked: Set<String> = []
        do {
            // Asked first, since this host knows it.
            if try await writeBack.isWaiting(digest) { return false }
            for name in names {
                guard let backend = backends.backend(for: name) else { return false }
                guard asked.insert(backend.label).inserted else { continue }
                guard let size = try await backend.size(of: digest), bytes == nil || size == bytes else { return false }
            }
            return try await !writeBack.isWaiting(digest)
        } catch {
            return nil
        }
    }

    /// The bytes of a range of a blob, from a back end of one of these names; nil when no back end has them.
    package func bytes(
        of digest: BlobDigest, size: Int64, range: Range<Int64>, for names: [ContentName]
    ) async -> [UInt8]? {
        var asked: Set<String> = []
        for backend in names.compactMap({ backends.backend(for: $0) }) where asked.insert(backend.label).inserted {
            let collected = CollectedBytes()
            do throws(BackendProblem) {
                try await backend.read(digest, size: size, range: range) { bytes, _ in
                    collected.append(bytes)
                }
            } catch {
                continue
            }
            if case let bytes = collected.bytes, Int64(bytes.count) == range.upperBound - range.lowerBound {
                return bytes
            }
        }
        return nil
    }
}
