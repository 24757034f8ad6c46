import NIOCore
import Synchronization
import Text

/// A cache of resolved host names. A connection to an address of another reach is refused, so a cached address never
/// allows a request that a fresh lookup would refuse.
final class ResolvedNames: Sendable {
    private struct Entry {
        let addresses: [SocketAddress]
        let expires: NIODeadline
    }

    private let resolver: @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]
    private let entries = Mutex<[String: Entry]>([:])

    private static let lifetime = TimeAmount.seconds(30)
    /// Maximum number of cached names.
    private static let mostNames = 1_024

    init(resolver: @escaping @Sendable (_ host: String, _ port: UInt16) async throws -> [SocketAddress]) {
        self.resolver = resolver
    }

    /// All addresses of a URL's host, at least one.
    /// - Throws: `HTTPTransportError`: `.unresolved`, `.timedOut`, `.cancelled`.
    func addresses(of url: HTTPURL, deadline: NIODeadline) async throws(HTTPTransportError) -> [SocketAddress] {
        if let address = try? SocketAddress(ipAddress: url.host, port: Int(url.port)) { return [address] }
        if let known = entries.withLock({ $0[url.host] }), known.expires > .now() { return known.addresses }
        let found = try await lookUp(url, deadline: deadline)
        guard !found.isEmpty else { throw .unresolved(host: url.host) }
        entries.withLock { entries in
            if entries.count >= ResolvedNames.mostNames { entries.removeAll() }
            entries[url.host] = Entry(addresses: found, expires: .now() + ResolvedNames.lifetime)
        }
        return found
    }

    /// The system's resolver cannot be cancelled, so a lookup that exceeds the deadline is abandoned.
    private func lookUp(_ url: HTTPURL, deadline: NIODeadline) async throws(HTTPTransportError) -> [SocketAddress] {
        let (answers, answer) = AsyncStream<Result<[SocketAddress], any Error>>.makeStream()
        let resolver = resolver
        Task {
            do { answer.yield(.success(try await resolver(url.host, url.port))) } catch {
                answer.yield(.failure(error))
            }
        }
        let timer = Task {
            try? await Task.sleep(for: .nanoseconds(max(0, (deadline - .now()).nanoseconds)))
            answer.finish()
        }
        defer { timer.cancel() }
        for await outcome in answers {
            do { return try outcome.get() } catch { throw .unresolved(host: url.host) }
        }
        throw Task.isCancelled ? .cancelled : .timedOut(host: url.host)
    }

    func forget(_ url: HTTPURL) { entries.withLock { $0[url.host] = nil } }
}
