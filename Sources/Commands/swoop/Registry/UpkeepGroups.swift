import ArgumentParser

/// `swoop index`: runs the index of a registry, or works with one.
struct IndexCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index",
        abstract: "Run the index of a registry, remove content that no tag reaches, or import another registry's tags.",
        discussion: """
            Examples:
              swoop index --origin http://127.0.0.1:15002
              swoop index gc --dry-run
            """,
        subcommands: [IndexServeCommand.self, IndexCollectCommand.self, IndexImportCommand.self],
        defaultSubcommand: IndexServeCommand.self)
}

/// `swoop origin`: runs an origin of a registry, or works with one.
struct OriginTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin",
        abstract: "Run an origin of a registry, show the state of its disk, or verify all of its blobs.",
        discussion: """
            Examples:
              swoop origin --index http://127.0.0.1:15004
              swoop origin status
            """,
        subcommands: [OriginServeCommand.self, OriginStatusCommand.self, OriginScrubCommand.self],
        defaultSubcommand: OriginServeCommand.self)
}
