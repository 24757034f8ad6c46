import JSON
import Settings
import Yams

/// Makes values of the library's nodes, and counts them.
struct NodeConversion {
    let file: String
    let limits: YAMLLimits
    private(set) var places: [SettingPath: SettingPlace] = [:]
    private var count = 0

    init(file: String, limits: YAMLLimits) {
        self.file = file
        self.limits = limits
    }

    mutating func value(
        of node: Node, at path: SettingPath = SettingPath(), depth: Int = 0
    ) throws(YAMLProblem) -> JSONValue {
        count += 1
        guard count <= limits.values else {
            throw problem(node, "it has more than \(limits.values) values, or aliases that stand for so many")
        }
        guard depth <= limits.depth else { throw problem(node, "it is nested more than \(limits.depth) deep") }
        switch node {
        case .scalar(let scalar):
            guard let value = Self.value(of: scalar) else { throw tagged(node) }
            return value
        case .sequence(let sequence):
            guard Self.isOrdinary(sequence.tag) else { throw tagged(node) }
            var elements: [JSONValue] = []
            for (index, element) in sequence.enumerated() {
                let inner = path.element(index)
                places[inner] = place(element)
                elements.append(try value(of: element, at: inner, depth: depth + 1))
            }
            return .array(elements)
        case .mapping(let mapping):
            guard Self.isOrdinary(mapping.tag) else { throw tagged(node) }
            return .object(try object(of: mapping, at: path, depth: depth))
        case .alias: throw problem(node, "it is an alias of nothing")
        }
    }

    private mutating func object(
        of mapping: Node.Mapping, at path: SettingPath, depth: Int
    ) throws(YAMLProblem) -> JSONObject {
        var object = JSONObject()
        var merged: [Node] = []
        for (key, node) in mapping {
            guard case .scalar(let name) = key, Self.isOrdinary(name.tag) else {
                throw problem(key, "a key is a text")
            }
            if name.string == "<<", name.style == .plain {
                merged += node.sequence.map(Array.init) ?? [node]
                continue
            }
            let inner = path.member(name.string)
            places[inner] = place(key)
            object[name.string] = try value(of: node, at: inner, depth: depth + 1)
        }
        // What stands here goes before what is merged, and the first of those before the others.
        for node in merged {
            guard case .mapping(let mapping) = node else { throw problem(node, "'<<' takes mappings") }
            for (key, node) in mapping {
                guard case .scalar(let name) = key else { throw problem(key, "a key is a text") }
                guard object[name.string] == nil else { continue }
                let inner = path.member(name.string)
                places[inner] = place(key)
                object[name.string] = try value(of: node, at: inner, depth: depth + 1)
            }
        }
        return object
    }

    /// Numbers stay as they are written where they would be written otherwise: a tag is `1.10`. Nil for a tag of a kind
    /// that nothing here has.
    private static func value(of scalar: Node.Scalar) -> JSONValue? {
        let text = scalar.string
        if scalar.tag.description == "tag:yaml.org,2002:str" { return .string(text) }
        guard isOrdinary(scalar.tag) else { return nil }
        guard scalar.style == .plain else { return .string(text) }
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        default:
            if let number = Int64(text), String(number) == text { return .integer(number) }
            return .string(text)
        }
    }

    /// Without a tag, or with one that says what a reader sees anyway.
    private static func isOrdinary(_ tag: Tag) -> Bool {
        ["", "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:str", "tag:yaml.org,2002:int"]
            .contains(tag.description)
    }

    private func place(_ node: Node) -> SettingPlace? {
        node.mark.map { SettingPlace(file: file, line: $0.line, column: $0.column) }
    }

    private func problem(_ node: Node, _ reason: String) -> YAMLProblem {
        YAMLProblem(place: place(node), reason: reason)
    }

    private func tagged(_ node: Node) -> YAMLProblem {
        problem(node, "it has a tag ('!…'), of which none has a meaning here")
    }
}
