/// Why an answer is refused. Texts show nothing of it.
package enum S3AnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooLarge
    /// Document types can hold entities that expand without end or read files; no store needs one.
    case documentType
    case notXML
    /// Well-formed, and not what was asked for.
    case unexpected(String)

    package var description: String {
        switch self {
        case .tooLarge: "the answer is larger or more deeply nested than any answer to this request may be"
        case .documentType: "the answer has a document type or entities, which no object store sends"
        case .notXML: "the answer is no XML in UTF-8"
        case .unexpected(let what): "the answer is not what was asked for: \(what)"
        }
    }
}

/// An element of an answer, without its attributes and namespace.
struct AnswerElement {
    let name: String
    /// Text of its own, white space at both ends included.
    let text: String
    let children: [AnswerElement]

    /// Text of the first child of this name.
    subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

    func all(_ name: String) -> [AnswerElement] { children.filter { $0.name == name } }
}
