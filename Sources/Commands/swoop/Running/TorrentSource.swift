import Metainfo

/// The argument of `get` and `show`: a torrent, or only a reference to one.
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
        guard URLArgument.isMeant(by: text) else { return .torrent(try TorrentFile.read(text)) }
        let url: String
        do throws(AddressProblem) { url = try WebSeedAddress(text).text } catch {
            throw Failure(.usage, "'\(Redaction.url(text).shown)' cannot be fetched: \(error)")
        }
        switch try await TorrentDownload.find(url) {
        case .file(let bytes): return .torrent(try TorrentFile.parse(bytes, from: url))
        case .magnet(let link, let host):
            do {
                return .magnet(try Magnet.parse(link))
            } catch {
                throw Failure(.failed, "\(host) redirects to a magnet link that cannot be used: \(error)")
            }
        }
    }

    /// A name for it until a better one is known.
    var label: String {
        switch self {
        case .torrent(let torrent): torrent.info.name.display
        case .magnet(let magnet): magnet.displayName?.shown ?? String(magnet.hashes.primary.hex.prefix(12))
        }
    }
}
