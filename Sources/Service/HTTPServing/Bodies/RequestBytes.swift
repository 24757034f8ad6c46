import HTTPTypes
import Hummingbird
import NIOCore

/// Reads request bodies, with limits on size and time.
package enum RequestBytes {
    package enum Problem: Error, Sendable {
        case tooLarge(limit: Int), tooSlow, brokenOff

        package var status: HTTPResponse.Status {
            switch self {
            case .tooLarge: .contentTooLarge
            case .tooSlow: .requestTimeout
            case .brokenOff: .badRequest
            }
        }

        package var text: String {
            switch self {
            case .tooLarge(let limit): "the body is larger than \(limit) bytes"
            case .tooSlow: "the body took too long to arrive"
            case .brokenOff: "the body ended early"
            }
        }
    }

    /// Reads a request's whole body. The limits are ``HTTPLimits/bodyBytes`` and ``HTTPLimits/bodyTime``.
    package static func collect(_ request: Request, limits: HTTPLimits) async -> Result<[UInt8], Problem> {
        if let announced = request.headers[.contentLength].flatMap({ Int($0) }), announced > limits.bodyBytes {
            return .failure(.tooLarge(limit: limits.bodyBytes))
        }
        let body = request.body
        return await withTaskGroup(of: Result<[UInt8], Problem>.self) { group in
            group.addTask {
                do {
                    var bytes: [UInt8] = []
                    for try await part in body {
                        guard bytes.count + part.readableBytes <= limits.bodyBytes else {
                            return .failure(.tooLarge(limit: limits.bodyBytes))
                        }
                        bytes.append(contentsOf: part.readableBytesView)
                    }
                    return .success(bytes)
                } catch {
                    return .failure(.brokenOff)
                }
            }
            group.addTask {
                await Self.sleep(for: limits.bodyTime)
                return .failure(.tooSlow)
            }
            defer { group.cancelAll() }
            return await group.next() ?? .failure(.brokenOff)
        }
    }

    /// A sleep that is cancelled keeps about a kilobyte until its whole time is over. Ten thousand agents would keep a minute of
    /// their requests so: therefore many short sleeps.
    private static func sleep(for time: Duration) async {
        let end = ContinuousClock.now + time
        while !Task.isCancelled, ContinuousClock.now < end {
            try? await Task.sleep(until: min(end, .now + .seconds(1)), clock: .continuous)
        }
    }
}
