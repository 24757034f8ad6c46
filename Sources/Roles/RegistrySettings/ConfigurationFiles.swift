import Settings
import Text
import YAML

/// Reads a configuration from several files. A file's keys override those of the file that it `extends`; the secrets file
/// overrides all others.
package struct ConfigurationFiles {
    package struct File: Sendable {
        package let bytes: [UInt8]
        /// Whether only the file's owner can read or change it.
        package let isPrivate: Bool

        package init(bytes: [UInt8], isPrivate: Bool) {
            self.bytes = bytes
            self.isPrivate = isPrivate
        }
    }

    /// Why the files are refused. The text names the file, the line where it is known, and the reason; it has no secret in
    /// it.
    package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// The most files in one chain of `extends`.
    private static let mostFiles = 16

    private let read: (String) throws(Problem) -> File

    /// - Parameter read: reads the file at a path. It may block on the disk.
    package init(read: @escaping (String) throws(Problem) -> File) { self.read = read }

    /// - Parameters:
    ///   - path: the configuration file; nil for none.
    ///   - secrets: the secrets file; nil for none.
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

    /// A file's settings over those of the files that it extends.
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

    /// The path in a file's key `extends`; nil without one. A relative path is relative to that file's directory.
    private static func extended(by source: SettingsSource, at path: String) throws(Problem) -> String? {
        guard let value = source.values["extends"], !value.isNull else { return nil }
        guard let text = value.stringValue, !text.isEmpty, !text.utf8.contains(0) else {
            throw Problem("\(DisplayName.escape(path)): the key 'extends' is wrong: it is the path of a file")
        }
        guard !text.hasPrefix("/"), let slash = path.lastIndex(of: "/") else { return text }
        return path[...slash] + text
    }
}
