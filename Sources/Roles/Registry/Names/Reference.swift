/// One version of a content, as people write it: `NAME`, `NAME:TAG` or `NAME@sha256:…`.
package struct Reference: Hashable, Sendable, CustomStringConvertible {
    package enum Version: Hashable, Sendable, CustomStringConvertible {
        case tag(Tag)
        case digest(BlobDigest)

        /// Parses the last component of a manifest's URL path: a tag or a digest.
        package init?(_ text: some StringProtocol) {
            if let digest = BlobDigest(text) {
                self = .digest(digest)
            } else if let tag = Tag(text) {
                self = .tag(tag)
            } else {
                return nil
            }
        }

        package var description: String {
            switch self {
            case .tag(let tag): tag.text
            case .digest(let digest): digest.description
            }
        }
    }

    package let name: ContentName
    package let version: Version

    package init(name: ContentName, version: Version) {
        self.name = name
        self.version = version
    }

    /// Without a tag or digest, the version is the tag `latest`. Nil for a text that is not a reference.
    package init?(_ text: some StringProtocol) {
        if let at = text.firstIndex(of: "@") {
            guard let name = ContentName(text[..<at]), let digest = BlobDigest(text[text.index(after: at)...]) else {
                return nil
            }
            self.init(name: name, version: .digest(digest))
        } else if let colon = text.lastIndex(of: ":") {
            guard let name = ContentName(text[..<colon]), let tag = Tag(text[text.index(after: colon)...]) else {
                return nil
            }
            self.init(name: name, version: .tag(tag))
        } else {
            guard let name = ContentName(text) else { return nil }
            self.init(name: name, version: .tag(.latest))
        }
    }

    package var description: String {
        switch version {
        case .tag(let tag): "\(name):\(tag)"
        case .digest(let digest): "\(name)@\(digest)"
        }
    }
}
