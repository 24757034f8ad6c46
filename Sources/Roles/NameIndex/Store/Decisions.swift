import Registry

extension Expectation {
    /// Whether the caller expects another state than this.
    func refuses(_ present: BlobDigest?) -> Bool {
        switch self {
        case .anything: false
        case .digest(let digest): present != digest
        case .present: present == nil
        case .absent: present != nil
        }
    }
}

extension TagRules {
    /// What comes of a request that a tag shall name `digest`: ``decide(_:_:_:present:former:expected:)`` and the expectation that
    /// there is no such tag.
    func outcome(
        _ name: ContentName, _ tag: Tag, _ digest: BlobDigest, present: BlobDigest?, former: BlobDigest?,
        expecting: Expectation
    ) -> TagPutOutcome {
        if expecting.refuses(present) { return .moved(present) }
        return switch decide(name, tag, digest, present: present, former: former, expected: nil) {
        case .same: .same
        case .put: .put
        case .taken(let bound): .taken(bound)
        case .moved(let bound): .moved(bound)
        }
    }
}
