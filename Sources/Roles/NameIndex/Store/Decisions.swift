import Registry

extension Expectation {
    /// Whether a tag's present digest (nil: there is no such tag) does not meet the expectation.
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
    /// The outcome of a request to put a tag on `digest`: that of ``decide(_:_:_:present:former:expected:)``, after a check
    /// of the expectation.
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
