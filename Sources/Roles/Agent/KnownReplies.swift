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
package final class KnownReplies: Sendable {
    struct TagMeaning: Sendable, Hashable {
        let digest: BlobDigest
        let isMutable: Bool
    }

    private struct State {
        /// The newest at the end.
        var contents: [(reference: Reference, content: ResolvedContent, bytes: Int)] = []
        /// Bytes of the replies of `contents`.
        var bytes = 0
        var tags: [Reference: TagMeaning] = [:]
    }

    /// What was written since the start, or since the last look at it.
    private struct Written {
        /// Number of lines in the file `tags`.
        var lines = 0
        var replies = 0
        var replyBytes: Int64 = 0
    }

    private let directory: HeldDirectory?
    private let state: Mutex<State>
    /// Held during writes. It is locked before `state`, which is never locked during I/O, so that reading from memory does
    /// not wait for the disk.
    private let written: Mutex<Written>
    private let logger: Logger

    package struct Limits: Sendable {
        /// Most replies in memory, and most bytes of them. The newest stays, whatever its size.
        package var inMemory = 64
        package var bytesInMemory = 16 << 20
        /// Most reply files, and most bytes of them. They are counted at the start and whenever an eighth of that was
        /// written.
        package var files = 8_192
        package var bytes: Int64 = 256 << 20

        package init() {}
    }

    private let limits: Limits
    private static let mostTags = 100_000
    private static let mostTagBytes = 64 << 20
    private static let tagsName = FileName(own: "tags")

    /// - Parameter cache: the agent's directory. If it cannot be written, replies are only kept in memory.
    package init(cache: String, limits: Limits = Limits(), logger: Logger) {
        self.logger = logger
        self.limits = limits
        var state = State()
        directory = try? HeldDirectory.open(SystemPath(cache + "/known"), creating: true)
        if let directory, let bytes = try? directory.read(Self.tagsName, limit: Self.mostTagBytes).bytes {
            state.tags = Self.parse(bytes)
            // Rewrite the file without the lines that later ones replaced.
            try? directory.replace(
                Self.tagsName, with: Self.encode(state.tags), temporary: .random(prefix: ".tags-"))
        }
        written = Mutex(Written(lines: state.tags.count))
        self.state = Mutex(state)
        trim()
    }

    // MARK: Reading

    func meaning(of tag: Reference) -> TagMeaning? { state.withLock { $0.tags[tag] } }

    /// The content of a recent request; nil for all others. Does not read the disk.
    package func remembered(_ fixed: Reference) -> ResolvedContent? {
        state.withLock { $0.contents.last { $0.reference == fixed }?.content }
    }

    /// The content of a reference, from memory or disk; nil if unknown.
    /// - Parameter fixed: a reference by digest.
    package func content(_ fixed: Reference) -> ResolvedContent? {
        if let known = remembered(fixed) { return known }
        let name = Self.fileName(of: fixed)
        guard let directory, let bytes = try? directory.read(name, limit: ResolvedContent.mostBytes).bytes else {
            return nil
        }
        guard let content = try? ResolvedContent(bytes, for: fixed) else {
            // Without the file, the registry's next reply is kept in its place.
            _ = try? directory.removeFile(name)
            return nil
        }
        remember(fixed, content, bytes.count)
        return content
    }

    /// What recent replies about a NAME say of one of its blobs or manifests. Does not read the disk.
    func rememberedPart(_ digest: BlobDigest, of name: ContentName) -> ResolvedContent? {
        state.withLock { state in
            state.contents.lazy.filter { $0.reference.name == name }.compactMap { $0.content.part(digest) }.first
        }
    }

    /// What the replies about the tags of a NAME say of one of its blobs or manifests, from memory or disk; nil if that is
    /// nothing.
    package func part(_ digest: BlobDigest, of name: ContentName) -> ResolvedContent? {
        if let known = rememberedPart(digest, of: name) { return known }
        let tags = state.withLock { state in Set(state.tags.lazy.filter { $0.key.name == name }.map(\.value.digest)) }
        return tags.prefix(Self.mostRead).lazy.compactMap { version in
            self.content(Reference(name: name, version: .digest(version)))?.part(digest)
        }.first
    }

    /// Most replies that are read to find a blob.
    private static let mostRead = 64

    private func remember(_ fixed: Reference, _ content: ResolvedContent, _ bytes: Int) {
        state.withLock { state in
            if let place = state.contents.firstIndex(where: { $0.reference == fixed }) {
                state.bytes -= state.contents.remove(at: place).bytes
            }
            state.contents.append((fixed, content, bytes))
            state.bytes += bytes
            while state.contents.count > limits.inMemory
                || state.bytes > limits.bytesInMemory && state.contents.count > 1
            {
                state.bytes -= state.contents.removeFirst().bytes
            }
        }
    }

    // MARK: Storing

    /// - Parameters:
    ///   - reference: the reference that was resolved.
    ///   - bytes: the body of the registry's reply.
    package func keep(_ content: ResolvedContent, for reference: Reference, bytes: [UInt8]) {
        let fixed = Reference(name: reference.name, version: .digest(content.digest))
        remember(fixed, content, bytes.count)
        store(bytes, as: Self.fileName(of: fixed))
        guard case .tag(let tag) = reference.version else { return }
        let isMutable = content.isMutable ?? Self.usualRules.map { $0.isMutable(reference.name, tag) } ?? true
        keep(TagMeaning(digest: content.digest, isMutable: isMutable), of: reference)
    }

    /// The default rules, for indexes that do not say whether a tag is mutable.
    private static let usualRules = try? TagRules()

    private func store(_ bytes: [UInt8], as name: FileName) {
        guard let directory, (try? directory.status(name)) == nil else { return }
        do throws(SystemError) {
            try directory.replace(name, with: bytes, temporary: .random(prefix: ".reply-"))
        } catch {
            return logger.debug("a reply is not kept", metadata: ["reason": "\(error)"])
        }
        let isDue = written.withLock { written in
            written.replies += 1
            written.replyBytes += Int64(bytes.count)
            let isDue = written.replies > limits.files / 8 || written.replyBytes > limits.bytes / 8
            if isDue { (written.replies, written.replyBytes) = (0, 0) }
            return isDue
        }
        if isDue { trim() }
    }

    private func keep(_ meaning: TagMeaning, of tag: Reference) {
        // The lines are written in the order of the changes.
        written.withLock { written in
            let isNew = state.withLock { state in
                guard state.tags[tag] != meaning else { return false }
                if state.tags.count >= Self.mostTags { state.tags.removeAll() }
                state.tags[tag] = meaning
                return true
            }
            if isNew { append(Self.line(tag, meaning), &written) }
        }
    }

    /// Removes a tag, because the registry does not have it any more.
    func forget(_ tag: Reference) {
        written.withLock { written in
            let wasKnown = state.withLock { $0.tags.removeValue(forKey: tag) != nil }
            if wasKnown { append("\(tag) -\n", &written) }
        }
    }

    private func append(_ line: String, _ written: inout Written) {
        guard let directory else { return }
        let count = state.withLock(\.tags.count)
        do throws(SystemError) {
            written.lines += 1
            if written.lines > 2 * count + 1_000 {
                let tags = state.withLock(\.tags)
                try directory.replace(Self.tagsName, with: Self.encode(tags), temporary: .random(prefix: ".tags-"))
                written.lines = tags.count
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
        for file in files where file.at == 0 || bytes > limits.bytes || count > limits.files {
            _ = try? directory.removeFile(file.name)
            bytes -= file.size
            count -= 1
        }
    }
}
