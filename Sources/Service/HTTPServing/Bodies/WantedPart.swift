import HTTPTypes

/// The part of a resource with which a GET or HEAD request is answered (RFC 9110, sections 13 and 14). Pure.
package enum WantedPart: Equatable, Sendable {
    /// The client's copy is current (304).
    case unchanged
    case unsatisfiable
    case whole
    case part(Range<Int64>)

    /// - Parameters:
    ///   - asked: the request's headers.
    ///   - tag: the resource's entity tag with its quotes.
    ///   - modified: the value of `Last-Modified`; nil for none.
    package init(_ asked: HTTPFields, tag: String, modified: String?, size: Int64) {
        if let tags = asked[.ifNoneMatch] {
            // Weak comparison: caches and proxies that compress mark tags as weak.
            let isKnown =
                tags == "*"
                || tags.split(separator: ",").contains { part in
                    let known = part.filter { $0 != " " && $0 != "\t" }
                    return (known.hasPrefix("W/") ? known.dropFirst(2) : known[...]) == tag
                }
            if isKnown {
                self = .unchanged
                return
            }
        } else if let since = asked[.ifModifiedSince], since == modified {
            self = .unchanged
            return
        }
        // A range of another version is of no use to the client (`If-Range`), so it gets the whole resource.
        let isRangeWanted = asked[.ifRange].map { $0 == tag || $0 == modified } ?? true
        switch isRangeWanted ? ByteRange(header: asked[.range], size: size) : .whole {
        case .unsatisfiable: self = .unsatisfiable
        case .whole: self = .whole
        case .part(let part): self = .part(part)
        }
    }
}
