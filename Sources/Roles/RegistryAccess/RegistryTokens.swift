import Admission
import Files
import HTTPServing
import HTTPTypes
import Synchronization
import Text
import Threads

/// Authenticates requests with tokens. They can be reloaded while the server runs.
package final class RegistryTokens: Authenticator {
    private struct State {
        var table: TokenTable
        var failures = FailureLimit(10, per: 1, addresses: 65_536)
    }

    private let read: @Sendable () throws(TokenTable.Problem) -> TokenTable
    private let state: Mutex<State>

    private static let mostBytes = 4 << 20

    /// The tokens of a file, which must not be readable by others (mode 600). Blocks on the disk.
    package convenience init(path: String) throws(TokenTable.Problem) {
        try self.init { () throws(TokenTable.Problem) in try Self.read(path) }
    }

    /// - Parameter read: reads the tokens, now and at each ``reload()``.
    package init(reading read: @escaping @Sendable () throws(TokenTable.Problem) -> TokenTable) throws(TokenTable
        .Problem)
    {
        self.read = read
        state = Mutex(State(table: try read()))
    }

    /// Reads the tokens again. If that fails, the former tokens stay in force. Blocks on the disk.
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
        judge(request.headerFields[.authorization], from: origin)
    }

    /// - Parameter header: the value of `Authorization`, or of a header that holds a token in the same way.
    func judge(_ header: String?, from origin: RequestOrigin) -> Authentication {
        guard let secret = Self.secret(header) else { return .missing }
        let (steady, wall) = (Clocks.steadySeconds, Clocks.wallSeconds)
        return state.withLock { state in
            // After too many failures even a valid token is refused: a different answer would tell a guesser that it is
            // valid.
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

    /// The token in an `Authorization` header: that of `Bearer` (RFC 6750), or the password of `Basic` (RFC 7617) with any
    /// user name.
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
