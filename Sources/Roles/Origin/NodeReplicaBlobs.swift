import BlobNode
import ColdStore
import Files
import IndexServer
import NIOCore
import Registry
import RegistryClient
import Threads

/// Reads this host's blobs for replication to other registries.
package struct NodeReplicaBlobs: ReplicaBlobs {
    private let node: BlobNode
    private let cold: ColdStore?

    /// Bytes read at a time.
    private static let chunk: Int64 = 512 << 10

    package init(node: BlobNode, cold: ColdStore?) {
        self.node = node
        self.cold = cold
    }

    package func part(
        _ range: Range<Int64>, of digest: BlobDigest, in name: ContentName
    ) async throws(RegistryError) -> ReplicaPart {
        try await obtain(digest, name)
        let found = await Threads.offload { [node] in try? node.directory.open(digest.sha256) }
        guard let file = found else { throw .unknown(RegistryText.noBlob(digest)) }
        return ReplicaPart {
            var offset = range.lowerBound
            return {
                guard offset < range.upperBound else { return nil }
                let (start, count) = (offset, Int(min(Self.chunk, range.upperBound - offset)))
                let bytes = try await Threads.offload { () throws(SystemError) in
                    try Self.read(file, at: start, count)
                }
                guard !bytes.isEmpty else { throw SystemError.input }
                offset += Int64(bytes.count)
                return ByteBuffer(bytes: bytes)
            }
        }
    }

    private static func read(_ file: HeldFile, at offset: Int64, _ count: Int) throws(SystemError) -> [UInt8] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
        defer { buffer.deallocate() }
        let got = try file.read(into: buffer, at: offset)
        return Array(buffer.prefix(got))
    }

    package func size(of digest: BlobDigest, in name: ContentName) async throws(RegistryError) -> Int64? {
        if let entry = node.catalogue.entry(of: digest.sha256) { return entry.size }
        return (try? await cold?.reads.size(of: digest, in: name)) ?? nil
    }

    /// Reads the blob back from its back end, if it is not on this disk.
    private func obtain(_ digest: BlobDigest, _ name: ContentName) async throws(RegistryError) {
        guard node.catalogue.entry(of: digest.sha256) == nil, let cold else { return }
        let answer = await cold.reads.answer(for: digest, of: name, wish: .content, patience: ColdAnswers.patience)
        guard let error = ColdAnswers.error(answer, digest) else { return }
        throw .refused(registry: "the back end", status: error.status, code: "", message: error.message)
    }
}
