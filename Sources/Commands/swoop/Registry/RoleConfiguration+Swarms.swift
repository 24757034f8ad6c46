import Registry
import RegistrySettings
import Text

// How swarms are found, from a role's files.
extension RoleConfiguration {
    /// Nil if the files have no secret.
    func swarms() throws -> SwarmTerms? {
        guard let secret = values.swarmSecret else { return nil }
        guard (1...1_024).contains(secret.value.utf8.count) else {
            throw Failure(
                .usage, "the key 'swarm_secret' is wrong: a text of 1 to 1024 bytes is expected",
                advice: "Make one with `openssl rand -hex 32`, the same for all roles.")
        }
        return SwarmTerms(secret, open: try openNames())
    }

    /// The names whose swarms are open to any client.
    func openNames() throws -> NamePatterns {
        guard values.open.count <= SwarmTerms.mostPatterns else {
            throw Failure(.usage, "the key 'open' is wrong: it has more than \(SwarmTerms.mostPatterns) patterns")
        }
        do throws(NamePatterns.Malformed) { return try NamePatterns(simple: values.open) } catch {
            throw Failure(
                .usage, "the key 'open' is wrong: '\(error.pattern.shown)' is no regular expression that agents take",
                advice: "They take at most 256 bytes and six repetitions in one, and repeat no group.")
        }
    }
}
