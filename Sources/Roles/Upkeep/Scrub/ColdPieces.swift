import ColdStore
import Registry
import Threads

/// Fetches pieces from the back ends of a blob's names.
package struct ColdPieces: PieceSource {
    let cold: ColdStore

    package init(_ cold: ColdStore) { self.cold = cold }

    package func bytes(
        of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName],
        isRight: @escaping @Sendable ([UInt8]) -> Bool
    ) async -> [UInt8]? {
        guard let bytes = await cold.bytes(of: digest, size: size, range: range, for: names),
            await Threads.offload({ isRight(bytes) })
        else { return nil }
        return bytes
    }
}
