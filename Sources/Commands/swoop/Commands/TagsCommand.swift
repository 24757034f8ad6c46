import ArgumentParser
import Registry
import RegistryClient

/// `swoop tags`: lists the names and tags of a registry, and changes tags.
struct TagsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tags",
        abstract: "List the names of a registry or the tags of a name, or delete a tag.",
        discussion: """
            Examples:
              swoop tags                          # all names
              swoop tags team/app                 # its tags, and what they are
              swoop tags team/app --history       # who moved which tag, and when
              swoop tags delete team/app:1.0
              swoop tags replicate team/app:1.0   # to the registries that are to get it
            """,
        subcommands: [TagsListCommand.self, TagsDeleteCommand.self, TagsReplicateCommand.self],
        defaultSubcommand: TagsListCommand.self)
}

struct TagsListCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the names of a registry, or the tags of a name.",
        discussion: """
            Example:
              swoop tags team/app
            """)

    @Argument(
        help: ArgumentHelp("Whose tags to list. Default: all names.", valueName: "name"),
        transform: ReferenceArgument.name)
    var name: ContentName?

    @Flag(help: "Show all changes of the tags, and who made them.")
    var history = false

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    func validate() throws {
        if history, name == nil { throw ValidationError("'--history' needs a name") }
    }

    func run(_ reporter: Reporter) async throws {
        try await access.using { client throws(RegistryError) in
            guard let name else {
                for name in try await TagList.names(from: client) {
                    reporter.event(.object([("event", .string("name")), ("name", .string(name))]))
                    if !reporter.mode.json { reporter.result(name.shown) }
                }
                return
            }
            let found =
                history
                ? try await TagList.history(of: name, from: client) : try await TagList.tags(of: name, from: client)
            guard let entries = found else { throw .unknown("\(client.name) keeps no history of tags") }
            for entry in entries { reporter.event(entry.json(name)) }
            if !reporter.mode.json, !entries.isEmpty { reporter.result(TagList.table(entries)) }
        }
    }
}

struct TagsDeleteCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete a tag. Its content stays as long as something else refers to it.",
        discussion: """
            Example:
              swoop tags delete team/app:1.0
            """)

    @Argument(help: ArgumentHelp("The tag.", valueName: "name:tag"), transform: ReferenceArgument.tagged)
    var reference: Reference

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let digest = try await access.using { client throws(RegistryError) in
            guard let digest = try await client.digest(of: reference) else {
                let newest = await TagList.newest(of: reference.name, from: client, count: 5)
                throw .unknown(
                    "no tag \(reference)" + (newest.isEmpty ? "" : "; newest: \(newest.joined(separator: ", "))"))
            }
            try await TagList.delete(reference, digest, from: client)
            return digest
        }
        reporter.event(
            .object([
                ("event", .string("tag")), ("name", .string(reference.name.text)),
                ("tag", .string(reference.version.description)),
                ("digest", .string(digest.description)), ("action", .string("delete")),
            ]))
        reporter.note("\(reference) is deleted")
    }
}

extension TagList.Entry {
    /// The JSON line for scripts; the keys are a contract (docs/json-lines.md).
    func json(_ name: ContentName) -> JSONValue {
        let more: [(String, String?)] = [("time", time), ("who", who), ("address", address), ("action", action)]
        return .object(
            [
                ("event", .string("tag")), ("name", .string(name.text)), ("tag", .string(tag)),
                ("digest", digest.map { .string($0) } ?? .null),
            ] + more.compactMap { key, value in value.map { (key, .string($0)) } })
    }

}

extension TagList {
    /// The entries as a table for people, without empty columns.
    fileprivate static func table(_ entries: [Entry]) -> String {
        let columns: [(String, (Entry) -> String?)] = [
            ("TAG", { $0.tag }), ("DIGEST", { $0.digest }), ("TIME", { $0.time }), ("ACTION", { $0.action }),
            ("WHO", { $0.who }), ("ADDRESS", { $0.address }),
        ]
        let used = columns.filter { column in entries.contains { column.1($0) != nil } }
        return TextTable(
            headings: used.map(\.0), rows: entries.map { entry in used.map { ($0.1(entry) ?? "").shown } }
        ).text
    }
}

extension RegistryArguments {
    /// Which part of the registry is to be asked.
    enum Part { case any, index }

    /// Runs a body with a client until it ends or a stop is requested.
    func using<R: Sendable>(
        _ part: Part = .any, silence: Double = 30,
        _ body: @escaping @Sendable (RegistryClient) async throws(RegistryError) -> R
    ) async throws -> R {
        let client = part == .any ? try client(silence: silence) : try await indexClient(silence: silence)
        let result = try await untilStopped { () -> Result<R, RegistryError> in
            do throws(RegistryError) { return .success(try await body(client)) } catch { return .failure(error) }
        }
        await client.shutdown()
        do { return try result.get() } catch { throw Failure(error) }
    }
}
