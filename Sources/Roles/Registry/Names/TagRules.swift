/// The rules that say which tags are mutable. Any other tag names one digest for ever.
package struct TagRules: Sendable {
    /// The mutable tags where none are configured.
    package static let usual = [".*:latest"]

    private let mutable: NamePatterns

    /// - Parameter mutable: regular expressions that must match the whole `NAME:TAG`.
    package init(mutable: [String] = TagRules.usual) throws(NamePatterns.Malformed) {
        self.mutable = try NamePatterns(mutable)
    }

    package func isMutable(_ name: ContentName, _ tag: Tag) -> Bool { mutable.match("\(name):\(tag)") }

    package enum Decision: Hashable, Sendable {
        /// The tag already names this digest; nothing changes.
        case same
        case put
        /// The tag is immutable and names, or once named, another digest.
        case taken(BlobDigest)
        /// The tag's present digest is this one (nil: there is no tag), and not the one that `If-Match` requires.
        case moved(BlobDigest?)
    }

    /// Decides on a request to put a tag on `digest`.
    /// - Parameters:
    ///   - present: the digest that the tag has now; nil if there is no such tag.
    ///   - former: the last digest of a deleted tag. An immutable tag can only be put back on that digest.
    ///   - expected: the digest that the caller expects the tag to have (`If-Match`); nil if the caller expects none.
    package func decide(
        _ name: ContentName, _ tag: Tag, _ digest: BlobDigest, present: BlobDigest?, former: BlobDigest?,
        expected: BlobDigest?
    ) -> Decision {
        if let expected, expected != present { return .moved(present) }
        if present == digest { return .same }
        if let bound = present ?? former, bound != digest, !isMutable(name, tag) { return .taken(bound) }
        return .put
    }
}
