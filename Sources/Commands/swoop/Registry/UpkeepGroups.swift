import ArgumentParser

/// `swoop index`: the index of a registry, and what is done with one.
struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Run the index of a registry, collect what no tag reaches, or take over another registry's tags.",
        discussion: """
            Examples:
              swoop index --origin http://127.0.0.1:15002
              swoop index gc --dry-run
            """,
        subcommands: [IndexServeCommand.self, IndexCollectCommand.self, IndexImportCommand.self],
        defaultSubcommand: IndexServeCommand.self)
}

/// `swoop origin`: what is done with an origin of a registry.
struct OriginTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "Look at an origin's disk, or hold all of its blobs against their digests.",
        subcommands: [OriginStatusCommand.self, OriginScrubCommand.self])
}
