import Metainfo

/// What `get` and `show` are given: a torrent, or only the name of one.
enum TorrentSource {
    case torrent(Torrent)
    case magnet(Magnet)

    /// From a file, an http(s) URL or a magnet link.
    static func open(_ text: String) async throws -> TorrentSource {
        if Magnet.isMagnet(text) {
            do {
                return .magnet(try Magnet.parse(text))
            } catch {
                throw Failure(.usage, "\(error)", advice: "Quote a magnet link: the shell takes '&' for its own.")
            }
        }
        if WebAddress.isHTTP(text) {
            return .torrent(try TorrentFile.parse(try await TorrentDownload.fetch(text), from: text))
        }
        return .torrent(try TorrentFile.read(text))
    }

    /// What to call it while nothing better is known.
    var label: String {
        switch self {
        case .torrent(let torrent): torrent.info.name.display
        case .magnet(let magnet): magnet.displayName?.shown ?? String(magnet.hashes.primary.hex.prefix(12))
        }
    }
}
