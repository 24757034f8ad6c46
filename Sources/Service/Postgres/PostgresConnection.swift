import CPQ
import Glibc
import Threads

/// One connection. Valid only inside the closure that it is passed to. Calls block, each statement for at most
/// `patience` seconds.
package final class PostgresConnection {
    private let handle: OpaquePointer
    /// Maximum seconds to wait for the answer to a statement.
    private let patience: Double
    /// No more statements are sent: the answer to an earlier statement may still arrive.
    private var isBroken = false
    /// Whether the server may have committed a transaction without having confirmed it.
    private var isInDoubt = false
    /// Names of the statements that this connection has prepared, by SQL text.
    private var prepared: [String: String] = [:]

    /// - Parameter url: `postgresql://…`, or any other connection string that libpq accepts.
    init(_ url: String, patience: Double) throws(PostgresError) {
        if let problem = cpq_problem() { throw .refused(state: "", String(cString: problem)) }
        let keys = ["dbname", "connect_timeout", "tcp_user_timeout", "application_name"]
        let values = [url, "5", "10000", "swoop"]
        let connection = Self.withStrings(keys) { keys in
            Self.withStrings(values) { values in PQconnectdbParams(keys, values, 1) }
        }
        guard let connection else { throw .unavailable("no memory for a connection") }
        handle = connection
        self.patience = patience
        guard PQstatus(handle) == CONNECTION_OK else { throw .unavailable(lastMessage) }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
        guard PQsetnonblocking(handle, 1) == 0 else { throw .unavailable(lastMessage) }
        // A confirmed commit must be durable, whatever the server's default is.
        try query(
            """
            SELECT set_config('synchronous_commit', 'on', false)
            WHERE current_setting('synchronous_commit') IN ('off', 'local')
            """)
    }

    deinit { PQfinish(handle) }

    /// Whether statements can be sent. Reads messages that the server has sent since the last statement.
    func isUsable() -> Bool {
        guard !isBroken, PQstatus(handle) == CONNECTION_OK, PQtransactionStatus(handle) == PQTRANS_IDLE else {
            return false
        }
        // A server that ends a connection sends a reason first, and then closes it.
        for _ in 0..<3 {
            guard isReadable(within: 0, alsoWritable: false) else { return PQstatus(handle) == CONNECTION_OK }
            guard PQconsumeInput(handle) == 1, PQisBusy(handle) == 0 else { return false }
        }
        return false
    }

    /// Whether failed work can be repeated on another connection: this one broke, and no commit was in progress.
    var mayTryAgain: Bool { isBroken && !isInDoubt }

    /// Runs a statement. Its text is part of the program, and values are parameters.
    @discardableResult
    package func query(_ sql: StaticString, _ values: [PostgresValue] = []) throws(PostgresError) -> [PostgresRow] {
        let name = try prepare(sql, values)
        let result = try answer {
            Self.withSent(values) { pointers, lengths, formats in
                PQsendQueryPrepared(handle, name, Int32(values.count), pointers, lengths, formats, 1)
            }
        }
        defer { PQclear(result) }
        try check(result)
        return Self.rows(result)
    }

    /// Runs statements without parameters, such as those of a schema.
    package func run(script: StaticString) throws(PostgresError) {
        let result = try answer { PQsendQuery(handle, script.description) }
        defer { PQclear(result) }
        try check(result)
    }

    /// Runs `body` in a transaction, which is rolled back when `body` throws.
    package func transaction<R>(_ body: () throws(PostgresError) -> R) throws(PostgresError) -> R {
        try run(script: "BEGIN")
        let value: R
        do { value = try body() } catch {
            try? run(script: "ROLLBACK")
            throw error
        }
        isInDoubt = true
        defer { isInDoubt = isBroken }
        try run(script: "COMMIT")
        return value
    }

    // MARK: Parts

    private var lastMessage: String {
        let text = String(cString: PQerrorMessage(handle))
        return text.split(separator: "\n").first.map(String.init) ?? "no reason given"
    }

    /// Sends a statement and waits for the server's answer. Returns the last result in it.
    /// - Parameter send: libpq's function for sending; returns 1 for success.
    private func answer(_ send: () -> Int32) throws(PostgresError) -> OpaquePointer? {
        guard !isBroken else { throw .unavailable("the connection broke") }
        let end = Clocks.steadySeconds + patience
        guard send() == 1 else { throw broken(lastMessage) }
        while true {
            let left = PQflush(handle)
            if left == 0 { break }
            guard left > 0 else { throw broken(lastMessage) }
            // The server may not read on before its own data has been read.
            if try wait(until: end, alsoWritable: true), PQconsumeInput(handle) == 0 { throw broken(lastMessage) }
        }
        var last: OpaquePointer?
        do throws(PostgresError) {
            while true {
                while PQisBusy(handle) == 1 {
                    _ = try wait(until: end, alsoWritable: false)
                    guard PQconsumeInput(handle) == 1 else { throw broken(lastMessage) }
                }
                guard let result = PQgetResult(handle) else { return last }
                PQclear(last)
                last = result
            }
        } catch {
            PQclear(last)
            throw error
        }
    }

    private func broken(_ reason: String) -> PostgresError {
        isBroken = true
        return .unavailable(reason)
    }

    /// - Returns: whether there is data to read.
    private func wait(until end: Double, alsoWritable: Bool) throws(PostgresError) -> Bool {
        let left = end - Clocks.steadySeconds
        guard left > 0 else {
            // A statement that timed out may still take effect, so it is not repeated.
            isInDoubt = true
            throw broken("no answer within \(Int(patience)) s")
        }
        return isReadable(within: left, alsoWritable: alsoWritable)
    }

    private func isReadable(within seconds: Double, alsoWritable: Bool) -> Bool {
        var place = pollfd(
            fd: PQsocket(handle), events: Int16(POLLIN) | (alsoWritable ? Int16(POLLOUT) : 0), revents: 0)
        guard poll(&place, 1, Int32((seconds * 1000).rounded(.up))) > 0 else { return false }
        return place.revents & ~Int16(POLLOUT) != 0
    }

    private func prepare(_ sql: StaticString, _ values: [PostgresValue]) throws(PostgresError) -> String {
        let text = sql.description
        if let name = prepared[text] { return name }
        let name = "s\(prepared.count)"
        let types = values.map(\.type)
        let result = try answer { PQsendPrepare(handle, name, text, Int32(types.count), types) }
        defer { PQclear(result) }
        try check(result)
        prepared[text] = name
        return name
    }

    private func check(_ result: OpaquePointer?) throws(PostgresError) {
        switch PQresultStatus(result) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK: return
        default: break
        }
        guard PQstatus(handle) == CONNECTION_OK, let result else { throw broken(lastMessage) }
        let state = PQresultErrorField(result, Int32(UInt8(ascii: "C"))).map { String(cString: $0) } ?? ""
        switch state {
        case "40001", "40P01": throw .conflict(lastMessage)
        // The server is shutting down, or ends this connection.
        case let state where state.hasPrefix("57P") || state.hasPrefix("08"): throw broken(lastMessage)
        // No resources, such as too many connections.
        case let state where state.hasPrefix("53") || state.hasPrefix("57"): throw .unavailable(lastMessage)
        default: throw .refused(state: state, lastMessage)
        }
    }

    private static func rows(_ result: OpaquePointer?) -> [PostgresRow] {
        (0..<PQntuples(result)).map { row in
            PostgresRow(
                columns: (0..<PQnfields(result)).map { column in
                    guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                        return nil
                    }
                    return Array(UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column))))
                })
        }
    }

    /// Calls `body` with the values in the form of libpq's parameters. The pointers are valid during the call.
    private static func withSent<R>(
        _ values: [PostgresValue],
        _ body: (UnsafePointer<UnsafePointer<CChar>?>?, UnsafePointer<Int32>?, UnsafePointer<Int32>?) -> R
    ) -> R {
        let sent = values.map(\.sent)
        let lengths = sent.map { Int32(clamping: $0?.count ?? 0) }
        let formats = values.map { Int32($0.isBinary ? 1 : 0) }
        // All bytes are in one buffer that does not move. An empty value also needs an address, since NULL means null.
        var buffer: [UInt8] = []
        var offsets: [Int?] = []
        for value in sent {
            offsets.append(value == nil ? nil : buffer.count)
            buffer += value ?? []
        }
        buffer.append(0)
        return buffer.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { chars in
                let pointers = offsets.map { offset in offset.flatMap { chars.baseAddress?.advanced(by: $0) } }
                return body(pointers, lengths, formats)
            }
        }
    }

    private static func withStrings<R>(
        _ texts: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
    ) -> R {
        var buffer: [CChar] = []
        var offsets: [Int] = []
        for text in texts {
            offsets.append(buffer.count)
            buffer += Array(text.utf8CString)
        }
        return buffer.withUnsafeBufferPointer { chars in
            body(offsets.map { chars.baseAddress?.advanced(by: $0) } + [nil])
        }
    }
}
