import HTTPTransport
import NIOCore
import NIOHTTP1
import Text

/// Sends requests for files to a web server, and turns its answers into values or problems.
struct HTTPExchange: Sendable {
    let transport: HTTPTransport
    /// The server's name in messages.
    let server: String

    /// Seconds within which the head of an answer must arrive.
    private static let answerTime = 60.0
    /// The same for an upload, whose whole body is sent first.
    private static let uploadTime = 86_400.0

    init(server: String) {
        var settings = HTTPTransportSettings()
        // A server sends nothing while it makes a large file durable.
        settings.readTimeout = 120
        settings.connectionsPerHost = 16
        transport = HTTPTransport(settings: settings)
        self.server = server
    }

    func send(
        _ method: HTTPMethod, _ url: HTTPURL, headers: HTTPHeaders = [:], body: HTTPRequestBody? = nil
    ) async throws(BackendProblem) -> HTTPAnswer {
        do throws(HTTPTransportError) {
            return try await transport.request(
                method, url, headers: headers, body: body,
                deadline: .now() + .after(body == nil ? Self.answerTime : Self.uploadTime))
        } catch {
            throw Self.problem(error)
        }
    }

    /// Reads the rest of an answer whose body does not matter, so that the connection can be used again.
    func drain(_ answer: HTTPAnswer) async {
        _ = try? await transport.collect(answer, limit: 64 << 10, deadline: .now() + .seconds(10))
    }

    func collect(_ answer: HTTPAnswer, limit: Int) async throws(BackendProblem) -> [UInt8] {
        do throws(HTTPTransportError) {
            return try await transport.collect(answer, limit: limit)
        } catch {
            throw Self.problem(error)
        }
    }

    /// Asks for a range of a file, and gives it to the sink. A server that does not know ranges sends all of the file: the
    /// range is taken from that.
    nonisolated(nonsending) func read(
        _ url: HTTPURL, path: String, size: Int64, range: Range<Int64>, into sink: BackendSink
    ) async throws(BackendProblem) {
        guard !range.isEmpty else { return }
        let asked: HTTPHeaders = ["range": "bytes=\(range.lowerBound)-\(range.upperBound - 1)"]
        let answer = try await send(.GET, url, headers: asked)
        var offset: Int64
        switch answer.status.code {
        case 206:
            let expected = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
            guard answer.headers.first(name: "content-range") == expected else {
                throw BackendProblem(.wrong, "\(server) sends another range of \(path) than it was asked for")
            }
            offset = range.lowerBound
        case 200: offset = 0
        default: throw await refusal(answer, path: path)
        }
        do {
            for try await part in answer.body {
                let end = offset + Int64(part.readableBytes)
                guard answer.status.code == 200 || end <= range.upperBound else {
                    throw BackendProblem(.wrong, "\(server) sends more of \(path) than it was asked for")
                }
                guard let wanted = Self.part(of: part, at: offset, in: range) else {
                    offset = end
                    continue
                }
                try await sink(wanted, max(offset, range.lowerBound))
                offset = end
                if offset >= range.upperBound, answer.status.code == 200 { break }
            }
        } catch let error as BackendProblem {
            throw error
        } catch {
            throw Self.problem(HTTPTransportError(error, host: answer.host))
        }
        guard offset >= range.upperBound else {
            throw BackendProblem(.wrong, "\(server) sends less of \(path) than it was asked for")
        }
    }

    /// The part of a buffer that lies in the range; nil if none does. `offset` is the buffer's position in the file.
    private static func part(of buffer: ByteBuffer, at offset: Int64, in range: Range<Int64>) -> ByteBuffer? {
        let have = (offset..<offset + Int64(buffer.readableBytes)).clamped(to: range)
        guard !have.isEmpty else { return nil }
        return buffer.getSlice(
            at: buffer.readerIndex + Int(have.lowerBound - offset), length: Int(have.upperBound - have.lowerBound))
    }

    /// The problem that an answer with an unexpected status stands for.
    func refusal(_ answer: HTTPAnswer, path: String) async -> BackendProblem {
        await drain(answer)
        let status = Int(answer.status.code)
        let after = answer.headers.first(name: "retry-after").flatMap { Double($0) }
            .flatMap { $0.isFinite && $0 >= 0 ? min($0, 600) : nil }
        let text = "\(server) answers \(status) for \(path)"
        return switch status {
        case 404, 410: BackendProblem(.missing, "\(server) has no \(path)")
        case 408, 429, 500..<600: BackendProblem(.unavailable, text, retryAfter: after)
        case 405, 501: BackendProblem(.unsupported, text)
        default: BackendProblem(.refused, text)
        }
    }

    static func problem(_ error: HTTPTransportError) -> BackendProblem {
        switch error {
        case .cancelled: BackendProblem(.cancelled, "cancelled")
        case .unresolved, .unreachable, .timedOut, .broken: BackendProblem(.unavailable, error.description)
        default: BackendProblem(.refused, error.description)
        }
    }

    /// The size of a file from the answer to HEAD, or to a GET of the first byte; nil when the answer has none.
    static func size(_ answer: HTTPAnswer) -> Int64? {
        if answer.status.code == 206 {
            return answer.headers.first(name: "content-range")?.split(separator: "/").last.flatMap { Int64($0) }
        }
        let lengths = answer.headers["content-length"]
        guard lengths.count == 1, let size = Int64(lengths[0]), size >= 0 else { return nil }
        return size
    }
}
