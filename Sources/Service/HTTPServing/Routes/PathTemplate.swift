/// The path of a route that has slashes in one of its values, such as `/v1/names/{name+}/tags/{tag}`: `{name+}` stands for one
/// component or more, and there is one such value at most, so that a path matches in one way only.
package struct PathTemplate: Sendable {
    private enum Part {
        case text(Substring)
        case value(Substring)
    }

    /// What stands before the first value.
    package let prefix: String
    private let before: [Part]
    private let long: Substring
    private let after: [Part]

    /// Nil for a path without such a value: the router finds those by itself.
    package init?(_ path: String) {
        let components = path.split(separator: "/")
        guard let index = components.firstIndex(where: { $0.hasSuffix("+}") }) else { return nil }
        func part(_ component: Substring) -> Part {
            component.hasPrefix("{") ? .value(component.dropFirst().dropLast()) : .text(component)
        }
        long = components[index].dropFirst().dropLast(2)
        before = components[..<index].map(part)
        after = components[(index + 1)...].map(part)
        prefix = components.prefix { !$0.hasPrefix("{") }.joined(separator: "/")
    }

    /// The values as they stand in the path, percent-encoded; nil for a path that does not match. A path with an empty component matches
    /// nothing.
    package func match(_ path: some StringProtocol) -> [(name: Substring, value: Substring)]? {
        let path = String(path)
        return Self.components(of: path).flatMap { match(path, $0) }
    }

    /// The parts of a path between its slashes; nil for one that has an empty part.
    static func components(of path: String) -> [Substring]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        let components = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        return components.contains(where: \.isEmpty) ? nil : components
    }

    /// - Parameter components: of this path.
    func match(_ path: String, _ components: [Substring]) -> [(name: Substring, value: Substring)]? {
        guard components.count > before.count + after.count else { return nil }
        let (start, end) = (before.count, components.count - after.count)
        var values: [(Substring, Substring)] = []
        for (part, component) in zip(before + after, components[..<start] + components[end...]) {
            switch part {
            case .text(let text): guard text == component else { return nil }
            case .value(let name): values.append((name, component))
            }
        }
        values.append((long, path[components[start].startIndex..<components[end - 1].endIndex]))
        return values
    }
}
