import Glibc
import HTTPOrigin
import HTTPTransport
import NIOCore
import NIOHTTP1
import S3

/// How reading a range of an object ended.
enum ReadEnding: Sendable {
    case complete(entityTag: String)
    /// The sink asked to stop.
    case stopped
    /// `next` is the offset of the next missing byte.
    case failed(ObjectStoreError, next: Int64)
}

extension ObjectStore {
    /// Fetches an object, or a range of it, in order. Resumes after transient failures.
    ///
    /// The next chunk is read after the sink has returned. Offsets count from the start of the object.
    /// - Parameters:
    ///   - range: nil for the whole object.
    ///   - sink: returns false to stop.
    /// - Returns: true if everything was delivered, false if the sink stopped.
    /// - Throws: `ObjectStoreError`; `.changed` if the object was replaced meanwhile. Only its entity tag shows that.
    @discardableResult
    package nonisolated(nonsending) func get(
        key: String, range: Range<Int64>? = nil, sink: (WebSeedChunk) async -> Bool
    ) async throws(ObjectStoreError) -> Bool {
        let info = try await head(key: key)
        let wanted = range ?? 0..<info.size
        guard wanted.lowerBound >= 0, wanted.upperBound <= info.size else {
            throw ObjectStoreError(
                .wrongContent, "\(ShownName.escaped(key)) at \(host) has \(info.size) bytes, fewer than are asked for")
        }
        return try await get(key: key, size: info.size, range: wanted, entityTag: info.entityTag, sink: sink)
    }

    /// The same for an object of known size.
    @discardableResult
    package nonisolated(nonsending) func get(
        key: String, size: Int64, range: Range<Int64>, entityTag: String?, sink: (WebSeedChunk) async -> Bool
    ) async throws(ObjectStoreError) -> Bool {
        var next = range.lowerBound
        var failures = 0
        while next < range.upperBound {
            let file = FileRange(file: 0, fileLength: size, bytes: next..<range.upperBound)
            switch await read(key: key, file, at: next, entityTag: entityTag, sink: sink) {
            case .complete: return true
            case .stopped: return false
            case .failed(let error, let reached):
                // Received bytes count as success.
                failures = reached > next ? 1 : failures + 1
                next = reached
                guard error.isTransient, failures < settings.attempts, !Task.isCancelled else { throw error }
                let delay = RetryDelay(settings: settings).seconds(
                    afterFailures: failures, asked: error.retryAfter, chance: Double.random(in: 0...1))
                guard (try? await Task.sleep(for: .seconds(delay))) != nil else {
                    throw ObjectStoreError(.cancelled, "cancelled")
                }
            }
        }
        return true
    }

    /// Requests a range of an object, checks the response, and delivers the body.
    /// - Parameters:
    ///   - offset: offset of the first chunk.
    ///   - entityTag: the required entity tag; nil or empty if a hash verifies the bytes.
    nonisolated(nonsending) func read(
        key: String, _ range: FileRange, at offset: Int64, entityTag: String?, sink: (WebSeedChunk) async -> Bool
    ) async -> ReadEnding {
        var limits = WebSeedSettings()
        limits.stallTimeout = settings.stallTimeout
        limits.slowestProgress = settings.slowestProgress
        limits.longestRetryAfter = settings.longestRetryAfter
        // Every object store supports ranges; a server that does not is not one.
        limits.smallFile = 0
        var progress = FetchProgress(settings: limits, next: offset)
        do {
            let answer = try await once(.get(key: key, bytes: range.isWholeFile ? nil : range.bytes))
            let meaning = RangeAnswer(
                status: Int(answer.answer.status.code), headers: answer.headers, to: range, host: host,
                settings: limits, now: Double(client.clock()))
            guard case .body(_, let length) = meaning else {
                if case .problem(let problem) = meaning {
                    return .failed(ObjectStoreError(problem).naming(key), next: offset)
                }
                return .complete(entityTag: answer.entityTag)
            }
            let tag = answer.entityTag
            if let entityTag, !entityTag.isEmpty, !tag.isEmpty, tag != entityTag {
                let reason = "\(ShownName.escaped(key)) at \(host) changed between two requests"
                return .failed(ObjectStoreError(.changed, reason), next: offset)
            }
            let end = offset + length
            progress.waits()
            for try await part in answer.answer.body {
                if let problem = progress.received(part.readableBytes, host: host) {
                    return .failed(ObjectStoreError(problem).naming(key), next: progress.next)
                }
                guard Int64(part.readableBytes) <= end - progress.next else {
                    let reason = "\(ShownName.escaped(key)): \(host) sends more bytes than it was asked for"
                    return .failed(ObjectStoreError(.wrongContent, reason), next: progress.next)
                }
                if part.readableBytes > 0 {
                    let count = Int64(part.readableBytes)
                    guard await sink(WebSeedChunk(offset: progress.next, buffer: part)) else { return .stopped }
                    progress.next += count
                }
                progress.waits()
            }
            guard progress.next == end else {
                let reason = "\(ShownName.escaped(key)): \(host) sends fewer bytes than it was asked for"
                return .failed(ObjectStoreError(.wrongContent, reason), next: progress.next)
            }
            return .complete(entityTag: tag)
        } catch let error as ObjectStoreError {
            return .failed(error, next: progress.next)
        } catch {
            let broken = HTTPTransportError(error, host: host)
            // The sink was busy, so the silence was ours: retry without a delay.
            if case .timedOut = broken, progress.isOwnDelay {
                let error = ObjectStoreError(.broken, broken.description, retryAfter: 0)
                return .failed(error.naming(key), next: progress.next)
            }
            return .failed(ObjectStoreError(broken).naming(key), next: progress.next)
        }
    }
}

extension ObjectStoreError {
    /// Translates a problem found in the headers or the speed of a range response.
    init(_ problem: WebSeedProblem) {
        switch problem {
        case .cancelled: self.init(.cancelled, "cancelled")
        case .retry(let after, let reason): self.init(.busy, reason.text, retryAfter: after)
        case .unreachable(let reason): self.init(.unreachable, reason.text)
        case .wrongContent(_, let reason): self.init(.wrongContent, reason.text)
        case .giveUp(.some, let reason): self.init(.refused, reason.text)
        case .giveUp(nil, let reason): self.init(.unsupported, reason.text)
        }
    }
}
