import HTTPOrigin
import HTTPTransport
import NIOCore
import NIOHTTP1
import S3
import Text

/// The status and headers of a successful response; the body is still to be read.
package struct StoreAnswer: Sendable {
    let answer: HTTPAnswer
    var headers: HTTPHeaders { answer.headers }
    /// Without quotes; empty if there is none or it is implausible.
    var entityTag: String {
        headers.first(name: "etag").map(S3EntityTag.unquoted).flatMap { $0.utf8.count <= 256 ? $0 : nil } ?? ""
    }
}

extension ObjectStore {
    /// Longest body of an error response that is parsed.
    private static let longestFailure = 64 << 10

    /// Sends a request once, signed with the current time.
    /// - Parameter body: the stream that `request.body` announces.
    /// - Throws: `ObjectStoreError`, which names the object.
    func once(
        _ request: S3Request, body: HTTPRequestBody? = nil
    ) async throws(ObjectStoreError) -> StoreAnswer {
        do {
            return try await send(request, body)
        } catch {
            throw error.naming(request.key)
        }
    }

    private func send(_ request: S3Request, _ body: HTTPRequestBody?) async throws(ObjectStoreError) -> StoreAnswer {
        let signed: S3SignedRequest
        do {
            signed = try address.place.sign(
                request, with: address.credentials, at: S3Timestamp(unixTime: client.clock()))
        } catch {
            throw ObjectStoreError(.address, error.description)
        }
        guard let url = HTTPURL(signed.url) else {
            throw ObjectStoreError(.address, "the object's name makes too long a URL")
        }
        var headers = HTTPHeaders()
        for header in signed.headers { headers.add(name: header.name, value: header.value) }
        var content = body
        if case .bytes(let bytes) = signed.body { content = HTTPRequestBody(bytes) }
        // A body may take any time as long as it makes progress; `writeTimeout` checks that.
        let deadline: TimeAmount = signed.body.length > 1 << 20 ? .hours(24) : .after(settings.answerTimeout)
        let answer: HTTPAnswer
        do {
            answer = try await client.transport.request(
                HTTPMethod(rawValue: signed.method.rawValue), url, headers: headers, body: content,
                deadline: .now() + deadline)
        } catch {
            throw ObjectStoreError(error)
        }
        if (200..<300).contains(answer.status.code) { return StoreAnswer(answer: answer) }
        throw await refusal(answer, to: request)
    }

    /// Sends a request until it succeeds, with a backoff after each transient failure.
    func answer(to request: S3Request) async throws(ObjectStoreError) -> StoreAnswer {
        try await retrying { () async throws(ObjectStoreError) in try await self.once(request) }
    }

    /// Sends a request until it succeeds, and returns the response body.
    package func document(of request: S3Request) async throws(ObjectStoreError) -> [UInt8] {
        try await retrying { () async throws(ObjectStoreError) in
            let answer = try await self.once(request)
            do throws(ObjectStoreError) {
                return try await self.collect(answer, limit: S3Limits().answerBytes)
            } catch {
                throw error.naming(request.key)
            }
        }
    }

    /// Reads a response body to its end.
    func collect(_ answer: StoreAnswer, limit: Int) async throws(ObjectStoreError) -> [UInt8] {
        do {
            return try await client.transport.collect(
                answer.answer, limit: limit, deadline: .now() + .after(settings.answerTimeout))
        } catch {
            throw ObjectStoreError(error)
        }
    }

    /// Runs `work` until it succeeds, fails permanently, or has failed `attempts` times.
    func retrying<Result>(
        _ work: () async throws(ObjectStoreError) -> Result
    ) async throws(ObjectStoreError) -> Result {
        var failures = 0
        while true {
            do {
                return try await work()
            } catch {
                failures += 1
                guard error.isTransient, failures < settings.attempts, !Task.isCancelled else { throw error }
                let delay = RetryDelay(settings: settings).seconds(
                    afterFailures: failures, asked: error.retryAfter, chance: Double.random(in: 0...1))
                guard (try? await Task.sleep(for: .seconds(delay))) != nil else {
                    throw ObjectStoreError(.cancelled, "cancelled")
                }
            }
        }
    }

    private func refusal(_ answer: HTTPAnswer, to request: S3Request) async -> ObjectStoreError {
        var failure: S3Failure?
        if request.method != .head {
            let body = try? await client.transport.collect(
                answer, limit: ObjectStore.longestFailure, deadline: .now() + .after(settings.answerTimeout))
            failure = body.flatMap { S3Failure($0) }
        }
        if Task.isCancelled { return ObjectStoreError(.cancelled, "cancelled") }
        return Refusal(
            status: Int(answer.status.code), headers: answer.headers, failure: failure, address: address,
            key: request.key, now: client.clock(), settings: settings
        ).error
    }

    func malformed(_ error: S3AnswerError) -> ObjectStoreError {
        ObjectStoreError(.wrongContent, "\(host): \(error.description)")
    }
}

/// The delay before the next attempt: doubles each time, and half of it is random, so that many nodes that failed
/// together do not retry together.
package struct RetryDelay {
    let settings: ObjectStoreSettings

    package init(settings: ObjectStoreSettings) { self.settings = settings }

    /// - Parameters:
    ///   - failures: 1 or more.
    ///   - asked: seconds that the store asked for; a lower bound.
    ///   - chance: random number from 0 to 1.
    package func seconds(afterFailures failures: Int, asked: Double?, chance: Double) -> Double {
        var ceiling = settings.firstRetry
        for _ in 1..<max(2, min(failures, 64)) where failures > 1 && ceiling < settings.longestRetry { ceiling *= 2 }
        let wait = min(ceiling, settings.longestRetry)
        return max(wait * (0.5 + 0.5 * chance), (asked ?? 0) * (1 + 0.1 * chance))
    }
}
