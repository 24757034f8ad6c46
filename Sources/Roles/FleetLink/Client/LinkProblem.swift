import HTTPTransport
import NIOCore
import NIOPosix
import NIOSSL

/// Why a call to a control server failed.
package enum LinkProblem: Error, Sendable, Hashable, CustomStringConvertible {
    case unreachable(String, reason: String)
    /// The server is not a control of this host's fleet, or does not accept this host's certificate.
    case notTrusted(String, reason: String)
    case timedOut(String)
    case broken(String, reason: String)
    case cancelled
    /// Control answered with an error.
    case refused(LinkRefusal)
    /// The answer is invalid.
    case malformed(String, reason: String)
    /// A problem on this host, such as with its files or settings.
    case local(String)
    /// The queue of unacknowledged events is full.
    case tooManyEvents

    package var description: String {
        switch self {
        case .unreachable(let host, let reason): "cannot connect to \(host): \(reason)"
        case .notTrusted(let host, let reason): "\(host) is not to be trusted: \(reason)"
        case .timedOut(let host): "\(host) did not answer in time"
        case .broken(let host, let reason): "the connection to \(host) broke: \(reason)"
        case .cancelled: "cancelled"
        case .refused(let refusal): refusal.text + (refusal.advice.map { ": " + $0 } ?? "")
        case .malformed(let host, let reason): "\(host) sent an invalid answer: \(reason)"
        case .local(let text): text
        case .tooManyEvents: "too many events wait for control"
        }
    }

    /// The code of control's error; nil for other problems.
    package var code: String? { if case .refused(let refusal) = self { refusal.code } else { nil } }

    private static func isTimeout(_ error: any Error) -> Bool {
        if case ChannelError.connectTimeout = error { true } else { false }
    }

    /// Translates an error of a connection.
    init(_ error: any Error, host: String) {
        switch error {
        case let error as LinkProblem: self = error
        case is CancellationError: self = .cancelled
        case let error as ChannelError where error == .ioOnClosedChannel || error == .alreadyClosed:
            self = .broken(host, reason: "it was closed")
        case ChannelError.connectTimeout: self = .timedOut(host)
        case let error as NIOConnectionError where error.connectionErrors.contains { Self.isTimeout($0.error) }:
            self = .timedOut(host)
        default:
            switch HTTPTransportError(error, host: host) {
            case .unreachable(_, let reason): self = .unreachable(host, reason: reason)
            case .notTrusted(_, let reason): self = .notTrusted(host, reason: reason)
            case .timedOut: self = .timedOut(host)
            case .broken(_, let reason): self = .broken(host, reason: reason)
            case let other: self = .broken(host, reason: other.description)
            }
        }
    }
}
