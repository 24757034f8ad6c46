import ArgumentParser
import JSON
import Registry
import RegistryClient

/// `swoop tags replicate`: replicates a tag now to the other registries that are configured for it.
struct TagsReplicateCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "replicate",
        abstract: "Replicate a tag now to the other registries that are configured for it.",
        discussion: """
            What is tagged is brought there by itself; this is for tags that are older than the registry's 'remotes', or \
            that failed. It waits until each has the tag, or has failed once: it is tried again without the command.

            Example:
              swoop tags replicate team/app:1.0
            """)

    @Argument(help: ArgumentHelp("The tag.", valueName: "name:tag"), transform: ReferenceArgument.tagged)
    var reference: Reference

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    private struct Waiting: Sendable {
        let remote: String
        let digest: String
        let isConflict: Bool
        let failures: Int64
        let problem: String

        init?(_ value: JSON.JSONValue) {
            guard let remote = value["remote"]?.stringValue else { return nil }
            self.remote = remote
            digest = value["digest"]?.stringValue ?? ""
            isConflict = value["state"]?.stringValue == "conflict"
            if case .integer(let count)? = value["failures"] { failures = count } else { failures = 0 }
            problem = value["problem"]?.stringValue ?? ""
        }
    }

    func run(_ reporter: Reporter) async throws {
        let path = "/v1/names/\(reference.name)/tags/\(reference.version)/replications"
        let (all, left) = try await access.using { client throws(RegistryError) in
            let all = Self.list(try await client.post(.object(JSON.JSONObject()), to: path))
            var left = all
            while left.contains(where: { !$0.isConflict && $0.failures == 0 }) {
                do { try await Task.sleep(for: .milliseconds(200)) } catch { throw RegistryError.cancelled }
                guard let document = try await client.document(path, limit: 1 << 20) else { break }
                left = Self.list(document)
            }
            return (all, left)
        }
        guard !all.isEmpty else {
            throw Failure(
                .notFound, "no other registry is to get \(reference)",
                advice: "The registry's 'remotes' say which tags go where.")
        }
        for one in all {
            let problem = left.first { $0.remote == one.remote }
            let state = problem.map { $0.isConflict ? "conflict" : "waiting" } ?? "done"
            var event: [(String, JSONValue)] = [
                ("event", .string("tag")), ("name", .string(reference.name.text)),
                ("tag", .string(reference.version.description)), ("digest", .string(one.digest)),
                ("action", .string("replicate")), ("remote", .string(one.remote)), ("state", .string(state)),
            ]
            if let problem { event.append(("problem", .string(problem.problem))) }
            reporter.event(.object(event))
            if let problem {
                reporter.warning("\(one.remote): \(problem.problem)".shown)
            } else {
                reporter.note("\(reference) is at \(one.remote)".shown)
            }
        }
        if let conflict = left.first(where: \.isConflict) {
            throw Failure(.refused, "\(reference) is another one at \(conflict.remote), and stays so".shown)
        }
        if let failed = left.first {
            throw Failure(
                .failed, "\(reference) is not at \(failed.remote) yet: \(failed.problem)".shown,
                advice: "The registry tries again by itself.")
        }
    }

    private static func list(_ value: JSON.JSONValue) -> [Waiting] {
        (value["replications"]?.arrayValue ?? []).compactMap { Waiting($0) }
    }
}
