/// Messages that several parts of the registry show to people.
package enum RegistryText {
    package static func immutable(_ name: ContentName, _ tag: Tag, _ digest: BlobDigest) -> String {
        "\(name):\(tag) is \(digest) already, and tags are immutable here: choose another, or add a pattern to \"mutable\""
    }

    /// - Parameter newest: the tag of this name that was put last.
    package static func noTag(_ name: ContentName, _ tag: Tag, newest: Tag?) -> String {
        "no tag \(name):\(tag)" + (newest.map { "; newest: \($0)" } ?? "")
    }

    package static func noBlob(_ digest: BlobDigest) -> String {
        "blob \(digest) is at no origin: push it again"
    }
}
