import Files
import Glibc
import Hashing
import JSON
import Logging
import Registry
import Synchronization

/// The registry's answers about tags and digests, kept over restarts. Content of digests and immutable tags does not
/// change, so the registry need not be asked again. The last content of a mutable tag serves while the registry does
/// not answer.
///
/// Each reply is a file in `known/`, named by the SHA-256 of NAME@DIGEST. Tags are lines in `known/tags`; a later line
/// replaces an earlier one. Calls block. Files are checked against their digests when they are read, as the registry's
/// replies are.
final class KnownReplies: Sendable {
    struct TagMeaning: Sendable, Hashable {
        let digest: BlobDigest
        let isMutable: Bool
    }

    private struct State {
        /// The newest at the end.
        var contents: [(reference: Reference, content: ResolvedContent)] = []
        var tags: [Reference: TagMeaning] = [:]
        /// Number of lines in the file `tags`.
        var lines = 0
    }

    private let directory: HeldDirectory?
    private let state: Mutex<State>
    private let logger: Logger

    private static let mostInMemory = 64
    private static let mostTags = 100_000
    private static let mostTagBytes = 64 << 20
    /// Most bytes of all reply files, and most reply files.
    private static let mostBytes: Int64 = 256 << 20
    private static let mostFiles = 8_192
    private static let tagsName = FileName(own: "tags")

    /// - Parameter cache: the agent's directory. If it cannot be written, replies are only kept in memory.
    init(cache: String, logger: Logger) {
        self.logger = logger
        var state = State()
        directory = try? HeldDirectory.open(SystemPath(cache + "/known"), creating: true)
        if let directory, let bytes = try? directory.read(Self.tagsName, limit: Self.mostTagBytes).bytes {
            state.tags = Self.parse(bytes)
            state.lines = state.tags.count
            // Rewrite the file without the lines that later ones replaced.
            try? directory.replace(
                Self.tagsName, with: Self.encode(state.tags), temporary: .random(prefix: ".tags-"))
        }
        self.state = Mutex(state)
        trim()
    }

    // MARK: Reading

    func meaning(of tag: Reference) -> TagMeaning? { state.withLock { $0.tags[tag] } }

    /// The content of a recent request; nil for all others. Does not read the disk.
    func remembered(_ fixed: Reference) -> ResolvedContent? {
        state.withLock { $0.contents.last { $0.reference == fixed }?.content }
    }

    /// The content of a reference, from memory or disk; nil if unknown.
    /// - Parameter fixed: a reference by digest.
    func content(_ fixed: Reference) -> ResolvedContent? {
        if let known = remembered(fixed) { return known }
        guard let bytes = try? directory?.read(Self.fileName(of: fixed), limit: ResolvedContent.mostBytes).bytes
        else { return nil }
        let limits = JSONLimits(maxBytes: ResolvedContent.mostBytes, maxDepth: 16, maxValues: 400_000)
        guard let value = try? JSONValue.parse(bytes, limits: limits),
            let content = try? ResolvedContent(value, for: fixed)
        else { return nil }
        remember(fixed, content)
        return content
    }

    private func remember(_ fixed: Reference, _ content: ResolvedContent) {
        state.withLock { state in
            state.contents.removeAll { $0.reference == fixed }
            state.contents.append((fixed, content))
            if state.contents.count > Self.mostInMemory { state.contents.removeFirst() }
        }
    }

    // MARK: Storing

    /// - Parameters:
    ///   - reference: the reference that was resolved.
    ///   - bytes: the body of the registry's reply.
    func keep(_ content: ResolvedContent, for reference: Reference, bytes: [UInt8]) {
        let fixed = Reference(name: reference.name, version: .digest(content.digest))
        remember(fixed, content)
        let name = Self.fileName(of: fixed)
        if let directory, (try? directory.status(name)) == nil {
            do throws(SystemError) {
                try directory.replace(name, with: bytes, temporary: .random(prefix: ".reply-"))
            } catch {
                logger.debug("a reply is not kept", metadata: ["reason": "\(error)"])
            }
        }
        guard case .tag(let tag) = reference.version else { return }
        let isMutable = content.isMutable ?? Self.usualRules.map { $0.isMutable(reference.name, tag) } ?? true
        keep(TagMeaning(digest: content.digest, isMutable: isMutable), of: reference)
    }

    /// The default rules, for indexes that do not say whether a tag is mutable.
    private static let usualRules = try? TagRules()

    private func keep(_ meaning: TagMeaning, of tag: Reference) {
        state.withLock { state in
            guard state.tags[tag] != meaning else { return }
            if state.tags.count >= Self.mostTags { state.tags.removeAll() }
            state.tags[tag] = meaning
            append(Self.line(tag, meaning), &state)
        }
    }

    /// Removes a tag, because the registry does not have it any more.
    func forget(_ tag: Reference) {
        state.withLock { state in
            guard state.tags.removeValue(forKey: tag) != nil else { return }
            append("\(tag) -\n", &state)
        }
    }

    private func append(_ line: String, _ state: inout State) {
        guard let directory else { return }
        do throws(SystemError) {
            state.lines += 1
            if state.lines > 2 * state.tags.count + 1_000 {
                try directory.replace(
                    Self.tagsName, with: Self.encode(state.tags), temporary: .random(prefix: ".tags-"))
                state.lines = state.tags.count
            } else {
                let file = try directory.open(Self.tagsName, [.write, .create])
                let bytes = Array(line.utf8)
                let end = try file.status().size
                try file.layer.write(file.descriptor, bytes, at: end)
            }
        } catch {
            logger.debug("what a tag names is not kept", metadata: ["reason": "\(error)"])
        }
    }

    // MARK: On the disk

    private static func fileName(of fixed: Reference) -> FileName {
        FileName(checked: Array(SHA256.digest(Array(fixed.description.utf8)).hex.utf8)[...])
    }

    private static func line(_ tag: Reference, _ meaning: TagMeaning) -> String {
        "\(tag) \(meaning.digest) \(meaning.isMutable ? "mutable" : "immutable")\n"
    }

    private static func encode(_ tags: [Reference: TagMeaning]) -> [UInt8] {
        var text = ""
        for (tag, meaning) in tags { text += line(tag, meaning) }
        return Array(text.utf8)
    }

    /// Skips malformed lines: the last line may be incomplete if the agent was killed.
    private static func parse(_ bytes: [UInt8]) -> [Reference: TagMeaning] {
        var tags: [Reference: TagMeaning] = [:]
        for line in bytes.split(separator: 0x0a) {
            let words = line.split(separator: 0x20).map { String(decoding: $0, as: UTF8.self) }
            guard let reference = words.first.flatMap({ Reference($0) }), case .tag = reference.version else {
                continue
            }
            if words.count == 3, let digest = BlobDigest(words[1]), ["mutable", "immutable"].contains(words[2]) {
                tags[reference] = TagMeaning(digest: digest, isMutable: words[2] == "mutable")
            } else if words.count == 2, words[1] == "-" {
                tags[reference] = nil
            }
            if tags.count >= mostTags { break }
        }
        return tags
    }

    /// Removes the oldest replies beyond the limits.
    func trim() {
        guard let directory, let names = try? directory.names() else { return }
        var files: [(name: FileName, size: Int64, at: Int64)] = []
        var bytes: Int64 = 0
        for name in names where name.bytes != Self.tagsName.bytes {
            guard let status = try? directory.status(name), status.kind == .file else { continue }
            // Other files are left over from writes of an agent that was killed: remove them first.
            let isReply = SHA256Digest(hex: name.text) != nil
            files.append((name, status.size, isReply ? status.modified : 0))
            bytes += status.size
        }
        files.sort { $0.at < $1.at }
        var count = files.count
        for file in files where file.at == 0 || bytes > Self.mostBytes || count > Self.mostFiles {
            _ = try? directory.removeFile(file.name)
            bytes -= file.size
            count -= 1
        }
    }
}
