import ArgumentParser

/// `swoop index`: what is done with the index of a registry.
struct IndexTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index", abstract: "Collect what no tag reaches, or take over another registry's tags.",
        subcommands: [IndexCollectCommand.self, IndexImportCommand.self])
}

/// `swoop origin`: what is done with an origin of a registry.
struct OriginTools: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "origin", abstract: "Look at an origin's disk, or hold all of its blobs against their digests.",
        subcommands: [OriginStatusCommand.self, OriginScrubCommand.self])
}
