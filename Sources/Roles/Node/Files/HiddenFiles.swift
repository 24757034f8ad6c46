import Jobs
import Metainfo
import Synchronization
import Threads

/// Remembers which files of published contents have a path with a name that begins with a dot, as the torrents beside them say.
/// Other files with such names in a content's directory are not its own: an editor's, or the directory of a version control.
package final class HiddenFiles: Sendable {
    private struct Content {
        /// Of the torrent's file: changes with it.
        let tag: String
        let paths: Set<[UInt8]>
    }

    private let contents = Mutex<[String: Content]>([:])
    /// A large torrent takes a second to read.
    private let readings = Turns(atOnce: 2)

    /// Bytes of a torrent, contents that are remembered, and files of all of them, at most. Most contents have no such file.
    package static let mostBytes: Int64 = 64 << 20
    private static let mostContents = 4096
    private static let mostPaths = 200_000

    package init() {}

    /// Whether a file is one of a content.
    /// - Parameters:
    ///   - path: below the content's directory.
    ///   - torrent: the path of the content's torrent.
    ///   - tag: of the torrent's file.
    ///   - read: gives the torrent's bytes; nil if they cannot be read.
    package func contain(
        _ path: [[UInt8]], torrent: String, tag: String, read: @escaping @Sendable () async -> [UInt8]?
    ) async -> Bool {
        let path = Array(path.joined(separator: [UInt8(ascii: "/")]))
        if let known = known(torrent, tag) { return known.contains(path) }
        return await readings.run(torrent) { [self] in
            // Another request may have read it meanwhile.
            if let known = known(torrent, tag) { return known.contains(path) }
            guard let bytes = await read() else { return false }
            let paths = await Threads.offload { Self.paths(bytes) }
            remember(Content(tag: tag, paths: paths), torrent)
            return paths.contains(path)
        }
    }

    private func known(_ torrent: String, _ tag: String) -> Set<[UInt8]>? {
        contents.withLock { contents in contents[torrent].flatMap { $0.tag == tag ? $0.paths : nil } }
    }

    private func remember(_ content: Content, _ torrent: String) {
        contents.withLock { contents in
            contents[torrent] = nil
            let paths = contents.values.reduce(content.paths.count) { $0 + $1.paths.count }
            if contents.count >= Self.mostContents || paths > Self.mostPaths { contents = [:] }
            contents[torrent] = content
        }
    }

    private static func paths(_ bytes: [UInt8]) -> Set<[UInt8]> {
        guard let torrent = try? Torrent.parse(bytes) else { return [] }
        return Set(
            torrent.info.layout.files.lazy.filter { !$0.isPadding }.map { Array($0.path.bytes) }.filter { path in
                path.split(separator: UInt8(ascii: "/")).contains { $0.first == UInt8(ascii: ".") }
            })
    }
}
