import BlobNode

/// A share of a disk, such as `50%`, or a size, such as `200GB`.
enum CacheSize {
    static func parse(_ text: String) throws -> CacheBounds.Size {
        guard text.hasSuffix("%") else { return .bytes(Int64(try ByteSize.parse(text).bytes)) }
        guard let percent = Int(text.dropLast()), (0...100).contains(percent) else {
            throw ArgumentProblem("a share of the disk is 0% to 100%")
        }
        return .share(Double(percent) / 100)
    }
}
