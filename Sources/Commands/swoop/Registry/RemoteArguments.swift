import ArgumentParser
import Registry
import RegistryClient

/// The options about other registries that tags are replicated to.
struct RemoteArguments: ParsableArguments, Sendable {
    @Option(
        help: ArgumentHelp(
            "Another registry, of any kind, to replicate each matching NAME:TAG to. May be given several times.",
            valueName: "url=regex"), transform: Self.parse)
    var remote: [Entry] = []

    @Option(help: ArgumentHelp("A file with the token, or USER:PASSWORD, for those registries.", valueName: "file"))
    var remoteTokenFile: String?

    struct Entry: Sendable {
        let url: String
        let pattern: String
    }

    var credential: RegistryCredential? {
        get throws { try CredentialFile.read(remoteTokenFile) }
    }

    /// The remotes of the configuration and of the options.
    /// - Parameter configured: remotes of a configuration file, with their patterns.
    func remotes(_ configured: [(remote: String, patterns: [String])] = []) throws -> Remotes {
        var all = configured
        for entry in remote { all.append((entry.url, [entry.pattern])) }
        do { return try Remotes(all) } catch {
            throw Failure(.usage, "a remote's '\(error.pattern.shown)' is no regular expression")
        }
    }

    private static func parse(_ text: String) throws -> Entry {
        let parts = text.split(separator: "=", maxSplits: 1)
        guard parts.count == 2, let url = PartURL.url(String(parts[0])) else {
            throw ArgumentProblem("a registry and a regular expression: https://HOST=team/.*")
        }
        return Entry(url: url.text, pattern: String(parts[1]))
    }
}
