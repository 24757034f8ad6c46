import ArgumentParser
import Backends
import Jobs
import NIOCore
import Registry
import RegistryClient
import Synchronization
import Threads

/// `swoop index import`: imports the tags that Kraken or Docker's registry stored in a back end.
struct IndexImportCommand: SwoopCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Take over the tags that Docker's registry or Kraken left in a back end.",
        discussion: """
            The blobs stay where they are, and are read when somebody asks for them: the registry must have the same back end \
            (swoop up --backend BACKEND). Tags that are here already, with other digests, stay as they are: exit status 1.

            Examples:
              swoop index import file:///var/lib/docker-registry
              swoop index import s3://bucket/registry
              swoop index import 's3://bucket?name_path=identity' --tags tags
            """)

    @Argument(help: ArgumentHelp("The back end, as for 'swoop up --backend'.", valueName: "backend"))
    var backend: String

    @Option(
        help: ArgumentHelp(
            "With name_path=identity: where the tags lie, below the back end's root.", valueName: "prefix"))
    var tags: String?

    @OptionGroup var access: RegistryArguments

    @OptionGroup var global: GlobalOptions

    func run(_ reporter: Reporter) async throws {
        let address: BackendAddress
        do throws(BackendAddressProblem) {
            address = try BackendAddress(backend) { Terminal.environment($0) }
        } catch {
            throw Failure(.usage, error.description.shown)
        }
        // What is imported is there already: a directory that is not is a mistake in its name.
        if case .directory(let path, _) = address {
            let isThere = await Threads.offload { PathFiles.status(path, follow: true) != nil }
            guard isThere else { throw Failure(.notFound, "\(path.shown) does not exist") }
        }
        let store: Backend
        do throws(BackendProblem) {
            store = try await Threads.offload { () throws(BackendProblem) in try address.open() }
        } catch {
            throw Failure(.disk, error.description.shown)
        }
        let places = try tagPaths(of: store)
        do {
            let found = try await access.using(silence: 120) { client throws(RegistryError) in
                await TagImport(backend: store, tags: places, client: client).run { line in
                    reporter.event(line.event)
                    if !reporter.mode.json { reporter.note(line.text.shown) }
                }
            }
            await store.shutdown()
            if let problem = found.problem { throw Failure(.failed, problem.shown) }
            reporter.note(
                "\(HumanText.plural(found.taken, "tag")) taken over"
                    + (found.failed > 0 ? ", \(HumanText.plural(found.failed, "tag")) not" : ""))
            if found.failed > 0 { throw QuietExit(status: .failed) }
        } catch {
            await store.shutdown()
            throw error
        }
    }

    private func tagPaths(of backend: Backend) throws -> BlobPaths {
        guard backend.names.kind == .identity else { return BlobPaths(root: backend.names.root, .dockerTag) }
        guard let tags else { return BlobPaths(root: backend.names.root, .identity) }
        guard let root = BackendPath(tags) else { throw Failure(.usage, "'\(tags.shown)' is no path in a back end") }
        return BlobPaths(root: root, .identity)
    }
}

/// Reads tags from a back end, and imports them into an index.
struct TagImport: Sendable {
    let backend: Backend
    let tags: BlobPaths
    let client: RegistryClient

    struct Line: Sendable {
        let reference: String
        let digest: String?
        /// Nil for a tag that was imported.
        let problem: String?

        var event: JSONValue {
            .object([
                ("event", .string("import")), ("tag", .string(reference)),
                ("digest", digest.map { .string($0) } ?? .null), ("problem", problem.map { .string($0) } ?? .null),
            ])
        }
        var text: String { "\(reference)  \(problem ?? digest ?? "")" }
    }

    struct Outcome: Sendable {
        var taken = 0
        var failed = 0
        /// The reason why the tags could not be listed; nil if they were.
        var problem: String?
    }

    /// The reason why one tag was not imported.
    private struct Trouble: Error { let text: String }

    private static let mostDepth = 4
    private static let mostLinkBytes: Int64 = 4_096

    func run(_ tell: @escaping @Sendable (Line) -> Void) async -> Outcome {
        let found = Mutex<[String]>([])
        let names = tags
        var outcome = Outcome()
        do throws(BackendProblem) {
            try await backend.store.list(below: names.directory) { paths in
                let references = paths.compactMap { names.name(of: $0) }.filter { $0.contains(":") }
                found.withLock { $0 += references }
            }
        } catch {
            outcome.problem = "the back end does not list its tags: \(error)"
            return outcome
        }
        for text in found.withLock({ $0 }).sorted() {
            var digest: BlobDigest?
            do throws(Trouble) {
                guard let reference = Reference(text), case .tag(let tag) = reference.version else {
                    throw Trouble(text: "that is no NAME:TAG")
                }
                let linked = try await link(text)
                digest = linked
                try await take(linked, reference.name, tag, depth: 0)
                outcome.taken += 1
                tell(Line(reference: text, digest: "\(linked)", problem: nil))
            } catch {
                outcome.failed += 1
                tell(Line(reference: text, digest: digest.map { "\($0)" }, problem: error.text))
            }
            if Task.isCancelled { break }
        }
        return outcome
    }

    /// The digest of a tag, which is the content of the tag's file.
    private func link(_ name: String) async throws(Trouble) -> BlobDigest {
        do throws(BackendProblem) {
            let path = try tags.path(of: name)
            guard let size = try await backend.store.size(of: path), size <= Self.mostLinkBytes else {
                throw BackendProblem(.wrong, "its file has no digest")
            }
            let bytes = try await bytes(of: path, size)
            let text = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
            guard let digest = BlobDigest(text) else { throw BackendProblem(.wrong, "its file has no digest") }
            return digest
        } catch {
            throw Trouble(text: "\(error)")
        }
    }

    private func bytes(of path: BackendPath, _ size: Int64) async throws(BackendProblem) -> [UInt8] {
        let collected = Mutex<[UInt8]>([])
        guard size > 0 else { return [] }
        try await backend.store.read(path, size: size, range: 0..<size) { part, _ in
            collected.withLock { $0 += part.readableBytesView }
        }
        return collected.withLock { $0 }
    }

    private func take(_ digest: BlobDigest, _ name: ContentName, _ tag: Tag?, depth: Int) async throws(Trouble) {
        guard let bytes = try await manifestBytes(digest), let manifest = try? Manifest(bytes, type: nil),
            manifest.digest == digest
        else {
            guard let tag else { throw Trouble(text: "\(digest) is no manifest") }
            return try await asked { client throws(RegistryError) in
                try await client.tag(Reference(name: name, version: .tag(tag)), as: digest)
            }
        }
        guard depth < Self.mostDepth else { throw Trouble(text: "indexes lie in indexes too deep") }
        for inner in manifest.neededManifests { try await take(inner.digest, name, nil, depth: depth + 1) }
        try await asked { client throws(RegistryError) in
            let query = tag.map { "?tag=\($0)" } ?? ""
            guard try await client.act("/v1/names/\(name)/imports", query: query, bytes: bytes) != nil else {
                throw .unknown("\(client.name) takes nothing over")
            }
        }
    }

    /// Nil for a blob that is too large to be a manifest.
    private func manifestBytes(_ digest: BlobDigest) async throws(Trouble) -> [UInt8]? {
        do throws(BackendProblem) {
            guard let size = try await backend.size(of: digest) else {
                throw BackendProblem(.missing, "the back end has no \(digest)")
            }
            guard size <= Int64(Manifest.mostBytes) else { return nil }
            return try await bytes(of: try backend.names.path(of: digest.hex), size)
        } catch {
            throw Trouble(text: "\(error)")
        }
    }

    private func asked(
        _ body: (RegistryClient) async throws(RegistryError) -> Void
    ) async throws(Trouble) {
        do throws(RegistryError) { try await body(client) } catch { throw Trouble(text: "\(error)") }
    }
}
