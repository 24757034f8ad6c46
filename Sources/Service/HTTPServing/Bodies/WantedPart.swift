import HTTPTypes

/// Which part of something a GET or HEAD is answered with (RFC 9110, sections 13 and 14). Pure.
package enum WantedPart: Equatable, Sendable {
    /// The client has it already.
    case unchanged
    case unsatisfiable
    case whole
    case part(Range<Int64>)

    /// - Parameters:
    ///   - asked: the headers of the request.
    ///   - tag: the entity tag of what there is, with its quotes.
    ///   - modified: its date as `Last-Modified` has it; nil for none.
    package init(_ asked: HTTPFields, tag: String, modified: String?, size: Int64) {
        if let tags = asked[.ifNoneMatch] {
            let isKnown = tags == "*" || tags.split(separator: ",").contains { $0.filter { $0 != " " } == tag }
            if isKnown {
                self = .unchanged
                return
            }
        } else if let since = asked[.ifModifiedSince], since == modified {
            self = .unchanged
            return
        }
        // A range of another version is no use to anybody: all of this one instead.
        let isRangeWanted = asked[.ifRange].map { $0 == tag || $0 == modified } ?? true
        switch isRangeWanted ? ByteRange(header: asked[.range], size: size) : .whole {
        case .unsatisfiable: self = .unsatisfiable
        case .whole: self = .whole
        case .part(let part): self = .part(part)
        }
    }
}
