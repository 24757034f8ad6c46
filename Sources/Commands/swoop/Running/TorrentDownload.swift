import HTTPTransport
import Metainfo
import NIOCore
import Text

/// Downloads torrents from HTTP servers.
enum TorrentDownload {
    static let timeout = TimeAmount.seconds(60)

    /// What a URL led to.
    enum Found: Sendable, Equatable {
        case file([UInt8])
        /// A redirect to a magnet link, and the host that sent it.
        case magnet(String, host: String)
    }

    /// The torrent file at a URL; anything else is an error.
    /// - Parameter timeout: limit for the whole download, however steadily data arrives.
    static func fetch(_ text: String, within timeout: TimeAmount = timeout) async throws -> [UInt8] {
        switch try await find(text, within: timeout) {
        case .file(let bytes): return bytes
        case .magnet(_, let host):
            throw Failure(.failed, "cannot fetch the torrent: \(host) redirects to a magnet link")
        }
    }

    /// The torrent file or magnet link at a URL.
    static func find(_ text: String, within timeout: TimeAmount = timeout) async throws -> Found {
        guard let url = HTTPURL(text) else {
            throw Failure(.usage, "'\(Redaction.url(text).shown)' is not an http or https URL that can be fetched")
        }
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        do {
            let deadline = NIODeadline.now() + timeout
            let answer = try await transport.get(url, deadline: deadline)
            guard answer.status == .ok else { throw refusal(Int(answer.status.code), host: answer.host) }
            let bytes = try await transport.collect(answer, limit: TorrentFile.maxBytes, deadline: deadline)
            await transport.shutdown()
            return .file(bytes)
        } catch {
            await transport.shutdown()
            guard let problem = error as? HTTPTransportError else { throw error }
            if case .leadsToMagnet(let host, let magnet) = problem { return .magnet(magnet, host: host) }
            if problem == .cancelled { throw CancellationError() }
            throw Failure(
                .failed, "cannot fetch the torrent: \(problem)",
                advice: "Look at the address and try again, or fetch the file by other means and give its path.")
        }
    }

    private static func refusal(_ code: Int, host: String) -> Failure {
        let status: ExitStatus =
            switch code {
            case 404, 410: .notFound
            case 401, 403, 407, 451: .refused
            default: .failed
            }
        return Failure(status, "cannot fetch the torrent: \(host) answers with status \(code)")
    }
}
