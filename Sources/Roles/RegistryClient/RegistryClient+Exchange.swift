import HTTPTransport
import NIOCore
import NIOHTTP1
import Text

extension RegistryClient {
    /// A request that can be repeated.
    struct Call: Sendable {
        var method: HTTPMethod
        var url: HTTPURL
        var headers: HTTPHeaders = [:]
        var body: [UInt8]?
        /// The text of the error `.unknown` when the answer is a 404: what is missing.
        var subject = ""
        /// The HTTP statuses that the caller handles. Others become errors.
        var accepts: Set<Int>
        /// Whether redirects are followed. Another server does not get the token.
        var followsRedirects = false
        /// Seconds within which the head of the answer must arrive; nil for `Options.answerTimeout`.
        var timeout: Double?
    }

    /// Sends a request, and repeats it when the server does not answer or is busy. Returns when the head of an answer with
    /// an accepted status has arrived.
    func exchange(_ call: Call) async throws(RegistryError) -> HTTPAnswer {
        var tries = 0
        let coldEnd = NIODeadline.now() + .hours(1)
        while true {
            tries += 1
            let answer: HTTPAnswer
            do {
                answer = try await once(call)
            } catch {
                guard error != .cancelled else { throw .cancelled }
                guard tries < options.triesInSilence ?? options.tries, Self.isPassing(error) else {
                    throw .silent(registry: name, tries: tries, error)
                }
                try await pause(after: tries)
                continue
            }
            let status = Int(answer.status.code)
            if call.accepts.contains(status) { return answer }
            if status == 401, login.changes(after: answer.headers) {
                _ = try? await transport.collect(answer, limit: 64 << 10)
                tries -= 1
                continue
            }
            if [429, 502, 503, 504].contains(status), tries < options.tries {
                let body = (try? await transport.collect(answer, limit: 64 << 10)) ?? []
                // The registry is reading the blob from its back end. That is not a failure, and ends by itself. What takes
                // longer than an hour never ends.
                let isCold = String(decoding: body, as: UTF8.self).contains("\"BLOB_COLD\"")
                if isCold, NIODeadline.now() < coldEnd { tries = 0 }
                try await pause(
                    after: max(1, tries), asked: answer.headers.first(name: "retry-after").flatMap { Double($0) })
                continue
            }
            throw await refusal(answer, subject: call.subject)
        }
    }

    /// The same, and collects the whole body of the answer.
    func exchange(_ call: Call, limit: Int) async throws(RegistryError) -> (answer: HTTPAnswer, body: [UInt8]) {
        let answer = try await exchange(call)
        return (answer, try await body(of: answer, limit: limit))
    }

    func body(of answer: HTTPAnswer, limit: Int) async throws(RegistryError) -> [UInt8] {
        do {
            return try await transport.collect(
                answer, limit: limit, deadline: .now() + .after(max(60, options.answerTimeout)))
        } catch {
            throw error == .cancelled ? .cancelled : .silent(registry: name, tries: 1, error)
        }
    }

    private func once(_ call: Call) async throws(HTTPTransportError) -> HTTPAnswer {
        let deadline = NIODeadline.now() + .after(call.timeout ?? options.answerTimeout)
        if call.followsRedirects {
            return try await transport.get(
                call.url, headers: call.headers, ownHeaders: login.headers, deadline: deadline)
        }
        var headers = call.headers
        if isOurs(call.url) { headers.add(contentsOf: login.headers) }
        return try await transport.request(
            call.method, call.url, headers: headers, body: call.body.map { HTTPRequestBody($0) }, deadline: deadline)
    }

    /// Whether a URL is of the registry's own server, for which the credential is meant.
    func isOurs(_ url: HTTPURL) -> Bool {
        url.host == base.host && url.port == base.port && (url.isSecure || !base.isSecure)
    }

    /// The error that an answer with another status stands for.
    func refusal(_ answer: HTTPAnswer, subject: String = "") async -> RegistryError {
        let body = (try? await transport.collect(answer, limit: 64 << 10, deadline: .now() + .seconds(10))) ?? []
        let error = RegistryError(status: Int(answer.status.code), body: body, registry: name)
        if case .unknown = error, !subject.isEmpty { return .unknown(subject) }
        return error
    }

    func pause(after tries: Int, asked: Double? = nil) async throws(RegistryError) {
        var seconds = options.firstPause
        for _ in 1..<max(1, tries) { seconds *= 2 }
        if let asked, asked.isFinite, asked > seconds { seconds = asked }
        do { try await Task.sleep(for: .seconds(min(seconds, options.longestPause))) } catch { throw .cancelled }
    }

    private static func isPassing(_ error: HTTPTransportError) -> Bool {
        switch error {
        case .unreachable, .timedOut, .broken, .unresolved: true
        default: false
        }
    }
}
