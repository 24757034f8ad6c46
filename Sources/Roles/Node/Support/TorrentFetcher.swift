import HTTPTransport
import Hashing
import Metainfo
import NIOCore
import NIOHTTP1
import Text

/// Why a torrent could not be loaded from a URL.
enum TorrentFetchFailure: Error, Sendable, Hashable {
    case unreachable(String)
    /// The response is not a torrent, or not the one that the task names, even when caches are bypassed.
    case wrongContent
}

/// Loads torrents over HTTP, with limits on time and size.
struct TorrentFetcher: Sendable {
    let transport: HTTPTransport
    let tunables: NodeTunables

    /// - Parameter infoHash: SHA-1 of the info dictionary as 40 hexadecimal digits (64 for v2); empty if the task names
    ///   none.
    func fetch(_ text: String, infoHash: String) async throws(TorrentFetchFailure) -> Torrent {
        if let torrent = try? await load(text, pastCaches: false), Self.matches(torrent, infoHash) { return torrent }
        // A cache may contain an older torrent of the same name: bypass it once before the torrent counts as wrong.
        let torrent = try await load(text, pastCaches: true)
        guard Self.matches(torrent, infoHash) else { throw .wrongContent }
        return torrent
    }

    static func matches(_ torrent: Torrent?, _ infoHash: String) -> Bool {
        guard let torrent else { return false }
        let wanted = infoHash.lowercased()
        if wanted.isEmpty { return true }
        return torrent.info.hashes.v1?.hex == wanted || torrent.info.hashes.v2?.hex == wanted
            || torrent.info.hashes.v2?.truncated.hex == wanted
    }

    private func load(_ text: String, pastCaches: Bool) async throws(TorrentFetchFailure) -> Torrent {
        let separator = text.utf8.contains(0x3f) ? "&" : "?"
        let address = pastCaches ? "\(text)\(separator)nocache=\(UInt64.random(in: 0...UInt64.max))" : text
        guard let url = HTTPURL(address) else { throw .unreachable("it is no http or https URL that can be fetched") }
        let deadline = NIODeadline.now() + .after(tunables.torrentTimeout)
        let bytes: [UInt8]
        do throws(HTTPTransportError) {
            let headers: HTTPHeaders = pastCaches ? ["Cache-Control": "no-cache", "Pragma": "no-cache"] : [:]
            let answer = try await transport.get(url, headers: headers, deadline: deadline)
            let body = try await transport.collect(answer, limit: tunables.torrentBytes, deadline: deadline)
            guard answer.status == .ok else {
                throw HTTPTransportError.broken(host: answer.host, reason: "status \(answer.status.code)")
            }
            bytes = body
        } catch {
            throw .unreachable(error.description)
        }
        do throws(MetainfoError) { return try Torrent.parse(bytes) } catch { throw .wrongContent }
    }
}
