/// Why a response is refused. The texts contain no part of it.
package enum S3AnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooLarge
    /// Document types can define entities that expand without end or read files; no store needs one.
    case documentType
    case notXML
    /// Well-formed, but not the expected document.
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

/// An element of a response, without attributes and namespace.
package struct AnswerElement {
    package let name: String
    /// The element's own text, including white space at both ends.
    package let text: String
    package let children: [AnswerElement]

    /// The text of the first child with this name.
    package subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

    package func all(_ name: String) -> [AnswerElement] { children.filter { $0.name == name } }
}
