import HTTPTransport
import NIOCore

/// Fetches torrents from HTTP servers.
enum TorrentDownload {
    static let timeout = TimeAmount.seconds(60)

    static func fetch(_ text: String) async throws -> [UInt8] {
        guard let url = HTTPURL(text) else {
            throw Failure(.usage, "\(text.shown) is not an http or https URL that can be fetched")
        }
        let transport = HTTPTransport(settings: HTTPTransportSettings())
        do {
            let answer = try await transport.get(url, deadline: .now() + timeout)
            guard answer.status == .ok else { throw refusal(Int(answer.status.code), host: answer.host) }
            let bytes = try await transport.collect(answer, limit: TorrentFile.maxBytes)
            await transport.shutdown()
            return bytes
        } catch {
            await transport.shutdown()
            throw (error as? HTTPTransportError).map { Failure(.failed, "cannot fetch the torrent: \($0)") } ?? error
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
