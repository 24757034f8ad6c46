import Files
import Hashing
import Registry
import Synchronization

/// The blobs of this host that came under a NAME that is open to any client, each with that NAME. Kept over restarts in
/// a file of the cache, one line for each blob. Thread-safe; reading and writing the file blocks.
final class OpenBlobs: Sendable {
    private struct State {
        var names: [SHA256Digest: ContentName] = [:]
        var isChanged = false
    }

    private let directory: String
    private let state: Mutex<State>

    private static let file = FileName(own: "open")
    private static let mostBytes = 64 << 20

    init(directory: String) {
        self.directory = directory
        var state = State()
        if let held = try? HeldDirectory.open(SystemPath(directory)),
            let bytes = try? held.read(Self.file, limit: Self.mostBytes).bytes
        {
            state.names = Self.parse(bytes)
        }
        self.state = Mutex(state)
    }

    /// Skips malformed lines.
    static func parse(_ bytes: [UInt8]) -> [SHA256Digest: ContentName] {
        var names: [SHA256Digest: ContentName] = [:]
        for line in bytes.split(separator: 0x0a) {
            let words = line.split(separator: 0x20)
            guard words.count == 2, let digest = SHA256Digest(hex: String(decoding: words[0], as: UTF8.self)),
                let name = ContentName(String(decoding: words[1], as: UTF8.self))
            else { continue }
            names[digest] = name
        }
        return names
    }

    func name(of digest: SHA256Digest) -> ContentName? { state.withLock { $0.names[digest] } }

    func add(_ digest: SHA256Digest, _ name: ContentName) {
        state.withLock { state in
            guard state.names[digest] != name else { return }
            state.names[digest] = name
            state.isChanged = true
        }
    }

    /// Writes the blobs that are still cached to the file, if there are new ones. If the file cannot be written, other
    /// clients only do not find these blobs here after a restart.
    func save(where isHere: (SHA256Digest) -> Bool) {
        let names = state.withLock { state -> [SHA256Digest: ContentName]? in
            guard state.isChanged else { return nil }
            state.names = state.names.filter { isHere($0.key) }
            state.isChanged = false
            return state.names
        }
        guard let names, let held = try? HeldDirectory.open(SystemPath(directory)) else { return }
        var text = ""
        for (digest, name) in names { text += "\(digest.hex) \(name.text)\n" }
        try? held.replace(Self.file, with: Array(text.utf8), temporary: .random(prefix: ".open-"))
    }
}
