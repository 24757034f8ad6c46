import Foundation
import FoundationXML

/// Why an answer is refused. Texts show nothing of it.
public enum S3AnswerError: Error, Sendable, Hashable, CustomStringConvertible {
    case tooLarge
    /// Document types can hold entities that expand without end or read files; no store needs one.
    case documentType
    case notXML
    /// Well-formed, and not what was asked for.
    case unexpected(String)

    public var description: String {
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
    fileprivate(set) var text = ""
    fileprivate(set) var children: [AnswerElement] = []

    fileprivate init(name: String) { self.name = name }

    /// Text of the first child of this name.
    subscript(_ name: String) -> String? { children.first { $0.name == name }?.text }

    func all(_ name: String) -> [AnswerElement] { children.filter { $0.name == name } }

    /// Parses a document.
    /// - Throws: `S3AnswerError`.
    static func parse(_ bytes: [UInt8], limits: S3Limits) throws(S3AnswerError) -> AnswerElement {
        guard bytes.count <= limits.answerBytes else { throw .tooLarge }
        try checkProlog(bytes)
        let builder = TreeBuilder(limits: limits)
        let parser = XMLParser(data: Data(bytes))
        parser.shouldResolveExternalEntities = false
        parser.delegate = builder
        let isWhole = parser.parse()
        if let error = builder.error { throw error }
        guard isWhole, let root = builder.root else { throw .notXML }
        return root
    }

    /// Refuses declarations before the parser sees them. That the bytes are UTF-8 without NULs, and say so if they say
    /// anything, is what makes a search of them mean something: other encodings could hide a declaration from it.
    private static func checkProlog(_ bytes: [UInt8]) throws(S3AnswerError) {
        guard String(validating: bytes, as: UTF8.self) != nil, !bytes.contains(0) else { throw .notXML }
        if bytes.starts(with: "<?xml".utf8) || bytes.starts(with: [0xef, 0xbb, 0xbf] + Array("<?xml".utf8)) {
            let declaration = String(decoding: bytes.prefix(200), as: UTF8.self).prefix { $0 != ">" }.lowercased()
            if let encoding = declaration.firstRange(of: "encoding") {
                let named = declaration[encoding.upperBound...].drop { " \t\r\n='\"".contains($0) }
                guard named.hasPrefix("utf-8") || named.hasPrefix("us-ascii") else { throw .notXML }
            }
        }
        var rest = bytes[...]
        if rest.starts(with: [0xef, 0xbb, 0xbf]) { rest = rest.dropFirst(3) }
        // The declaration, told from an instruction by the blank behind its name.
        if rest.starts(with: "<?xml".utf8), let next = rest.dropFirst(5).first, [0x20, 0x09, 0x0a, 0x0d].contains(next) {
            rest = rest.dropFirst(6)
        }
        while let open = rest.firstIndex(of: UInt8(ascii: "<")) {
            rest = rest[(open + 1)...]
            // No store sends instructions, and Foundation's parser reads a null pointer where one has no text.
            guard rest.first != UInt8(ascii: "?") else { throw .notXML }
            guard rest.first == UInt8(ascii: "!") else { continue }
            // Comments and CDATA sections are all that may begin so.
            guard rest.starts(with: "!--".utf8) || rest.starts(with: "![CDATA[".utf8) else { throw .documentType }
        }
    }
}

/// Gathers elements into a tree, and stops the parser at the limits.
private final class TreeBuilder: NSObject, XMLParserDelegate {
    private let limits: S3Limits
    private var open: [AnswerElement] = []
    private var count = 0
    private(set) var root: AnswerElement?
    private(set) var error: S3AnswerError?

    init(limits: S3Limits) { self.limits = limits }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) {
        guard root == nil else { return stop(parser, .notXML) }
        count += 1
        guard count <= limits.elements, open.count < limits.depth else { return stop(parser, .tooLarge) }
        // `s3:Key` and `Key` are one.
        open.append(AnswerElement(name: String(name.split(separator: ":").last ?? "")))
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
        guard let element = open.popLast() else { return stop(parser, .notXML) }
        if open.isEmpty { root = element } else { open[open.count - 1].children.append(element) }
    }

    func parser(_ parser: XMLParser, foundCharacters text: String) {
        guard !open.isEmpty else { return }
        open[open.count - 1].text += text
        if open[open.count - 1].text.utf8.count > limits.textBytes { stop(parser, .tooLarge) }
    }

    func parser(_ parser: XMLParser, foundCDATA block: Data) {
        self.parser(parser, foundCharacters: String(decoding: block, as: UTF8.self))
    }

    private func stop(_ parser: XMLParser, _ reason: S3AnswerError) {
        if error == nil { error = reason }
        parser.abortParsing()
    }
}
