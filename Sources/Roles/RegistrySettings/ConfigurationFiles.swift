import Settings
import Text
import YAML

/// A configuration of several files: what a file `extends` lies below it, and the secrets file above all.
package struct ConfigurationFiles {
    package struct File: Sendable {
        package let bytes: [UInt8]
        /// Whether its owner alone can read or change it.
        package let isPrivate: Bool

        package init(bytes: [UInt8], isPrivate: Bool) {
            self.bytes = bytes
            self.isPrivate = isPrivate
        }
    }

    /// Why the files make no configuration: names the file, the line where it is known, and the reason. Without secrets.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// Files that extend one another.
    private static let mostFiles = 16

    private let read: (String) throws(Problem) -> File

    /// - Parameter read: blocks on the disk, if that is where files are.
    package init(read: @escaping (String) throws(Problem) -> File) { self.read = read }

    /// - Parameters:
    ///   - path: nil for no file.
    ///   - secrets: nil for none.
    package func configuration(
        _ path: String?, secrets: String?
    ) throws(Problem) -> (configuration: RegistryConfiguration, notes: [SettingNote]) {
        var source = SettingsSource([:])
        if let path { source = try layers(path, isSecret: false) }
        if let secrets { source = source.overlaid(by: try layers(secrets, isSecret: true)) }
        do {
            return try RegistryConfiguration.read(source)
        } catch { throw Problem(error.description) }
    }

    /// A file, and below it what it extends.
    private func layers(_ path: String, isSecret: Bool) throws(Problem) -> SettingsSource {
        var sources: [SettingsSource] = []
        var seen: Set<String> = []
        var next: String? = path
        while let path = next {
            guard seen.insert(path).inserted, seen.count <= Self.mostFiles else {
                throw Problem(
                    "\(DisplayName.escape(path)): it extends itself, or more than \(Self.mostFiles) files follow each other"
                )
            }
            let source = try one(path, isSecret: isSecret)
            next = try Self.extended(by: source, at: path)
            sources.append(source.without("extends"))
        }
        return sources.reversed().reduce(SettingsSource([:])) { $0.overlaid(by: $1) }
    }

    private func one(_ path: String, isSecret: Bool) throws(Problem) -> SettingsSource {
        let shown = DisplayName.escape(path)
        let file = try read(path)
        guard file.isPrivate || !isSecret else {
            throw Problem("others can read or change \(shown), which holds secrets: it needs mode 600")
        }
        let source: SettingsSource
        do { source = try YAMLDocument.read(file.bytes, file: path) } catch { throw Problem(error.description) }
        if !file.isPrivate, let key = RegistryTable.secrets.first(where: { source.values[$0]?.isNull == false }) {
            throw Problem(
                "others can read or change \(shown), which has '\(key)' in it: it needs mode 600, or '\(key)' goes into a file of "
                    + "that mode that --secrets names")
        }
        return source
    }

    /// A path that does not begin with a slash is beside the file that names it.
    private static func extended(by source: SettingsSource, at path: String) throws(Problem) -> String? {
        guard let value = source.values["extends"], !value.isNull else { return nil }
        guard let text = value.stringValue, !text.isEmpty, !text.utf8.contains(0) else {
            throw Problem("\(DisplayName.escape(path)): the key 'extends' is wrong: it is the path of a file")
        }
        guard !text.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return text }
        return path[...slash] + text
    }
}
