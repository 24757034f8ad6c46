/// Which tags may come to name something else. All others name one digest for ever.
package struct TagRules: Sendable {
    /// What is mutable where nothing else is configured.
    package static let usual = [".*:latest"]

    private let mutable: NamePatterns

    /// - Parameter mutable: regular expressions that are held against the whole of `NAME:TAG`.
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
        /// `If-Match` asks for another digest than the tag has.
        case moved(BlobDigest?)
    }

    /// What to do with a request that a tag shall name `digest`.
    /// - Parameters:
    ///   - present: what it names now.
    ///   - former: what it named last, if it was deleted: an immutable tag comes back with its old digest only.
    ///   - expected: what the caller takes for present (`If-Match`); nil if it does not say.
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
