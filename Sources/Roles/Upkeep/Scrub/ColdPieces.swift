import ColdStore
import Registry

/// Fetches pieces from the back ends of a blob's names.
package struct ColdPieces: PieceSource {
    let cold: ColdStore

    package init(_ cold: ColdStore) { self.cold = cold }

    package func bytes(
        of digest: BlobDigest, size: Int64, range: Range<Int64>, names: [ContentName]
    ) async -> [UInt8]? {
        await cold.bytes(of: digest, size: size, range: range, for: names)
    }
}
