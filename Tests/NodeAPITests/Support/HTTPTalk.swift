import BFT
import Foundation
import Glibc
import JSON
import Policy
import TestSupport

/// What came back for a request.
struct Answer: Sendable {
    let status: Int
    /// Names in small letters.
    let headers: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSONValue? { try? JSONValue.parse(body) }
    /// `desc` of an envelope, or of a resource's answer.
    var desc: String { json?["return_content"]?["desc"]?.stringValue ?? json?["desc"]?.stringValue ?? "" }

    /// The first answer in what a connection brought.
    init?(_ bytes: [UInt8]) {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        guard let first = lines.first?.split(separator: " "), first.count > 1, let status = Int(first[1]) else {
            return nil
        }
        self.status = status
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        self.headers = headers
        body = Array(bytes[end.upperBound...])
    }
}

/// A connection on a thread of its own, so that waiting takes no thread from the server under test.
enum HTTPTalk {
    struct NoAnswer: Error {}

    /// Sends bytes and reads until the server closes, `isEnough` says so, or the time is over.
    static func exchange(
        _ port: Int, _ bytes: [UInt8], seconds: Int = 10, then more: [UInt8] = [],
        isEnough: @escaping @Sendable ([UInt8]) -> Bool = { _ in false }
    ) async -> [UInt8] {
        let all = try? await onThread {
            let socket = try Loopback.connect(to: UInt16(port), patience: Double(seconds))
            defer { close(socket) }
            Loopback.send(socket, bytes + more)
            var all: [UInt8] = []
            while !isEnough(all), let part = Loopback.receive(socket), !part.isEmpty { all += part }
            return all
        }
        return all ?? []
    }

    static func request(
        _ port: Int, _ method: String, _ path: String, headers: [String] = [], body: String = "", host: String? = nil
    ) async throws -> Answer {
        var lines =
            ["\(method) \(path) HTTP/1.1", "Host: \(host ?? "127.0.0.1:\(port)")", "Connection: close"] + headers
        if method == "POST" || !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        let text = lines.joined(separator: "\r\n") + "\r\n\r\n" + body
        guard let answer = Answer(await exchange(port, Array(text.utf8))) else { throw NoAnswer() }
        return answer
    }
}
