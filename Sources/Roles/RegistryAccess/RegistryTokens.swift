import Admission
import Files
import HTTPServing
import HTTPTypes
import Synchronization
import Text
import Threads

/// Checks requests against tokens that can be read again while the server runs.
package final class RegistryTokens: Authenticator {
    private struct State {
        var table: TokenTable
        var failures = FailureLimit(10, per: 1, addresses: 65_536)
    }

    private let read: @Sendable () throws(TokenTable.Problem) -> TokenTable
    private let state: Mutex<State>

    private static let mostBytes = 4 << 20

    /// Those of a file. Blocks on the disk.
    package convenience init(path: String) throws(TokenTable.Problem) {
        try self.init { () throws(TokenTable.Problem) in try Self.read(path) }
    }

    /// - Parameter read: reads them, now and whenever it is asked.
    package init(reading read: @escaping @Sendable () throws(TokenTable.Problem) -> TokenTable) throws(TokenTable
        .Problem)
    {
        self.read = read
        state = Mutex(State(table: try read()))
    }

    /// Reads them again. What was in force stays so if it cannot be used. Blocks on the disk.
    package func reload() throws(TokenTable.Problem) {
        let table = try read()
        state.withLock { $0.table = table }
    }

    private static func read(_ path: String) throws(TokenTable.Problem) -> TokenTable {
        let shown = DisplayName.escape(path)
        let file: SmallFile
        do {
            file = try SystemFileLayer().readSmallFile(SystemPath(path), limit: mostBytes, followSymlink: true)
        } catch {
            throw TokenTable.Problem("\(shown) cannot be read: \(error)")
        }
        guard file.status.permissions & 0o077 == 0 else {
            throw TokenTable.Problem("others can read or change \(shown): it needs mode 600")
        }
        do { return try TokenTable(file.bytes) } catch { throw TokenTable.Problem("\(shown): \(error)") }
    }

    package func authenticate(_ request: HTTPRequest, from origin: RequestOrigin) async -> Authentication {
        guard let secret = Self.secret(request.headerFields[.authorization]) else { return .missing }
        let (steady, wall) = (Clocks.steadySeconds, Clocks.wallSeconds)
        return state.withLock { state in
            // Not even a right one is looked at then: an answer to it would tell who guesses that it is right.
            if state.failures.isSpent(origin.source, at: steady) { return .tooManyFailures }
            switch state.table.find(secret, at: wall) {
            case .caller(let caller): return .caller(caller)
            case .expired: return .expired
            case .unknown:
                state.failures.fail(origin.source, at: steady)
                return .wrong
            }
        }
    }

    /// The token of `Bearer TOKEN` (RFC 6750), or of `Basic` (RFC 7617) as any user's password.
    package static func secret(_ header: String?) -> [UInt8]? {
        guard let header, header.utf8.count <= 16 << 10 else { return nil }
        let parts = header.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let value = parts[1].drop { $0 == " " }
        switch parts[0].lowercased() {
        case "bearer": return Array(value.utf8)
        case "basic":
            guard let bytes = Base64.decode(value), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else {
                return nil
            }
            return Array(bytes[(colon + 1)...])
        default: return nil
        }
    }
}
