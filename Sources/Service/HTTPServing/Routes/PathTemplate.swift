/// The template of a path in which one value may contain slashes, such as `/v1/names/{name+}/tags/{tag}`. `{name+}`
/// stands for one or more components. A template has at most one such value, so a path matches in only one way.
package struct PathTemplate: Sendable {
    private enum Part {
        case text(Substring)
        case value(Substring)
    }

    /// The components before the first value.
    package let prefix: String
    private let before: [Part]
    private let long: Substring
    private let after: [Part]

    /// Nil for a path without such a value. The router matches those itself.
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

    /// The values in the path, percent-encoded; nil if the path does not match. A path with an empty component never
    /// matches.
    package func match(_ path: some StringProtocol) -> [(name: Substring, value: Substring)]? {
        let path = String(path)
        return Self.components(of: path).flatMap { match(path, $0) }
    }

    /// The components of a path; nil if one of them is empty.
    static func components(of path: String) -> [Substring]? {
        guard path.utf8.first == UInt8(ascii: "/") else { return nil }
        let components = path.utf8.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { Substring($0) }
        return components.contains(where: \.isEmpty) ? nil : components
    }

    /// - Parameter components: the components of `path`.
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
