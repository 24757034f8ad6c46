/// What is believed of the size of a blob before any of it has come. Larger ones do not exist, and sums of a manifest's blobs
/// cannot overflow.
package enum BlobSize {
    /// 64 TiB.
    package static let most: Int64 = 1 << 46

    package static func isPossible(_ size: Int64) -> Bool { (0...most).contains(size) }
}
