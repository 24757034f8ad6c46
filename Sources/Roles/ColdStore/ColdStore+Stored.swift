import Backends
import Database
import Registry

/// Whether blobs are in back ends.
package enum StoredAnswer: Sendable, Hashable {
    case yes, no
    /// Nobody says: the label of the back end that is silent, or what else is.
    case unknown(String)
}

extension ColdStore {
    /// Who is unknown where this host's own queue of uploads cannot be read.
    package static let queue = "the queue"

    package var labels: Set<String> { backends.labels }

    /// Whether a blob can be read back under each of these names: it is in the back ends of all of them, and no upload of it
    /// is queued.
    /// - Parameters:
    ///   - bytes: the blob's size; nil if it is not known here.
    ///   - silent: labels of back ends that are not asked, since they were silent just now.
    package func isStored(
        _ digest: BlobDigest, bytes: Int64?, for names: [ContentName], besides silent: Set<String> = []
    ) async -> StoredAnswer {
        var asked: Set<String> = []
        do {
            // Asked first, since this host knows it.
            if try await writeBack.isWaiting(digest) { return .no }
            for name in names {
                guard let backend = backends.backend(for: name) else { return .no }
                guard asked.insert(backend.label).inserted else { continue }
                guard !silent.contains(backend.label) else { return .unknown(backend.label) }
                let size: Int64?
                do throws(BackendProblem) { size = try await backend.size(of: digest) } catch {
                    return .unknown(backend.label)
                }
                guard let size, bytes == nil || size == bytes else { return .no }
            }
            return try await writeBack.isWaiting(digest) ? .no : .yes
        } catch {
            return .unknown(Self.queue)
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
